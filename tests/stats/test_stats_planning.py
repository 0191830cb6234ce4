"""Planned sizes against published ones, against other programs, and against the tests themselves on simulated data."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep

from abgap.stats.contrast import Contrast, mean_contrast
from abgap.stats.covariates import adjusted_contrast, one_covariate
from abgap.stats.intervals import p_value
from abgap.stats.moments import Bivariate, Univariate
from abgap.stats.noninferiority import equivalence_p, non_inferiority_p, score_non_inferiority_p
from abgap.stats.planning import (
    LARGEST_EFFECT,
    Design,
    effect_for,
    equivalence_power,
    first_step_alpha,
    largest_lift,
    non_inferiority_power,
    per_arm,
    superiority_power,
    units_for,
)
from abgap.stats.proportions import Successes, score_p_value
from abgap.stats.rule import AnytimeValid
from abgap.stats.tails import noncentral_t_sf

Values: TypeAlias = npt.NDArray[np.float64]

RUNS = 40_000


def design(
    mean: float,
    sd: float,
    *,
    removed: float = 0.0,
    binary: bool = False,
    control: float = 0.5,
    treatment: float = 0.5,
) -> Design:
    variance = np.asarray(sd**2, dtype=np.float64)
    return Design(
        mean=np.asarray(mean, dtype=np.float64),
        variance=variance,
        residual=variance * (1.0 - removed),
        binary=np.asarray(binary),
        control_part=np.asarray(control),
        treatment_part=np.asarray(treatment),
    )  # fmt: skip


def share(p: float, *, control: float = 0.5, treatment: float = 0.5) -> Design:
    return design(p, float(np.sqrt(p * (1 - p))), binary=True, control=control, treatment=treatment)


def superiority_units(of: Design, lift: float, *, alpha: float = 0.05, power: float = 0.8) -> float:
    return float(units_for(of, lambda n: superiority_power(of, n, lift, alpha), power))


def near(rate: float, expected: float, runs: int = RUNS) -> None:
    assert rate == pytest.approx(expected, abs=3 * np.sqrt(expected * (1 - expected) / runs))


# --- published values and other programs ----------------------------------------------------------------------------


@pytest.mark.parametrize(("d", "per_arm_units"), [(0.2, 394), (0.5, 64), (0.8, 26)])
def test_two_means_are_sized_as_in_the_tables_of_cohen(d: float, per_arm_units: int) -> None:
    one = design(1.0, 1.0)
    assert per_arm(np.asarray(superiority_units(one, d)), 0.5) == per_arm_units


def test_the_examples_in_the_documentation_of_r_come_out() -> None:
    one = design(1.0, 1.0)
    assert float(superiority_power(one, 40.0, 1.0, 0.05)) == pytest.approx(0.8689528, abs=5e-7)  # one tail
    assert superiority_units(one, 1.0, power=0.9) / 2 == pytest.approx(22.02110, abs=2e-5)
    assert float(superiority_power(share(0.5), 100.0, 0.5, 0.05)) == pytest.approx(0.7401659, abs=5e-5)
    assert superiority_units(share(0.5), 0.5, power=0.9) / 2 == pytest.approx(76.7, abs=0.05)


@pytest.mark.parametrize("d", [0.02, 0.05, 0.08])
@pytest.mark.parametrize("ratio", [1.0, 0.25, 9.0])
def test_the_power_of_two_means_is_that_of_statsmodels_for_any_split_of_many_units(
    d: float, ratio: float
) -> None:
    of = design(1.0, 1.0, control=1 / (1 + ratio), treatment=ratio / (1 + ratio))
    units = 10_000.0
    theirs = TTestIndPower().power(d, nobs1=units / (1 + ratio), alpha=0.05, ratio=ratio)
    # Welch has fewer degrees of freedom than the pooled t.
    assert float(superiority_power(of, units, d, 0.05)) == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize("units", [20.0, 64.0, 200.0])
def test_the_power_of_two_equal_arms_is_that_of_statsmodels_exactly(units: float) -> None:
    theirs = TTestIndPower().power(0.5, nobs1=units / 2, alpha=0.01, ratio=1.0)
    assert float(superiority_power(design(1.0, 1.0), units, 0.5, 0.01)) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(("p", "lift", "ratio"), [(0.2, 0.25, 1.0), (0.02, -0.3, 4.0), (0.6, 0.05, 0.25)])
def test_the_power_of_two_shares_is_that_of_statsmodels(p: float, lift: float, ratio: float) -> None:
    # statsmodels counts the nearer tail alone.
    n_treatment = 3000.0
    of = share(p, control=ratio / (1 + ratio), treatment=1 / (1 + ratio))
    theirs = power_proportions_2indep(lift * p, p, n_treatment, ratio=ratio, alpha=0.05, return_results=False)
    ours = float(superiority_power(of, n_treatment * (1 + ratio), lift, 0.05))
    assert ours == pytest.approx(float(theirs), abs=1e-6)


def test_a_well_known_web_calculator_decides_with_the_variance_of_the_baseline_in_both_arms() -> None:
    """Baseline 20 %, 5 points up, 5 % two-sided, 80 %: it says 1,030 per arm; with the pooled share it is 1,094."""
    p, q = 0.2, 0.25
    z_alpha, z_beta = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
    theirs = (
        (z_alpha * np.sqrt(2 * p * (1 - p)) + z_beta * np.sqrt(p * (1 - p) + q * (1 - q))) / (q - p)
    ) ** 2
    assert round(theirs) == 1030
    assert per_arm(np.asarray(superiority_units(share(p), 0.25)), 0.5) == 1094


@pytest.mark.parametrize(
    ("alpha", "effect", "published"),
    [
        pytest.param(0.05, 0.0, 50, id="Chow, Shao, Wang: non-inferiority of means, margin half a sd"),
    ],
)
def test_non_inferiority_of_means_is_sized_as_published(alpha: float, effect: float, published: int) -> None:
    # An absolute margin: relative to a control value so large that its own variance does not matter.
    of, margin = design(1e4, 10.0), 5e-4
    units = float(units_for(of, lambda n: non_inferiority_power(of, n, margin, alpha, 1.0, effect), 0.8)) / 2
    normal = 2 * (stats.norm.ppf(0.95) + stats.norm.ppf(0.8)) ** 2 * 4
    assert int(np.ceil(normal)) == published
    # The published value has z for t, which is a quarter of z squared short (Guenther 1981).
    assert units == pytest.approx(normal + stats.norm.ppf(0.95) ** 2 / 4, abs=0.1)
    assert units == pytest.approx(
        TTestIndPower().solve_power(0.5, alpha=0.05, power=0.8, alternative="larger"), rel=1e-3
    )


def test_equivalence_of_means_is_sized_as_published() -> None:
    """Chow, Shao, Wang: sd 10, limits +-5, no difference, 5 % and 80 %: 69 per arm with z for t."""
    of, band = design(1e4, 10.0), 5e-4
    units = float(units_for(of, lambda n: equivalence_power(of, n, band, 0.05), 0.8)) / 2
    normal = 2 * (stats.norm.ppf(0.95) + stats.norm.ppf(0.9)) ** 2 * 4
    assert int(np.ceil(normal)) == 69
    assert units == pytest.approx(normal + stats.norm.ppf(0.95) ** 2 / 4, abs=0.2)


def test_noncentral_t_keeps_its_digits_in_the_tail_and_is_defined_far_out() -> None:
    for df, shift, at in ((7.0, 2.8, 30.0), (30.0, -2.8, 1.96), (1e6, 0.5, 5.0)):
        assert float(noncentral_t_sf(at, df, shift)) == pytest.approx(stats.nct.sf(at, df, shift), rel=1e-8)
    assert float(noncentral_t_sf(1.96, 30.0, 40.0)) == 1.0
    assert float(noncentral_t_sf(1.96, 1e5, 1e5)) == 1.0
    assert float(noncentral_t_sf(1.96, np.inf, 2.8)) == pytest.approx(stats.norm.sf(1.96 - 2.8), rel=1e-12)


# --- the tests themselves, on simulated data ------------------------------------------------------------------------


def arm(rng: np.random.Generator, n: int, mean: float, sd: float) -> Univariate:
    """Means and variances of normal units, drawn as such."""
    return Univariate(
        n=np.full(RUNS, float(n)),
        mean=rng.normal(mean, sd / np.sqrt(n), RUNS),
        variance=sd**2 * rng.chisquare(n - 1, RUNS) / (n - 1),
    )


def contrast(rng: np.random.Generator, of: Design, units: float, lift: float) -> Contrast:
    mean, sd = float(of.mean), float(np.sqrt(of.variance))
    sizes = (round(units * float(of.control_part)), round(units * float(of.treatment_part)))
    return mean_contrast(arm(rng, sizes[0], mean, sd), arm(rng, sizes[1], mean * (1 + lift), sd))


def test_the_scorecard_finds_the_planned_lift_as_often_as_planned() -> None:
    rng = np.random.default_rng(1)
    for of, lift in ((design(10.0, 8.0), 0.4), (design(10.0, 8.0, control=0.8, treatment=0.2), -0.5)):
        units = 10 * round(superiority_units(of, lift) / 10)
        found = float(np.mean(p_value(contrast(rng, of, units, lift)) < 0.05))
        near(found, float(superiority_power(of, units, lift, 0.05)))


def test_the_score_test_finds_the_planned_lift_as_often_as_planned() -> None:
    rng = np.random.default_rng(2)
    n_c, n_t = 9000, 3000
    of = share(0.05, control=0.75, treatment=0.25)
    x_c, x_t = rng.binomial(n_c, 0.05, RUNS), rng.binomial(n_t, 0.06, RUNS)
    p, _ = score_p_value(
        Successes(
            control=x_c.astype(np.float64), n_control=np.asarray(float(n_c)),
            treatment=x_t.astype(np.float64), n_treatment=np.asarray(float(n_t)),
        )
    )  # fmt: skip
    # Counts come in steps, which the plan does not know.
    assert float(np.mean(p < 0.05)) == pytest.approx(
        float(superiority_power(of, n_c + n_t, 0.2, 0.05)), abs=0.01
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("mean", [10.0, -10.0])
def test_non_inferiority_is_shown_as_often_as_planned(sign: float, mean: float) -> None:
    rng = np.random.default_rng(3)
    of = design(mean, 6.0, control=0.3, treatment=0.7)
    units = 10 * round(
        float(units_for(of, lambda n: non_inferiority_power(of, n, 0.3, 0.05, sign), 0.8)) / 10
    )
    shown = non_inferiority_p(contrast(rng, of, units, 0.0), 0.3, sign) < 0.05
    near(float(np.mean(shown)), float(non_inferiority_power(of, units, 0.3, 0.05, sign)))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_margin_of_a_share_is_cleared_as_often_as_planned(sign: float) -> None:
    rng = np.random.default_rng(8)
    of = share(0.2, control=0.3, treatment=0.7)
    units = 10 * round(
        float(units_for(of, lambda n: non_inferiority_power(of, n, 0.1, 0.05, sign), 0.8)) / 10
    )
    n_c, n_t = round(0.3 * units), round(0.7 * units)
    counts = Successes(
        control=rng.binomial(n_c, 0.2, RUNS).astype(np.float64), n_control=np.asarray(float(n_c)),
        treatment=rng.binomial(n_t, 0.2, RUNS).astype(np.float64), n_treatment=np.asarray(float(n_t)),
    )  # fmt: skip
    shown = float(np.mean(score_non_inferiority_p(counts, 0.1, sign) < 0.05))
    assert shown == pytest.approx(float(non_inferiority_power(of, units, 0.1, 0.05, sign)), abs=0.012)


def test_equivalence_is_shown_as_often_as_planned() -> None:
    rng = np.random.default_rng(4)
    of = design(10.0, 6.0)
    units = 2 * round(float(units_for(of, lambda n: equivalence_power(of, n, 0.2, 0.05), 0.8)) / 2)
    shown = equivalence_p(contrast(rng, of, units, 0.0), 0.2) < 0.05
    near(float(np.mean(shown)), float(equivalence_power(of, units, 0.2, 0.05)))


@pytest.mark.parametrize("binary", [False, True])
def test_a_sequential_test_that_is_read_once_finds_the_planned_lift_as_often_as_planned(binary: bool) -> None:
    rng = np.random.default_rng(6)
    rule = AnytimeValid(units=20_000.0)
    of = share(0.2) if binary else design(10.0, 8.0)
    lift = 0.1
    units = float(units_for(of, lambda n: superiority_power(of, n, lift, 0.05, rule), 0.8))
    assert units > 1.3 * superiority_units(of, lift)
    n = round(units / 2)
    if binary:
        arms = []
        for p in (0.2, 0.22):
            found = rng.binomial(n, p, RUNS) / n
            arms.append(
                Univariate(n=np.full(RUNS, float(n)), mean=found, variance=found * (1 - found) * n / (n - 1))
            )
    else:
        arms = [arm(rng, n, mean, 8.0) for mean in (10.0, 11.0)]
    p_values = p_value(mean_contrast(*arms), rule)
    near(float(np.mean(p_values < 0.05)), float(superiority_power(of, 2 * n, lift, 0.05, rule)))


def test_a_sequential_margin_is_cleared_as_often_as_planned() -> None:
    rng, rule, of = np.random.default_rng(7), AnytimeValid(units=5_000.0), design(10.0, 6.0)
    shown = non_inferiority_p(contrast(rng, of, 600, 0.0), 0.2, 1.0, rule) < 0.05
    near(float(np.mean(shown)), float(non_inferiority_power(of, 600.0, 0.2, 0.05, 1.0, rule=rule)))


def test_a_covariate_brings_the_planned_power() -> None:
    rng = np.random.default_rng(5)
    of = design(10.0, 8.0, removed=0.64)
    units = 2 * round(superiority_units(of, 0.2) / 2)
    arms = []
    for lift in (0.0, 0.2):
        x = rng.normal(0.0, 1.0, (8000, units // 2))
        y = 10.0 * (1 + lift) + 8.0 * (0.8 * x + rng.normal(0.0, 0.6, x.shape))
        off = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
        arms.append(
            Bivariate(
                n=np.asarray(float(units // 2)), mean_y=y.mean(1), variance_y=y.var(1, ddof=1), mean_x=x.mean(1),
                variance_x=x.var(1, ddof=1), covariance=np.einsum("ij,ij->i", *off) / (units // 2 - 1),
            )
        )  # fmt: skip
    found = float(np.mean(p_value(adjusted_contrast(*(one_covariate(arm) for arm in arms))[0]) < 0.05))
    near(found, float(superiority_power(of, units, 0.2, 0.05)), 8000)
    assert units < 0.4 * superiority_units(design(10.0, 8.0), 0.2)


# --- properties -----------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    mean=st.floats(0.01, 1e4), noise=st.floats(0.05, 50.0), lift=st.floats(0.001, 2.0), part=st.floats(0.05, 0.95),
    scale=st.floats(1e-3, 1e3),
)  # fmt: skip
def test_units_and_effects_are_the_same_curve_read_from_either_side(
    mean: float, noise: float, lift: float, part: float, scale: float
) -> None:
    of = design(mean, mean * noise, control=part, treatment=1 - part)
    units = superiority_units(of, lift)
    assert units >= float(of.fewest_units)
    largest = largest_lift(of, 1.0)
    found = float(effect_for(lambda e: superiority_power(of, units, e, 0.05), 0.8, largest))
    if units > float(of.fewest_units):
        assert found == pytest.approx(lift, rel=1e-6)
    else:
        assert found <= lift * (1 + 1e-9)
    # Money in other coins changes nothing.
    other = design(mean * scale, mean * scale * noise, control=part, treatment=1 - part)
    assert superiority_units(other, lift) == pytest.approx(units, rel=1e-6)


def test_no_share_can_rise_above_one() -> None:
    of = share(0.9)
    assert np.isnan(units_for(of, lambda n: superiority_power(of, n, 0.2, 0.05), 0.8))
    assert float(largest_lift(of, 1.0)) == pytest.approx(1 / 9)
    assert float(largest_lift(of, -1.0)) == 1.0
    few = effect_for(lambda e: superiority_power(of, 20.0, e, 0.05), 0.8, largest_lift(of, 1.0))
    assert np.isnan(few)


def test_nothing_is_relative_to_a_mean_of_zero() -> None:
    of = design(0.0, 1.0)
    assert np.isnan(superiority_units(of, 0.1))
    assert np.isnan(
        effect_for(lambda e: equivalence_power(of, 1000.0, e, 0.05), 0.8, np.asarray(LARGEST_EFFECT))
    )


def test_thousands_of_metrics_are_one_call() -> None:
    sds = np.linspace(0.5, 20.0, 2000)
    many = Design(
        mean=np.ones(2000), variance=sds**2, residual=sds**2, binary=np.zeros(2000, dtype=bool),
        control_part=np.full(2000, 0.5), treatment_part=np.full(2000, 0.5),
    )  # fmt: skip
    units = units_for(many, lambda n: superiority_power(many, n, 0.05, 0.05), 0.8)
    assert units[::500] == pytest.approx(
        [superiority_units(design(1.0, sd), 0.05) for sd in sds[::500]], rel=1e-9
    )


def test_the_first_step_of_holm_is_the_level_for_all_comparisons() -> None:
    assert first_step_alpha(0.05, 4) == 0.0125


def test_units_per_arm_are_whole_and_rounding_of_the_last_digit_adds_none() -> None:
    assert per_arm(np.asarray(20.0 * (1 + 1e-14)), 0.5) == 10
    assert per_arm(np.asarray(20.1), 0.5) == 11
