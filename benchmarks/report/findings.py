"""Reads what the results say: ratios of medians, growth, and which goals are reached.

The goals were set before anything was measured. Against the hand-written statements, which compute moments, stands
``abgap export moments``; against peers, which compute estimates, ``abgap analyze --json`` where both are timed.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Results = Mapping[str, Any]  # workload -> document

# The hand-written statement that is 1.0 in tables and pictures; and which of abgap's commands is held against peers.
BASE = {"units": "by_hand_stable", "logs": "by_hand_cells", "rankings": "by_hand", "predictions": "by_hand"}
FOR_PEERS = {
    "units": "abgap_analyze",
    "logs": "abgap_moments",
    "rankings": "abgap_offline",
    "predictions": "abgap_offline",
}
OFFLINE = (
    ("rankings", "the hand-written DuckDB script", 1.3),
    ("predictions", "the hand-written DuckDB script with numpy", 1.2),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """measured: a ratio, or what ``unit`` says; None when it could not be measured, and ``why``."""

    workload: str
    words: str
    limit: float
    measured: float | None
    unit: str = "x"
    why: str = ""

    @property
    def verdict(self) -> str:
        """reached, not reached, or why that is not known."""
        if self.measured is None:
            return f"not measured: {self.why}"
        return "reached" if self.measured <= self.limit else "not reached"


def measured(results: Results, workload: str) -> list[Any]:
    """The contestants of a workload that were timed."""
    return [c for c in results.get(workload, {"contestants": ()})["contestants"] if c["medians"]]


def median(results: Results, workload: str, name: str, measure: str = "wall") -> float | None:
    """The median of a measure, None when it was not measured."""
    found = [c["medians"][measure] for c in measured(results, workload) if c["name"] == name]
    return float(found[0]) if found else None


def ratio(results: Results, workload: str, name: str, base: str, measure: str = "wall") -> float | None:
    """How many times as long (or as much) ``name`` took as ``base``: of the medians."""
    top, bottom = (median(results, workload, which, measure) for which in (name, base))
    return None if top is None or bottom is None else top / bottom


def spread(results: Results, workload: str, name: str, base: str) -> tuple[float, float] | None:
    """The quickest and the slowest run of ``name``, as multiples of the median of ``base``."""
    bottom = median(results, workload, base)
    walls = [run["wall"] for c in measured(results, workload) if c["name"] == name for run in c["runs"]]
    return (min(walls) / bottom, max(walls) / bottom) if walls and bottom else None


def best(results: Results, workload: str, role: str) -> str | None:
    """The fastest contestant of a role."""
    ran = {c["name"]: c["medians"]["wall"] for c in measured(results, workload) if c["role"] == role}
    return min(ran, key=lambda name: float(ran[name]), default=None)


def growth(results: Results, who: str) -> dict[int, float]:
    """Wall seconds by rows, of ``abgap`` or ``by_hand``."""
    found = {c["name"]: c["medians"]["wall"] for c in measured(results, "growth")}
    walls = {int(name.rsplit("_", 1)[1]): wall for name, wall in found.items() if name.startswith(f"{who}_")}
    return dict(sorted(walls.items()))


def slope(walls: Mapping[int, float]) -> float | None:
    """The exponent of growth: least squares of log seconds on log rows."""
    if len(walls) < 2:
        return None
    rows, seconds = [math.log(n) for n in walls], [math.log(wall) for wall in walls.values()]
    return statistics.linear_regression(rows, seconds).slope


def last_slope(walls: Mapping[int, float]) -> float | None:
    """The same between the two largest sizes, where the start counts least."""
    return slope(dict(sorted(walls.items())[-2:]))


def goals(results: Results) -> Iterator[Goal]:
    """Every goal of the workloads that there are results of."""
    if "units" in results:
        yield from _units_goals(results)
    if "logs" in results:
        yield from _logs_goals(results)
    for workload, words, limit in OFFLINE:
        if workload in results:
            found = ratio(results, workload, "abgap_offline", BASE[workload])
            yield Goal(workload=workload, words=words, limit=limit, measured=found)
            yield from _against_peers(results, workload)
    if "growth" in results:
        walls = growth(results, "abgap")
        words = f"growth from {min(walls):,} to {max(walls):,} units, log-log slope"
        yield Goal(workload="growth", words=words, limit=1.1, measured=slope(walls), unit="")
    for workload, words, limit, many, few in (
        ("metrics", "10 metrics against 2, over units", 2.0, "units_10", "units_2"),
        ("metrics", "10 metrics against 2, over logs", 2.0, "logs_10", "logs_2"),
        ("experiments", "20 experiments sharing a log against one of them", 3.0, "all_20", "one_of_20"),
        ("start", '`abgap --help` against `python -c "import click"`', 1.5, "abgap_help", "click"),
    ):
        if workload in results:
            found = ratio(results, workload, many, few)
            yield Goal(workload=workload, words=words, limit=limit, measured=found)


def _units_goals(results: Results) -> Iterator[Goal]:
    words = "the hand-written one-pass statement, whole process against whole process"
    found = ratio(results, "units", "abgap_moments", BASE["units"])
    yield Goal(workload="units", words=words, limit=1.3, measured=found)
    yield from _against_peers(results, "units")


def _logs_goals(results: Results) -> Iterator[Goal]:
    hand = best(results, "logs", "limit")
    found = None if hand is None else ratio(results, "logs", "abgap_moments", hand)
    yield Goal(workload="logs", words="the best hand-written DuckDB", limit=1.2, measured=found)
    yield from _against_peers(results, "logs")
    peak = median(results, "logs", "abgap_moments", "peak_mb")
    gigabytes = None if peak is None else peak / 1024
    yield Goal(workload="logs", words="memory at its peak", limit=4.0, measured=gigabytes, unit=" GB")


def _against_peers(results: Results, workload: str) -> Iterator[Goal]:
    for peer in results[workload]["contestants"]:
        if peer["role"] == "peer":
            yield Goal(
                workload=workload,
                words=f"no slower than {peer['title']}",
                limit=1.0,
                measured=ratio(results, workload, FOR_PEERS[workload], peer["name"]),
                why=peer["missing"] or "",
            )
