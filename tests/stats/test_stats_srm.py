"""The sample-ratio test against scipy.stats.chisquare."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abgap.stats.srm import sample_ratio


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
