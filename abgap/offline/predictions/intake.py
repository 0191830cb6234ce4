"""[offline.predictions] opened under canonical names, and refused where numbers made of it would be wrong.

Tasks differ in what a truth and a prediction are: 0 and 1 and a score, labels, or numbers. Everything after this
module reads the view ``predictions``: rows that have both, with the same column names whatever the task. Rows without
are counted, never dropped in silence; what can only be a mistake (two predictions of one model for one example, NaN
scores, labels that are none, several splits at once) is an error of one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.protocol import Columns, Engine, Relation, reading
from abgap.engine.values import mapped_number
from abgap.errors import DataError
from abgap.offline.predictions.refusals import KEY, only_split, refuse_repeated, refuse_unusable
from abgap.sources.columns import as_utc, mapped, mapped_text, plain_names, text_of
from abgap.sources.sql import Named, Sql, identifier, literal
from abgap.study.model import Predictions as PredictionsSource
from abgap.study.model import Study

VIEW = "predictions"
_ALL = "all_predictions"
# Tasks whose truths and predictions are numbers; those of the others are labels or texts.
_NUMBERS = frozenset({"regression", "forecast"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionSlice:
    """A column by which predictions are broken down: its name in the study, and its column in the view."""

    name: str
    column: Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """The predictions of one model.

    with_truth: rows that have one, which are the examples that it was evaluated on. usable: rows with truth and
    prediction, ``rows - usable`` are skipped. positives: usable rows with the positive
    label, None when labels are not two. smallest, largest: of the scores, or of the predictions that are numbers.
    outside: scores that do not lie in [0, 1].
    """

    model: str
    rows: int
    with_truth: int
    usable: int
    positives: int | None
    smallest: float | None
    largest: float | None
    outside: int

    @property
    def skipped(self) -> int:
        """Rows without a truth or without a prediction."""
        return self.rows - self.usable

    @property
    def probabilities(self) -> bool:
        """Whether every score lies in [0, 1]."""
        return self.outside == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What the view ``predictions`` holds. scored: whether there are scores, not only decisions or labels."""

    relation: Relation
    source: PredictionsSource
    models: Mapping[str, Predicted]
    slices: tuple[PredictionSlice, ...]
    scored: bool
    split: str | None

    @property
    def task(self) -> str:
        """What is predicted."""
        return self.source.task

    @property
    def truth(self) -> Sql:
        """The column that a row has to have for its example to be evaluated."""
        return Sql(_truth(self.source))


def open_predictions(engine: Engine, study: Study, directory: Path) -> Predictions | None:
    """Open and check the predictions of a study, and name their views; None when it has none.

    Raises DataError when they cannot be used.
    """
    source = study.offline.predictions
    if source is None:
        return None
    relation = _open(engine, source, directory)
    slices = _slices(source, relation)
    columns = _columns(engine, source, relation, study.study.timezone)
    sliced = [Named(name=s.column, value=_slice_value(relation, s.name)) for s in slices]
    engine.create_view(_ALL, compile_query(_ALL, source=relation.sql, slices=sliced, **columns))
    prediction = Sql("y_score" if source.task == "binary" else "y_pred")
    engine.create_view(VIEW, compile_query(VIEW, truth=Sql(_truth(source)), prediction=prediction))
    with reading(KEY):
        intake = engine.fetch(_intake(source, prediction))
    refuse_unusable(source, intake)
    if source.unique == "check":
        refuse_repeated(engine)
    return Predictions(
        relation=relation,
        source=source,
        models=_models(intake),
        slices=slices,
        scored="y_score" in source.columns,
        split=only_split(intake),
    )


def _open(engine: Engine, source: PredictionsSource, directory: Path) -> Relation:
    roles = ["model", "example", "split", "series"]
    if _labels_are_text(source):
        # References may come as lists, which would be read as one text.
        roles += ["y_pred"] if source.task == "generation" else ["y_true", "y_pred"]
    text = [*plain_names(source, *roles), *source.slices]
    return engine.open_source(KEY, source, directory, text=text)


def _labels_are_text(source: PredictionsSource) -> bool:
    return source.positive is not None if source.task == "binary" else source.task not in _NUMBERS


def _slices(source: PredictionsSource, relation: Relation) -> tuple[PredictionSlice, ...]:
    """Numbered columns: a slice may be called like a column of ours."""
    names = [relation.table.find(name, where=f"{KEY}.slices") for name in source.slices]
    return tuple(
        PredictionSlice(name=name, column=identifier(f"slice {i}")) for i, name in enumerate(names, start=1)
    )


