"""Scores of labels of many classes, against scikit-learn; the confusion matrix, and labels of all sorts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as oracle

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.contest import Contest
from abgap.offline.example_contests import Terms
from abgap.offline.tasks.contests import Procedure
from abgap.offline.tasks.labels import MOST_SHOWN, OTHER, LabelResults, label_contests
from abgap.records import Interval
from abgap.stats.class_counts import CLASS_SCORES
from abgap.study.load import check_study

Measure = Callable[..., LabelResults]
TERMS = Terms(alpha=0.05, seed=1, noun="examples")
rng = np.random.default_rng(5)
N = 300
CLASSES = ["cat", "dog", "'; drop table predictions; --", "<script>"]
TRUTH = rng.choice(CLASSES, N, p=[0.6, 0.25, 0.1, 0.05])
SAID = {
    model: np.where(rng.random(N) < right, TRUTH, rng.choice(CLASSES[:3], N))
    for model, right in (("old", 0.5), ("new", 0.75))
}
FRAME = pd.DataFrame(
    {
        "model": np.repeat(["old", "new"], N),
        "example": [f"e{i}" for i in range(N)] * 2,
        "y_true": np.tile(TRUTH, 2),
        "y_pred": np.concatenate([SAID["old"], SAID["new"]]),
        "slice 1": np.tile(np.where(np.arange(N) % 4 == 0, "<b>", "b|c"), 2),
    }
)
BY_CLASS = {"precision": oracle.precision_score, "recall": oracle.recall_score, "f1": oracle.f1_score}
EXPECTED: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": oracle.accuracy_score,
    "balanced_accuracy": oracle.balanced_accuracy_score,
    "micro_f1": partial(oracle.f1_score, average="micro"),
    **{
        f"{average}_{name}": partial(function, average=average, zero_division=0)
        for average in ("macro", "weighted")
        for name, function in BY_CLASS.items()
    },
}


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Put labels into an engine, and measure them."""

    def measured(
        frame: pd.DataFrame,
        *,
        pairs: Sequence[tuple[str, str]] = (("new", "old"),),
        declared: Mapping[str, Any] | None = None,
    ) -> LabelResults:
        columns = {name: name for name in ("model", "example", "y_true", "y_pred")}
        predictions = {"path": "p", "task": "multiclass", "columns": columns}
        study = check_study(
            {"offline": {"predictions": predictions}, "offline_metrics": dict(declared or {})}
        )
        slices = [name for name in frame.columns if name.startswith("slice ")]
        with DuckDBEngine(directory=tmp_path) as engine:
            engine.connection.register("given", frame.assign(series=None, at=None))
            engine.connection.execute("create temp table predictions as select * from given")
            alone = set(frame["model"]) - {model for model, _ in pairs}
            return label_contests(engine, study, slices, Procedure(terms=TERMS, pairs=pairs, alone=alone))

    return measured


def by_name(results: LabelResults) -> dict[tuple[str, str, str], Contest]:
    return {(c.metric, c.model, c.slice_value or ""): c for c in results.contests}


def test_every_score_is_that_of_scikit_learn_overall_and_by_slice(measure: Measure) -> None:
    found = by_name(measure(FRAME, declared={name: {} for name in EXPECTED}))
    for model in ("old", "new"):
        for value in ("", "<b>", "b|c"):
            part = FRAME[(FRAME["model"] == model) & (FRAME["slice 1"].eq(value) if value else True)]
            for name, function in EXPECTED.items():
                expected = function(part["y_true"], part["y_pred"])
                assert found[name, model, value].value == pytest.approx(expected, abs=1e-12), (name, value)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), min_size=1, max_size=40))
def test_scores_of_any_counts_are_those_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    truth, said = np.array([*pairs, (0, 1)]).T
    hits, predicted, actual = (np.bincount(x, minlength=6) for x in (truth[truth == said], said, truth))
    for name, function in EXPECTED.items():
        if name != "balanced_accuracy" or set(said) <= set(truth):
            found = CLASS_SCORES[name](hits.astype(float), predicted.astype(float), actual.astype(float))
            assert float(found) == pytest.approx(function(truth, said), abs=1e-12)


