"""The slope of the lift over days since exposure: of relative lifts, whatever the days bring, units as units."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from abgap.records import Reason
from abgap.stats.intervals import fieller_lift, p_value
from abgap.stats.moments import Joint
from abgap.stats.rule import AnytimeValid
from abgap.stats.trend import slope_contrast

Array: TypeAlias = npt.NDArray[np.floating[Any]]
ALPHA = 0.05


def sums(y: Array) -> Array:
    """The three sums of every unit, as the engine adds them up. y: ... x days."""
    u = 2.0 * np.arange(y.shape[-1]) - y.shape[-1] + 1.0
    return np.stack([y @ u, y.sum(-1), y @ u**2], axis=-1)


def arm(y: Array) -> Joint:
    """Repeats x units x days, or units x days."""
    z = sums(y)
    off = z - z.mean(-2, keepdims=True)
    covariances = np.swapaxes(off, -1, -2) @ off / (y.shape[-2] - 1.0)
    return Joint(n=np.full(y.shape[:-2], float(y.shape[-2])), means=z.mean(-2), covariances=covariances)


def day_and_scale(y_c: Array, y_t: Array) -> tuple[float, float]:
    """Difference of the mean days, and what it is divided by, from rows (units x days)."""
    a = np.arange(y_c.shape[1])
    profiles = [y.sum(0) / y.sum() for y in (y_c, y_t)]
    mean_day = [float(p @ a) for p in profiles]
    variance = float(profiles[0] @ (a - mean_day[0]) ** 2)
    return mean_day[1] - mean_day[0], variance * float(y_c.mean() / y_t.mean())


def draws(rng: np.random.Generator, *shape: int, lift: Array, first: float = 4.0) -> tuple[Array, Array]:
    """Units of whom each has a level of its own, and ``first`` times as much on the first day as on others."""
    days = len(lift)
    profile = 0.4 * np.r_[first, np.ones(days - 1)]
    arms = []
    for factor in (1.0, 1.0 + lift):
        own = rng.gamma(0.7, 1.0 / 0.7, (*shape, 1))
        arms.append(rng.poisson(own * profile * factor) * rng.lognormal(0.0, 0.5, (*shape, days)))
    return arms[0], arms[1]


def weighted_slope(lift: Array, weights: Array) -> float:
    return float(np.polyfit(np.arange(len(lift)), lift, 1, w=np.sqrt(weights))[0])


@pytest.mark.parametrize("days", [2, 3, 7, 14])
def test_it_is_the_slope_of_the_lifts_of_the_days_by_weighted_least_squares(days: int) -> None:
    rng = np.random.default_rng(days)
    control, _ = draws(rng, 90, lift=np.zeros(days))
    _, treatment = draws(rng, 120, lift=0.3 - 0.02 * np.arange(days))
    contrast = slope_contrast(arm(control), arm(treatment), ALPHA)
    lifts = treatment.mean(0) / control.mean(0) - 1.0
    expected = weighted_slope(lifts, control.sum(0))
    assert float(fieller_lift(contrast, ALPHA).estimate) == pytest.approx(expected, rel=1e-9)
    difference, scale = day_and_scale(control, treatment)
    assert float(contrast.difference) == pytest.approx(difference, rel=1e-9)
    assert float(contrast.control) == pytest.approx(scale, rel=1e-9)


def test_variances_are_those_of_what_each_unit_does_to_the_numbers() -> None:
    rng = np.random.default_rng(2)
    control, treatment = draws(rng, 60, lift=0.3 * np.arange(7))
    contrast = slope_contrast(arm(control), arm(treatment), ALPHA)
    nothing, step = day_and_scale(control, treatment), 1e-6

    def influence(of_control: bool, unit: int) -> list[float]:
        arms = [control.copy(), treatment.copy()]
        arms[0 if of_control else 1][unit] *= 1.0 + step
        return [(new - old) / step for new, old in zip(day_and_scale(*arms), nothing, strict=True)]

    # n times what a unit does is its value; the numbers move as the mean of these.
    errors = [
        np.cov(60.0 * np.array([influence(of_control, unit) for unit in range(60)]).T) / 60.0
        for of_control in (True, False)
    ]
    spread = errors[0] + errors[1]
    assert float(contrast.variance) == pytest.approx(spread[0, 0], rel=1e-4)
    assert float(contrast.control_variance) == pytest.approx(spread[1, 1], rel=1e-4)
    assert float(contrast.covariance) == pytest.approx(spread[0, 1], rel=1e-4)
    parts = [error[0, 0] for error in errors]
    df = sum(parts) ** 2 / sum(part**2 / 59.0 for part in parts)
    t = float(contrast.difference) / np.sqrt(spread[0, 0])
    assert float(p_value(contrast)) == pytest.approx(2.0 * stats.t.sf(abs(t), df), rel=1e-3)


def test_swapping_the_arms_turns_the_test_around_and_money_scales_out() -> None:
    one, two = draws(np.random.default_rng(1), 90, lift=np.linspace(0.5, 0.0, 7))
    there, back = slope_contrast(arm(one), arm(two), ALPHA), slope_contrast(arm(two), arm(one), ALPHA)
    assert float(there.difference) == -float(back.difference)
    assert float(p_value(there)) == pytest.approx(float(p_value(back)))
    cents = slope_contrast(arm(100.0 * one), arm(100.0 * two), ALPHA)
    ends = [np.array(fieller_lift(contrast, ALPHA)[:3]) for contrast in (cents, there)]
    assert ends[0] == pytest.approx(ends[1])


def test_a_lift_that_stays_the_same_is_no_trend_whatever_the_days_bring() -> None:
    rng = np.random.default_rng(3)
    y, _ = draws(rng, 50, lift=np.zeros(7), first=20.0)
    contrast = slope_contrast(arm(y), arm(1.2 * y), ALPHA)
    assert float(contrast.difference) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("days", [7, 14])
def test_the_false_positive_rate_holds_under_a_lift_that_stays_the_same(days: int) -> None:
    repeats = 1000
    control, treatment = draws(np.random.default_rng(4), repeats, 300, lift=np.full(days, 0.2))
    contrast = slope_contrast(arm(control), arm(treatment), ALPHA)
    error = 3 * np.sqrt(0.05 * 0.95 / repeats)
    rejected = p_value(contrast) < ALPHA
    assert np.mean(rejected) == pytest.approx(0.05, abs=error)
    slope = fieller_lift(contrast, ALPHA)
    assert np.array_equal((slope.low > 0) | (slope.high < 0), rejected)


@pytest.mark.parametrize("step", [-0.02, 0.1, 0.4])
def test_the_interval_covers_the_slope_of_the_lift(step: float) -> None:
    """A steep one too: how far control's values spread is estimated as well, and goes with its mean day."""
    repeats, days = 1000, 7
    lift = 0.2 + step * np.arange(days)
    control, treatment = draws(np.random.default_rng(5), repeats, 300, lift=lift)
    slope = fieller_lift(slope_contrast(arm(control), arm(treatment), ALPHA), ALPHA)
    truth = weighted_slope(lift, np.r_[4.0, np.ones(days - 1)])
    assert truth == pytest.approx(step)
    error = 3 * np.sqrt(0.05 * 0.95 / repeats)
    assert np.mean((slope.low <= truth) & (truth <= slope.high)) == pytest.approx(0.95, abs=error + 0.005)
    assert np.mean(slope.estimate) == pytest.approx(truth, abs=0.02)