def _slice_value(relation: Relation, name: str) -> Sql:
    return text_of(name, relation.table)


def _columns(
    engine: Engine, source: PredictionsSource, relation: Relation, timezone: str
) -> Mapping[str, Any]:
    """Every canonical column but the slices."""
    table = relation.table
    found = {role: mapped_text(source, table, role) for role in ("model", "example", "split", "series")}
    found["at"] = Sql("cast(null as timestamp)")
    if "at" in source.columns:
        at, where = mapped(source.columns["at"], table, role="at"), f"{KEY}.columns.at"
        kind = engine.type_of(at, relation.sql, where=where)
        found["at"] = as_utc(at, kind, where=where, timezone=timezone)
    numbers = {
        role: _number_of(engine, source, relation, role)
        for role in ("y_true", "y_score", "y_pred")
        if role == "y_score" or not _labels_are_text(source)
    }
    labels = {
        role: _label(source, mapped_text(source, table, role))
        for role in ("y_true", "y_pred")
        if role not in numbers
    }
    if source.task == "generation":
        labels["y_true"] = _references(engine, source, relation) or labels["y_true"]
    found |= numbers | labels
    if "y_score" not in source.columns and source.task == "binary":
        # A decision is a score of two values: everything at a threshold is computed in one way.
        found["y_score"] = found["y_pred"]
    if "y_pred" not in source.columns and source.task in _NUMBERS:
        found["y_pred"] = found["y_score"]
    return found


def _number_of(engine: Engine, source: PredictionsSource, relation: Relation, role: str) -> Sql:
    try:
        return mapped_number(engine, source, relation.table, relation.sql, role)
    except DataError as error:
        if source.task != "binary" or role == "y_score":
            raise
        raise DataError(
            f"{KEY}.columns.{role}: labels of binary predictions are 0 and 1, but these are text; "
            'say which label is the positive one: positive = "..."'
        ) from error


def _references(engine: Engine, source: PredictionsSource, relation: Relation) -> Sql | None:
    """The references where each example has a list of them."""
    value = mapped(source.columns["y_true"], relation.table, role="y_true")
    kind = relation.table.type_of(value) or engine.type_of(value, relation.sql, where=f"{KEY}.columns.y_true")
    return value if kind.endswith("[]") else None


def _truth(source: PredictionsSource) -> str:
    """What a row has to have beside its prediction; clusterings have no truth."""
    return "y_pred" if source.task == "clustering" else "y_true"


def _label(source: PredictionsSource, text: Sql) -> Sql:
    """A label as text; of two labels 1 for the declared positive one, and 0 for any other."""
    if source.positive is None:
        return text
    positive = literal(source.positive)
    return Sql(f"case when {text} = {positive} then 1e0 when {text} is not null then 0e0 end")


def _intake(source: PredictionsSource, prediction: Sql) -> Statement:
    is_binary = source.task == "binary"
    usable = f"{_truth(source)} is not null and {prediction} is not null"
    numbers = ["y_score", *(["y_true", "y_pred"] if source.task in _NUMBERS | {"binary"} else [])]
    labels = ["y_true"] if "y_score" in source.columns else ["y_true", "y_score"]
    wrong = " or ".join(f"({label} <> 0 and {label} <> 1)" for label in labels)
    shown = f"case when y_true <> 0 and y_true <> 1 then y_true else {labels[-1]} end"
    return compile_query(
        "prediction_intake",
        usable=Sql(usable),
        truth=Sql(_truth(source)),
        not_finite=Sql(" or ".join(f"not isfinite(coalesce({name}, 0e0))" for name in numbers)),
        wrong_label=Sql(wrong if is_binary else "false"),
        shown_label=Sql(shown if is_binary else "null"),
        score=Sql("y_pred" if source.task in _NUMBERS else "y_score"),
        positives=Sql(
            f"count(case when {usable} and y_true = 1 then 1 end)" if is_binary else "cast(null as double)"
        ),
    )


def _models(intake: Columns) -> dict[str, Predicted]:
    return {
        str(model): Predicted(
            model=str(model),
            rows=int(intake["row_count"][i]),
            with_truth=int(intake["with_truth"][i]),
            usable=int(intake["usable"][i]),
            positives=_whole(intake["positives"][i]),
            smallest=_number(intake["smallest"][i]),
            largest=_number(intake["largest"][i]),
            outside=int(intake["not_probabilities"][i]),
        )
        for i, model in enumerate(intake["model"])
    }


def _whole(number: float) -> int | None:
    return None if np.isnan(number) else int(number)


def _number(number: float) -> float | None:
    return None if np.isnan(number) else float(number)
