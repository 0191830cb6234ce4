"""Reads [offline.scores], and adds up every candidate against its baseline, query by query where queries are given.

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
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Columns, Engine, Given, Relation, reading
from abgap.engine.values import mapped_number, refuse_size
from abgap.errors import DataError
from abgap.sources.columns import mapped_text, plain_names
from abgap.sources.sql import Sql, identifier
from abgap.study.model import Source, Study

_KEY = "offline.scores"
_SUMMED = ("candidate", "base", "difference", "square")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One aggregated score; n and se None when not given."""

    value: float
    n: int | None
    se: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSums:
    """Sums over the queries that a model and its baseline share. square: of the difference."""

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
    engine: Engine, study: Study, directory: Path, comparisons: Sequence[tuple[str, str]]
) -> Scores:
    """Read the scores and sum up the pairs (model, baseline) of ``comparisons``.

    Raises DataError when a score is no number, NaN or infinite, or when a model has two scores for one query.
    """
    source = study.offline.scores
    if source is None:
        return Scores()
    relation = _open(engine, source, directory)
    with reading(_KEY):
        intake = engine.fetch(compile_query("offline_intake"))
    _refuse_unusable(intake)
    return Scores(
        relation=relation,
        queries=_queries(intake),
        aggregates=_aggregates(engine),
        pairs=_pairs(engine, intake, comparisons),
    )


def _open(engine: Engine, source: Source, directory: Path) -> Relation:
    ids = plain_names(source, "model", "metric", "query")
    relation = engine.open_source(_KEY, source, directory, text=ids)
    model, metric, query = (
        mapped_text(source, relation.table, role) for role in ("model", "metric", "query")
    )
    value, n, se = (
        mapped_number(engine, source, relation.table, relation.sql, role) for role in ("value", "n", "se")
    )
    statement = compile_query(
        "offline_scores",
        source=relation.sql,
        model=model,
        metric=metric,
        query=query,
        value=value,
        n=n,
        se=se,
    )
    engine.create_view("offline_scores", statement)
    return relation


def _refuse_unusable(intake: Columns) -> None:
    names = ("model", "metric", "row_count", "query_rows", "queries", "not_finite")
    for model, metric, rows, query_rows, queries, not_finite in zip(
        *(intake[name] for name in names), strict=True
    ):
        if not (isinstance(model, str) and isinstance(metric, str)):
            raise DataError(
                f"{_KEY}: a row has no model or no metric; every score needs both: name them, or take the row out"
            )
        where = f"{_KEY}: {metric!r} of model {model!r}"
        if not_finite:
            raise DataError(
                f"{where} has {int(not_finite)} rows with NaN or infinity; mend them, or leave them empty"
            )
        if query_rows > queries:
            raise DataError(
                f"{where} has {int(query_rows)} rows for {int(queries)} queries; one score per query is needed"
            )
        if rows - query_rows > 1:
            raise DataError(
                f"{where} has {int(rows - query_rows)} rows without a query; one aggregated row is needed, "
                "or map the column of the queries: columns = { query = ... }"
            )


def _queries(intake: Columns) -> dict[tuple[str, str], int]:
    keys = zip(intake["model"], intake["metric"], intake["queries"], strict=True)
    return {(model, metric): int(n) for model, metric, n in keys if n > 0}


def _aggregates(engine: Engine) -> dict[tuple[str, str], Aggregate]:
    rows = engine.fetch(compile_query("offline_aggregates"))
    found = {}
    for model, metric, value, n, se in zip(
        *(rows[name] for name in ("model", "metric", "value", "n", "se")), strict=True
    ):
        if se < 0:
            raise DataError(
                f"{_KEY}: the standard error of {metric!r} of model {model!r} is {se:g}; it cannot be below zero"
            )
        found[model, metric] = Aggregate(
            value=float(value), n=None if np.isnan(n) else int(n), se=None if np.isnan(se) else float(se)
        )
    return found


def _pairs(
    engine: Engine, intake: Columns, comparisons: Sequence[tuple[str, str]]
) -> dict[tuple[str, str, str], PairSums]:
    if not comparisons or not np.any(intake["query_rows"] > 0):
        return {}
    engine.put_table(
        "comparisons",
        {
            "model": Given(type="VARCHAR", values=[model for model, _ in comparisons]),
            "baseline": Given(type="VARCHAR", values=[base for _, base in comparisons]),
        },
    )
    rows = engine.fetch(compile_query("offline_pairs", sums=_sums(intake)))
    totals = {name: sum_of(rows, _sum_name(name)) for name in _SUMMED}
    keys = zip(rows["model"], rows["baseline"], rows["metric"], strict=True)
    return {
        key: PairSums(shared=int(rows["shared"][i]), **{name: float(totals[name][i]) for name in _SUMMED})
        for i, key in enumerate(keys)
    }


def _sums(intake: Columns) -> list[SumColumn]:
    """The sums over shared queries; the largest score anywhere fixes their grids."""
    bounds = np.abs(np.concatenate([intake["smallest"], intake["largest"]]))
    largest = float(np.max(bounds, initial=0.0, where=~np.isnan(bounds)))
    refuse_size(f"{_KEY}.columns.value", "value", largest)
    rows = int(np.sum(intake["query_rows"]))
    difference = identifier("difference")
    values = {
        "candidate": (identifier("candidate"), largest),
        "base": (identifier("base"), largest),
        "difference": (difference, 2.0 * largest),
        "square": (Sql(f"({difference} * {difference})"), 4.0 * largest * largest),
    }
    return [
        column
        for name, (value, size) in values.items()
        for column in exact_sum(_sum_name(name), value, make_grid(size, rows, integer=False, parts=3))
    ]


def _sum_name(name: str) -> str:
    return f"sum of {name}"
