"""Metrics that are best in the middle: a bias is better the nearer it is to 0, from either side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abgap.offline.comparison import make_offline_rows
from abgap.offline.contest import Contest
from abgap.records import Interval, OfflineRow
from abgap.report.marks import offline_reading
from abgap.study.load import check_study


def row_of(
    before: float, now: float, *, half: float = 0.2, declared: dict[str, Any] | None = None
) -> OfflineRow:
    """The row of a bias that went from one value to the other, known within ``half``."""
    gain = now - before
    contest = Contest(
        model="new",
        baseline="old",
        metric="bias",
        definition="mean of error",
        slice_name=None,
        slice_value=None,
        n=400,
        skipped=0,
        value=now,
        baseline_value=before,
        gain=Interval(estimate=gain, low=gain - half, high=gain + half, level=0.95, method="paired-t"),
        p_value=1e-6,
        lazy={"mean": 0.0, "zero": -50.0},
    )
    source = {"path": "p", "columns": {"model": "m", "metric": "n", "value": "v"}}
    study = check_study({"offline": {"scores": source}, "offline_metrics": {"bias": declared or {}}})
    (row,) = make_offline_rows([contest], study)
    return row


@pytest.mark.parametrize(
    ("before", "now", "word"),
    [
        (-3.8, 0.1, "better"),
        (-3.8, 0.6, "better"),
        (-3.8, -9.2, "worse"),
        (1.1, -2.1, "worse"),
        (1.1, 2.0, "worse"),
        (1.1, 0.1, "better"),
        (-1.0, 1.05, "not established"),
        (0.0, 1.0, "worse"),
    ],
)
def test_what_comes_nearer_to_zero_is_better_from_either_side(before: float, now: float, word: str) -> None:
    row = row_of(before, now)
    assert offline_reading(row, alpha=0.05).word == word
    assert row.nearest_to == 0.0
    assert row.gain == Interval(
        estimate=now - before, low=now - before - 0.2, high=now - before + 0.2, level=0.95, method="paired-t"
    )
    assert row.bare_improvement == pytest.approx(abs(before) - abs(now))


def test_the_best_lazy_solution_is_the_nearest_one() -> None:
    assert row_of(-3.8, -9.2).best_lazy == "mean"


def test_a_declared_direction_makes_one_way_better() -> None:
    row = row_of(-3.8, -9.2, declared={"direction": "down"})
    assert row.nearest_to is None
    assert offline_reading(row, alpha=0.05).word == "better"


@pytest.mark.parametrize("distance", [-2.0, -0.3, 0.0, 0.4, 3.0])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.1, 0.9), (-3.0, -2.5), (2.0, 7.0)])
def test_an_interval_of_distances_holds_what_its_differences_lead_to(
    distance: float, low: float, high: float
) -> None:
    gain = Interval(estimate=(low + high) / 2, low=low, high=high, level=0.95, method="m")
    ends = np.append(np.linspace(low, high, 20_001), distance if low <= distance <= high else low)
    led_to = abs(distance) - np.abs(distance - ends)
    found = gain.nearer(distance)
    assert (found.low, found.high) == pytest.approx((led_to.min(), led_to.max()), abs=1e-12)
    assert found.low <= found.estimate <= found.high
