"""The written-down truth agrees with itself, with truth.json and with the demo study."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from abgap.lab.sample.expectation import true_lifts
from abgap.lab.sample.models import MODELS, OFFLINE_METRICS
from abgap.lab.sample.plant import PlantedExperiment
from abgap.lab.sample.truth import EXCHANGE_RATE, EXPERIMENTS, PRE_PERIOD_DAYS, SMALLEST_WORTHWHILE_LIFT
from abgap.lab.sample.truthfile import as_json
from abgap.records import VerdictName
from abgap.study.model import Experiment, Study

SAMPLE_DATA = Path(__file__).parents[2] / "sample_data"
BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}


@pytest.fixture(scope="module")
def study() -> Study:
    return Study.model_validate(tomllib.loads((SAMPLE_DATA / "abgap.toml").read_text(encoding="utf-8")))


def test_truth_json_is_what_the_truth_says() -> None:
    written = (SAMPLE_DATA / "truth.json").read_text(encoding="utf-8")
    assert written == as_json(), "run: python -m abgap.lab.sample > sample_data/truth.json"


def test_every_verdict_is_planted_at_least_once() -> None:
    planted = {arm.verdict for experiment in EXPERIMENTS for arm in experiment.treatments.values()}
    assert planted == set(VerdictName)


def test_the_search_ranking_story_has_its_figures() -> None:
    second, third = BY_NAME["search_v2"], BY_NAME["search_v3"]
    assert MODELS["ranker-1"].scores["ndcg@10"] == 0.72
    assert MODELS["ranker-2"].scores["ndcg@10"] == 0.78
    latencies = [MODELS[name].latency_p50_ms for name in ("ranker-1", "ranker-2-shadow", "ranker-2")]
    assert latencies == [250, 800, 300]
    lifts = true_lifts(second, second.arms["B"])
    assert lifts["clicks_per_session"] == pytest.approx(0.04)
    assert lifts["revenue_per_session"] == pytest.approx(0.0, abs=1e-12)
    lifts = true_lifts(third, third.arms["B"])
    assert lifts["clicks_per_session"] == pytest.approx(0.03)
    assert lifts["revenue_per_session"] == pytest.approx(0.015)
    assert (second.shipped, third.shipped) == (None, "B")


def test_each_control_is_the_model_that_was_live() -> None:
    live = "ranker-1"
    for before, experiment in zip((None, *EXPERIMENTS), EXPERIMENTS, strict=False):
        if before is not None:
            assert experiment.start >= before.end
        assert experiment.control.model == live
        live = experiment.arms[experiment.shipped].model if experiment.shipped else live


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda experiment: experiment.name)
def test_planted_effects_fit_the_planted_verdict(experiment: PlantedExperiment) -> None:
    for arm in experiment.treatments.values():
        lift = true_lifts(experiment, arm)["revenue_per_user"]
        gain = MODELS[arm.model].scores["ndcg@10"] - MODELS[experiment.control.model].scores["ndcg@10"]
        expected = EXCHANGE_RATE * gain
        fits = {
            VerdictName.UNTRUSTWORTHY: arm.lost_share > 0.0,
            VerdictName.NO_OFFLINE_GAIN: abs(gain) < 0.002 and lift == 0.0,
            VerdictName.MISSED_BY_OFFLINE: gain < 0.002 and lift > 0.0,
            VerdictName.LOSS_CONFIRMED: gain < -0.01 and lift < 0.0,
            VerdictName.DID_NOT_MOVE: gain > 0.01 and abs(lift) < SMALLEST_WORTHWHILE_LIFT / 10,
            VerdictName.REVERSED: gain > 0.01 and lift < 0.0,
            VerdictName.FELL_SHORT: gain > 0.01 and 0.0 < lift < expected,
            VerdictName.TRANSLATED: gain > 0.01 and lift >= expected,
            VerdictName.INCONCLUSIVE: gain > 0.01 and experiment.users < 1_000,
        }
        assert arm.verdict is not None
        assert fits[arm.verdict]


def test_the_study_describes_the_planted_experiments(study: Study) -> None:
    assert isinstance(study.experiments, dict)
    assert list(study.experiments) == list(BY_NAME)
    for name, declared in study.experiments.items():
        planted = BY_NAME[name]
        assert (declared.start, declared.end) == (planted.start, planted.end)
        assert declared.models == {variant: arm.model for variant, arm in planted.arms.items()}
        assert declared.control == "A"
        assert declared.treatments == list(planted.treatments)
        assert declared.tags == list(planted.tags)
        assert declared.hypothesis == planted.hypothesis
        assert shares(declared) == pytest.approx(
            {variant: arm.share for variant, arm in planted.arms.items()}
        )


def shares(declared: Experiment) -> dict[str, float]:
    assert declared.treatments is not None
    variants = [declared.control, *declared.treatments]
    if isinstance(declared.split, dict):
        return declared.split
    return dict.fromkeys(variants, 1.0 / len(variants))


def test_the_study_describes_the_planted_models(study: Study) -> None:
    assert list(study.models) == list(MODELS)
    for name, declared in study.models.items():
        planted = MODELS[name]
        assert declared.version == planted.version
        assert declared.trained_until == planted.trained_until
        assert declared.latency_p50_ms == planted.latency_p50_ms
        assert declared.cost_per_1000_requests == planted.cost_per_1000_requests


def test_the_study_declares_what_the_verdicts_depend_on(study: Study) -> None:
    revenue = study.metrics["revenue_per_user"]
    assert revenue.smallest_worthwhile_lift == SMALLEST_WORTHWHILE_LIFT
    assert revenue.covariate is not None
    assert not isinstance(revenue.covariate, list)
    assert revenue.covariate.lookback_days == PRE_PERIOD_DAYS
    assert study.gap.exchange_rate == {"ndcg@10": {"revenue_per_user": EXCHANGE_RATE}}
    assert tuple(study.gap.offline) == tuple(study.offline_metrics) == OFFLINE_METRICS
    headline = json.loads(as_json())["headline_pair"]
    assert headline == {"offline": study.gap.offline[0], "business": study.gap.business[0]}


def test_the_funnel_stages_share_their_parts(study: Study) -> None:
    funnel = study.funnels["purchase"]
    first, *ratios = (study.metrics[name] for name in funnel.stages)
    before = {"fact": first.fact, "where": first.where, "aggregate": first.aggregate}
    for stage in ratios:
        assert stage.numerator is not None
        assert stage.denominator is not None
        assert stage.denominator.model_dump(exclude_unset=True) == before
        before = stage.numerator.model_dump(exclude_unset=True)
    total = study.metrics[funnel.total]
    assert before == {
        "fact": total.fact,
        "where": total.where,
        "value": total.value,
        "aggregate": total.aggregate,
    }
