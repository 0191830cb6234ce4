"""Looks and lift methods: one statistic, one critical value, nothing that contradicts anything else."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from abgap.records.vocabulary import LiftMethod, Reason
from abgap.stats.contrast import Contrast, mean_contrast
from abgap.stats.intervals import difference_interval, lift_interval, p_value, statistic_at
from abgap.stats.moments import Univariate
from abgap.stats.noninferiority import equivalence_p, non_inferiority_p
from abgap.stats.rule import FIXED, AnytimeValid, Rule

RULES = [FIXED, AnytimeValid(units=5_000.0)]
METHODS = list(LiftMethod)


def arm(n: float, mean: float, sd: float) -> Univariate:
    return Univariate(n=np.asarray(n), mean=np.asarray(mean), variance=np.asarray(sd**2))


def contrast(lift: float, n: float = 400.0, m: float = 10.0, sd: float = 8.0) -> Contrast:
    return mean_contrast(arm(n, m, sd), arm(1.4 * n, m * (1.0 + lift), 1.2 * sd))


def half_width_by_definition(n: float, planned: float, alpha: float) -> float:
    """The confidence sequence of a mean of n unit-variance values, over its standard error: Waudby-Smith's (14)."""
    rho = math.sqrt((-2.0 * math.log(0.05) + math.log(-2.0 * math.log(0.05) + 1.0)) / planned)
    inner = n * rho**2 + 1.0
    return math.sqrt(2.0 * inner / (n**2 * rho**2) * math.log(math.sqrt(inner) / alpha)) * math.sqrt(n)


@pytest.mark.parametrize("n", [20.0, 5_000.0, 1e6])
@pytest.mark.parametrize("alpha", [0.05, 0.1])
def test_the_sequential_critical_value_is_that_of_the_asymptotic_confidence_sequence(
    n: float, alpha: float
) -> None:
    expected = half_width_by_definition(n, 5_000.0, alpha)
    assert AnytimeValid(units=5_000.0).large_sample_critical(n, alpha) == pytest.approx(expected, rel=1e-12)


def test_the_always_valid_p_is_the_smallest_level_at_which_the_sequence_excludes_zero() -> None:
    rule, found = AnytimeValid(units=5_000.0), contrast(0.2)
    z = float(found.difference / found.standard_error)
    level = brentq(lambda a: float(rule.large_sample_critical(found.units, a)) - z, 1e-12, 0.999, xtol=1e-15)
    assert p_value(found, rule) == pytest.approx(level, rel=1e-9)
    assert p_value(contrast(0.0), rule) == 1.0


def test_a_sequence_is_wider_than_one_look_and_nearest_to_it_at_the_planned_size() -> None:
    rule = AnytimeValid(units=10_000.0)
    sizes = np.geomspace(100.0, 1e6, 200)
    widths = rule.large_sample_critical(sizes, 0.05) / np.sqrt(sizes)
    tuned = [
        float(AnytimeValid(units=float(u)).large_sample_critical(10_000.0, 0.05)) for u in (2e3, 1e4, 5e4)
    ]
    assert (rule.large_sample_critical(sizes, 0.05) > 1.96).all()
    assert (np.diff(widths) < 0).all()
    assert tuned[1] < min(tuned[0], tuned[2])


@settings(max_examples=30, deadline=None)
@given(
    lift=st.floats(-0.5, 0.5),
    n=st.floats(10, 5_000),
    sd=st.floats(0.5, 15),
    alpha=st.sampled_from([0.01, 0.05, 0.2]),
    rule=st.sampled_from(RULES),
    method=st.sampled_from(METHODS),
)
def test_p_and_both_intervals_always_agree_on_the_sign(
    lift: float, n: float, sd: float, alpha: float, rule: Rule, method: LiftMethod
) -> None:
    found = contrast(lift, n=n, sd=sd)
    p = float(p_value(found, rule, method))
    if abs(p - alpha) < 1e-9:
        return
    difference = difference_interval(found, alpha, rule, method)
    assert bool((difference.low > 0) | (difference.high < 0)) == (p < alpha)
    relative = lift_interval(found, alpha, rule, method)
    if relative.problem.item() is None:
        assert bool((relative.low > 0) | (relative.high < 0)) == (p < alpha)
        assert relative.low <= relative.estimate <= relative.high


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("method", METHODS)
def test_a_margin_is_cleared_exactly_when_the_interval_of_the_lift_lies_above_it(
    rule: Rule, method: LiftMethod
) -> None:
    for lift in np.linspace(-0.2, 0.2, 41):
        found = contrast(float(lift), n=2_000.0)
        interval = lift_interval(found, 0.1, rule, method)
        for margin in (0.02, 0.05, 0.1):
            cleared = float(non_inferiority_p(found, margin, 1.0, rule, method)) < 0.05
            assert cleared == bool(interval.low > -margin)
            inside = float(equivalence_p(found, margin, rule, method)) < 0.05
            assert inside == bool((interval.low > -margin) & (interval.high < margin))


