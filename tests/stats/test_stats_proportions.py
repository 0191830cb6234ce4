"""Score intervals and test against published values, statsmodels and a constrained fit by other means."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_effectsize,
)
from statsmodels.stats.proportion import (
    test_proportions_2indep as two_proportions,
)

from abgap.records import Reason
from abgap.stats.noninferiority import score_equivalence_p, score_non_inferiority_p
from abgap.stats.proportions import (
    Successes,
    cohen_h,
    score_difference,
    score_lift,
    score_p_value,
    score_statistic_at,
)

Z = stats.norm.ppf(0.975)


def successes(x_c: float, n_c: float, x_t: float, n_t: float) -> Successes:
    return Successes(
        control=np.array(x_c), n_control=np.array(n_c), treatment=np.array(x_t), n_treatment=np.array(n_t)
    )


@st.composite
def two_arms(draw: st.DrawFn, *, inner: bool = False) -> Successes:
    n_c, n_t = draw(st.integers(8, 5000)), draw(st.integers(8, 5000))
    edge = 1 if inner else 0
    return successes(draw(st.integers(edge, n_c - edge)), n_c, draw(st.integers(edge, n_t - edge)), n_t)


def score_at(arms: Successes, difference: float) -> float:
    """Squared score by the restricted likelihood's cubic (Miettinen and Nurminen 1985, appendix I)."""
    x0, n0, x1, n1 = (float(v) for v in (arms.control, arms.n_control, arms.treatment, arms.n_treatment))
    cubic = [
        n0 + n1,
        (n1 + 2 * n0) * difference - (n0 + n1) - (x0 + x1),
        (n0 * difference - (n0 + n1) - 2 * x0) * difference + (x0 + x1),
        x0 * difference * (1 - difference),
    ]
    roots = np.roots(cubic)
    real = roots.real[np.abs(roots.imag) < 1e-6]
    low, high = max(0.0, -difference) - 1e-9, min(1.0, 1.0 - difference) + 1e-9
    p0 = real[(real > low) & (real < high)][0]
    p1 = p0 + difference
    return float((x1 / n1 - x0 / n0 - difference) ** 2 / (p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0))


def ratio_score_at(arms: Successes, ratio: float) -> float:
    """Size of the score by the restricted likelihood's quadratic (the same, formula 10), in 50 digits."""
    with localcontext(prec=50):
        x0, n0, x1, n1, phi = (
            Decimal(float(v)) for v in (arms.control, arms.n_control, arms.treatment, arms.n_treatment, ratio)
        )
        a, b, c = (n0 + n1) * phi, -(n1 * phi + x1 + n0 + x0 * phi), x0 + x1
        p0 = (-b - (b * b - 4 * a * c).sqrt()) / (2 * a)
        p1 = phi * p0
        variance = p1 * (1 - p1) / n1 + phi**2 * p0 * (1 - p0) / n0
        return float(abs(x1 / n1 - phi * x0 / n0) / variance.sqrt())


@pytest.mark.parametrize(
    ("arms", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table II, method 5 (Mee)
        (successes(48, 80, 56, 70), 0.0533, 0.3377),
        (successes(3, 10, 9, 10), 0.1821, 0.8370),
        (successes(0, 29, 5, 56), -0.0313, 0.1926),
        (successes(0, 20, 0, 10), -0.1611, 0.2775),
        (successes(0, 20, 10, 10), 0.7225, 1.0),
        (successes(0, 10, 10, 10), 0.6777, 1.0),
    ],
)
def test_difference_intervals_are_the_published_ones(arms: Successes, low: float, high: float) -> None:
    interval = score_difference(arms, 0.05)
    assert interval.low == pytest.approx(low, abs=6e-5)
    assert interval.high == pytest.approx(high, abs=6e-5)


@pytest.mark.parametrize(
    "arms",
    [
        successes(47, 217, 15, 56),
        successes(48, 80, 56, 70),
        successes(202, 395, 91, 110),
        successes(17489, 145274, 17264, 145310),
        successes(11, 4000, 25, 3900),
        successes(200, 260, 60, 300),
    ],
)
def test_difference_intervals_end_where_the_score_of_the_restricted_fit_is_critical(arms: Successes) -> None:
    interval = score_difference(arms, 0.05)
    step = float(interval.high - interval.low)
    for end in (interval.low, interval.high):
        inner, outer = end + np.array([1, -1]) * 0.2 * step * np.sign(interval.estimate - end)
        root = brentq(lambda d: score_at(arms, d) - Z**2, min(inner, outer), max(inner, outer), xtol=1e-14)
        assert end == pytest.approx(root, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "arms",
    [
        successes(47, 217, 15, 56),
        successes(202, 395, 91, 110),
        successes(17489, 145274, 17264, 145310),
        successes(11, 4000, 25, 3900),
        successes(3, 10, 0, 12),
    ],
)
def test_lift_intervals_agree_with_statsmodels(arms: Successes) -> None:
    oracle = confint_proportions_2indep(
        float(arms.treatment),
        float(arms.n_treatment),
        float(arms.control),
        float(arms.n_control),
        method="score",
        compare="ratio",
        correction=False,
    )
    interval = score_lift(arms, 0.05)
    assert interval.low + 1 == pytest.approx(oracle[0], rel=1e-8)
    assert interval.high + 1 == pytest.approx(oracle[1], rel=1e-8)


