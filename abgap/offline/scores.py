"""Reads [offline.scores] and compares every candidate with its baseline, query by query where queries are
given.

Per-query rows give a paired difference with its interval; aggregated rows with standard errors give an
unpaired one; a bare value is taken at face value and said to have no interval. What has no partner is
listed, never dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.duckdb import Columns, DuckDBEngine
from abgap.engine.exact import make_grid
from abgap.engine.loading import Relation, open_source
from abgap.errors import DataError
from abgap.sources.columns import as_text, is_number, mapped
from abgap.sources.sql import Sql, identifier
from abgap.study.model import Source, Study

_SUMMED = ("candidate", "base", "difference", "square")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One aggregated score; n and se None when not given."""

    value: float
    n: int | None
    se: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSums:
    """Sums over the queries that a model and its baseline share. queries: of each of the two, shared or
    not.
    """

    shared: int
    candidate: float
    base: float
    difference: float
    square: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Everything the comparison needs. queries: (model, metric) -> queries with a row."""

    relation: Relation | None = None
    queries: Mapping[tuple[str, str], int] = field(default_factory=dict)
    aggregates: Mapping[tuple[str, str], Aggregate] = field(default_factory=dict)
    pairs: Mapping[tuple[str, str, str], PairSums] = field(default_factory=dict)

    @property
    def known(self) -> set[tuple[str, str]]:
        """All (model, metric) that have any score."""
        return set(self.queries) | set(self.aggregates)


def read_scores(
    engine: DuckDBEngine, study: Study, directory: Path, comparisons: Sequence[tuple[str, str]]
) -> Scores:
    """Read the scores and sum up the pairs (model, baseline) of ``comparisons``.

    Raises DataError when a score is no number, NaN or infinite, or when a model has two scores for one query.
    """
    source = study.offline.scores
    if source is None:
        return Scores()
    relation = _open(engine, source, directory)
    intake = engine.fetch(compile_query("offline_intake"))
    _refuse_unusable(intake)
    return Scores(
        relation=relation,
        queries=_queries(intake),
        aggregates=_aggregates(engine),
        pairs=_pairs(engine, intake, comparisons),
    )


def _open(engine: DuckDBEngine, source: Source, directory: Path) -> Relation:
    names = [n for role in ("model", "metric", "query") if isinstance(n := source.columns.get(role), str)]
    relation = open_source(engine, "offline.scores", source, directory, text=names)
    statement = compile_query(
        "offline_scores",
        source=relation.sql,
        model=as_text(mapped(source.columns["model"], relation.table, role="model")),
        metric=as_text(mapped(source.columns["metric"], relation.table, role="metric")),
        query=as_text(mapped(source.columns["query"], relation.table, role="query"))
        if "query" in source.columns
        else Sql("CAST(NULL AS VARCHAR)"),
        **{role: _number(engine, source, relation, role) for role in ("value", "n", "se")},
    )
    engine.create_view("offline_scores", statement)
    return relation


def _number(engine: DuckDBEngine, source: Source, relation: Relation, role: str) -> Sql:
    if role not in source.columns:
        return Sql("CAST(NULL AS DOUBLE)")
    expression = mapped(source.columns[role], relation.table, role=role)
    found = engine.type_of(expression, relation.sql)
    if not is_number(found):
        raise DataError(
            f"offline.scores.columns.{role}: a number is needed, the column is {found}; mend the file or map another column"
        )
    return Sql(f"CAST({expression} AS DOUBLE)")


def _refuse_unusable(intake: Columns) -> None:
    for i, (model, metric) in enumerate(zip(intake["model"], intake["metric"], strict=True)):
        where = f"offline.scores: {metric!r} of model {model!r}"
        if model is None or metric is None:
            raise DataError("offline.scores: a row has no model or no metric; every score needs both")
        if intake["not_finite"][i] > 0:
            raise DataError(
                f"{where} has {int(intake['not_finite'][i])} values that are NaN or infinite; mend them or leave them empty"
            )
        repeated = int(intake["query_rows"][i] - intake["queries"][i])
        if repeated:
            raise DataError(f"{where} has {repeated} rows more than queries; one score per query is needed")
        alone = int(intake["row_count"][i] - intake["query_rows"][i])
        if alone > 1:
            raise DataError(f"{where} has {alone} aggregated rows; one is needed, or map the query column")


def _queries(intake: Columns) -> dict[tuple[str, str], int]:
    keys = zip(intake["model"], intake["metric"], intake["queries"], strict=True)
    return {(model, metric): int(n) for model, metric, n in keys if n > 0}


def _aggregates(engine: DuckDBEngine) -> dict[tuple[str, str], Aggregate]:
    rows = engine.fetch(compile_query("offline_aggregates"))
    found = {}
    for model, metric, value, n, se in zip(
        *(rows[c] for c in ("model", "metric", "value", "n", "se")), strict=True
    ):
        found[model, metric] = Aggregate(
            value=float(value), n=None if _null(n) else int(n), se=None if _null(se) else float(se)
        )
    return found


def _null(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _pairs(
    engine: DuckDBEngine, intake: Columns, comparisons: Sequence[tuple[str, str]]
) -> dict[tuple[str, str, str], PairSums]:
    total = int(np.sum(intake["query_rows"])) if len(intake["query_rows"]) else 0
    if not comparisons or total == 0:
        return {}
    engine.run(
        "CREATE OR REPLACE TEMP TABLE comparisons AS "
        "SELECT unnest($models)::VARCHAR AS model, unnest($baselines)::VARCHAR AS baseline",
        {"models": [model for model, _ in comparisons], "baselines": [base for _, base in comparisons]},
    )
    bounds = np.concatenate(
        [np.abs(intake["smallest"].astype(float)), np.abs(intake["largest"].astype(float))]
    )
    largest = float(np.nanmax(bounds)) or 1.0
    sizes = {
        "candidate": largest,
        "base": largest,
        "difference": 2 * largest,
        "square": 4 * largest * largest,
    }
    sums = []
    for name in _SUMMED:
        grid = make_grid(sizes[name], total, integer=False)
        sums.append(
            {
                "value": identifier(name),
                "high": grid.high,
                "low": grid.low,
                "high_name": identifier(f"sum {name}"),
                "low_name": identifier(f"sum {name} (low)"),
            }
        )
    rows = engine.fetch(compile_query("offline_pairs", sums=sums))
    found = {}
    for i, key in enumerate(zip(rows["model"], rows["baseline"], rows["metric"], strict=True)):
        totals = {name: float(rows[f"sum {name}"][i] + rows[f"sum {name} (low)"][i]) for name in _SUMMED}
        found[key] = PairSums(shared=int(rows["shared"][i]), **totals)
    return found