def test_delta_and_log_lifts_have_their_textbook_errors() -> None:
    found = contrast(0.2)
    n_c, n_t, m_c, m_t, v_c, v_t = 400.0, 560.0, 10.0, 12.0, 64.0, (1.2 * 8.0) ** 2
    of_ratio = math.sqrt(v_t / (n_t * m_c**2) + m_t**2 * v_c / (n_c * m_c**4))
    of_log = math.sqrt(v_t / (n_t * m_t**2) + v_c / (n_c * m_c**2))
    t = float(FIXED.critical(found, 0.05))
    delta = lift_interval(found, 0.05, FIXED, LiftMethod.DELTA)
    log = lift_interval(found, 0.05, FIXED, LiftMethod.LOG)
    assert (delta.low, delta.high) == pytest.approx((0.2 - t * of_ratio, 0.2 + t * of_ratio), rel=1e-12)
    ends = [1.2 * math.exp(sign * t * of_log) - 1.0 for sign in (-1.0, 1.0)]
    assert (log.low, log.high) == pytest.approx(tuple(ends), rel=1e-12)
    assert statistic_at(found, 0.0, LiftMethod.LOG) == pytest.approx(math.log(1.2) / of_log, rel=1e-12)


def test_where_there_is_no_logarithm_the_difference_is_still_tested() -> None:
    found = mean_contrast(arm(100.0, 1.0, 2.0), arm(100.0, -1.0, 2.0))
    lift = lift_interval(found, 0.05, FIXED, LiftMethod.LOG)
    assert lift.problem.item() is Reason.NOT_POSITIVE
    assert np.isnan(lift.estimate)
    assert p_value(found, FIXED, LiftMethod.LOG) == p_value(found)
    assert difference_interval(found, 0.05, FIXED, LiftMethod.LOG) == difference_interval(found, 0.05)


def test_a_confidence_sequence_keeps_its_level_over_all_looks_and_a_fixed_test_does_not() -> None:
    rng = np.random.default_rng(20260101)
    runs, looks, step = 1_500, 40, 100
    rejected = {False: np.zeros(runs, dtype=bool), True: np.zeros(runs, dtype=bool)}
    sums = np.zeros((2, 2, runs))
    for look in range(1, looks + 1):
        values = rng.standard_exponential((2, step, runs))
        sums[0] += values.sum(axis=1)
        sums[1] += (values**2).sum(axis=1)
        n = float(look * step)
        arms = [
            Univariate(n=np.full(runs, n), mean=s / n, variance=(q - s**2 / n) / (n - 1.0))
            for s, q in zip(sums[0], sums[1], strict=True)
        ]
        found = mean_contrast(*arms)
        rejected[False] |= p_value(found) < 0.05
        rejected[True] |= p_value(found, AnytimeValid(units=4_000.0)) < 0.05
    assert rejected[True].mean() <= 0.05 + 3.0 * math.sqrt(0.05 * 0.95 / runs)
    assert rejected[False].mean() > 0.2


@pytest.mark.parametrize("method", METHODS)
def test_a_control_of_zero_has_no_lift_and_still_a_test(method: LiftMethod) -> None:
    found = mean_contrast(arm(1_000.0, 0.0, 0.0), arm(1_000.0, 0.5, 2.0))
    assert lift_interval(found, 0.05, FIXED, method).problem.item() is not None
    p = float(p_value(found, FIXED, method))
    assert p == pytest.approx(float(p_value(found)))
    low = float(difference_interval(found, 0.05, FIXED, method).low)
    assert (low > 0.0) == (p < 0.05)
