"""The logs workload in polars (streaming), with the quantiles of scipy.

python -m benchmarks.peers.polars_logs exposures=FILE events=GLOB

Repeated exposures are looked at apart from the many that are not, and the units are grouped into cells (arm x day x all
slices) once; both were faster than the plain way.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
from scipy.special import stdtrit

from benchmarks.peers.answers import (
    ARMS,
    LEVEL,
    Arm,
    Cell,
    arm_of_sums,
    estimate,
    pair_of_sums,
    proportion,
    ratio,
    show,
)

SLICES = ("device", "country", "new_user")
COLUMNS = ("clicks", "impressions", "revenue", "sessions")
PRODUCTS = (*((name, name) for name in COLUMNS), ("clicks", "impressions"), ("revenue", "sessions"))
WINDOW_DAYS = 7


def analysed(path: str) -> pl.DataFrame:
    """One row per unit that saw one variant only, as it was at its first exposure."""
    names = ("user_id", "variant", "first_at", *SLICES)
    exposures = pl.scan_parquet(path).select("user_id", "variation", "ts", *SLICES)
    counts = exposures.group_by("user_id").agg(pl.len()).filter(pl.col("len") > 1)
    repeated = counts.select("user_id").collect(engine="streaming").lazy()
    again = (
        exposures.join(repeated, on="user_id", how="semi")
        .group_by("user_id")
        .agg(
            pl.col("variation").min().alias("variant"),
            pl.col("variation").max().alias("other"),
            pl.col("ts").min().alias("first_at"),
            *(pl.col(name).sort_by("ts").first() for name in SLICES),
        )
        .filter(pl.col("variant") == pl.col("other"))
    )
    once = exposures.join(repeated, on="user_id", how="anti").rename(
        {"variation": "variant", "ts": "first_at"}
    )
    return pl.concat([once.select(names), again.select(names)]).collect(engine="streaming")


def outcomes(units: pl.DataFrame, path: str) -> pl.LazyFrame:
    """The same with what each unit did in its window."""
    at, first_at, event = pl.col("ts"), pl.col("first_at"), pl.col("event")
    per_unit = (
        pl.scan_parquet(path)
        .select("user_id", "session_id", "ts", "event", "amount")
        .join(units.lazy().select("user_id", "first_at"), on="user_id")
        .filter((at >= first_at) & (at < first_at + pl.duration(days=WINDOW_DAYS)))
        .group_by("user_id")
        .agg(
            (event == "impression").sum().alias("impressions"),
            (event == "click").sum().alias("clicks"),
            (event == "purchase").any().alias("converted"),
            pl.col("amount").filter(event == "purchase").sum().alias("revenue"),
            pl.col("session_id").n_unique().alias("sessions"),
        )
    )
    numbers = pl.col(*COLUMNS, "converted").cast(pl.Float64).fill_null(0.0)
    return units.lazy().join(per_unit, on="user_id", how="left").with_columns(numbers)


def cells(units: pl.DataFrame, path: str) -> pl.DataFrame:
    """Sums, squares and products by arm, day and all slices."""
    return (
        outcomes(units, path)
        .group_by("variant", pl.col("first_at").dt.date().cast(pl.String).alias("day"), *SLICES)
        .agg(
            pl.len().alias("n"),
            pl.col(*COLUMNS, "converted").sum(),
            *((pl.col(a) * pl.col(b)).sum().alias(f"{a} {b}") for a, b in PRODUCTS),
        )
        .collect(engine="streaming")
    )


def arms(row: dict[str, Any]) -> dict[str, Arm]:
    n = int(row["n"])
    clicks, impressions, revenue, sessions = ((row[c], row[f"{c} {c}"]) for c in COLUMNS)
    return {
        "conversion": proportion(n, row["converted"] / n),
        "revenue_per_user": arm_of_sums(n, *revenue),
        "ctr": ratio(pair_of_sums(n, clicks, impressions, row["clicks impressions"])),
        "revenue_per_session": ratio(pair_of_sums(n, revenue, sessions, row["revenue sessions"])),
    }


def added_up(found: pl.DataFrame, *keys: str) -> Iterator[dict[str, Any]]:
    sums = [name for name in found.columns if name not in {"variant", "day", *SLICES}]
    yield from found.group_by("variant", *keys).agg(pl.col(sums).sum()).iter_rows(named=True)


def rows(found: pl.DataFrame) -> Iterator[Cell]:
    """Moments of the whole, of every slice and of every day."""
    for keys in [(), ("day",), *((name,) for name in SLICES)]:
        for row in added_up(found, *keys):
            yield from (
                Cell(row["variant"], metric, *_place(keys, row), arm) for metric, arm in arms(row).items()
            )


def _place(keys: Sequence[str], row: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    if not keys:
        return None, None, None
    if keys[0] == "day":
        return None, None, row["day"]
    value = row[keys[0]]
    return keys[0], str(value).lower() if isinstance(value, bool) else value, None


def main() -> None:
    given = dict(argument.split("=", 1) for argument in sys.argv[1:])
    found = cells(analysed(given["exposures"]), given["events"])
    by_arm = {row["variant"]: arms(row) for row in added_up(found)}
    control, treatment = (by_arm[name] for name in ARMS)
    show({name: estimate(control[name], treatment[name], quantile) for name in control}, rows(found))


def quantile(df: float) -> float:
    return float(stdtrit(df, (1 + LEVEL) / 2))


if __name__ == "__main__":
    main()
