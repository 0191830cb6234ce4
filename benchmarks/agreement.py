"""Whether all contestants did the same work: their numbers against abgap's.

Estimates: the differences must agree within a thousandth of a standard error and the intervals within a hundredth of
their width. That leaves room for another quantile (normal or t) and another interval of a share, and for nothing
else. Moments, where a contestant gives them: the same rows, the same units, means and variances to nine digits.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.measure import Contestant, printed
from benchmarks.peers.answers import NORMAL_975

DIFFERENCE_IN_ERRORS = 1e-3
WIDTH = 1e-2
MOMENTS = 1e-9

# variant, metric, slice name, slice value, period
Key = tuple[str, str, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """estimates: metric -> difference and half width of its interval. moments: row -> n, mean, variance."""

    estimates: dict[str, tuple[float, float]] = field(default_factory=dict)
    moments: dict[Key, tuple[float, float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """The largest deviations found, and what stands against calling it the same work."""

    estimates: int = 0
    moments: int = 0
    difference_in_errors: float = 0.0
    width: float = 0.0
    moments_error: float = 0.0
    objections: tuple[str, ...] = ()


def read_answer(contestant: Contestant, outputs: Path) -> Answer:
    """What the last run of ``contestant`` left behind."""
    match contestant.leaves:
        case "moments":
            assert contestant.out is not None
            return Answer(moments=_exported(contestant.out))
        case "analyze":
            return Answer(estimates=_analysed(_json(printed(contestant, outputs))))
        case "offline":
            document = _json(printed(contestant, outputs))
            return Answer(estimates=_compared(document), moments=_evaluated(document))
        case "answer":
            return _given(_json(printed(contestant, outputs)))
        case "nothing":
            return Answer()


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _exported(path: Path) -> dict[Key, tuple[float, float, float]]:
    names = ["variant", "metric", "slice_name", "slice_value", "period", "n", "mean", "variance"]
    rows = zip(*(pq.read_table(path, columns=names)[name].to_pylist() for name in names), strict=True)
    return {(v, m, s, value, p): (n, mean, variance) for v, m, s, value, p, n, mean, variance in rows}


def _analysed(document: Any) -> dict[str, tuple[float, float]]:
    whole = [e for e in document["estimates"] if e["slice_name"] is None and e["period"] is None]
    return {
        e["metric"]: (e["difference"]["estimate"], (e["difference"]["high"] - e["difference"]["low"]) / 2)
        for e in whole
    }


def _compared(document: Any) -> dict[str, tuple[float, float]]:
    whole = [row for row in document["offline"] if row["baseline"] and row["slice_name"] is None]
    return {
        row["metric"]: (row["gain"]["estimate"], (row["gain"]["high"] - row["gain"]["low"]) / 2)
        for row in whole
    }


def _evaluated(document: Any) -> dict[Key, tuple[float, float, float]]:
    """Models by themselves: metrics in place of means."""
    alone = [row for row in document["offline"] if row["baseline"] is None]
    return {
        (row["model"], row["metric"], row["slice_name"], row["slice_value"], None): (
            row["n"],
            row["value"],
            0.0,
        )
        for row in alone
    }


def _given(document: Any) -> Answer:
    return Answer(
        estimates={m: (e["difference"], e["half_width"]) for m, e in document["estimates"].items()},
        moments={tuple(row[:5]): tuple(row[5:]) for row in document["moments"]},
    )


def merged(answers: Iterable[Answer]) -> Answer:
    """abgap's moments and abgap's estimates as one answer."""
    whole = Answer()
    for answer in answers:
        whole.estimates.update(answer.estimates)
        whole.moments.update(answer.moments)
    return whole


def compare(reference: Answer, other: Answer) -> Agreement:
    """``other`` against ``reference``: on the metrics that it answers, on all rows when it gives moments."""
    objections = [f"unknown metric {m}" for m in other.estimates if m not in reference.estimates]
    pairs = [(reference.estimates[m], e) for m, e in other.estimates.items() if m in reference.estimates]
    difference = max((abs(a[0] - b[0]) / (a[1] / NORMAL_975) for a, b in pairs), default=0.0)
    width = max((abs(b[1] / a[1] - 1) for a, b in pairs), default=0.0)
    if other.moments and set(other.moments) != set(reference.moments):
        objections.append("other rows of moments")
    shared = [(reference.moments[k], row) for k, row in other.moments.items() if k in reference.moments]
    error = max((_moments_error(a, b) for a, b in shared), default=0.0)
    objections += [
        f"{what} differ by {found:.2g}"
        for what, found, allowed in (
            ("differences", difference, DIFFERENCE_IN_ERRORS),
            ("intervals", width, WIDTH),
            ("moments", error, MOMENTS),
        )
        if not found <= allowed
    ]
    return Agreement(
        estimates=len(pairs),
        moments=len(shared),
        difference_in_errors=difference,
        width=width,
        moments_error=error,
        objections=tuple(objections),
    )


def _moments_error(a: tuple[float, float, float], b: tuple[float, float, float]) -> float:
    """Of mean and variance, relative to their size; infinite when the units differ."""
    if a[0] != b[0]:
        return float("inf")
    of_mean = abs(a[1] - b[1]) / max(abs(a[1]), 1e-300)
    return max(of_mean, abs(a[2] - b[2]) / max(abs(a[2]), a[1] ** 2, 1e-300))