@given(two_arms(inner=True))
def test_lift_intervals_end_where_the_score_of_the_restricted_fit_is_critical(arms: Successes) -> None:
    interval = score_lift(arms, 0.05)
    for end in (interval.low, interval.high):
        assert ratio_score_at(arms, 1 + float(end)) == pytest.approx(Z, rel=1e-9)


@given(two_arms(inner=True))
def test_the_p_value_is_that_of_chi_square_without_correction(arms: Successes) -> None:
    counts = [
        [float(arms.treatment), float(arms.n_treatment - arms.treatment)],
        [float(arms.control), float(arms.n_control - arms.control)],
    ]
    p, problem = score_p_value(arms)
    assert problem.item() is None
    assert p == pytest.approx(stats.chi2_contingency(counts, correction=False).pvalue, rel=1e-9, abs=1e-300)
    oracle = two_proportions(
        counts[0][0], sum(counts[0]), counts[1][0], sum(counts[1]), method="score", correction=False
    )
    assert p == pytest.approx(oracle.pvalue, rel=1e-9, abs=1e-300)


@given(two_arms(), st.sampled_from([0.001, 0.05, 0.2]))
def test_both_score_intervals_exclude_no_effect_exactly_when_the_test_rejects(
    arms: Successes, alpha: float
) -> None:
    p, problem = score_p_value(arms)
    difference, lift = score_difference(arms, alpha), score_lift(arms, alpha)
    if problem.item() is Reason.ZERO_VARIANCE:
        assert difference.low < 0 < difference.high
        return
    assume(abs(p / alpha - 1) > 1e-9)
    assert -1 <= difference.low <= difference.estimate <= difference.high <= 1
    assert (difference.low > 0 or difference.high < 0) == (p < alpha)
    if arms.control == 0:
        assert lift.problem.item() is Reason.CONTROL_NEAR_ZERO
        assert np.isnan(lift.high)
    else:
        assert -1 <= lift.low <= lift.estimate <= lift.high < np.inf
        assert (lift.low > 0 or lift.high < 0) == (p < alpha)


@settings(max_examples=30)
@given(two_arms())
def test_swapping_the_arms_negates_the_difference_and_inverts_the_ratio(arms: Successes) -> None:
    swapped = Successes(
        control=arms.treatment, n_control=arms.n_treatment, treatment=arms.control, n_treatment=arms.n_control
    )
    there, back = score_difference(arms, 0.05), score_difference(swapped, 0.05)
    np.testing.assert_allclose([there.low, there.high], [-back.high, -back.low], rtol=1e-12)
    assume(arms.control > 0 and arms.treatment > 0)
    ratio, inverse = score_lift(arms, 0.05), score_lift(swapped, 0.05)
    np.testing.assert_allclose(1 + ratio.low, 1 / (1 + inverse.high), rtol=1e-12)


@settings(max_examples=30)
@given(two_arms())
def test_counting_failures_instead_of_successes_negates_the_difference(arms: Successes) -> None:
    failures = Successes(
        control=arms.n_control - arms.control,
        n_control=arms.n_control,
        treatment=arms.n_treatment - arms.treatment,
        n_treatment=arms.n_treatment,
    )
    there, back = score_difference(arms, 0.05), score_difference(failures, 0.05)
    np.testing.assert_allclose([there.low, there.high], [-back.high, -back.low], rtol=1e-9, atol=1e-14)


def test_nobody_converting_in_either_arm_still_bounds_the_difference() -> None:
    arms = successes(0, 100, 0, 100)
    difference = score_difference(arms, 0.05)
    bound = Z**2 / (100 + Z**2)  # Wilson's upper limit at zero
    assert (difference.low, difference.high) == pytest.approx((-bound, bound), rel=1e-12)
    assert score_p_value(arms)[1].item() is Reason.ZERO_VARIANCE
    assert np.isnan(score_p_value(arms)[0])
    assert score_lift(arms, 0.05).problem.item() is Reason.CONTROL_NEAR_ZERO


def test_everybody_converting_in_both_arms_has_no_lift_but_bounds_it() -> None:
    lift = score_lift(successes(100, 100, 60, 60), 0.05)
    assert lift.estimate == 0.0
    assert lift.low == pytest.approx(60 / (60 + Z**2) - 1, rel=1e-9)
    assert lift.high == pytest.approx((100 + Z**2) / 100 - 1, rel=1e-9)


