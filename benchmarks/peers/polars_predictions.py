"""The predictions workload in polars.

python -m benchmarks.peers.polars_predictions predictions=FILE
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import polars as pl

from benchmarks.peers.predictions import BINS, EPSILON, THRESHOLD, Sums, metrics, show

Found = dict[str | None, Any]


def sums(table: pl.LazyFrame) -> dict[str | None, Sums]:
    """By segment, and of all, from one grouped scan."""
    p, churned = pl.col("p"), pl.col("churned")
    of_label = pl.when(churned == 1).then(p).otherwise(1.0 - p)
    cells = (
        table.with_columns((p * BINS).floor().clip(0, BINS - 1).alias("bin"))
        .group_by("segment", "bin")
        .agg(
            pl.len().alias("n"),
            p.sum().alias("probability"),
            churned.sum().alias("positives"),
            (p >= THRESHOLD).sum().alias("called"),
            ((p >= THRESHOLD) & (churned == 1)).sum().alias("found"),
            (-of_label.clip(EPSILON, 1.0 - EPSILON).log()).sum().alias("log_loss"),
        )
        .collect(engine="streaming")
    )
    parts: list[tuple[str | None, pl.DataFrame]] = [
        (None, cells.group_by("bin").agg(pl.exclude("segment").sum()))
    ]
    parts += [(str(key[0]), part) for key, part in cells.group_by("segment")]
    return {name: of_cells(part) for name, part in parts}


def of_cells(cells: pl.DataFrame) -> Sums:
    return Sums(
        int(cells["n"].sum()),
        int(cells["called"].sum()),
        int(cells["found"].sum()),
        float(cells["log_loss"].sum()),
        [
            (float(n), float(p), float(y))
            for n, p, y in cells.select("n", "probability", "positives").iter_rows()
        ],
    )


def orders(table: pl.LazyFrame, keys: Sequence[str]) -> Found:
    """ROC-AUC and average precision, exact with ties, by segment or of all."""

    def over(expression: pl.Expr) -> pl.Expr:
        return expression.over(keys) if keys else expression

    n, found = pl.col("n"), pl.col("found")
    steps = (
        table.group_by(*keys, "p")
        .agg(pl.len().alias("n"), pl.col("churned").sum().alias("found"))
        .sort("p", descending=True)
        .with_columns(over(n.cum_sum()).alias("called"), over(found.cum_sum()).alias("hits"))
    )
    negatives = (n - found).cast(pl.Float64)
    precision = found * pl.col("hits") / pl.col("called")
    pairs = negatives * (pl.col("hits") - found / 2)
    area = pairs.sum() / (negatives.sum() * found.sum())
    answer = [area.alias("area"), (precision.sum() / found.sum()).alias("precision")]
    grouped = steps.group_by(*keys).agg(answer) if keys else steps.select(answer)
    rows = grouped.collect().iter_rows(named=True)
    return {row.get("segment"): (row["area"], row["precision"]) for row in rows}


def main() -> None:
    table = pl.scan_parquet(sys.argv[1].removeprefix("predictions="))
    found = orders(table, []) | orders(table, ["segment"])
    show({key: (of.n, metrics(of, *found[key])) for key, of in sums(table).items()})


if __name__ == "__main__":
    main()
