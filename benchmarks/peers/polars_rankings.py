"""The rankings workload in polars.

python -m benchmarks.peers.polars_rankings runs=FILE judgements=FILE
"""

from __future__ import annotations

import sys

import polars as pl

from benchmarks.peers.answers import RANKING_METRICS, paired, show


def values(runs: str, judgements: str) -> pl.DataFrame:
    """The five metrics by query, both models side by side."""
    grades = pl.scan_parquet(judgements)
    ideal = (
        grades.filter(pl.col("relevance") > 0)
        .with_columns(
            place=pl.col("relevance").rank("ordinal", descending=True).over("query"),
        )
        .group_by("query")
        .agg(
            ideal=(pl.col("relevance") / (pl.col("place") + 1).log(2)).filter(pl.col("place") <= 10).sum(),
            relevant=pl.len(),
        )
    )
    hits = (
        pl.scan_parquet(runs)
        .join(grades, on=["query", "item"], how="left")
        .with_columns(place=pl.col("score").rank("ordinal", descending=True).over("model", "query"))
        .filter(pl.col("relevance") > 0)
        .with_columns(found=pl.col("place").rank("ordinal").over("model", "query"))
    )
    top = pl.col("place") <= 10
    found = hits.group_by("model", "query").agg(
        dcg=(pl.col("relevance") / (pl.col("place") + 1).log(2)).filter(top).sum(),
        first=pl.col("place").min(),
        precisions=(pl.col("found") / pl.col("place")).sum(),
        top=top.sum(),
    )
    sides = []
    for model in ("new", "old"):
        side = ideal.join(found.filter(pl.col("model") == model), on="query", how="left").select(
            "query",
            (pl.col("dcg").fill_null(0) / pl.col("ideal")).alias("ndcg@10"),
            pl.when(pl.col("first") <= 10).then(1 / pl.col("first")).otherwise(0.0).alias("mrr@10"),
            (pl.col("precisions").fill_null(0) / pl.col("relevant")).alias("map"),
            (pl.col("top").fill_null(0) / 10).alias("precision@10"),
            (pl.col("top").fill_null(0) / pl.col("relevant")).alias("recall@10"),
        )
        sides.append(side)
    new, old = sides
    return new.join(old, on="query", suffix=" old").collect()


def main() -> None:
    files = dict(pair.split("=", 1) for pair in sys.argv[1:])
    table = values(files["runs"], files["judgements"])
    show({m: paired((table[m] - table[f"{m} old"]).to_list()) for m in RANKING_METRICS})


if __name__ == "__main__":
    main()
