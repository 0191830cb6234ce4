"""The units workload in polars, with the quantiles of scipy.

python -m benchmarks.peers.polars_units units=FILE
"""

from __future__ import annotations

import sys

import polars as pl
from scipy.special import stdtrit

from benchmarks.peers.answers import ARMS, LEVEL, Arm, Pair, adjusted, estimate, proportion, ratio, show


def moments(path: str) -> dict[str, dict[str, float]]:
    """Means, variances and covariances by arm, in one pass."""
    means = ("revenue", "converted", "clicks", "sessions", "spend", "history")
    spreads = ("revenue", "clicks", "sessions", "spend", "history")
    found = (
        pl.scan_parquet(path)
        .group_by("variant")
        .agg(
            pl.len().alias("n"),
            *(pl.col(name).mean().alias(name) for name in means),
            *(pl.col(name).var().alias(f"{name} {name}") for name in spreads),
            pl.cov("clicks", "sessions").alias("clicks sessions"),
            pl.cov("spend", "history").alias("spend history"),
        )
        .collect(engine="streaming")
    )
    return {row["variant"]: row for row in found.iter_rows(named=True)}


def arm(row: dict[str, float], name: str) -> Arm:
    return Arm(int(row["n"]), row[name], row[f"{name} {name}"])


def pair(row: dict[str, float], y: str, x: str) -> Pair:
    return Pair(arm(row, y), arm(row, x), row[f"{y} {x}"])


def main() -> None:
    by_arm = moments(sys.argv[1].removeprefix("units="))
    rows = [by_arm[name] for name in ARMS]
    pairs = {
        "revenue": [arm(row, "revenue") for row in rows],
        "conversion": [proportion(int(row["n"]), row["converted"]) for row in rows],
        "clicks_per_session": [ratio(pair(row, "clicks", "sessions")) for row in rows],
        "spend": adjusted(*(pair(row, "spend", "history") for row in rows)),
    }
    show({name: estimate(control, treatment, quantile) for name, (control, treatment) in pairs.items()})


def quantile(df: float) -> float:
    return float(stdtrit(df, (1 + LEVEL) / 2))


if __name__ == "__main__":
    main()
