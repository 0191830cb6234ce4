"""Predictions are read under canonical names, counted, and refused in one sentence where numbers would be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.predictions.intake import Predictions, open_predictions
from abgap.study.model import Study

StudyOf = Callable[..., Study]


def rows(**columns: Any) -> dict[str, Any]:
    """Four predictions of a model, with columns replaced."""
    return {
        "model": ["m"] * 4,
        "example": ["a", "b", "c", "d"],
        "y_true": [0, 1, 1, 0],
        "y_score": [0.1, 0.9, 0.4, 0.2],
    } | columns


@pytest.fixture
def opened(study_of: StudyOf, tmp_path: Path) -> Callable[..., tuple[Predictions, list[tuple[Any, ...]]]]:
    """What is known of predictions, and the rows of the view."""

    def reader(table: Any, **keys: Any) -> tuple[Predictions, list[tuple[Any, ...]]]:
        with DuckDBEngine(directory=tmp_path) as engine:
            found = open_predictions(engine, study_of(table, **keys), tmp_path)
            assert found is not None
            listed = "model, example, y_true, y_score, y_pred, split"
            return found, engine.rows(f"SELECT {listed} FROM predictions ORDER BY ALL")

    return reader


@pytest.fixture
def sentence(opened: Callable[..., Any]) -> Callable[..., str]:
    def refused(table: Any, **keys: Any) -> str:
        with pytest.raises(DataError) as caught:
            opened(table, **keys)
        return caught.value.message

    return refused


def test_a_model_is_counted(opened: Any) -> None:
    found, view = opened(rows())
    model = found.models["m"]
    assert (model.rows, model.usable, model.skipped, model.positives) == (4, 4, 0, 2)
    assert (model.smallest, model.largest, model.probabilities) == (0.1, 0.9, True)
    assert view[0] == ("m", "a", 0.0, 0.1, None, None)
    assert found.scored


def test_rows_without_truth_or_score_are_skipped_and_counted(opened: Any) -> None:
    found, view = opened(rows(y_true=[None, 1, 1, 0], y_score=[0.1, None, 0.4, 0.2]))
    assert (found.models["m"].rows, found.models["m"].usable, found.models["m"].skipped) == (4, 2, 2)
    assert [row[1] for row in view] == ["c", "d"]


def test_scores_outside_zero_to_one_are_counted_not_refused(opened: Any) -> None:
    found, _ = opened(rows(y_score=[-1.0, 0.5, 7.0, 0.2]))
    assert (found.models["m"].outside, found.models["m"].probabilities) == (2, False)


@pytest.mark.parametrize(
    ("labels", "positive"),
    [([False, True, True, False], None), (["ham", "spam", "spam", "ham"], "spam"), ([1, 2, 2, 1], "2")],
)
def test_labels_may_be_booleans_or_anything_with_a_positive_one(
    opened: Any, labels: list[Any], positive: str | None
) -> None:
    keys = {} if positive is None else {"positive": positive}
    _, view = opened(rows(y_true=labels), **keys)
    assert [row[2] for row in view] == [0, 1, 1, 0]


def test_decisions_stand_for_scores(opened: Any) -> None:
    table = rows(y_pred=["no", "yes", "no", "no"], y_true=["no", "yes", "yes", "no"])
    del table["y_score"]
    found, view = opened(table, positive="yes")
    assert not found.scored
    assert [row[3] for row in view] == [0, 1, 0, 0]


def test_several_labels_stay_text(opened: Any) -> None:
    found, view = opened(rows(y_true=[1, 2, 3, 1], y_pred=[1, 2, 2, 3]), task="multiclass")
    assert [(row[2], row[4]) for row in view] == [("1", "1"), ("2", "2"), ("3", "2"), ("1", "3")]
    assert found.models["m"].positives is None


def test_numbers_are_numbers(opened: Any) -> None:
    table = rows(y_true=[1.5, 2.0, 3.0, -1.0], y_pred=[1.0, 2.0, None, 3.0])
    _, view = opened(table, task="regression")
    assert [(row[2], row[4]) for row in view] == [(1.5, 1.0), (2.0, 2.0), (-1.0, 3.0)]


def test_slices_may_be_called_like_columns_of_ours(opened: Any) -> None:
    hostile = "'; drop table x; --"
    found, _ = opened(rows(bin=["x"] * 4, **{hostile: ["y"] * 4}), slices=["bin", "y_true", hostile])
    assert [s.name for s in found.slices] == ["bin", "y_true", hostile]


def test_nothing_is_refused_that_is_another_series(opened: Any) -> None:
    table = rows(example=["a", "a", "b", "b"], series=["x", "y", "x", "y"], y_pred=[1.0, 2.0, 3.0, 4.0])
    found, _ = opened(table, task="forecast")
    assert found.models["m"].usable == 4


class TestRefused:
    def test_two_predictions_for_one_example(self, sentence: Any) -> None:
        assert sentence(rows(example=["a", "a", "b", "b"])) == (
            "offline.predictions: model 'm' has more than one row for 2 examples, e.g. 'a'; "
            "one prediction per model and example is needed"
        )

    def test_the_test_of_repeats_can_be_trusted_away(self, opened: Any) -> None:
        found, _ = opened(rows(example=["a", "a", "b", "b"]), unique="trust")
        assert found.models["m"].rows == 4

    @pytest.mark.parametrize("bad", [np.inf, -np.inf])
    def test_scores_that_are_no_numbers(self, sentence: Any, bad: float) -> None:
        assert sentence(rows(y_score=[bad, 0.1, 0.1, 0.1])) == (
            "offline.predictions: model 'm' has 1 row with NaN or infinity; mend them, or leave them empty: null in "
            'Parquet (in pandas pd.NA in a "Float64" column), nothing between the commas in CSV'
        )

    def test_labels_outside_zero_and_one(self, sentence: Any) -> None:
        assert sentence(rows(y_true=[0, 1, 2, 2])) == (
            "offline.predictions: model 'm' has 2 rows whose label is not 0 or 1, e.g. 2; "
            'say which label is the positive one (positive = "..."), or choose another task'
        )

    def test_labels_that_are_text(self, sentence: Any) -> None:
        assert sentence(rows(y_true=["ham", "spam", "spam", "ham"])) == (
            "offline.predictions.columns.y_true: labels of binary predictions are 0 and 1, but these are text; "
            'say which label is the positive one: positive = "..."'
        )

    def test_a_positive_label_that_nobody_has(self, sentence: Any) -> None:
        assert "no row has the label 'Spam'; write it as it stands" in sentence(
            rows(y_true=["ham", "spam", "spam", "ham"]), positive="Spam"
        )

    def test_a_row_without_a_model(self, sentence: Any) -> None:
        assert "a row has no model" in sentence(rows(model=["m", "m", None, "m"]))

    def test_a_row_without_an_example(self, sentence: Any) -> None:
        assert "has 1 row without an example" in sentence(rows(example=["a", None, "c", "d"]))

    def test_several_splits_of_a_model(self, sentence: Any) -> None:
        assert "has rows of several splits, such as 'test' and 'train'; evaluate one" in sentence(
            rows(split=["test", "train", "test", "test"])
        )

    def test_models_on_different_splits(self, sentence: Any) -> None:
        table = rows(model=["m", "m", "n", "n"], split=["a", "a", "b", "b"])
        assert sentence(table) == (
            "offline.predictions: models were evaluated on different splits: 'm' on 'a' (2 rows), 'n' on 'b' (2 rows); "
            "compare them on the same one"
        )
