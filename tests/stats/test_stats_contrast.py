"""Contrasts, and all that is computed from them, against scipy, statsmodels and raw-value arithmetic."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats

from abgap.records import Reason
from abgap.stats import power
from abgap.stats.arrays import Bounds
from abgap.stats.contrast import Contrast, mean_contrast, ratio_contrast
from abgap.stats.covariates import adjusted_contrast, one_covariate
from abgap.stats.effect_size import cohen_d
from abgap.stats.intervals import difference_interval, fieller_lift, p_value
from abgap.stats.moments import Bivariate, Univariate
from abgap.stats.noninferiority import equivalence_p, non_inferiority_p

Values: TypeAlias = npt.NDArray[np.float64]
MakeUnivariate: TypeAlias = Callable[[Values], Univariate]
MakeBivariate: TypeAlias = Callable[[Values, Values], Bivariate]


def d_of(contrast: Contrast) -> Bounds:
    return cohen_d(contrast, difference_interval(contrast, 0.05))


def arm(n: float, mean: float, variance: float) -> Univariate:
    return Univariate(n=np.array(n), mean=np.array(mean), variance=np.array(variance))


def arms(low: float = -100.0) -> st.SearchStrategy[Univariate]:
    return st.builds(arm, st.integers(8, 10_000), st.floats(low, 100.0), st.floats(0.01, 1e4))


def scaled(moments: Univariate, factor: float) -> Univariate:
    return Univariate(n=moments.n, mean=factor * moments.mean, variance=factor**2 * moments.variance)


def money(seed: int, shape: tuple[int, ...], lift: float = 0.0) -> Values:
    rng = np.random.default_rng(seed)
    return rng.lognormal(3.0, 1.2, shape) * (rng.random(shape) < 0.2) * (1.0 + lift)


def correlated(seed: int, n: int, effect: float) -> tuple[Values, Values]:
    rng = np.random.default_rng(seed)
    x = rng.gamma(2.0, 5.0, n)
    return 3.0 + 0.8 * x + rng.normal(0.0, 2.0, n) + effect, x


def test_welch_agrees_with_scipy_over_many_experiments_at_once() -> None:
    control, treatment = money(1, (40, 300)), money(2, (40, 170), 0.1)
    sides = [
        Univariate(n=np.array(v.shape[1]), mean=v.mean(1), variance=v.var(1, ddof=1))
        for v in (control, treatment)
    ]
    contrast = mean_contrast(sides[0], sides[1])
    oracle = stats.ttest_ind(treatment, control, axis=1, equal_var=False)
    interval = oracle.confidence_interval(0.9)
    estimate, low, high = difference_interval(contrast, 0.1)
    np.testing.assert_allclose(p_value(contrast), oracle.pvalue, rtol=1e-9)
    np.testing.assert_allclose(contrast.df, oracle.df, rtol=1e-9)
    np.testing.assert_allclose(low, interval.low, rtol=1e-9)
    np.testing.assert_allclose(high, interval.high, rtol=1e-9)
    np.testing.assert_allclose(estimate, treatment.mean(1) - control.mean(1), rtol=1e-12)


def test_a_ratio_is_tested_like_the_means_of_its_linearised_units(bivariate: MakeBivariate) -> None:
    rng = np.random.default_rng(3)
    sides = []
    for share, n in ((0.30, 400), (0.33, 350)):
        x: Values = np.asarray(rng.poisson(5.0, n) + 1.0, dtype=np.float64)
        sides.append((rng.binomial(x.astype(int), share).astype(float), x))
    contrast = ratio_contrast(bivariate(*sides[0]), bivariate(*sides[1]))
    linear = [y.sum() / x.sum() + (y - y.sum() / x.sum() * x) / x.mean() for y, x in sides]
    oracle = stats.ttest_ind(linear[1], linear[0], equal_var=False)
    assert p_value(contrast) == pytest.approx(oracle.pvalue, rel=1e-9)
    assert contrast.difference == pytest.approx(linear[1].mean() - linear[0].mean(), rel=1e-9)
    assert contrast.control == pytest.approx(sides[0][0].sum() / sides[0][1].sum(), rel=1e-12)


def test_the_adjusted_difference_is_that_of_least_squares_with_a_common_slope(
    bivariate: MakeBivariate,
) -> None:
    (y_c, x_c), (y_t, x_t) = correlated(4, 300, 0.0), correlated(5, 200, 0.7)
    contrast, removed = adjusted_contrast(
        one_covariate(bivariate(y_c, x_c)), one_covariate(bivariate(y_t, x_t))
    )
    y, x = np.concatenate([y_c, y_t]), np.concatenate([x_c, x_t])
    treated = np.r_[np.zeros(300), np.ones(200)]
    fit = sm.OLS(y, np.column_stack([np.ones(500), treated, x])).fit()
    assert contrast.difference == pytest.approx(fit.params[1], rel=1e-9)
    theta = fit.params[2]
    residuals = y_c - theta * x_c, y_t - theta * x_t
    oracle = stats.ttest_ind(residuals[1], residuals[0], equal_var=False)
    assert p_value(contrast) == pytest.approx(oracle.pvalue, rel=1e-9)
    assert contrast.df == pytest.approx(oracle.df, rel=1e-9)
    plain = y_c.var(ddof=1) / 300 + y_t.var(ddof=1) / 200
    left = residuals[0].var(ddof=1) / 300 + residuals[1].var(ddof=1) / 200
    assert removed == pytest.approx(1 - left / plain, rel=1e-9)
    assert removed > 0.8


def test_the_adjusted_contrast_keeps_the_unadjusted_control_mean_and_its_exact_covariance(
    bivariate: MakeBivariate,
) -> None:
    (y_c, x_c), (y_t, x_t) = correlated(6, 120, 0.0), correlated(7, 90, 0.2)
    contrast, _ = adjusted_contrast(one_covariate(bivariate(y_c, x_c)), one_covariate(bivariate(y_t, x_t)))
    slope = np.concatenate([x_c - x_c.mean(), x_t - x_t.mean()])
    theta = slope @ np.concatenate([y_c - y_c.mean(), y_t - y_t.mean()]) / (slope @ slope)
    assert contrast.control == pytest.approx(y_c.mean(), rel=1e-12)
    assert contrast.control_variance == pytest.approx(y_c.var(ddof=1) / 120, rel=1e-12)
    joint = np.cov(y_c - theta * x_c, y_c, ddof=1)[0, 1]
    assert contrast.covariance == pytest.approx(-joint / 120, rel=1e-9)
    assert contrast.pooled_sd == pytest.approx(
        np.sqrt((119 * y_c.var(ddof=1) + 89 * y_t.var(ddof=1)) / 208), rel=1e-12
    )


@pytest.mark.parametrize("covariate", ["constant", "missing"])
def test_a_useless_covariate_changes_nothing(
    univariate: MakeUnivariate, bivariate: MakeBivariate, covariate: str
) -> None:
    y_c, y_t = money(8, (60,)), money(9, (80,))
    x = {"constant": 5.0, "missing": np.nan}[covariate]
    adjusted, removed = adjusted_contrast(
        one_covariate(bivariate(y_c, np.full(60, x))), one_covariate(bivariate(y_t, np.full(80, x)))
    )
    plain = mean_contrast(univariate(y_c), univariate(y_t))
    assert adjusted.problem.item() is plain.problem.item() is None
    for field in dataclasses.fields(Contrast)[:-1]:
        assert getattr(adjusted, field.name) == pytest.approx(getattr(plain, field.name), rel=1e-12)
    if covariate == "constant":
        assert removed == 0.0
    else:
        assert np.isnan(removed)


def test_a_covariate_equal_to_the_outcome_leaves_no_variance(bivariate: MakeBivariate) -> None:
    y_c, y_t = money(8, (60,)), money(9, (80,))
    contrast, removed = adjusted_contrast(
        one_covariate(bivariate(y_c, y_c)), one_covariate(bivariate(y_t, y_t))
    )
    assert removed == 1.0
    assert contrast.problem.item() is Reason.ZERO_VARIANCE
    assert np.isnan(p_value(contrast))


@pytest.mark.parametrize(
    ("control", "treatment", "reason"),
    [
        (arm(0, np.nan, np.nan), arm(9, 1, 1), Reason.NO_UNITS),
        (arm(np.nan, np.nan, np.nan), arm(9, 1, 1), Reason.NO_UNITS),
        (arm(1, 2, np.nan), arm(900, 1, 1), Reason.TOO_FEW_UNITS),
        (arm(7, 1, 1), arm(900, 1, 1), Reason.TOO_FEW_UNITS),
        (arm(9, np.nan, np.nan), arm(9, 1, 1), Reason.NO_DENOMINATOR),
        (arm(9, 1, np.nan), arm(9, 1, 1), Reason.NO_VARIANCE_GIVEN),
        (arm(9, 0, 0), arm(9, 1, 0), Reason.ZERO_VARIANCE),
        (arm(9, 0.1, 1e-34), arm(9, 0.1 + 2e-17, 1e-34), Reason.ZERO_VARIANCE),
        (arm(8, 1, 0), arm(8, 1, 1), None),
    ],
)
def test_what_cannot_be_concluded_says_why_and_gives_no_number(
    control: Univariate, treatment: Univariate, reason: Reason | None
) -> None:
    contrast = mean_contrast(control, treatment)
    assert contrast.problem.item() is reason
    numbers = [
        p_value(contrast),
        *difference_interval(contrast, 0.05),
        *fieller_lift(contrast, 0.05)[:3],
        *cohen_d(contrast, difference_interval(contrast, 0.05)),
        power.realised_mde(contrast, 0.05),
        power.power_at(contrast, 0.1, 0.05),
        *power.units_needed(contrast, 0.1, 0.05),
        non_inferiority_p(contrast, 0.1, 1),
        equivalence_p(contrast, 0.1),
    ]
    assert all(np.isnan(number) == (reason is not None) for number in numbers)
    if reason is not None:
        assert fieller_lift(contrast, 0.05).problem.item() is reason


def test_one_bad_experiment_leaves_the_others_alone() -> None:
    control = Univariate(n=np.array([100.0, 3.0, 50.0]), mean=np.full(3, 2.0), variance=np.full(3, 1.0))
    contrast = mean_contrast(control, arm(80, 2.2, 1.3))
    assert contrast.problem.tolist() == [None, Reason.TOO_FEW_UNITS, None]
    assert np.isnan(p_value(contrast)).tolist() == [False, True, False]
    alone = mean_contrast(arm(100, 2.0, 1.0), arm(80, 2.2, 1.3))
    assert p_value(contrast)[0] == p_value(alone)


def test_a_ratio_whose_denominator_is_zero_in_an_arm_has_no_value(bivariate: MakeBivariate) -> None:
    nothing = bivariate(np.zeros(20), np.zeros(20))
    some = bivariate(np.arange(20.0), np.arange(20.0) + 1)
    contrast = ratio_contrast(nothing, some)
    assert contrast.problem.item() is Reason.NO_DENOMINATOR
    assert np.isnan(p_value(contrast))


@given(control=arms(), treatment=arms(), alpha=st.sampled_from([0.001, 0.05, 0.2]))
@example(control=arm(8, 0.5, 1), treatment=arm(8, 0.5, 1), alpha=0.05)
def test_fieller_excludes_zero_exactly_when_the_test_rejects(
    control: Univariate, treatment: Univariate, alpha: float
) -> None:
    contrast = mean_contrast(control, treatment)
    lift = fieller_lift(contrast, alpha)
    p = p_value(contrast)
    assume(abs(p / alpha - 1) > 1e-9)
    if lift.problem.item() is Reason.CONTROL_NEAR_ZERO:
        control_alone = stats.t.ppf(1 - alpha / 2, contrast.df) * np.sqrt(contrast.control_variance)
        assert control_alone >= abs(contrast.control) * (1 - 1e-9)
        return
    assert lift.low <= lift.estimate <= lift.high
    assert (lift.low > 0 or lift.high < 0) == (p < alpha)


@given(control=arms(), treatment=arms())
def test_both_ends_of_fieller_solve_its_equation(control: Univariate, treatment: Univariate) -> None:
    contrast = mean_contrast(control, treatment)
    lift = fieller_lift(contrast, 0.05)
    assume(lift.problem.item() is None)
    t_squared = stats.t.ppf(0.975, contrast.df) ** 2
    for end in (lift.low, lift.high):
        psi = end * np.sign(contrast.control)
        gap = contrast.difference - psi * contrast.control
        spread = contrast.variance - 2 * psi * contrast.covariance + psi**2 * contrast.control_variance
        assert gap**2 == pytest.approx(t_squared * spread, rel=1e-7)


def test_fieller_agrees_with_published_results_for_the_lift_of_sparse_revenue() -> None:
    contrast = mean_contrast(
        arm(3407, 1396.87 / 3407, (52377.9767 - 1396.87**2 / 3407) / 3406),
        arm(3461, 2422.7 / 3461, (134698.29 - 2422.7**2 / 3461) / 3460),
    )
    lift = fieller_lift(contrast, 0.05)
    assert lift.estimate == pytest.approx(0.7073, abs=5e-5)
    # Published for the normal critical value; t with 5700 degrees of freedom moves the fourth digit.
    assert lift.low == pytest.approx(0.0942, abs=3e-4)
    assert lift.high == pytest.approx(1.7084, abs=3e-3)
    assert p_value(contrast) == pytest.approx(0.0202, abs=5e-5)


def test_a_more_negative_treatment_is_a_negative_lift_also_below_zero() -> None:
    down = fieller_lift(mean_contrast(arm(100, -10, 4), arm(100, -11, 4)), 0.05)
    assert down.estimate == pytest.approx(-0.1)
    mirrored = fieller_lift(mean_contrast(arm(100, 10, 4), arm(100, 11, 4)), 0.05)
    np.testing.assert_allclose([down.low, down.high], [-mirrored.high, -mirrored.low], rtol=1e-12)


def test_a_control_mean_of_zero_has_no_lift_but_a_difference() -> None:
    contrast = mean_contrast(arm(100, 0, 0), arm(100, 1, 4))
    lift = fieller_lift(contrast, 0.05)
    assert lift.problem.item() is Reason.CONTROL_NEAR_ZERO
    assert np.isnan(lift.estimate)
    assert p_value(contrast) < 1e-4
    assert np.isnan(power.realised_mde(contrast, 0.05))


@given(control=arms(), treatment=arms())
def test_swapping_the_arms_negates_the_difference_and_keeps_p(
    control: Univariate, treatment: Univariate
) -> None:
    there, back = mean_contrast(control, treatment), mean_contrast(treatment, control)
    assert there.difference == -back.difference
    assert p_value(there) == pytest.approx(p_value(back), rel=1e-12)
    low, high = difference_interval(there, 0.05)[1:]
    assert (low, high) == pytest.approx(
        (-difference_interval(back, 0.05).high, -difference_interval(back, 0.05).low)
    )
    assert d_of(there).estimate == pytest.approx(-d_of(back).estimate)


@given(control=arms(), treatment=arms(), factor=st.sampled_from([1e-9, 0.3, 7.0, 1e12]))
def test_changing_the_unit_of_the_metric_scales_the_difference_and_nothing_else(
    control: Univariate, treatment: Univariate, factor: float
) -> None:
    plain = mean_contrast(control, treatment)
    contrast = mean_contrast(scaled(control, factor), scaled(treatment, factor))
    assert p_value(contrast) == pytest.approx(p_value(plain), rel=1e-9, abs=1e-300)
    np.testing.assert_allclose(
        difference_interval(contrast, 0.05), factor * np.array(difference_interval(plain, 0.05)), rtol=1e-9
    )
    assert fieller_lift(contrast, 0.05).problem.item() is fieller_lift(plain, 0.05).problem.item()
    for ours, other in (
        (fieller_lift(contrast, 0.05)[:3], fieller_lift(plain, 0.05)[:3]),
        (d_of(contrast), d_of(plain)),
    ):
        np.testing.assert_allclose(ours, other, rtol=1e-6, atol=1e-12)


@given(control=arms(), treatment=arms(), margin=st.floats(0.0, 0.9), sign=st.sampled_from([1, -1]))
def test_not_worse_at_half_alpha_exactly_when_the_lift_interval_clears_the_margin(
    control: Univariate, treatment: Univariate, margin: float, sign: int
) -> None:
    contrast = mean_contrast(control, treatment)
    lift = fieller_lift(contrast, 0.05)
    assume(lift.problem.item() is None)
    p = non_inferiority_p(contrast, margin, sign)
    assume(abs(p / 0.025 - 1) > 1e-6)
    worst = lift.low if sign > 0 else -lift.high
    assert (p < 0.025) == (worst > -margin)


@given(control=arms(), treatment=arms(), band=st.floats(0.001, 3.0))
def test_equivalent_at_half_alpha_exactly_when_the_lift_interval_lies_in_the_band(
    control: Univariate, treatment: Univariate, band: float
) -> None:
    contrast = mean_contrast(control, treatment)
    lift = fieller_lift(contrast, 0.05)
    assume(lift.problem.item() is None)
    p = equivalence_p(contrast, band)
    assume(abs(p / 0.025 - 1) > 1e-6)
    assert (p < 0.025) == (-band < lift.low and lift.high < band)


def test_non_inferiority_without_a_margin_is_the_one_sided_test() -> None:
    contrast = mean_contrast(arm(50, 10, 9), arm(60, 10.5, 16))
    greater = stats.t.sf(contrast.difference / contrast.standard_error, contrast.df)
    assert non_inferiority_p(contrast, 0.0, 1) == pytest.approx(greater, rel=1e-12)
    assert non_inferiority_p(contrast, 0.0, -1) == pytest.approx(1 - greater, rel=1e-12)


def test_non_inferiority_is_the_test_of_treatment_against_a_shrunken_control(
    univariate: MakeUnivariate,
) -> None:
    control, treatment = money(11, (500,)), money(12, (400,))
    contrast = mean_contrast(univariate(control), univariate(treatment))
    shrunken = 0.9 * control
    distance = treatment.mean() - shrunken.mean()
    error = np.sqrt(treatment.var(ddof=1) / 400 + shrunken.var(ddof=1) / 500)
    assert non_inferiority_p(contrast, 0.1, 1) == pytest.approx(
        stats.t.sf(distance / error, contrast.df), rel=1e-9
    )


def test_guardrails_where_less_is_better_mirror_those_where_more_is() -> None:
    up = mean_contrast(arm(50, 10, 9), arm(60, 9.8, 16))
    down = mean_contrast(arm(50, -10, 9), arm(60, -9.8, 16))
    assert non_inferiority_p(up, 0.05, 1) == pytest.approx(non_inferiority_p(down, 0.05, -1), rel=1e-12)
    signs = np.array([1, -1])
    both = non_inferiority_p(up, 0.05, signs)
    assert both.tolist() == [non_inferiority_p(up, 0.05, 1), non_inferiority_p(up, 0.05, -1)]


def test_without_a_declared_margin_there_is_no_non_inferiority() -> None:
    contrast = mean_contrast(arm(50, 10, 9), arm(60, 10.5, 16))
    assert np.isnan(non_inferiority_p(contrast, np.nan, 1))
    assert np.isnan(equivalence_p(contrast, np.nan))


def test_the_detectable_lift_is_the_one_detected_with_that_power() -> None:
    contrast = mean_contrast(arm(5000, 10, 90), arm(4000, 10.1, 110))
    lift = power.realised_mde(contrast, 0.05)
    assert lift == pytest.approx(2.8015852 * contrast.standard_error / 10, rel=1e-7)
    assert power.power_at(contrast, lift, 0.05) == pytest.approx(0.8, abs=1e-5)
    assert power.power_at(contrast, 0.0, 0.05) == pytest.approx(0.05, rel=1e-12)
    assert power.power_at(contrast, -lift, 0.05) == pytest.approx(power.power_at(contrast, lift, 0.05))


@given(control=arms(1.0), treatment=arms(1.0), lift=st.floats(0.01, 0.5), wanted=st.sampled_from([0.8, 0.9]))
def test_the_units_needed_reach_the_power_and_keep_the_split(
    control: Univariate, treatment: Univariate, lift: float, wanted: float
) -> None:
    contrast = mean_contrast(control, treatment)
    needed = power.units_needed(contrast, lift, 0.05, wanted)
    planned = mean_contrast(
        dataclasses.replace(control, n=needed[0]), dataclasses.replace(treatment, n=needed[1])
    )
    assume(min(needed) > 1000)
    assert power.power_at(planned, lift, 0.05) == pytest.approx(wanted, abs=2e-3)
    assert power.power_at(planned, lift, 0.05) >= wanted - 1e-9
    assert needed[0] / needed[1] == pytest.approx(control.n / treatment.n, rel=2e-3)


def test_no_number_of_units_detects_no_lift() -> None:
    contrast = mean_contrast(arm(50, 10, 9), arm(60, 10.5, 16))
    assert np.isnan(power.units_needed(contrast, 0.0, 0.05)).all()
    assert power.units_needed(contrast, np.array([0.1, 0.2]), 0.05)[0].shape == (2,)


def test_cohen_d_is_the_difference_in_standard_deviations_with_its_interval() -> None:
    contrast = mean_contrast(arm(200, 10, 4), arm(100, 10.2, 4))
    d, low, high = d_of(contrast)
    assert d == pytest.approx(0.1, rel=1e-12)
    ends = np.array(difference_interval(contrast, 0.05)) / 2.0
    np.testing.assert_allclose((d, low, high), ends, rtol=1e-12)
    hedges_olkin = 1.96 * np.sqrt(300 / 20000 + d**2 / 600)
    assert high - d == pytest.approx(hedges_olkin, rel=0.01), "for small effects the same"


def test_cohen_d_of_an_adjusted_difference_is_in_unadjusted_deviations(bivariate: MakeBivariate) -> None:
    (y_c, x_c), (y_t, x_t) = correlated(6, 120, 0.0), correlated(7, 90, 0.2)
    adjusted, _ = adjusted_contrast(one_covariate(bivariate(y_c, x_c)), one_covariate(bivariate(y_t, x_t)))
    d, low, high = d_of(adjusted)
    assert d == pytest.approx(adjusted.difference / adjusted.pooled_sd, rel=1e-12)
    plain = d_of(mean_contrast(*(arm(len(y), y.mean(), y.var(ddof=1)) for y in (y_c, y_t))))
    assert high - low < 0.6 * (plain.high - plain.low)
