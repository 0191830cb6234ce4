"""Typical lifts, trust over time and saturation of a portfolio, in records and words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.gap.portfolio.over_time import with_saturation, with_trust_over_time
from abgap.gap.portfolio.reviews import with_review_dates
from abgap.gap.portfolio.typical import typical_lifts
from abgap.records import Interval, NotEstimable, Reason
from abgap.records.portfolio import PairFit, PredictorSide, RollingTrust, Trust
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.meta import shrunk_lifts, typical

BARE = PairFit(
    predictor="<b>ndcg</b>",
    side=PredictorSide.OFFLINE,
    business_metric="revenue_per_user",
    experiments=12,
    arms=12,
    untrusted=0,
    noise_corrected=None,
    transfer=None,
    smallest_gain_worth_testing=None,
    experiments_needed=None,
    sign_agreement=None,
)


def made(k: int = 12, *, fall: float = 0.0) -> PortfolioData:
    """Gains of 0.01 to 0.05 that bring half of them, on a model that is the better the later."""
    rng = np.random.default_rng(9)
    gain = rng.uniform(0.01, 0.05, k)
    level = np.linspace(0.3, 0.6, k)
    lift = gain * (0.5 - fall * (level - 0.3)) + 0.001 * rng.normal(size=k)
    errors = np.array([1e-3, 2e-3])
    return PortfolioData(
        axes=(
            Axis(name="<b>ndcg</b>", kind=AxisKind.OFFLINE),
            Axis(name="revenue_per_user", kind=AxisKind.BUSINESS),
        ),
        effects=Effects(
            values=np.stack([gain, lift], axis=1),
            covariances=np.tile(np.diag(errors**2), (k, 1, 1)),
            experiment=np.arange(k),
            pairs=np.zeros((0, 2), dtype=np.intp),
            shared=np.zeros((0, 2, 2)),
        ),
        names=tuple(f"e{i}" for i in range(k)),
        treatment=np.full(k, "B", dtype=object),
        trusted=np.ones(k, dtype=bool),
        significant=np.ones((k, 2)),
        level=np.stack([level, np.full(k, np.nan)], axis=1),
        units=np.full(k, 1000.0),
        days=np.full(k, 14.0),
        starts=tuple(f"2026-{1 + i // 28:02}-{1 + i % 28:02}" for i in range(k)),
        tags=((),) * k,
        alpha=0.05,
        seed=1,
    )


def pair_of(data: PortfolioData) -> PairFit:
    return with_saturation(with_trust_over_time(BARE, data, 0, 1), data, 0, 1)


def test_the_typical_lift_is_told_as_a_lift_over_trusted_arms() -> None:
    data = made()
    data = replace(data, trusted=np.arange(12) > 0)
    (found,) = typical_lifts(data)
    effects = data.effects.axes([1]).take(data.trusted)
    meta, lifts = typical(effects, alpha=0.05), shrunk_lifts(effects)
    assert meta is not None
    assert lifts is not None
    assert isinstance(found.mean, Interval)
    assert isinstance(found.prediction, Interval)
    assert (found.experiments, found.arms) == (11, 11)
    assert found.mean.estimate == pytest.approx(np.expm1(meta.mean))
    assert found.mean.low == pytest.approx(np.expm1(meta.low))
    assert found.prediction.high == pytest.approx(np.expm1(meta.prediction_high))
    assert found.tau["reml"] == pytest.approx(meta.tau_squared["reml"] ** 0.5)
    assert [row.experiment for row in found.shrunk] == [f"e{i}" for i in range(1, 12)]
    assert found.shrunk[0].shrunk.estimate == pytest.approx(np.expm1(lifts.effect[0]))
    assert found.shrunk[0].probability_positive == pytest.approx(lifts.above_zero[0])
    assert found.shrunk[0].type_m is not None
    assert found.shrunk[0].type_m >= 1.0
    assert found.sentence.startswith("Over 11 experiments the typical lift of revenue per user is +1.")


def test_lifts_without_errors_have_no_typical_one_and_are_counted() -> None:
    data = made()
    covariances = data.effects.covariances.copy()
    covariances[2:] = np.nan
    (found,) = typical_lifts(replace(data, effects=replace(data.effects, covariances=covariances)))
    assert isinstance(found.mean, NotEstimable)
    assert found.mean.reason is Reason.TOO_FEW_EXPERIMENTS
    assert found.shrunk == ()
    assert found.sentence == (
        "No typical lift of revenue per user: 2 experiments with a lift of revenue per user and its standard error, at "
        "least 3 are needed. 10 arms without a standard error not counted."
    )


def test_every_experiment_but_the_first_is_held_against_those_before() -> None:
    pair = pair_of(made())
    assert [row.experiment for row in pair.over_time] == [f"e{i}" for i in range(4, 12)]
    assert pair.over_time_sentence is not None
    assert pair.over_time_sentence.startswith("What <b>NDCG</b> brings in revenue per user has not drifted")


def test_a_drift_names_the_experiment_at_which_it_shows() -> None:
    data = made(30)
    values = data.effects.values.copy()
    values[15:, 1] -= 0.05
    pair = pair_of(replace(data, effects=replace(data.effects, values=values)))
    warned = [row.experiment for row in pair.over_time if row.warning]
    assert warned
    assert pair.over_time_sentence is not None
    assert "has drifted: lifts came out less than gains let expect" in pair.over_time_sentence
    assert f"at {warned[0]} the sum" in pair.over_time_sentence


def test_without_starts_there_is_no_trust_over_time() -> None:
    data = made()
    pair = pair_of(replace(data, starts=(None,) * 12))
    assert pair.over_time == ()
    assert pair.over_time_sentence is not None
    assert pair.over_time_sentence.startswith("No trust over time: 0 experiments with a start")


def test_gains_that_bring_less_where_models_are_good_are_said_to() -> None:
    pair = pair_of(made(fall=1.2))
    assert pair.saturation_sentence is not None
    assert pair.saturation_sentence.startswith(
        "Gains bring less where models are good: 0.01 of <b>NDCG</b> brings"
    )
    steady = pair_of(made())
    assert steady.saturation_sentence is not None
    assert "is not established" in steady.saturation_sentence
    few = pair_of(made(4))
    assert few.saturation_sentence is not None
    assert "cannot be told: 4 experiments" in few.saturation_sentence
    unknown = replace(made(), level=np.full((12, 2), np.nan))
    assert pair_of(unknown).saturation_sentence is None


def test_metrics_are_due_for_review_at_once_after_a_drift_and_else_by_pace() -> None:
    why = NotEstimable(reason=Reason.NO_SIGNAL, detail="none")
    row = Trust(
        predictor=BARE.predictor,
        side=PredictorSide.OFFLINE,
        business_metric=BARE.business_metric,
        rank=None,
        experiments=40,
        quality=why,
        correlation=why,
        kendall=why,
        reliability=None,
        sensitivity=why,
        wrong_direction=why,
    )
    data = replace(made(3), starts=("2026-01-01", None, "2026-01-09"))
    (calm,) = with_review_dates([row], [BARE], data)
    assert calm.review_by == "2026-03-30"
    assert calm.review_reason == "by then 10 more experiments are due at the pace so far"
    (slow,) = with_review_dates([row], [BARE], replace(data, starts=("2025-01-01", None, "2026-01-09")))
    assert slow.review_by == "2027-01-09"
    warned = RollingTrust(
        experiment="e", start="2026-01-09", residual=-4.0, cusum_up=0.0, cusum_down=5.0, warning=True
    )
    (due,) = with_review_dates([row], [replace(BARE, over_time=(warned,))], data)
    assert due.review_by == "2026-01-09"
    assert with_review_dates([row], [BARE], replace(data, starts=(None,) * 3)) == (row,)
