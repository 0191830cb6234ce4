"""Offline comparisons against scipy's paired test and the normal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from abgap.records import Reason
from abgap.stats.moments import Univariate
from abgap.stats.paired import paired_difference, unpaired_difference

MakeUnivariate = Callable[[npt.NDArray[np.float64]], Univariate]


def test_a_paired_difference_agrees_with_scipy(univariate: MakeUnivariate) -> None:
    rng = np.random.default_rng(1)
    baseline = rng.beta(3.0, 1.2, 200)
    candidate = np.clip(baseline + rng.normal(0.01, 0.1, 200), 0, 1)
    ours = paired_difference(univariate(candidate - baseline), 0.05)
    oracle = stats.ttest_rel(candidate, baseline)
    interval = oracle.confidence_interval(0.95)
    assert ours.p_value == pytest.approx(oracle.pvalue, rel=1e-9)
    assert (ours.low, ours.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert ours.difference == pytest.approx((candidate - baseline).mean(), rel=1e-12)
    assert ours.problem.item() is None


def test_values_with_standard_errors_are_compared_by_the_normal() -> None:
    ours = unpaired_difference([0.78, 0.5], [0.004, 0.01], 0.72, [0.003, 0.01], 0.05)
    assert ours.difference[0] == pytest.approx(0.06)
    assert ours.low[0] == pytest.approx(0.06 - 1.959963984540054 * 0.005, rel=1e-12)
    assert ours.high[0] == pytest.approx(0.06 + 1.959963984540054 * 0.005, rel=1e-12)
    assert ours.p_value[0] == pytest.approx(2 * stats.norm.sf(12.0), rel=1e-9)


def test_a_bare_value_has_no_interval() -> None:
    ours = unpaired_difference(0.78, np.nan, 0.72, 0.003, 0.05)
    assert ours.problem.item() is Reason.NO_INTERVAL_GIVEN
    assert np.isnan([ours.difference, ours.low, ours.high, ours.p_value]).all()


@pytest.mark.parametrize(
    ("n", "mean", "variance", "reason"),
    [
        (0, np.nan, np.nan, Reason.NO_UNITS),
        (7, 0.1, 0.1, Reason.TOO_FEW_UNITS),
        (50, 0.1, np.nan, Reason.NO_VARIANCE_GIVEN),
        (50, 0.0, 0.0, Reason.ZERO_VARIANCE),
        (50, 0.05, 1e-34, Reason.ZERO_VARIANCE),
    ],
)
def test_what_cannot_be_compared_says_why(n: float, mean: float, variance: float, reason: Reason) -> None:
    moments = Univariate(n=np.array(n), mean=np.array(mean), variance=np.array(variance))
    ours = paired_difference(moments, 0.05)
    assert ours.problem.item() is reason
    assert np.isnan([ours.difference, ours.low, ours.high, ours.p_value]).all()


def test_two_exact_values_have_no_error_to_judge_by() -> None:
    assert unpaired_difference(0.8, 0.0, 0.7, 0.0, 0.05).problem.item() is Reason.ZERO_VARIANCE
