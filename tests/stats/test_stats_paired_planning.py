"""The size of a paired effect, and the pairs it takes to find it: against statsmodels and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower

from abgap.records import Reason
from abgap.records.moments import FloatArray
from abgap.stats.effect_size import cohen_dz
from abgap.stats.moments import Univariate
from abgap.stats.paired import paired_difference
from abgap.stats.paired_planning import paired_power, pairs_needed
from abgap.stats.tails import noncentrality


def of(differences: FloatArray) -> Univariate:
    return Univariate(
        n=np.array(float(len(differences))),
        mean=np.array(differences.mean()),
        variance=np.array(differences.var(ddof=1)),
    )


@pytest.mark.parametrize("size", [0.02, 0.1, 0.3, -0.5, 1.2])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_pairs_are_those_of_statsmodels(size: float, alpha: float) -> None:
    oracle = TTestPower().solve_power(abs(size), alpha=alpha, power=0.8)
    assert float(pairs_needed(size, alpha)) == max(np.ceil(oracle), 8)
    assert float(paired_power(50, size, alpha)) == pytest.approx(
        TTestPower().power(size, 50, alpha), rel=1e-9
    )


def test_no_effect_is_never_found() -> None:
    assert np.isnan(pairs_needed(0.0, 0.05))
    assert np.isnan(pairs_needed(np.nan, 0.05))
    assert pairs_needed(50.0, 0.05) == 8.0


@pytest.mark.parametrize("df", [7, 30, 4095, 1e6])
@pytest.mark.parametrize("stat", [-3.0, 0.0, 2.0, 40.0])
def test_noncentrality_puts_the_statistic_at_its_place(df: float, stat: float) -> None:
    for p in (0.025, 0.975):
        shift = float(noncentrality(p, df, stat))
        below = stats.nct.cdf(stat, df, shift) if df < 1e5 else stats.norm.cdf(stat - shift, scale=1.0 + 1e-3)
        assert below == pytest.approx(p, abs=1e-9 if df < 1e5 else 2e-3)


def test_effects_beyond_the_search_keep_their_interval() -> None:
    low, high = (float(noncentrality(p, 1e9, 1e7)) for p in (0.975, 0.025))
    assert low < 1e7 < high


def test_the_interval_of_a_paired_effect_covers_it() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(0.4, 1.0, size=(2000, 20))
    many = Univariate(n=np.full(2000, 20.0), mean=values.mean(axis=1), variance=values.var(axis=1, ddof=1))
    found = cohen_dz(many, 0.05)
    covered = float(np.mean((found.low <= 0.4) & (found.high >= 0.4)))
    assert covered == pytest.approx(0.95, abs=3.0 * np.sqrt(0.95 * 0.05 / 2000))


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(8, 300), shift=st.floats(-1.0, 1.0))
def test_a_paired_effect_never_contradicts_the_test(seed: int, n: int, shift: float) -> None:
    differences = of(np.random.default_rng(seed).normal(shift, 1.0, n))
    found, test = cohen_dz(differences, 0.05), paired_difference(differences, 0.05)
    assert found.low < found.estimate < found.high
    if abs(float(test.p_value) - 0.05) > 1e-6:
        assert (found.low > 0.0 or found.high < 0.0) == (test.p_value < 0.05)


def test_what_has_no_effect_size_says_why() -> None:
    assert cohen_dz(of(np.zeros(20)), 0.05).problem.item() is Reason.ZERO_VARIANCE
    assert cohen_dz(of(np.arange(7.0)), 0.05).problem.item() is Reason.TOO_FEW_UNITS
