"""How much is measured: a quick size for every day, the full one for the published numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """rows: units of the units workload. scale: of the logs workload, 1 is 5 million exposures and 50 million events.

    queries: of the rankings workload. growth: rows of the growth measurement. sharing_rows, sharing_scale: of what is
    measured with more metrics or more experiments. rounds: runs of each contestant. start_rounds: of the short ones.
    """

    name: str
    rows: int
    scale: float
    queries: int
    growth: tuple[int, ...]
    sharing_rows: int
    sharing_scale: float
    rounds: int = 5
    start_rounds: int = 15


QUICK = Size(
    name="quick",
    rows=1_000_000,
    scale=0.02,
    queries=10_000,
    growth=(100_000, 300_000, 1_000_000),
    sharing_rows=1_000_000,
    sharing_scale=0.02,
)
FULL = Size(
    name="full",
    rows=10_000_000,
    scale=1.0,
    queries=100_000,
    growth=(1_000_000, 10_000_000, 50_000_000),
    sharing_rows=5_000_000,
    sharing_scale=0.1,
)
SIZES = {size.name: size for size in (QUICK, FULL)}