def test_totals_that_are_not_surely_positive_and_values_of_one_day_are_refused() -> None:
    rng = np.random.default_rng(6)
    good, other = draws(rng, 50, lift=np.zeros(7))
    unsure = rng.normal(0.0, 1.0, (50, 7))
    for pair in ((good, unsure), (unsure, good), (good, -other)):
        contrast = slope_contrast(arm(pair[0]), arm(pair[1]), ALPHA)
        assert contrast.problem.item() is Reason.NOT_POSITIVE
        assert np.isnan(p_value(contrast))
    # A mean of two and a half errors is above zero at a planned end, but not at every look.
    error = unsure.sum(1).std(ddof=1) / np.sqrt(50.0)
    weak = unsure + (2.5 * error - unsure.sum(1).mean()) / 7.0
    sequential = AnytimeValid(units=100.0)
    assert slope_contrast(arm(good), arm(weak), ALPHA).problem.item() is None
    assert slope_contrast(arm(good), arm(weak), ALPHA, sequential).problem.item() is Reason.NOT_POSITIVE
    first = np.where(np.arange(7) == 0, good, 0.0)
    contrast = slope_contrast(arm(first), arm(other), ALPHA)
    assert fieller_lift(contrast, ALPHA).problem.item() is Reason.CONTROL_NEAR_ZERO
    assert p_value(contrast) < 0.001
    assert slope_contrast(arm(first), arm(2.0 * first), ALPHA).problem.item() is Reason.ZERO_VARIANCE
    nothing = slope_contrast(arm(good), arm(0.0 * good), ALPHA)
    assert nothing.problem.item() is Reason.NO_DENOMINATOR
    assert slope_contrast(arm(good[:5]), arm(other), ALPHA).problem.item() is Reason.TOO_FEW_UNITS
