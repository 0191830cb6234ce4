"""Terms that Python computed, brought to the engine, so that they are added up and compared like all others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Given
from abgap.offline.contest import Contest
from abgap.offline.tasks.contests import Procedure, contests_of, lazies_of
from abgap.offline.tasks.metric import TaskMetric
from abgap.offline.tasks.sums import Adder, SliceColumn, Terms, bucket_of
from abgap.sources.sql import Sql

KEY = "offline.predictions"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRow:
    """The terms of one model and example. slices: its value of each slice, in their order, None where not known."""

    model: str
    example: str
    slices: tuple[str | None, ...]
    terms: Mapping[str, float]


def given_contests(
    engine: Engine,
    rows: Sequence[GivenRow],
    lazy_rows: Sequence[GivenRow],
    slices: Sequence[str],
    metrics: Sequence[TaskMetric],
    procedure: Procedure,
) -> list[Contest]:
    """Contests over rows that were scored here. lazy_rows: the same for lazy predictors, each called like a model."""
    found = _adder(engine, "given_terms", rows, slices, metrics)
    models, pairs = found.by_model(), found.by_pair(procedure.pairs)
    lazy = _adder(engine, "lazy_terms", lazy_rows, slices, metrics).by_model()
    return contests_of(models, pairs, metrics, procedure, lazies_of(lazy, metrics))


def _adder(
    engine: Engine,
    table: str,
    rows: Sequence[GivenRow],
    slices: Sequence[str],
    metrics: Sequence[TaskMetric],
) -> Adder:
    names = tuple(dict.fromkeys(term for metric in metrics for term in metric.score.terms))
    squared = tuple(dict.fromkeys(metric.score.terms[0] for metric in metrics if metric.score.mean))
    columns = {
        "model": Given(type="VARCHAR", values=[row.model for row in rows]),
        "example": Given(type="VARCHAR", values=[row.example for row in rows]),
    }
    for i in range(len(slices)):
        columns[f"slice {i + 1}"] = Given(type="VARCHAR", values=[row.slices[i] for row in rows])
    for name in names:
        columns[name] = Given(type="DOUBLE", values=[row.terms[name] for row in rows])
    engine.put_table("given_rows", columns)
    bucket = bucket_of(Sql("g.example"), len({row.example for row in rows}))
    engine.create_table(table, compile_query("given_terms", bucket=bucket))
    return Adder(
        engine,
        Terms(table=table, names=names, squared=squared, slices=SliceColumn.numbered(slices)),
        where=KEY,
    )
