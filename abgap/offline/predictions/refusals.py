"""What is refused of predictions: rows out of which numbers would be wrong, each in one sentence that counts them."""

from __future__ import annotations

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine, reading, text_or_none
from abgap.errors import DataError
from abgap.records.words import count, plural
from abgap.study.model import Predictions as PredictionsSource

KEY = "offline.predictions"
"""The source's place in the study."""


def refuse_unusable(source: PredictionsSource, intake: Columns) -> None:
    """Raise DataError for rows without names, numbers that are none, and labels that are none. intake: by model."""
    names = ("model", "without_example", "not_finite", "wrong_labels", "wrong_label")
    for model, no_example, not_finite, wrong_labels, wrong_label in zip(
        *(intake[name] for name in names), strict=True
    ):
        if not isinstance(model, str):
            raise DataError(f"{KEY}: a row has no model; name the model in every row, or take the row out")
        where = f"{KEY}: model {model!r}"
        if no_example:
            raise DataError(
                f"{where} has {plural(no_example, 'row')} without an example; give every row the id of its example"
            )
        if not_finite:
            raise DataError(
                f"{where} has {plural(not_finite, 'row')} with NaN or infinity; mend them, or leave them empty: "
                'null in Parquet (in pandas pd.NA in a "Float64" column), nothing between the commas in CSV'
            )
        if wrong_labels:
            raise DataError(
                f"{where} has {plural(wrong_labels, 'row')} whose label is not 0 or 1, e.g. {_shown(wrong_label)}; "
                'say which label is the positive one (positive = "..."), or choose another task'
            )
    positives = intake["positives"]
    if source.positive is not None and len(positives) and not np.any(positives > 0):
        raise DataError(
            f"{KEY}.positive: no row has the label {source.positive!r}; write it as it stands in the data"
        )


def _shown(label: object) -> str:
    """A number in a message without needless digits."""
    return f"{float(str(label)):g}"


def refuse_repeated(engine: Engine) -> None:
    """Raise DataError when a model has two predictions for one example."""
    with reading(KEY):
        found = engine.fetch(compile_query("repeated_predictions"))
    for model, repeated, example in zip(found["model"], found["repeated"], found["example"], strict=True):
        raise DataError(
            f"{KEY}: model {model!r} has more than one row for {plural(repeated, 'example')}, e.g. {example!r}; "
            "one prediction per model and example is needed"
        )


def only_split(intake: Columns) -> str | None:
    """The split that all models were evaluated on; None when none is mapped."""
    models, first, last = (text_or_none(intake[name]) for name in ("model", "first_split", "last_split"))
    names = sorted({name for name in (*first, *last) if name is not None})
    for model, low, high in zip(models, first, last, strict=True):
        if low != high:
            raise DataError(
                f"{KEY}: model {model!r} has rows of several splits, such as {low!r} and {high!r}; "
                'evaluate one of them: query = "SELECT ... WHERE split = ..."'
            )
    if len(names) > 1 or (names and np.any(intake["without_split"] > 0)):
        counted = ", ".join(
            f"{model!r} on {split!r} ({count(rows)} rows)"
            for model, split, rows in zip(models, first, intake["row_count"], strict=True)
        )
        raise DataError(
            f"{KEY}: models were evaluated on different splits: {counted}; compare them on the same one"
        )
    return names[0] if names else None
