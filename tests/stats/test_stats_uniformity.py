"""Levels of tests out of their p-values, against scipy and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abgap.stats.uniformity import binomial_interval, binomial_sf, level_of


@pytest.mark.parametrize(("found", "count"), [(0, 20), (3, 20), (20, 20), (11, 200), (2_000, 10_000)])
def test_shares_have_the_exact_interval_and_tails_of_scipy(found: int, count: int) -> None:
    expected = stats.binomtest(found, count, 0.05)
    interval = expected.proportion_ci(0.95, method="exact")
    assert binomial_interval(found, count, 0.95) == pytest.approx((interval.low, interval.high), abs=1e-12)
    assert binomial_sf(found, count, 0.05) == pytest.approx(
        stats.binomtest(found, count, 0.05, alternative="greater").pvalue, rel=1e-9
    )


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_distances_have_the_exact_p_of_scipy(power: float) -> None:
    p = np.random.default_rng(3).random(150) ** power
    level = level_of(p, 0.05)
    above = stats.ks_1samp(p, stats.uniform.cdf, alternative="greater", method="exact")
    below = stats.ks_1samp(p, stats.uniform.cdf, alternative="less", method="exact")
    assert level.too_small_p == pytest.approx(above.pvalue, rel=1e-6)
    assert level.too_large_p == pytest.approx(below.pvalue, rel=1e-6)


def test_too_small_and_too_large_are_told_apart() -> None:
    u = np.random.default_rng(4).random(200)
    small, large = level_of(u**2, 0.05), level_of(np.sqrt(u), 0.05)
    assert small.too_many_p < 1e-6
    assert small.too_small_p < 1e-6
    assert small.too_large_p > 0.5
    assert large.too_few_p < 1e-3
    assert large.too_large_p < 1e-6
    assert large.too_small_p > 0.5


def test_a_valid_test_is_rarely_doubted() -> None:
    rng = np.random.default_rng(5)
    levels = [level_of(rng.random(200), 0.05) for _ in range(2_000)]
    for name in ("too_many_p", "too_few_p", "too_small_p", "too_large_p"):
        assert np.mean([getattr(level, name) < 0.01 for level in levels]) < 0.01 + 3 * np.sqrt(0.01 / 2_000)


@pytest.mark.parametrize("successes", [6, 15, 40])
def test_counts_have_few_p_values_and_are_not_doubted_for_that(successes: int) -> None:
    rng = np.random.default_rng(6)
    doubted = 0
    for _ in range(100):
        in_one = rng.binomial(successes, 0.5, 200)
        z = (2 * in_one - successes) / np.sqrt(successes)
        level = level_of(np.asarray(2 * stats.norm.sf(np.abs(z))), 0.05)
        doubted += min(level.too_small_p, level.too_large_p) < 0.001
    assert doubted <= 2


def test_one_p_value_is_enough_and_ties_at_the_ends_stay_inside() -> None:
    assert level_of(np.array([0.01]), 0.05).found == 1
    level = level_of(np.concatenate((np.zeros(50), np.ones(50))), 0.05)
    assert level.too_many_p < 1e-20
    assert 0.0 <= level.uniformity_p <= 1.0
