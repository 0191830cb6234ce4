"""[live.predictions] and [live.rankings] opened under canonical names; what cannot be used is refused, or counted.

Production logs lack things: a row without a unit, a time, a model, a request or a score says nothing about quality, and
is left out and counted. What would make wrong numbers (a request answered twice by one model, scores that are NaN) is
an error of one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine, Relation, reading
from abgap.engine.values import mapped_number, mapped_time
from abgap.errors import DataError
from abgap.records.words import plural
from abgap.sources.columns import mapped_text, plain_names, text_of
from abgap.sources.sql import Named, Sql, identifier
from abgap.study.model import LivePredictions, LiveRankings, Outcome, Study

PREDICTIONS, RANKINGS = "live.predictions", "live.rankings"
_VIEWS = {PREDICTIONS: "live_predictions", RANKINGS: "live_rankings"}
_LACKING = {
    "without_unit": "without a unit",
    "without_request": "without a request",
    "without_time": "without a time",
    "without_score": "without a score",
}
LiveSource: TypeAlias = LivePredictions | LiveRankings


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSlice:
    """A column by which live quality is broken down: its name in the study, and its column in the view."""

    name: str
    column: Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLog:
    """An opened live source.

    key: in the study. view: its rows. left_out: rows that say nothing, by what they lack. probabilities: models whose
    scores all lie in [0, 1]; offline_probabilities: the same of offline scores. with_offline: whether any row has one.
    """

    key: str
    view: str
    relation: Relation
    slices: tuple[LiveSlice, ...]
    outcome: Outcome
    rows: int
    left_out: Mapping[str, int]
    probabilities: frozenset[str]
    offline_probabilities: frozenset[str]
    with_offline: bool
    scored: bool

    @property
    def is_lists(self) -> bool:
        """Whether a request is a list of items."""
        return self.key == RANKINGS


def open_live(engine: Engine, study: Study, directory: Path, key: str) -> LiveLog | None:
    """Open and check a live source; None when the study has none. Raises DataError when it cannot be used."""
    source = study.live.predictions if key == PREDICTIONS else study.live.rankings
    if source is None:
        return None
    is_lists = key == RANKINGS
    request = "query" if is_lists else "example"
    text = [*plain_names(source, "unit", "model", request, "item"), *source.slices]
    relation = engine.open_source(key, source, directory, text=text)
    slices = _slices(source, relation, key)
    statement = compile_query(
        "live_log",
        source=relation.sql,
        unit=mapped_text(source, relation.table, "unit"),
        model=mapped_text(source, relation.table, "model"),
        request=mapped_text(source, relation.table, request),
        item=mapped_text(source, relation.table, "item"),
        at=mapped_time(engine, source, relation, study.study.timezone),
        score=_score(engine, source, relation),
        offline_score=mapped_number(engine, source, relation.table, relation.sql, "offline_score"),
        slices=[
            Named(name=s.column, value=text_of(_column(relation, s.name, key), relation.table))
            for s in slices
        ],
    )
    engine.create_view(_VIEWS[key], statement)
    with reading(key):
        found = engine.fetch(
            compile_query("live_intake", log=identifier(_VIEWS[key]), lists=is_lists, unique=True)
        )
    _refuse(engine, key, found)
    named = [isinstance(model, str) for model in found["model"]]
    return LiveLog(
        key=key,
        view=_VIEWS[key],
        relation=relation,
        slices=slices,
        outcome=source.outcome,
        rows=int(found["row_count"].sum()),
        left_out=_left_out(found, named),
        probabilities=_in_range(found, "not_probabilities"),
        offline_probabilities=_in_range(found, "offline_not_probabilities"),
        with_offline=bool(found["with_offline"].sum() > 0),
        scored="y_score" in source.columns,
    )


def _column(relation: Relation, name: str, key: str) -> str:
    return relation.table.find(name, where=f"{key}.slices")


def _slices(source: LiveSource, relation: Relation, key: str) -> tuple[LiveSlice, ...]:
    """Numbered columns: a slice may be called like a column of ours."""
    for name in source.slices:
        _column(relation, name, key)
    return tuple(
        LiveSlice(name=name, column=identifier(f"slice {i}")) for i, name in enumerate(source.slices, start=1)
    )


def _score(engine: Engine, source: LiveSource, relation: Relation) -> Sql:
    role = next(
        (role for role in ("y_score", "score", "y_pred", "rank") if role in source.columns), "y_score"
    )
    number = mapped_number(engine, source, relation.table, relation.sql, role)
    return Sql(f"(-{number})") if role == "rank" else number


def _refuse(engine: Engine, key: str, found: Columns) -> None:
    if not len(found["model"]) or not found["row_count"].sum():
        raise DataError(f"{key}: there are no rows; log what models said, or remove it")
    if not_finite := int(found["not_finite"].sum()):
        raise DataError(
            f"{key}: {plural(not_finite, 'row')} whose score is NaN or infinite; mend them, or leave scores empty"
        )
    if (found["row_count"] > found["different"]).any():
        _refuse_repeated(engine, key)


def _refuse_repeated(engine: Engine, key: str) -> None:
    """Raise DataError that shows the first request that stands twice (hashes may be alike where none does)."""
    lists = key == RANKINGS
    repeated = engine.fetch(compile_query("live_repeated", log=identifier(_VIEWS[key]), lists=lists))
    for model, request, item, times in zip(
        *(repeated[name] for name in ("model", "request", "item", "times")), strict=True
    ):
        of = f", item {item!r}," if lists else ""
        raise DataError(
            f"{key}: request {request!r}{of} of model {model!r} stands {int(times)} times; one row is needed: "
            "keep the first of its rows with a query, or name requests apart"
        )


def _left_out(found: Columns, named: list[bool]) -> dict[str, int]:
    counted = {
        "without a model": sum(int(n) for n, ok in zip(found["row_count"], named, strict=True) if not ok)
    }
    for column, words in _LACKING.items():
        counted[words] = sum(int(n) for n, ok in zip(found[column], named, strict=True) if ok)
    return {words: n for words, n in counted.items() if n}


def _in_range(found: Columns, outside: str) -> frozenset[str]:
    return frozenset(str(model) for model, n in zip(found["model"], found[outside], strict=True) if not n)
