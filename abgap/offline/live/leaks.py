"""Signs of leaks in the test set: examples that were learnt from, features that are the label in disguise, and age.

A model that was trained until a day was not tested by examples from before it: quality that is much better there than
later is memory.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Given, Relation
from abgap.engine.values import mapped_number
from abgap.offline.live.binary import Examples, Gauge, influenced
from abgap.offline.live.unit_sums import Sizes
from abgap.offline.predictions.definitions import BinaryMetric, Needs
from abgap.offline.predictions.intake import Predictions, open_predictions
from abgap.records.leaks import AgedValue, Leaks, Overlap
from abgap.sources.columns import mapped_text, plain_names
from abgap.sources.sql import Named, Sql, identifier, literal
from abgap.study.model import Study

TRAINED_ON = "offline.trained_on"
_AUC = BinaryMetric(name="roc_auc", base="roc_auc", words="", needs=Needs.ORDER, undefined="")
_NO_PART = Sql("cast(null as varchar)")
# Ages in days after the end of training; the last one has no end.
_AGES = ((0, "before the end of training"), (7, "up to 7 days after"), (28, "8 to 28 days after"))
_OLDEST = "more than 28 days after"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLeaks:
    """What was found, and the source that was opened for it."""

    leaks: Leaks
    relation: Relation | None = None


def find_leaks(engine: Engine, study: Study, directory: Path, *, ranked: bool) -> FoundLeaks:
    """Look for leaks in the test set. ranked: whether ``offline_values`` holds rankings per query in the engine."""
    predictions = None
    if study.offline.predictions is not None and study.offline.predictions.task == "binary":
        predictions = open_predictions(engine, study, directory)
    overlaps, relation = _overlaps(engine, study, directory, predictions, ranked=ranked)
    features: dict[str, float] = {}
    ages: tuple[AgedValue, ...] = ()
    if predictions is not None:
        features = _features(engine, predictions)
        ages = _ages(engine, study, predictions)
    return FoundLeaks(leaks=Leaks(overlaps=overlaps, features=features, ages=ages), relation=relation)


def _overlaps(
    engine: Engine, study: Study, directory: Path, predictions: Predictions | None, *, ranked: bool
) -> tuple[dict[str, Overlap], Relation | None]:
    source = study.offline.trained_on
    tested = ("predictions", "example") if predictions is not None else ("offline_values", "example")
    if source is None or (predictions is None and not ranked):
        return {}, None
    relation = engine.open_source(TRAINED_ON, source, directory, text=plain_names(source, "example", "model"))
    found = engine.fetch(
        compile_query(
            "trained_overlap",
            source=relation.sql,
            example=mapped_text(source, relation.table, "example"),
            model=mapped_text(source, relation.table, "model") if "model" in source.columns else None,
            tested=identifier(tested[0]),
            tested_example=identifier(tested[1]),
        )
    )
    overlaps = {
        str(model): Overlap(examples=int(found["examples"][i]), trained=int(found["trained"][i]))
        for i, model in enumerate(found["model"])
    }
    return overlaps, relation


def _features(engine: Engine, predictions: Predictions) -> dict[str, float]:
    """ROC-AUC of every declared feature, from .5 on: a feature may point the other way."""
    source, table, sql = predictions.source, predictions.relation.table, predictions.relation.sql
    if not source.features:
        return {}
    columns = [table.find(name, where="offline.predictions.features") for name in source.features]
    features = [
        Named(
            name=literal(i),
            value=mapped_number(
                engine,
                source.model_copy(update={"columns": {**source.columns, "feature": column}}),
                table,
                sql,
                "feature",
            ),
        )
        for i, column in enumerate(columns)
    ]
    statement = compile_query(
        "test_features",
        features=features,
        source=sql,
        example=mapped_text(source, table, "example"),
        y_true=_truth(engine, predictions),
    )
    engine.create_view("test_features", statement)
    found = _areas(engine, predictions, "test_features", _NO_PART)
    return {source.features[place]: max(area, 1.0 - area) for (place, _), (area, _) in found.items()}


def _truth(engine: Engine, predictions: Predictions) -> Sql:
    source, table = predictions.source, predictions.relation.table
    if source.positive is None:
        return mapped_number(engine, source, table, predictions.relation.sql, "y_true")
    text = mapped_text(source, table, "y_true")
    return Sql(f"case when {text} = {literal(source.positive)} then 1e0 when {text} is not null then 0e0 end")


def _ages(engine: Engine, study: Study, predictions: Predictions) -> tuple[AgedValue, ...]:
    """ROC-AUC of models by how long after the end of their training examples were made."""
    ends = {
        name: model.trained_until
        for name, model in study.models.items()
        if name in predictions.models and model.trained_until is not None
    }
    if not ends or "at" not in predictions.source.columns:
        return ()
    names = sorted(ends)
    engine.put_table(
        "trained_until",
        {
            "place": Given(type="BIGINT", values=list(range(len(names)))),
            "model": Given(type="VARCHAR", values=names),
            "until": Given(
                type="TIMESTAMP", values=[dt.datetime.combine(ends[name], dt.time()) for name in names]
            ),
        },
    )
    ages = [
        Named(name=literal(said), value=Sql(f"p.\"at\" < t.until + interval '{days + 1}' day"))
        for days, said in _AGES
    ]
    ages.append(Named(name=literal(_OLDEST), value=Sql("true")))
    engine.create_view("test_ages", compile_query("test_ages", ages=ages))
    found = _areas(engine, predictions, "test_ages", Sql("part"))
    order = [said for _, said in (*_AGES, (0, _OLDEST))]
    return tuple(
        AgedValue(model=names[place], age=str(age), n=n, value=area)
        for (place, age), (area, n) in sorted(
            found.items(), key=lambda each: (each[0][0], order.index(str(each[0][1])))
        )
    )


def _areas(
    engine: Engine, predictions: Predictions, table: str, part: Sql
) -> dict[tuple[int, str | None], tuple[float, int]]:
    """ROC-AUC and the examples of every place and part that has both labels."""
    usable = sum(m.usable for m in predictions.models.values())
    gauge = Gauge(metrics=(_AUC,), threshold=0.5, probabilities=False)
    examples = Examples(source=identifier(table), place=Sql("place"), unit=Sql("unit"), score=Sql("score"))
    sums = gauge.sums(engine, examples, part, Sizes(most=max(usable, 1), units=max(usable, 1)))
    found = {at: (influenced(_AUC, each).value, int(each.totals["rows"])) for at, each in sums.items()}
    return {(at.place, at.part): each for at, each in found.items() if np.isfinite(each[0])}


def names_of(leaks: Leaks, over: float) -> Sequence[str]:
    """The features that tell labels apart better than ``over``, best first."""
    told = sorted(leaks.features.items(), key=lambda each: -each[1])
    return [name for name, area in told if area > over]