def test_an_arm_that_always_converts_meets_the_limit_of_one_that_nearly_does() -> None:
    all_of_them = score_lift(successes(214, 271, 1_500_000, 1_500_000), 0.05)
    all_but_one = score_lift(successes(214, 271, 1_499_999, 1_500_000), 0.05)
    assert all_of_them.low == pytest.approx(all_but_one.low, abs=1e-5)
    assert all_of_them.high == pytest.approx(all_but_one.high, abs=1e-5)


def test_opposite_extremes_reach_the_end_of_the_scale() -> None:
    difference = score_difference(successes(0, 20, 20, 20), 0.05)
    assert difference.estimate == difference.high == 1.0
    lost = score_lift(successes(20, 20, 0, 20), 0.05)
    assert lost.estimate == lost.low == -1.0
    assert -1.0 < lost.high < 0.0


def test_a_billion_units_keep_their_digits() -> None:
    arms = successes(1_000_000, 10**9, 1_003_000, 10**9)
    difference, lift = score_difference(arms, 0.05), score_lift(arms, 0.05)
    error = np.sqrt(1.0015e-3 * (1 - 1.0015e-3) * 2 / 1e9)
    assert difference.low == pytest.approx(3e-6 - Z * error, rel=1e-4)
    assert lift.high == pytest.approx((3e-6 + Z * error) / 1e-3, rel=1e-2)
    assert lift.low * 1e-3 == pytest.approx(difference.low, rel=1e-2)


def test_thousands_of_experiments_go_in_one_call_and_bad_ones_say_why() -> None:
    arms = Successes(
        control=np.array([[10.0], [0.0]]),
        n_control=np.array([[100.0], [0.0]]),
        treatment=np.array([5.0, 12.0, np.nan]),
        n_treatment=np.array([7.0, 110.0, 110.0]),
    )
    difference = score_difference(arms, 0.05)
    assert difference.problem.tolist() == [
        [Reason.TOO_FEW_UNITS, None, Reason.NO_UNITS],
        [Reason.NO_UNITS, Reason.NO_UNITS, Reason.NO_UNITS],
    ]
    assert np.isnan(difference.low).tolist() == [[True, False, True], [True, True, True]]
    assert difference.low[0, 1] == score_difference(successes(10, 100, 12, 110), 0.05).low


def test_cohen_h_agrees_with_statsmodels_and_has_about_its_normal_interval_with_many_units() -> None:
    h, low, high = cohen_h(successes(20034, 44700, 20119, 45489), 0.05)
    assert h == pytest.approx(proportion_effectsize(20119 / 45489, 20034 / 44700), rel=1e-9)
    margin = Z * np.sqrt(1 / 44700 + 1 / 45489)
    assert (low, high) == pytest.approx((h - margin, h + margin), abs=1e-4 * margin)
    assert np.isnan(cohen_h(successes(1, 7, 2, 90), 0.05).estimate)


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_score_at_a_limit_of_the_lift_is_the_critical_value(alpha: float) -> None:
    arms = Successes(
        control=np.array([30.0, 5.0, 100.0, 0.0]),
        n_control=np.array([200.0, 50.0, 100.0, 40.0]),
        treatment=np.array([45.0, 3.0, 98.0, 4.0]),
        n_treatment=np.array([210.0, 60.0, 100.0, 45.0]),
    )
    lift, z = score_lift(arms, alpha), float(stats.norm.ppf(1 - alpha / 2))
    known = np.isfinite(lift.low)
    np.testing.assert_allclose(score_statistic_at(arms, lift.low)[known], z, rtol=1e-9)
    np.testing.assert_allclose(score_statistic_at(arms, lift.high)[known], -z, rtol=1e-9)
    p = 2.0 * stats.norm.sf(np.abs(score_statistic_at(arms, 0.0)))
    np.testing.assert_allclose(p, score_p_value(arms)[0], rtol=1e-9)


def test_margins_of_shares_agree_with_the_interval_of_the_lift() -> None:
    for x in range(20, 60):
        arms = successes(40, 400, x, 420)
        interval = score_lift(arms, 0.1)
        for margin in (0.1, 0.3, 0.6):
            assert (score_non_inferiority_p(arms, margin, 1.0) < 0.05) == (interval.low > -margin)
            inside = (interval.low > -margin) & (interval.high < margin)
            assert (score_equivalence_p(arms, margin) < 0.05) == inside


@given(two_arms())
def test_the_interval_of_h_excludes_zero_exactly_when_that_of_the_difference_does(arms: Successes) -> None:
    h, difference = cohen_h(arms, 0.05), score_difference(arms, 0.05)
    assert h.low <= h.estimate <= h.high
    assert np.sign(h.low) == np.sign(difference.low) or abs(float(difference.low)) < 1e-12
    assert np.sign(h.high) == np.sign(difference.high) or abs(float(difference.high)) < 1e-12
