"""Reads [offline.scores], and holds every model against its baseline, query by query where queries are given.

Per-query rows give a paired difference with its interval; aggregated rows with standard errors give an
unpaired one; a bare value is taken at face value and said to have no interval. What has no partner is
listed, never dropped. Of scores with a date the newest evaluation is compared, and all of them make the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine, Relation, reading, text_or_none
from abgap.engine.values import mapped_number, mapped_time
from abgap.errors import DataError
from abgap.offline.aggregates import compare_aggregates
from abgap.offline.contest import Contest, Findings
from abgap.offline.example_contests import compare_examples, terms_of
from abgap.offline.example_values import Counted, ValueTable, count_values, measure
from abgap.offline.gain_pairs import Crossed
from abgap.offline.history import add_up_history, judge_history
from abgap.offline.pairs import contests_of
from abgap.offline.queries import open_queries
from abgap.offline.slices import Slice, keep_slices, slice_columns
from abgap.offline.sums import Against, Aggregate, Scores
from abgap.offline.twin_sums import twin_pairs
from abgap.records.words import plural
from abgap.sources.columns import local_day, mapped_text, plain_names
from abgap.sources.sql import Sql
from abgap.study.model import Study
from abgap.study.offline import Scores as ScoresSource

_KEY = "offline.scores"
_VALUES = "offline_score_values"


def read_scores(engine: Engine, study: Study, directory: Path, ran: Sequence[tuple[str, str]]) -> Scores:
    """Read the scores, and add up the pairs (model, baseline) that experiments ran and all models with production.

    Raises DataError when a score is no number, NaN or infinite, when a model has two scores for one query, or when the
    rows of a query disagree about a slice.
    """
    source = study.offline.scores
    if source is None:
        return Scores()
    relations = {_KEY: _open(engine, source, study, directory)}
    with reading(_KEY):
        intake = engine.fetch(compile_query("offline_intake"))
    _refuse_unusable(intake, dated="at" in source.columns)
    known = frozenset(zip(intake["model"], intake["metric"], strict=True))
    slices = keep_slices(
        engine, _KEY, source.slices, source="offline_scores", example="query", made="offline_score_slices"
    )
    more = open_queries(engine, study, directory)
    table, counted = _values(engine, source, (*slices, *more.slices))
    contests = contests_of(known, ran, study.offline.production)
    per_query = [contest for contest in contests if _has_queries(contest, counted)]
    aggregates = _aggregates(engine)
    dated = "at" in source.columns
    return Scores(
        relations={**relations, **more.relations},
        known=known,
        contests=tuple(contests),
        queries=measure(
            engine,
            table,
            counted,
            per_query,
            twins=twin_pairs(study.offline_metrics, counted.evaluated),
            crossed=Crossed(ran=ran, metrics=study.gap.offline),
        ),
        aggregates={(model, metric): each for (model, metric, _), each in aggregates.items()},
        history=add_up_history(engine, study, _days(intake), aggregates) if dated else (),
    )


def open_score_values(engine: Engine, study: Study, directory: Path) -> str | None:
    """Put the values of queries into the engine, and return the name of their view; None where there are no scores."""
    source = study.offline.scores
    if source is None:
        return None
    _open(engine, source, study, directory)
    engine.create_view(_VALUES, compile_query("offline_score_values", dated="at" in source.columns))
    return _VALUES


def compare_scores(scores: Scores, study: Study) -> Findings:
    """Every contest judged: by queries where both models have them, else by aggregates."""
    terms = terms_of(study)
    found: dict[Against, list[Contest]] = {}
    for contest in compare_examples(scores.queries, terms):
        against = Against(model=contest.model, baseline=contest.baseline, metric=contest.metric)
        found.setdefault(against, []).append(contest)
    for against in scores.contests:
        if against not in found:
            evaluated = scores.queries.evaluated
            found[against] = [compare_aggregates(against, scores.aggregates, evaluated, terms)]
    return Findings(
        known=scores.known,
        contests=tuple(contest for against in scores.contests for contest in found[against]),
        history=judge_history(scores.history, study, terms),
    )


def _open(engine: Engine, source: ScoresSource, study: Study, directory: Path) -> Relation:
    ids = [*plain_names(source, "model", "metric", "query", "split"), *source.slices]
    relation = engine.open_source(_KEY, source, directory, text=ids)
    columns: dict[str, object] = {
        role: mapped_text(source, relation.table, role) for role in ("model", "metric", "query", "split")
    }
    for role in ("value", "n", "se"):
        columns[role] = mapped_number(engine, source, relation.table, relation.sql, role)
    at = mapped_time(engine, source, relation, study.study.timezone)
    columns["day"] = Sql(f"cast({local_day(at, study.study.timezone)} as varchar)")
    columns["slices"] = slice_columns(relation.table, source.slices)
    statement = compile_query("offline_scores", params=None, source=relation.sql, **columns)
    engine.create_view("offline_scores", statement)
    return relation


def _values(engine: Engine, source: ScoresSource, slices: tuple[Slice, ...]) -> tuple[ValueTable, Counted]:
    """The values of queries, of the newest evaluation, and how many there are."""
    table = ValueTable(name=_VALUES, key=_KEY, slices=slices)
    engine.create_view(_VALUES, compile_query("offline_score_values", dated="at" in source.columns))
    return table, count_values(engine, table)


def _has_queries(against: Against, counted: Counted) -> bool:
    sides = [side for side in (against.model, against.baseline) if side is not None]
    return all((side, against.metric) in counted.evaluated for side in sides)


def _refuse_unusable(intake: Columns, *, dated: bool) -> None:
    names = ("model", "metric", "row_count", "query_rows", "queries", "not_finite")
    days = text_or_none(intake["day"])
    for day, model, metric, rows, query_rows, queries, not_finite in zip(
        days, *(intake[name] for name in names), strict=True
    ):
        if not (isinstance(model, str) and isinstance(metric, str)):
            raise DataError(
                f"{_KEY}: a row has no model or no metric; every score needs both: name them, or take the row out"
            )
        where = f"{_KEY}: {metric!r} of model {model!r}" + (f" on {day}" if day else "")
        if dated and day is None:
            raise DataError(
                f"{where} has {plural(rows, 'row')} without a time that can be read; mend the column mapped to `at`, "
                "or take the mapping out"
            )
        if not_finite:
            raise DataError(
                f"{where} has {plural(not_finite, 'row')} with NaN or infinity; mend them, or leave them empty"
            )
        if query_rows > queries:
            raise DataError(
                f"{where} has {plural(query_rows, 'row')} for {plural(queries, 'query')}; one score per query is needed"
            )
        if rows - query_rows > 1:
            raise DataError(
                f"{where} has {plural(rows - query_rows, 'row')} without a query; one aggregated row is needed, "
                "or map the column of the queries: columns = { query = ... }"
            )


def _aggregates(engine: Engine) -> dict[tuple[str, str, str | None], Aggregate]:
    """Aggregated scores by model, metric and day."""
    rows = engine.fetch(compile_query("offline_aggregates"))
    found = {}
    for day, split, model, metric, value, n, se in zip(
        text_or_none(rows["day"]),
        text_or_none(rows["split"]),
        *(rows[name] for name in ("model", "metric", "value", "n", "se")),
        strict=True,
    ):
        if se < 0:
            raise DataError(
                f"{_KEY}: the standard error of {metric!r} of model {model!r} is {se:g}; it cannot be below zero"
            )
        found[model, metric, day] = Aggregate(
            value=float(value),
            n=None if np.isnan(n) else int(n),
            se=None if np.isnan(se) else float(se),
            split=split,
        )
    return found


def _days(intake: Columns) -> list[tuple[str, str, str]]:
    """Every model, metric and day that has a score."""
    return list(zip(intake["model"], intake["metric"], text_or_none(intake["day"]), strict=True))
