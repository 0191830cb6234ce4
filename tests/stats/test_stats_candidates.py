"""Candidates pulled towards each other: against plain matrices, and coverage of the best of many."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from abgap.records.moments import FloatArray
from abgap.stats.candidates import MOST_CORRELATED, shared_correlation, shrink_candidates
from abgap.stats.shrinkage import shrink

GAIN = np.array([0.031, 0.012, -0.004, 0.022, 0.055])
VARIANCE = np.array([1.2, 0.8, 1.0, 2.1, 0.9]) * 1e-4


class Given(NamedTuple):
    """For many tau: restricted likelihood, and mean and variance of each candidate's error and own luck."""

    likelihood: FloatArray
    error: tuple[FloatArray, FloatArray]
    luck: tuple[FloatArray, FloatArray]


def given(tau: FloatArray, rho: float) -> Given:
    """By plain matrices."""
    deviation, ones = np.sqrt(VARIANCE), np.ones((5, 1))
    own = np.diag((1.0 - rho) * VARIANCE)
    errors = own + rho * np.outer(deviation, deviation)
    inverse = np.linalg.inv(errors + tau[:, None, None] ** 2 * np.eye(5))
    total = ones.T @ inverse @ ones
    p = inverse - inverse @ ones @ ones.T @ inverse / total
    logs = 0.5 * (np.linalg.slogdet(inverse)[1] - np.log(total[:, 0, 0]) - GAIN @ (p @ GAIN).T)

    def moments(part: FloatArray) -> tuple[FloatArray, FloatArray]:
        return part @ p @ GAIN, np.diagonal(part - part @ p @ part, axis1=1, axis2=2)

    return Given(np.exp(logs - logs.max()), moments(errors), moments(own))


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_mean_and_quantiles_are_those_of_the_mixture_by_matrices_on_a_fine_grid(rho: float) -> None:
    found = shrink_candidates(GAIN, VARIANCE, rho, 0.05)
    # tau = u / (1 - u), so that all of it is on the grid.
    u = (np.arange(20_000) + 0.5) / 20_000
    tau = 0.01 * u / (1.0 - u)
    of_tau = given(tau, rho)
    chance = of_tau.likelihood / (1.0 - u) ** 2
    chance /= chance.sum()
    for i in range(5):
        for bounds, (mean, variance), sign in (
            (found.effect, of_tau.error, -1.0),
            (found.luck, of_tau.luck, 1.0),
        ):
            centre, spread = mean[:, i], np.sqrt(variance[:, i])
            start = GAIN[i] if sign < 0.0 else 0.0
            assert bounds.estimate[i] == pytest.approx(start + sign * (chance @ centre), abs=1e-7)
            for p, end in ((0.025, bounds.low[i]), (0.975, bounds.high[i])):
                reached = chance @ stats.norm.cdf(((end - start) * sign - centre) / spread)
                assert reached == pytest.approx(p if sign > 0.0 else 1.0 - p, abs=2e-6)


def test_without_correlation_the_effect_is_that_of_independent_parts() -> None:
    np.testing.assert_allclose(
        shrink_candidates(GAIN, VARIANCE, 0.0, 0.05).effect.estimate,
        shrink(GAIN, VARIANCE).effect,
        rtol=1e-12,
    )


def test_two_candidates_are_too_few() -> None:
    assert np.isnan(shrink_candidates(GAIN[:2], VARIANCE[:2], 0.3, 0.05).luck.low).all()


def test_the_shared_correlation_is_that_of_the_errors() -> None:
    random = np.random.default_rng(1)
    shared = random.normal(size=(1, 50_000)) * 0.7**0.5
    deviations = np.array([[1.0], [2.0], [0.5]]) * (shared + random.normal(size=(3, 50_000)) * 0.3**0.5)
    assert shared_correlation(deviations) == pytest.approx(0.7, abs=0.01)
    r = np.corrcoef(deviations)[np.triu_indices(3, 1)]
    assert shared_correlation(deviations) == pytest.approx(r.mean(), abs=0.003)
    assert shared_correlation(np.ones((3, 5))) == MOST_CORRELATED
    assert shared_correlation(np.array([[1.0, -1.0], [-1.0, 1.0]])) == 0.0
    assert shared_correlation(np.zeros((3, 4))) == 0.0


@pytest.mark.parametrize("count", [5, 10])
@pytest.mark.parametrize("tau", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_the_best_of_many_is_covered(count: int, tau: float, rho: float) -> None:
    draws = 300
    random = np.random.default_rng(2)
    true = tau * random.normal(size=(draws, count))
    own = (1.0 - rho) ** 0.5 * random.normal(size=(draws, count))
    gain = true + own + rho**0.5 * random.normal(size=(draws, 1))
    found = shrink_candidates(gain, np.ones_like(gain), rho, 0.05)
    best = np.arange(draws), gain.argmax(axis=1)
    for bounds, truth in ((found.effect, true), (found.luck, own)):
        inside = (bounds.low[best] <= truth[best]) & (truth[best] <= bounds.high[best])
        assert 0.915 <= inside.mean() <= 0.995