def test_accuracy_is_compared_pair_by_pair(measure: Measure) -> None:
    found = by_name(measure(FRAME))["accuracy", "new", ""]
    new, old = ((SAID[model] == TRUTH).astype(float) for model in ("new", "old"))
    expected = scipy.stats.ttest_rel(new, old)
    interval = expected.confidence_interval(0.95)
    assert isinstance(found.gain, Interval)
    assert (found.gain.low, found.gain.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)


def test_f1_is_resampled_over_examples(measure: Measure) -> None:
    found = by_name(measure(FRAME))["macro_f1", "new", ""]
    draws = np.random.default_rng(0).integers(0, N, (300, N))
    gains = [
        np.subtract(*(oracle.f1_score(TRUTH[d], SAID[m][d], average="macro") for m in ("new", "old")))
        for d in draws
    ]
    assert isinstance(found.gain, Interval)
    assert found.gain.method == "paired bootstrap"
    assert (found.gain.low, found.gain.high) == pytest.approx(np.quantile(gains, [0.025, 0.975]), abs=0.03)


def test_lazy_labels_score_what_their_formulas_say(measure: Measure) -> None:
    lazy = {
        name: by_name(measure(FRAME))[name, "new", ""].lazy
        for name in ("accuracy", "balanced_accuracy", "macro_f1")
    }
    shares = np.unique(TRUTH, return_counts=True)[1] / N
    p = shares.max()
    assert lazy["accuracy"]["majority class"] == pytest.approx(p)
    assert lazy["accuracy"]["random by class shares"] == pytest.approx((shares**2).sum())
    assert lazy["balanced_accuracy"]["majority class"] == pytest.approx(1 / len(shares))
    assert lazy["macro_f1"]["majority class"] == pytest.approx(2 * p / (1 + p) / len(shares))
    assert lazy["macro_f1"]["random by class shares"] == pytest.approx(1 / len(shares))


def test_the_confusion_matrix_is_that_of_scikit_learn(measure: Measure) -> None:
    found = {matrix.model: matrix for matrix in measure(FRAME).confusions}
    for model, said in SAID.items():
        matrix = found[model]
        assert set(matrix.classes) == set(CLASSES)
        assert matrix.other == 0
        expected = oracle.confusion_matrix(TRUTH, said, labels=list(matrix.classes))
        assert np.array(matrix.counts).tolist() == expected.tolist()


def test_rare_classes_share_a_row_where_there_are_very_many(measure: Measure) -> None:
    many = 50
    truth = [f"c{i}" for i in range(many) for _ in range(i + 1)]
    frame = pd.DataFrame(
        {"model": "m", "example": [f"e{i}" for i in range(len(truth))], "y_true": truth, "y_pred": truth}
    )
    results = measure(frame, pairs=())
    (matrix,) = results.confusions
    assert len(matrix.classes) == MOST_SHOWN + 1
    assert (matrix.classes[-1], matrix.other) == (OTHER, many - MOST_SHOWN)
    assert matrix.counts[-1][-1] == sum(range(1, many - MOST_SHOWN + 1))
    assert sum(map(sum, matrix.counts)) == len(truth)
    assert by_name(results)["macro_f1", "m", ""].value == 1.0


def test_models_with_another_truth_for_an_example_are_refused(measure: Measure) -> None:
    frame = FRAME.copy()
    frame.loc[0, "y_true"] = "fish"
    with pytest.raises(DataError, match=r"different truths for 1 example, e\.g\. 'e0'"):
        measure(frame)


def test_thousands_of_examples_are_compared_by_bucket(measure: Measure) -> None:
    n = 6000
    truth = rng.choice(["a", "b", "c"], n)
    said = [np.where(rng.random(n) < 0.7, truth, "a"), np.where(rng.random(n) < 0.6, truth, "b")]
    frame = pd.DataFrame(
        {
            "model": np.repeat(["new", "old"], n),
            "example": np.tile(np.arange(n), 2).astype(str),
            "y_true": np.tile(truth, 2),
            "y_pred": np.concatenate(said),
        }
    )
    found = by_name(measure(frame))["macro_f1", "new", ""]
    gain = oracle.f1_score(truth, said[0], average="macro") - oracle.f1_score(truth, said[1], average="macro")
    assert isinstance(found.gain, Interval)
    assert found.gain.estimate == pytest.approx(gain, abs=1e-12)
    assert found.gain.excludes_zero()
