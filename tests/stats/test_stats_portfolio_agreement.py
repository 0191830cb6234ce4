from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.agreement import (
    agreement_by_noise,
    agreement_of_correlation,
    agreement_of_signs,
    share_by_experiment,
)
from abgap.stats.portfolio.effects import IndexArray
from abgap.stats.portfolio.rank_correlation import kendall_tau
from abgap.stats.tails import bivariate_normal_cdf

ALPHA = 0.05


@pytest.mark.parametrize(
    ("x", "y", "rho"), [(0.0, 0.0, 0.3), (1.0, -0.5, 0.9), (-1.0, 0.3, -0.99), (2.0, 2.5, 0.0)]
)
def test_the_bivariate_normal_is_that_of_scipy(x: float, y: float, rho: float) -> None:
    oracle = stats.multivariate_normal.cdf([x, y], cov=[[1.0, rho], [rho, 1.0]])
    assert bivariate_normal_cdf(x, y, rho) == pytest.approx(oracle, abs=1e-9)


def test_beyond_all_values_only_the_other_side_is_left() -> None:
    assert bivariate_normal_cdf(np.inf, 0.5, 0.3) == pytest.approx(stats.norm.cdf(0.5))
    assert bivariate_normal_cdf(-np.inf, 0.5, 0.3) == 0.0


@pytest.mark.parametrize(("rho", "share"), [(0.3, 0.597), (0.6, 0.705), (0.8, 0.795), (0.9, 0.856)])
def test_the_agreement_of_a_correlation_is_sheppards(rho: float, share: float) -> None:
    assert agreement_of_correlation(rho) == pytest.approx(share, abs=5e-4)
    assert agreement_of_correlation(rho) == pytest.approx(
        2.0 * bivariate_normal_cdf(0.0, 0.0, rho), abs=1e-12
    )


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.9])
def test_noise_alone_makes_signs_agree_as_sheppard_says_when_half_of_them_are_up(rho: float) -> None:
    x, y = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0])
    found = agreement_by_noise(x, y, np.arange(4), rho)
    assert found == pytest.approx(0.5 + np.arcsin(rho) / np.pi, abs=1e-12)


def test_where_all_gains_are_up_signs_agree_as_often_as_lifts_are_up() -> None:
    x, y = np.ones(10), np.where(np.arange(10) < 6, 1.0, -1.0)
    assert agreement_by_noise(x, y, np.arange(10), 0.4) == pytest.approx(0.6)


def test_one_arm_per_experiment_gives_wilsons_interval() -> None:
    x, y = np.ones(12), np.where(np.arange(12) < 9, 1.0, -1.0)
    found = agreement_of_signs(x, y, np.arange(12), ALPHA)
    oracle = stats.binomtest(9, 12).proportion_ci(method="wilson")
    assert found.experiments == 12
    np.testing.assert_allclose(found.bounds, [0.75, oracle.low, oracle.high], rtol=1e-12)


def test_arms_that_all_say_the_same_count_as_one_experiment_each() -> None:
    hit, numbers = np.array([True, False, True, True]), np.arange(4)
    once = share_by_experiment(hit, np.ones(4, dtype=bool), numbers, ALPHA)
    thrice = share_by_experiment(np.repeat(hit, 3), np.ones(12, dtype=bool), np.repeat(numbers, 3), ALPHA)
    np.testing.assert_allclose(once.bounds, thrice.bounds)


def test_effects_of_zero_and_effects_that_are_not_there_have_no_sign() -> None:
    x, y = np.array([0.0, np.nan, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, -1.0])
    found = agreement_of_signs(x, y, np.arange(4), ALPHA)
    assert (found.experiments, float(found.bounds.estimate)) == (2, 0.5)
    nothing = agreement_of_signs(np.zeros(3), np.ones(3), np.arange(3), ALPHA)
    assert nothing.experiments == 0
    assert np.isnan(nothing.bounds).all()


@pytest.mark.parametrize("n", [5, 12, 300])
def test_taus_with_ties_are_those_of_scipy(n: int) -> None:
    rng = np.random.default_rng(n)
    x, y = (rng.integers(0, 1 + n // 2, n).astype(float) for _ in range(2))
    found = kendall_tau(x, y, np.arange(n), ALPHA)
    assert found.estimate == pytest.approx(stats.kendalltau(x, y).statistic, abs=1e-12)
    assert found.low < found.estimate < found.high


def test_arms_of_one_experiment_are_not_compared_with_each_other() -> None:
    rng = np.random.default_rng(4)
    experiment = rng.integers(0, 12, 40)
    x = rng.normal(size=40).round(1)
    y = (x + rng.normal(size=40)).round(1)
    across = experiment[:, None] != experiment
    signs = [np.sign(side[:, None] - side) * across for side in (x, y)]
    oracle = np.sum(signs[0] * signs[1]) / np.sqrt(np.sum(signs[0] ** 2) * np.sum(signs[1] ** 2))
    assert kendall_tau(x, y, experiment, ALPHA).estimate == pytest.approx(oracle, abs=1e-12)


def test_a_perfect_order_of_a_few_experiments_is_no_proof() -> None:
    few, many = (kendall_tau(np.arange(1.0 * n), np.arange(1.0 * n), np.arange(n), ALPHA) for n in (6, 40))
    assert float(few.estimate) == float(many.estimate) == float(few.high) == 1.0
    assert float(few.low) < 0.5
    assert float(many.low) > 0.9


def test_without_order_or_experiments_there_is_no_tau() -> None:
    assert np.isnan(kendall_tau(np.arange(4.0), np.arange(4.0), np.arange(4), ALPHA)).all()
    assert np.isnan(kendall_tau(np.ones(9), np.arange(9.0), np.arange(9), ALPHA)).all()


def test_intervals_of_shares_and_taus_cover_for_a_dozen_unequal_experiments() -> None:
    """One to three arms on a shared control, sizes over two orders of magnitude, true correlation .8."""
    rng, held, n = np.random.default_rng(20), np.zeros(2), 300
    truths = _share_and_tau(rng, 400)
    for _ in range(n):
        x, y, experiment = _unequal(rng, 12)
        share = agreement_of_signs(x, y, experiment, ALPHA).bounds
        tau = kendall_tau(x, y, experiment, ALPHA)
        held += [found.low <= truth <= found.high for found, truth in zip((share, tau), truths, strict=True)]
    assert np.all(np.abs(held / n - 0.95) < 0.038)


def _unequal(rng: np.random.Generator, experiments: int) -> tuple[FloatArray, FloatArray, IndexArray]:
    experiment = np.repeat(np.arange(experiments), rng.integers(1, 4, experiments))
    root = np.linalg.cholesky([[1.0, 0.8], [0.8, 1.0]])
    idea, arm = rng.normal(size=(experiments, 2)), rng.normal(size=(len(experiment), 2))
    control, own = rng.normal(size=(experiments, 2)), rng.normal(size=(len(experiment), 2))
    error = np.exp(rng.uniform(-1.2, 1.2, experiments))[experiment, None] * (control[experiment] + own) / 2.0
    effects = (idea[experiment] + arm) @ root.T / np.sqrt(2.0) + error
    return effects[:, 0], effects[:, 1], experiment


def _share_and_tau(rng: np.random.Generator, experiments: int) -> tuple[float, float]:
    found = [_unequal(rng, experiments) for _ in range(10)]
    shares = [agreement_of_signs(*each, ALPHA).bounds.estimate for each in found]
    return float(np.mean(shares)), float(np.mean([kendall_tau(*each, ALPHA).estimate for each in found]))
