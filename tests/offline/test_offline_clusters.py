"""Clusterings against scikit-learn, with weights and without; what cannot be judged is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError, EngineError
from abgap.offline.contest import Contest
from abgap.offline.tasks import extras
from abgap.offline.tasks.run import measure_task
from abgap.records import Interval, NotEstimable
from abgap.stats.clusters import calinski_harabasz, davies_bouldin
from abgap.study.load import check_study

Found = Mapping[tuple[str, str, str], Contest]
rng = np.random.default_rng(4)
N = 60
POINTS = np.vstack([rng.normal(0, 1, (N // 2, 2)), rng.normal(6, 1, (N // 2, 2))])
KIND = np.repeat(["<b>", "x|y"], N // 2)
NOISY = np.where(rng.random(N) < 0.8, KIND, "other")
FRAME = pd.DataFrame(
    {
        "model": np.repeat(["new", "old"], N),
        "example": np.tile([f"e{i}" for i in range(N)], 2),
        "y_pred": np.concatenate([KIND, NOISY]),
        "height": np.tile(POINTS[:, 0], 2),
        "it's": np.tile(POINTS[:, 1], 2),
        "half": np.tile(np.where(np.arange(N) % 2, "odd", "even"), 2),
    }
)


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., Found]:
    """Write clusters, and measure them."""

    def measured(frame: pd.DataFrame, **keys: Any) -> Found:
        frame.to_parquet(tmp_path / "p.parquet", index=False)
        columns = {name: name for name in ("model", "example", "y_pred")}
        source = {
            "path": "p.parquet",
            "task": "clustering",
            "columns": columns,
            "features": ["height", "it's"],
        }
        study = check_study(
            {"offline": {"production": "old", "predictions": source | {"slices": ["half"]} | keys}}
        )
        with DuckDBEngine(directory=tmp_path) as engine:
            contests = measure_task(engine, study, tmp_path, []).contests
        return {(c.metric, c.model, c.slice_value or ""): c for c in contests}

    return measured


def test_scores_are_those_of_scikit_learn(measure: Callable[..., Found]) -> None:
    found = measure(FRAME)
    for model, labels in (("new", KIND), ("old", NOISY)):
        expected = {
            "silhouette": oracle.silhouette_score(POINTS, labels),
            "davies_bouldin": oracle.davies_bouldin_score(POINTS, labels),
            "calinski_harabasz": oracle.calinski_harabasz_score(POINTS, labels),
        }
        assert {name: found[name, model, ""].value for name in expected} == pytest.approx(expected, rel=1e-9)
    odd = np.arange(N) % 2 == 1
    each = oracle.silhouette_samples(POINTS, KIND)
    assert found["silhouette", "new", "odd"].value == pytest.approx(each[odd].mean(), rel=1e-9)
    expected_odd = oracle.calinski_harabasz_score(POINTS[odd], KIND[odd])
    assert found["calinski_harabasz", "new", "odd"].value == pytest.approx(expected_odd, rel=1e-9)


def test_better_clusters_are_established_and_random_ones_are_beaten(measure: Callable[..., Found]) -> None:
    found = measure(FRAME)
    silhouette, index = found["silhouette", "new", ""], found["calinski_harabasz", "new", ""]
    assert isinstance(silhouette.gain, Interval)
    assert (silhouette.gain.method, silhouette.gain.low > 0) == ("paired-t", True)
    assert isinstance(index.gain, Interval)
    assert (index.gain.method, index.gain.low > 0) == ("paired bootstrap", True)
    assert (index.p_value, index.p_permutation) == (None, None), "clusters cannot be exchanged"
    assert silhouette.lazy["random clusters"] < 0.2
    assert index.lazy["random clusters"] < 10.0


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 5), st.integers(0, 2**31), st.integers(6, 25))
def test_weights_count_examples_again(k: int, seed: int, n: int) -> None:
    draws = np.random.default_rng(seed)
    points, labels = draws.normal(size=(n, 3)), np.arange(n) % k
    weights = draws.integers(0, 3, n)
    again, names = np.repeat(points, weights, axis=0), np.repeat(labels, weights)
    if 2 <= len(set(names)) < len(names):
        row = weights[None, :].astype(float)
        expected = oracle.davies_bouldin_score(again, names), oracle.calinski_harabasz_score(again, names)
        got = davies_bouldin(points, labels, row)[0], calinski_harabasz(points, labels, row)[0]
        # A cluster of one point has no spread: what rounding leaves of it is not compared.
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_one_cluster_has_no_score_and_says_why(measure: Callable[..., Found]) -> None:
    found = measure(FRAME.assign(y_pred=np.where(FRAME["model"] == "new", "all", FRAME["y_pred"])))
    for metric in ("silhouette", "davies_bouldin", "calinski_harabasz"):
        contest = found[metric, "new", ""]
        assert contest.value is None
        assert isinstance(contest.gain, NotEstimable)
        assert "at least two clusters" in contest.gain.detail
    assert found["silhouette", "old", ""].value is not None


def test_models_cluster_the_same_examples_by_the_same_features(measure: Callable[..., Found]) -> None:
    with pytest.raises(DataError, match="all models have to cluster the same examples"):
        measure(FRAME.iloc[1:])
    with pytest.raises(DataError, match="1 example with other features"):
        measure(FRAME.assign(height=FRAME["height"] + np.where(np.arange(2 * N) == 3, 1.0, 0.0)))
    with pytest.raises(DataError, match="1 row without a feature"):
        measure(FRAME.assign(height=np.where(np.arange(2 * N) == 3, np.nan, FRAME["height"])))


def test_without_scikit_learn_the_error_says_what_to_install(
    measure: Callable[..., Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(extras, "import_module", nothing)
    with pytest.raises(EngineError, match=r"install abgap\[clustering\]"):
        measure(FRAME)
