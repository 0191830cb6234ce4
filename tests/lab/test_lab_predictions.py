"""The world "predictions": its truth against very many draws, and the numbers of the seeds as abgap finds them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from abgap.lab.scenarios.base import SHARE, PlantedTruth, Strength
from abgap.lab.scenarios.folder import STUDY, make_scenario
from abgap.lab.scenarios.predictions.catalogue import PLANTINGS
from abgap.lab.scenarios.predictions.draw import Drawn, draw, own_noise, score
from abgap.lab.scenarios.predictions.plan import ROC_AUC, Ability, Alarm, Mix, Plan
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.pipeline.analysis import Analysis, open_analysis
from abgap.records import Interval
from abgap.records.live import LiveValue
from abgap.study.load import load_study

VERY_MANY = 400_000
OLD, NEW = "launch_001 live", "launch_001 new"


def silent(message: str) -> None:
    """No progress."""


@contextmanager
def analysed(name: str, directory: Path) -> Iterator[Analysis]:
    make_scenario(SCENARIOS[name], directory, seed=20260101, strength=Strength.CLEAR, replicates=1)
    with open_analysis(load_study(directory / STUDY), progress=silent) as analysis:
        yield analysis


def offline_value(analysis: Analysis, metric: str, model: str = NEW) -> float:
    row = next(
        r for r in analysis.offline.rows if r.metric == metric and r.slice_name is None and r.model == NEW
    )
    value = row.value if model == NEW else row.baseline_value
    assert value is not None
    return value


def live_value(analysis: Analysis, metric: str, slice_name: str | None = None) -> LiveValue:
    live = next(m for m in analysis.live.quality.models if m.model == NEW)
    wanted = (metric, slice_name, None if slice_name is None else "new")
    return next(v for v in live.values if (v.metric, v.slice_name, v.slice_value) == wanted)


def holds(value: LiveValue, truth: float) -> bool:
    assert isinstance(value.interval, Interval)
    return value.interval.low <= truth <= value.interval.high


def measured(plan: Plan, ability: Ability | Alarm, mix: Mix) -> float:
    rng = np.random.default_rng(11)
    drawn = draw(rng, VERY_MANY, positives=plan.positives, mix=mix)
    scores = score(ability, drawn, own_noise(rng, drawn))
    if plan.metric == ROC_AUC:
        return float(roc_auc_score(drawn.positive, scores))
    return float(((scores >= 0.5) == drawn.positive).mean())


@pytest.mark.parametrize("name", sorted(PLANTINGS))
def test_metrics_of_very_many_examples_are_those_that_the_truth_is_made_of(name: str) -> None:
    plan = PLANTINGS[name](SHARE[Strength.CLEAR])
    for model in (plan.control, plan.treatment):
        for ability, mix in ((model.offline, plan.test), (model.served, plan.live)):
            assert measured(plan, ability, mix) == pytest.approx(plan.value(ability, mix), abs=0.0025)


@pytest.mark.parametrize("name", sorted(PLANTINGS))
def test_a_weaker_plant_takes_less_and_no_plant_changes_what_is_expected(name: str) -> None:
    plans = [PLANTINGS[name](SHARE[strength]) for strength in Strength]
    taken = [plan.expected - plan.true_lift for plan in plans]
    if plans[0].reason is None:
        assert taken == pytest.approx([0.0, 0.0, 0.0], abs=1e-15)
    elif plans[0].reason == "lazy_metric":
        assert taken == pytest.approx([plan.expected for plan in plans], abs=1e-15)
    else:
        assert 0.0 < taken[0] < taken[1] < taken[2] <= plans[2].expected
        assert len({round(plan.expected, 12) for plan in plans}) == 1


def test_the_scores_of_a_model_are_the_same_live_and_in_the_offline_pipeline_where_nothing_is_wrong(
    tmp_path: Path,
) -> None:
    for name in ("predictions_honest_win", "serving_skew", "silent_update"):
        planted = make_scenario(
            SCENARIOS[name], tmp_path / name, seed=3, strength=Strength.CLEAR, replicates=1
        )
        assert isinstance(planted[0], PlantedTruth)
        rows = pq.read_table(tmp_path / name / "logs/predictions.parquet").to_pandas()
        differ = set(rows.loc[rows["score"] != rows["replayed"], "model"])
        expected = {"serving_skew": {NEW}, "silent_update": {OLD}}
        assert differ == expected.get(name, set())


def test_examples_that_models_learnt_from_are_not_in_the_test_set(tmp_path: Path) -> None:
    make_scenario(SCENARIOS["label_leakage"], tmp_path / "x", seed=3, strength=Strength.CLEAR, replicates=2)
    offline = tmp_path / "x" / "offline"
    tested = set(pq.read_table(offline / "predictions.parquet")["example"].to_pylist())
    learnt = set(pq.read_table(offline / "trained_on.parquet")["example"].to_pylist())
    assert tested
    assert learnt
    assert not tested & learnt


def test_seed_leakage_auc_is_98_offline_and_72_live(tmp_path: Path) -> None:
    with analysed("label_leakage", tmp_path / "x") as analysis:
        assert offline_value(analysis, "roc_auc") == pytest.approx(0.98, abs=0.005)
        live = live_value(analysis, "roc_auc")
        assert holds(live, 0.72)
        assert live.value == pytest.approx(0.72, abs=0.02)
        assert isinstance(live.difference, Interval)
        assert live.difference.high < -0.2


def test_seed_new_market_is_95_right_offline_91_live_and_82_in_the_new_slice(tmp_path: Path) -> None:
    with analysed("new_market", tmp_path / "x") as analysis:
        assert offline_value(analysis, "accuracy") == pytest.approx(0.95, abs=0.006)
        live, in_slice = live_value(analysis, "accuracy"), live_value(analysis, "accuracy", "market")
        assert holds(live, 0.91)
        assert holds(in_slice, 0.82)
        assert live.value == pytest.approx(0.91, abs=0.015)
        assert in_slice.value == pytest.approx(0.82, abs=0.03)


def test_seed_accuracy_trap_is_99_5_for_doing_nothing_and_finds_2_5_of_the_positives(tmp_path: Path) -> None:
    with analysed("accuracy_trap", tmp_path / "x") as analysis:
        row = next(
            r for r in analysis.offline.rows if (r.model, r.metric, r.slice_name) == (NEW, "accuracy", None)
        )
        assert row.lazy["majority"] == 0.995
        assert row.target_ready is False
        assert offline_value(analysis, "recall") == 0.025
        assert offline_value(analysis, "accuracy") > offline_value(analysis, "accuracy", OLD) + 0.008


def test_drawn_examples_can_be_taken_apart() -> None:
    drawn = draw(np.random.default_rng(1), 1_000, positives=0.2, mix=Mix(new=0.25, perturbed=0.5))
    assert (drawn.positive.sum(), drawn.new.sum(), drawn.perturbed.sum()) == (200, 250, 500)
    some = drawn.keep(drawn.new)
    assert isinstance(some, Drawn)
    assert len(some) == 250
    assert some.new.all()
