"""Live predictions joined with what came of them, held against scikit-learn and against sums by unit in pandas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics

from abgap.errors import DataError
from abgap.pipeline.analysis import open_analysis
from abgap.records import Check, Interval, NotEstimable
from abgap.records.live import LiveModel, LiveQuality
from abgap.study.load import load_study
from tests.offline.live_world import HOSTILE, STUDY, World, make_world


def silent(message: str) -> None:
    """No progress."""


def measured(file: Path) -> tuple[LiveQuality, list[Check]]:
    with open_analysis(load_study(file), progress=silent) as analysis:
        return analysis.live.quality, analysis.live.checks


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def quality(world: World) -> LiveQuality:
    return measured(world.file)[0]


def model_of(quality: LiveQuality, name: str) -> LiveModel:
    return next(m for m in quality.models if m.model == name)


def placements(y: Any, score: Any) -> np.ndarray:
    """Of every row the share of the other label that it is on the right side of, ties half."""
    y, score = np.asarray(y, dtype=bool), np.asarray(score, dtype=float)
    found = np.zeros(len(y))
    for i in range(len(y)):
        other = score[~y] if y[i] else score[y]
        wins = (score[i] > other) if y[i] else (score[i] < other)
        found[i] = np.mean(wins + 0.5 * (score[i] == other))
    return found


def auc_influence(rows: pd.DataFrame, column: str) -> np.ndarray:
    y = rows["y"].to_numpy()
    placed = placements(y, rows[column])
    area = placed[y].mean()
    found: np.ndarray = np.where(y, (placed - area) / y.sum(), (placed - area) / (~y).sum())
    return found


def by_unit(rows: pd.DataFrame, influence: np.ndarray) -> float:
    """The variance of a value out of its influences, added up by unit."""
    sums = pd.Series(influence).groupby(rows["unit"].to_numpy()).sum()
    return float((sums**2).sum() * len(sums) / (len(sums) - 1))


def near(interval: object, estimate: float, variance: float, df: float) -> None:
    assert isinstance(interval, Interval)
    reach = stats.t.ppf(0.975, df) * variance**0.5
    assert interval.estimate == pytest.approx(estimate, rel=1e-9)
    assert interval.low == pytest.approx(estimate - reach, rel=1e-9)
    assert interval.high == pytest.approx(estimate + reach, rel=1e-9)


ORACLES: dict[str, Callable[[Any, Any], float]] = {
    "accuracy": lambda y, p: metrics.accuracy_score(y, p >= 0.5),
    "balanced_accuracy": lambda y, p: metrics.balanced_accuracy_score(y, p >= 0.5),
    "precision": lambda y, p: metrics.precision_score(y, p >= 0.5),
    "recall": lambda y, p: metrics.recall_score(y, p >= 0.5),
    "f1": lambda y, p: metrics.f1_score(y, p >= 0.5),
    "mcc": lambda y, p: metrics.matthews_corrcoef(y, p >= 0.5),
    "roc_auc": metrics.roc_auc_score,
    "log_loss": metrics.log_loss,
    "brier": metrics.brier_score_loss,
}


@pytest.mark.parametrize("model", ["old", "new"])
@pytest.mark.parametrize("metric", ORACLES)
def test_live_values_are_those_of_scikit_learn(
    world: World, quality: LiveQuality, model: str, metric: str
) -> None:
    rows = world.judged(model)
    found = model_of(quality, model).value(metric)
    assert found is not None
    assert found.value == pytest.approx(ORACLES[metric](rows["y"], rows["score"]), rel=1e-9)
    assert (found.n, found.units) == (len(rows), rows["unit"].nunique())
    test = world.tests[world.tests["model"] == model]
    assert found.offline_value == pytest.approx(ORACLES[metric](test["y_true"], test["y_score"]), rel=1e-9)


@pytest.mark.parametrize("model", ["old", "new"])
def test_values_by_slice_are_those_of_its_rows(world: World, quality: LiveQuality, model: str) -> None:
    rows, found = world.judged(model), model_of(quality, model)
    parts = found.by_slice("roc_auc", "device")
    assert set(parts) == {HOSTILE, "phone", None}
    for device in (HOSTILE, "phone"):
        mine = rows[rows["device"] == device]
        assert parts[device].value == pytest.approx(metrics.roc_auc_score(mine["y"], mine["score"]), rel=1e-9)
        test = world.tests[(world.tests["model"] == model) & (world.tests["device"] == device)]
        assert parts[device].offline_value == pytest.approx(
            metrics.roc_auc_score(test["y_true"], test["y_score"]), rel=1e-9
        )
    assert parts[None].offline_value is None
    counts = rows["device"].fillna("").value_counts().to_dict()
    assert dict(found.mix["device"]) == counts


def test_intervals_of_the_area_add_placements_up_by_unit(world: World, quality: LiveQuality) -> None:
    for model in ("old", "new"):
        rows = world.judged(model)
        found = model_of(quality, model).value("roc_auc")
        assert found is not None
        fewest = min(rows["unit"].nunique(), rows["y"].sum(), (~rows["y"]).sum())
        near(
            found.interval,
            metrics.roc_auc_score(rows["y"], rows["score"]),
            by_unit(rows, auc_influence(rows, "score")),
            fewest - 1,
        )


def test_intervals_of_means_and_ratios_add_influences_up_by_unit(world: World, quality: LiveQuality) -> None:
    rows = world.judged("new")
    y, called = rows["y"].to_numpy(), (rows["score"] >= 0.5).to_numpy()
    right = (y == called).astype(float)
    accuracy, precision = right.mean(), y[called].mean()
    of_precision = np.where(called, (y - precision) / called.sum(), 0.0)
    loss = ((rows["score"] - y) ** 2).to_numpy()
    units = rows["unit"].nunique()
    found = model_of(quality, "new")
    for name, estimate, influence, carriers in (
        ("accuracy", accuracy, (right - accuracy) / len(rows), len(rows)),
        ("precision", precision, of_precision, min(y.sum(), (~y).sum(), called.sum())),
        ("brier", loss.mean(), (loss - loss.mean()) / len(rows), len(rows)),
    ):
        value = found.value(name)
        assert value is not None
        near(value.interval, float(estimate), by_unit(rows, influence), min(units, carriers) - 1)


def test_two_scores_are_compared_on_the_requests_that_have_both(world: World, quality: LiveQuality) -> None:
    rows = world.judged("new")
    both = rows[rows["offline"].notna()].reset_index(drop=True)
    found = model_of(quality, "new").skew("roc_auc")
    assert found is not None
    assert found.n == len(both) < len(rows)
    served, offline = (metrics.roc_auc_score(both["y"], both[c]) for c in ("score", "offline"))
    assert found.served == pytest.approx(served, rel=1e-9)
    assert found.recomputed == pytest.approx(offline, rel=1e-9)
    influence = auc_influence(both, "offline") - auc_influence(both, "score")
    fewest = min(both["unit"].nunique(), both["y"].sum(), (~both["y"]).sum())
    near(found.skew, offline - served, by_unit(both, influence), fewest - 1)


def test_two_decisions_are_compared_on_the_requests_that_have_both(
    world: World, quality: LiveQuality
) -> None:
    rows = world.judged("old")
    both = rows[rows["offline"].notna()].reset_index(drop=True)
    y = both["y"].to_numpy()
    ours, theirs = ((both[c] >= 0.5).to_numpy() == y for c in ("score", "offline"))
    found = model_of(quality, "old").skew("accuracy")
    assert found is not None
    difference = theirs.astype(float) - ours
    near(
        found.skew,
        float(difference.mean()),
        by_unit(both, (difference - difference.mean()) / len(both)),
        both["unit"].nunique() - 1,
    )


def test_served_and_offline_scores_are_held_against_each_other(world: World, quality: LiveQuality) -> None:
    rows = world.rows[(world.rows["model"] == "new") & world.rows["offline"].notna()]
    apart = (rows["score"] - rows["offline"]).abs()
    found = model_of(quality, "new").scores
    assert found is not None
    assert (found.compared, found.differing) == (len(rows), int((apart > 1e-9).sum()))
    assert found.largest == pytest.approx(apart.max(), rel=1e-12)
    assert found.share == found.differing / found.compared


def test_what_does_not_count_is_counted(world: World) -> None:
    quality, checks = measured(world.file)
    (intake,) = quality.intakes
    assert dict(intake.left_out) == {
        "without a model": 2,
        "without a unit": 1,
        "without a time": 3,
        "without a score": 4,
    }
    assert intake.outside == 6
    assert {m.model: m.young for m in quality.models} == {
        name: int((~world.rows[world.rows["model"] == name]["old"]).sum()) for name in ("old", "new")
    }
    others = sum(n for m in quality.models for n in m.other_models.values())
    assert others == 6
    assert {name for m in quality.models for name in m.other_models} == {"third"}
    said = {c.name: c.sentence for c in checks}
    assert "6 of" in said["live_rows"]
    assert "'third'" in said["live_models"]


def test_days_without_a_change_keep_their_level(quality: LiveQuality, world: World) -> None:
    (series,) = model_of(quality, "new").series
    assert series.metric == "roc_auc"
    assert sum(day.n for day in series.days) == len(world.judged("new"))
    assert series.change is None or series.change.p_adjusted >= series.change.p_value


def test_a_metric_that_is_not_measured_live_is_named(quality: LiveQuality) -> None:
    assert quality.intakes[0].not_measured == ("average_precision", "calibration_error")


def test_a_request_that_stands_twice_is_refused(tmp_path: Path) -> None:
    world = make_world(tmp_path, units=20)
    live = pd.read_parquet(tmp_path / "live.parquet")
    pd.concat([live, live.iloc[:1]]).to_parquet(tmp_path / "live.parquet", index=False)
    with pytest.raises(DataError, match=r"live\.predictions: request 'u0-0' of model '\w+' stands 2 times"):
        measured(world.file)


def test_a_score_that_is_no_number_is_refused(tmp_path: Path) -> None:
    world = make_world(tmp_path, units=20)
    live = pd.read_parquet(tmp_path / "live.parquet")
    live.loc[3, "score"] = np.inf
    live.to_parquet(tmp_path / "live.parquet", index=False)
    with pytest.raises(DataError, match="1 row whose score is NaN or infinite"):
        measured(world.file)


def test_an_outcome_by_a_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    world = make_world(tmp_path, units=20, study=STUDY.replace('key = "request"', 'key = "requests"'))
    with pytest.raises(DataError, match=r"live\.predictions\.outcome\.key.*did you mean 'request'"):
        measured(world.file)


def test_few_units_have_values_without_intervals(tmp_path: Path) -> None:
    world = make_world(tmp_path, units=7)
    quality, _ = measured(world.file)
    found = model_of(quality, "new").value("accuracy")
    assert found is not None
    assert isinstance(found.interval, NotEstimable)
    assert "at least 8 are needed" in found.interval.detail
