"""The sample-ratio test against scipy.stats.chisquare."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abgap.stats.srm import sample_ratio, sequential_sample_ratio


@given(
    st.lists(st.tuples(st.integers(0, 10**6), st.floats(0.01, 100.0)), min_size=2, max_size=6).filter(
        lambda arms: sum(count for count, _ in arms) > 0
    )
)
def test_the_split_is_tested_as_scipy_does(arms: list[tuple[int, float]]) -> None:
    counts, weights = (np.array(column, dtype=float) for column in zip(*arms, strict=True))
    chi2, df, p = sample_ratio(counts, weights)
    oracle = stats.chisquare(counts, counts.sum() * weights / weights.sum())
    assert chi2 == pytest.approx(oracle.statistic, rel=1e-9, abs=1e-12)
    assert p == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-300)
    assert df == len(arms) - 1


def test_experiments_with_fewer_variants_are_padded() -> None:
    counts = np.array([[500.0, 520.0, np.nan], [500.0, 480.0, 530.0]])
    weights = np.array([[1.0, 1.0, np.nan], [1.0, 1.0, 1.0]])
    chi2, df, p = sample_ratio(counts, weights)
    assert df.tolist() == [1.0, 2.0]
    assert p[0] == pytest.approx(stats.chisquare([500, 520]).pvalue, rel=1e-12)
    assert chi2[1] == pytest.approx(stats.chisquare([500, 480, 530]).statistic, rel=1e-12)


def test_a_planned_variant_that_got_nobody_counts() -> None:
    chi2, df, p = sample_ratio([100, 100, 0], [1, 1, 1])
    assert chi2 == pytest.approx(100.0)
    assert df == 2
    assert p < 1e-20


def test_nobody_at_all_or_a_single_variant_cannot_be_tested() -> None:
    for counts, weights in (([0, 0], [1, 1]), ([100, np.nan], [1, np.nan])):
        chi2, _, p = sample_ratio(counts, weights)
        assert np.isnan(chi2)
        assert np.isnan(p)


def test_the_sequential_test_is_a_ratio_of_marginal_likelihoods() -> None:
    counts, plan = np.array([430.0, 510.0, 260.0]), np.array([2.0, 2.0, 1.0])
    prior = 100.0 * plan / plan.sum()
    total = np.array([int(counts.sum())])
    mixed = np.asarray(stats.dirichlet_multinomial.logpmf(counts[None].astype(int), prior, total)).item()
    fixed = float(stats.multinomial.logpmf(counts, counts.sum(), plan / plan.sum()))
    assert sequential_sample_ratio(counts, plan) == pytest.approx(math.exp(min(fixed - mixed, 0.0)), rel=1e-9)
    padded = sequential_sample_ratio(np.append(counts, np.nan), np.append(plan, np.nan))
    assert padded == pytest.approx(float(sequential_sample_ratio(counts, plan)), rel=1e-12)
    assert np.isnan(sequential_sample_ratio([0.0, 0.0], [1.0, 1.0]))


def test_the_sequential_test_keeps_its_level_over_daily_looks_and_sees_a_real_mismatch() -> None:
    rng = np.random.default_rng(7)
    days = rng.multinomial(200, [0.5, 0.5], size=(4_000, 60)).cumsum(axis=1).astype(float)
    p = sequential_sample_ratio(days, np.array([1.0, 1.0])).min(axis=1)
    assert (p < 0.05).mean() <= 0.05
    assert (sample_ratio(days, np.array([1.0, 1.0]))[2].min(axis=1) < 0.05).mean() > 0.2
    biased = rng.multinomial(200, [0.53, 0.47], size=(200, 60)).cumsum(axis=1).astype(float)
    assert (sequential_sample_ratio(biased, np.array([1.0, 1.0])).min(axis=1) < 0.001).mean() > 0.9
