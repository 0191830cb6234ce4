"""Paths become shorter and stay the same lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.report.charts.paths import leaner

CIRCLE = (
    "M0 3C.8 3 1.6 2.7 2.1 2.1C2.7 1.6 3 .8 3 0C3 -.8 2.7 -1.6 2.1 -2.1C1.6 -2.7 .8 -3 0 -3"
    "C-.8 -3 -1.6 -2.7 -2.1 -2.1C-2.7 -1.6 -3 -.8 -3 0C-3 .8 -2.7 1.6 -2.1 2.1C-1.6 2.7 -.8 3 0 3 z"
)
POINTS = st.lists(st.tuples(st.integers(-9999, 9999), st.integers(-9999, 9999)), min_size=1, max_size=30)


def walked(path: str) -> list[tuple[int, int]]:
    """The points of a path of M, l, h and v, in tenths."""
    at, points = (0, 0), []
    for command, numbers in re.findall(r"([Mlhv])([^A-Za-z]*)", path):
        values = [round(float(n) * 10) for n in re.findall(r"-?(?:\d+\.?\d*|\.\d+)", numbers)]
        steps = (
            list(zip(values[::2], values[1::2], strict=True))
            if command in "Ml"
            else [(value, 0) if command == "h" else (0, value) for value in values]
        )
        for across, down in steps:
            at = (across, down) if command == "M" else (at[0] + across, at[1] + down)
            points.append(at)
    return points


@given(POINTS)
def test_a_line_goes_through_the_same_points(points: list[tuple[int, int]]) -> None:
    path = "L".join(f"{x / 10} {y / 10}" for x, y in points)
    found = leaner(f"M{path}")
    assert walked(found) == points
    assert len(found) <= len(path) + 1 + len(points)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("M209.4 22L209.4 54", "M209.4 22v32"),
        ("M207.2 13.7L209.4 13.7L209.4 30.3L207.2 30.3 z", "M207.2 13.7h2.2v16.6h-2.2z"),
        ("M44 86.1L58.8 87.1L73.6 94.8", "M44 86.1l14.8 1 14.8 7.7"),
        ("M0 0L.5 -.5L0 -1", "M0 0l.5-.5-.5-.5"),
        ("M0 3C1 3 2 2 3 0C3 -1 2 -3 0 -3", "M0 3C1 3 2 2 3 0C3 -1 2 -3 0 -3"),
        (CIRCLE, "M0 3a3 3 0 1 0 0-6a3 3 0 1 0 0 6z"),
    ],
)
def test_paths_of_charts(path: str, found: str) -> None:
    assert leaner(path) == found


def test_after_a_closed_shape_the_next_one_begins_where_it_says() -> None:
    assert leaner("M0 0L1 0L1 1 zM5 5L6 6") == "M0 0h1v1zM5 5l1 1"
