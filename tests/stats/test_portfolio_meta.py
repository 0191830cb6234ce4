"""Typical lifts against published values, statsmodels and dense matrices; coverage by a small simulation."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.meta import Meta, shrunk_lifts, significance_of, typical
from abgap.stats.shrinkage import shrink

Values: TypeAlias = npt.NDArray[np.float64]


def alone(effect: Values, variance: Values) -> Effects:
    """Experiments of one arm each."""
    return Effects(
        values=effect[:, None],
        covariances=variance[:, None, None],
        experiment=np.arange(len(effect)),
        pairs=np.zeros((0, 2), dtype=np.intp),
        shared=np.zeros((0, 1, 1)),
    )


def sharing(seed: int) -> Effects:
    """Experiments of 3, 1, 2, 2 and 1 arms on one control each."""
    rng = np.random.default_rng(seed)
    experiment = np.repeat(np.arange(5), (3, 1, 2, 2, 1))
    control, own = rng.uniform(0.1, 0.4, 5), rng.uniform(0.1, 0.4, 9)
    pairs = np.array([(i, j) for i in range(9) for j in range(i + 1, 9) if experiment[i] == experiment[j]])
    return Effects(
        values=rng.normal(0.5, 0.8, 9)[:, None],
        covariances=(control[experiment] + own)[:, None, None],
        experiment=experiment,
        pairs=pairs,
        shared=control[experiment[pairs[:, 0]]][:, None, None],
    )


def found(effects: Effects) -> Meta:
    meta = typical(effects, alpha=0.05)
    assert meta is not None
    return meta


def test_the_bcg_trials_have_their_published_mean_and_spread(bcg: tuple[Values, Values]) -> None:
    meta = found(alone(*bcg))
    assert meta.tau_squared["dersimonian-laird"] == pytest.approx(0.30876, abs=6e-6)
    assert meta.tau_squared["paule-mandel"] == pytest.approx(0.31807, abs=6e-6)
    assert meta.tau_squared["reml"] == pytest.approx(0.31324, abs=6e-6)
    assert meta.q == pytest.approx(152.233, abs=6e-4)
    assert meta.i_squared == pytest.approx(1.0 - 12.0 / 152.233, abs=1e-5)
    assert meta.mean == pytest.approx(-0.71453, abs=6e-6)


def test_the_mean_has_the_error_of_hartung_and_knapp_in_statsmodels() -> None:
    rng = np.random.default_rng(3)
    variance = rng.uniform(0.1, 2.0, 9)
    effect = rng.normal(1.0, 1.5, 9) + np.sqrt(variance) * rng.normal(size=9)
    meta = found(alone(effect, variance))
    tau_squared = meta.tau_squared["reml"]
    oracle = combine_effects(effect, variance + tau_squared, method_re="chi2", use_t=True)
    scale = max(oracle.q / 8.0, 1.0)
    assert meta.mean == pytest.approx(oracle.mean_effect_fe, rel=1e-9)
    assert meta.standard_error == pytest.approx(oracle.sd_eff_w_fe * scale**0.5, rel=1e-9)
    assert meta.low == pytest.approx(meta.mean - stats.t.ppf(0.975, 8) * meta.standard_error, rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_arms_that_share_a_control_are_weighted_by_their_covariance(seed: int) -> None:
    effects = sharing(seed)
    meta = found(effects)
    values, ones = effects.values[:, 0], np.ones(9)

    def projected(tau_squared: float) -> tuple[Values, Values]:
        inverse: Values = np.linalg.inv(effects.dense() + tau_squared * np.eye(9)).astype(np.float64)
        return inverse, inverse - np.outer(inverse @ ones, ones @ inverse) / (ones @ inverse @ ones)

    whole, residual = projected(0.0)
    assert meta.q == pytest.approx(values @ residual @ values, rel=1e-9)
    moments = max((meta.q - 8.0) / np.trace(residual), 0.0)
    assert meta.tau_squared["dersimonian-laird"] == pytest.approx(moments, rel=1e-9)
    inverse, residual = projected(meta.tau_squared["reml"])
    score = values @ residual @ residual @ values - np.trace(residual)
    assert score == pytest.approx(0.0, abs=1e-6) or (meta.tau_squared["reml"] == 0.0 and score < 0.0)
    assert meta.mean == pytest.approx(ones @ inverse @ values / (ones @ inverse @ ones), rel=1e-9)
    scale = max(float(values @ residual @ values) / 8.0, 1.0)
    assert meta.standard_error**2 == pytest.approx(scale / (ones @ inverse @ ones), rel=1e-9)
    assert np.isfinite(whole).all()


def test_shrunk_lifts_are_the_means_of_the_posterior_with_shared_controls() -> None:
    effects = sharing(1)
    lifts = shrunk_lifts(effects)
    assert lifts is not None
    values, ones, v = effects.values[:, 0], np.ones(9), effects.dense()
    logs, means, variances = [], [], []
    grid = (np.arange(4000) + 0.5) / 200.0
    for tau in grid:
        inverse = np.linalg.inv(v + tau**2 * np.eye(9))
        total = ones @ inverse @ ones
        mean = ones @ inverse @ values / total
        off = values - mean
        logs.append(0.5 * (np.linalg.slogdet(inverse)[1] - np.log(total) - off @ inverse @ off))
        kept = np.eye(9) - tau**2 * inverse
        means.append(mean + tau**2 * inverse @ off)
        by_mean = kept @ ones
        variances.append(np.diag(tau**2 * kept) + by_mean**2 / total)
    chance = np.exp(np.array(logs) - max(logs))
    chance /= chance.sum()
    mean = chance @ np.array(means)
    spread = chance @ (np.array(variances) + (np.array(means) - mean) ** 2)
    above = chance @ stats.norm.cdf(np.array(means) / np.sqrt(variances))
    np.testing.assert_allclose(lifts.effect, mean, atol=2e-3)
    np.testing.assert_allclose(lifts.deviation, np.sqrt(spread), rtol=2e-2)
    np.testing.assert_allclose(lifts.above_zero, above, atol=3e-3)


def test_without_shared_controls_lifts_are_shrunk_as_slices_are(bcg: tuple[Values, Values]) -> None:
    lifts, plain = shrunk_lifts(alone(*bcg)), shrink(*bcg)
    assert lifts is not None
    np.testing.assert_allclose(lifts.effect, plain.effect, rtol=1e-12)
    np.testing.assert_allclose(lifts.deviation**2, plain.variance, rtol=1e-12)


def test_significance_is_judged_by_the_usual_size_of_true_lifts(bcg: tuple[Values, Values]) -> None:
    meta = found(alone(*bcg))._replace(mean=2.0, tau_squared={"reml": 0.0})
    judged = significance_of(meta, np.array([8.1]), alpha=0.05)
    assert judged.power == pytest.approx(0.0570, abs=6e-5)
    assert judged.type_s == pytest.approx(0.2396, abs=6e-5)
    assert judged.type_m == pytest.approx(9.54, abs=6e-3)


def test_two_experiments_have_no_typical_lift_whatever_their_arms() -> None:
    effects = sharing(0).take(np.arange(9) < 4)
    assert effects.experiments == 2
    assert typical(effects, alpha=0.05) is None
    assert shrunk_lifts(effects) is None


def test_mean_and_next_experiment_lie_in_their_intervals_as_often_as_promised() -> None:
    rng = np.random.default_rng(11)
    runs, held, ahead = 120, 0, 0
    for _ in range(runs):
        error = np.exp(rng.uniform(np.log(0.003), np.log(0.05), 12))
        effect = 0.01 + 0.02 * rng.normal(size=12) + error * rng.normal(size=12)
        meta = found(alone(effect, error**2))
        held += meta.low <= 0.01 <= meta.high
        ahead += meta.prediction_low <= 0.01 + 0.02 * rng.normal() <= meta.prediction_high
    margin = 3.0 * (0.95 * 0.05 / runs) ** 0.5
    assert abs(held / runs - 0.95) < margin
    assert abs(ahead / runs - 0.95) < margin


def test_the_next_experiment_is_foreseen_where_lifts_differ_much_more_than_their_errors() -> None:
    effect = np.random.default_rng(4).normal(0.02, 0.03, 40)
    # Then the mean and the lift of the next experiment are those of a sample: t with n - 1, but for the flat prior.
    for variance in (np.full(40, 1e-18), np.where(np.arange(40) == 7, 1e-14, 1e-8)):
        meta = found(alone(effect, variance))
        low, high = stats.t(38, effect.mean(), effect.std(ddof=1) * (39 / 38 * 41 / 40) ** 0.5).interval(0.95)
        assert (meta.prediction_low, meta.prediction_high) == pytest.approx((low, high), abs=2e-5)


def test_covariances_that_cannot_be_count_as_none() -> None:
    effects = sharing(1)
    wrong = effects.__class__(
        values=effects.values,
        covariances=effects.covariances,
        experiment=effects.experiment,
        pairs=effects.pairs,
        shared=-3.0 * np.abs(effects.shared),
    )
    meta, plain = found(wrong), found(alone(effects.values[:, 0], effects.covariances[:, 0, 0]))
    assert meta.mean == pytest.approx(plain.mean, rel=1e-12)
    assert meta.prediction_high == pytest.approx(plain.prediction_high, rel=1e-9)
