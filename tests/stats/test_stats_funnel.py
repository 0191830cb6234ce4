"""The funnel against hand-computed values, brute force over orders, and numerical derivatives."""

from __future__ import annotations

from itertools import pairwise, permutations
from math import factorial, log
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.records import Reason
from abgap.stats.funnel import FunnelArm, FunnelDecomposition, decompose_funnel

Values: TypeAlias = npt.NDArray[np.float64]


def arm(n: float, *ratios: float, covariance: Values | None = None) -> FunnelArm:
    means = np.cumprod(ratios)
    spread = np.diag(means**2) if covariance is None else covariance
    return FunnelArm(n=np.array(float(n)), means=np.asarray(means, dtype=np.float64), covariance=spread)


def shop(seed: int, n: int, rates: tuple[float, float, float], price: float) -> Values:
    """Per-unit sums of a shop: sessions, clicks, orders, revenue; shape (n, 4)."""
    rng = np.random.default_rng(seed)
    sessions = rng.poisson(rates[0], n)
    clicks = rng.binomial(sessions * 3, rates[1])
    orders = rng.binomial(clicks, rates[2])
    revenue = orders * rng.lognormal(np.log(price), 0.5, n)
    return np.column_stack([sessions, clicks, orders, revenue]).astype(np.float64)


def arm_of(units: Values) -> FunnelArm:
    return FunnelArm(
        n=np.array(float(len(units))), means=units.mean(0), covariance=np.cov(units, rowvar=False, ddof=1)
    )


CONTROL, TREATMENT = shop(1, 4000, (3.0, 0.3, 0.2), 40.0), shop(2, 3500, (3.1, 0.31, 0.19), 42.0)


def test_an_example_worked_by_hand() -> None:
    result = decompose_funnel(arm(1000, 0.20, 0.050, 40), arm(1000, 0.22, 0.046, 39), 0.05)
    assert np.prod(result.control) == pytest.approx(0.4)
    assert np.prod(result.treatment) == pytest.approx(0.39468)
    assert result.log_lift.estimate == pytest.approx([0.095310, -0.083382, -0.025318], abs=5e-7)
    assert result.money.estimate == pytest.approx([0.0378699, -0.0331304, -0.0100596], abs=1e-7)
    assert result.method.item() == "lmdi"


@given(
    st.lists(st.tuples(st.floats(0.001, 100.0), st.floats(0.001, 100.0)), min_size=1, max_size=8),
)
def test_stages_add_up_to_the_total_in_logs_and_in_money(rates: list[tuple[float, float]]) -> None:
    control, treatment = (np.array(side) for side in zip(*rates, strict=True))
    result = decompose_funnel(arm(100, *control), arm(100, *treatment), 0.05)
    change = np.prod(treatment) - np.prod(control)
    size = np.prod(treatment) + np.prod(control)
    spread = np.abs(result.log_lift.estimate).sum() + 1
    assert result.total_log_lift.estimate == pytest.approx(
        np.log(treatment).sum() - np.log(control).sum(), abs=1e-12 * spread
    )
    assert result.log_lift.estimate.sum() == pytest.approx(result.total_log_lift.estimate, abs=1e-12 * spread)
    assert result.money.estimate.sum() == pytest.approx(change, abs=1e-11 * size * spread)


def test_the_logarithmic_mean_of_equal_totals_is_that_total() -> None:
    result = decompose_funnel(arm(100, 2.0, 0.5, 10.0), arm(100, 4.0, 0.25, 10.0), 0.05)
    assert result.money.estimate == pytest.approx([10 * log(2), -10 * log(2), 0.0], rel=1e-12, abs=1e-12)
    assert result.total_log_lift.estimate == pytest.approx(0.0, abs=1e-15)


rates_of_any_sign = st.integers(-200, 500).filter(bool).map(lambda hundredths: hundredths / 100)


@given(
    st.lists(st.tuples(rates_of_any_sign, rates_of_any_sign), min_size=2, max_size=5).filter(
        lambda rates: any(min(pair) < 0 for pair in rates)
    )
)
def test_with_a_negative_stage_money_is_the_average_over_all_orders(rates: list[tuple[float, float]]) -> None:
    control, treatment = (np.array(side) for side in zip(*rates, strict=True))
    result = decompose_funnel(arm(100, *control), arm(100, *treatment), 0.05)
    expected = brute_shapley(control, treatment)
    size = np.prod(np.abs(control) + np.abs(treatment))
    assert result.method.item() == "shapley"
    assert result.problem.item() is Reason.NOT_POSITIVE
    assert result.money.estimate == pytest.approx(expected, rel=1e-9, abs=1e-12 * size)
    assert np.isnan([*result.log_lift.estimate, result.total_log_lift.estimate, *result.money.low]).all()


def brute_shapley(control: Values, treatment: Values) -> Values:
    stages = len(control)
    result = np.zeros(stages)
    for order in permutations(range(stages)):
        worlds = [control.copy()]
        for stage in order:
            worlds.append(np.where(np.arange(stages) == stage, treatment, worlds[-1]))
        for stage, (before, after) in zip(order, pairwise(worlds), strict=True):
            result[stage] += np.prod(after) - np.prod(before)
    return result / factorial(stages)


def test_a_stage_that_nobody_reached_gets_the_whole_loss() -> None:
    control = FunnelArm(n=np.array(50.0), means=np.array([2.0, 0.1, 4.0]), covariance=np.eye(3))
    nobody = FunnelArm(n=np.array(50.0), means=np.array([2.0, 0.0, 0.0]), covariance=np.eye(3))
    result = decompose_funnel(control, nobody, 0.05)
    assert result.treatment[:2].tolist() == [1.0 * 2.0, 0.0]
    assert np.isnan(result.treatment[2])
    assert result.money.estimate == pytest.approx([0.0, -4.0, 0.0], abs=1e-12)
    back = decompose_funnel(nobody, control, 0.05)
    assert back.money.estimate == pytest.approx([0.0, 4.0, 0.0], abs=1e-12)


def test_nobody_reaching_a_stage_in_either_arm_changes_no_money() -> None:
    nobody = FunnelArm(n=np.array(50.0), means=np.array([2.0, 0.0, 0.0]), covariance=np.eye(3))
    more = FunnelArm(n=np.array(50.0), means=np.array([3.0, 0.0, 0.0]), covariance=np.eye(3))
    assert decompose_funnel(nobody, more, 0.05).money.estimate.tolist() == [0.0, 0.0, 0.0]


def test_sums_that_do_not_nest_have_no_decomposition() -> None:
    broken = FunnelArm(n=np.array(50.0), means=np.array([2.0, 0.0, 4.0]), covariance=np.eye(3))
    whole = FunnelArm(n=np.array(50.0), means=np.array([2.0, 0.1, 4.0]), covariance=np.eye(3))
    result = decompose_funnel(whole, broken, 0.05)
    assert result.problem.item() is Reason.NO_DENOMINATOR
    assert np.isnan(result.money.estimate).all()


def numbers(result: FunnelDecomposition) -> Values:
    return np.array(
        [*result.log_lift.estimate, *result.money.estimate, float(result.total_log_lift.estimate)]
    )


def test_every_interval_is_the_delta_method_with_the_full_covariance() -> None:
    arms = arm_of(CONTROL), arm_of(TREATMENT)
    result = decompose_funnel(*arms, 0.05)
    variance = np.zeros(9)
    for side in (0, 1):
        gradient = np.empty((9, 4))
        for stage in range(4):
            step = 1e-5 * arms[side].means[stage]
            moved = []
            for sign in (1, -1):
                means = arms[side].means.copy()
                means[stage] += sign * step
                shifted = FunnelArm(n=arms[side].n, means=means, covariance=arms[side].covariance)
                pair = (shifted, arms[1]) if side == 0 else (arms[0], shifted)
                moved.append(numbers(decompose_funnel(*pair, 0.05)))
            gradient[:, stage] = (moved[0] - moved[1]) / (2 * step)
        variance += np.einsum("ij,jk,ik->i", gradient, arms[side].covariance / arms[side].n, gradient)
    margin = 1.959963984540054 * np.sqrt(variance)
    lows = np.array([*result.log_lift.low, *result.money.low, float(result.total_log_lift.low)])
    highs = np.array([*result.log_lift.high, *result.money.high, float(result.total_log_lift.high)])
    np.testing.assert_allclose(numbers(result) - lows, margin, rtol=1e-7)
    np.testing.assert_allclose(highs - numbers(result), margin, rtol=1e-7)


def test_swapping_the_arms_turns_every_sign() -> None:
    there = decompose_funnel(arm_of(CONTROL), arm_of(TREATMENT), 0.05)
    back = decompose_funnel(arm_of(TREATMENT), arm_of(CONTROL), 0.05)
    np.testing.assert_allclose(numbers(there), -numbers(back), rtol=1e-9)
    np.testing.assert_allclose(there.money.low, -back.money.high, rtol=1e-9)


def test_money_scales_with_the_currency_and_logs_do_not() -> None:
    cents = np.array([1.0, 1.0, 1.0, 100.0])
    euro = decompose_funnel(arm_of(CONTROL), arm_of(TREATMENT), 0.05)
    cent = decompose_funnel(arm_of(CONTROL * cents), arm_of(TREATMENT * cents), 0.05)
    np.testing.assert_allclose(cent.money.low, 100 * euro.money.low, rtol=1e-9)
    np.testing.assert_allclose(cent.log_lift.low, euro.log_lift.low, rtol=1e-9)


@pytest.mark.parametrize(
    ("control", "reason"),
    [
        (arm(7, 2.0, 0.1), Reason.TOO_FEW_UNITS),
        (arm(50, 2.0, 0.1, covariance=np.full((2, 2), np.nan)), Reason.NO_VARIANCE_GIVEN),
    ],
)
def test_without_intervals_the_decomposition_still_stands(control: FunnelArm, reason: Reason) -> None:
    result = decompose_funnel(control, arm(60, 2.0, 0.2), 0.05)
    assert result.problem.item() is reason
    assert result.money.estimate == pytest.approx([0.0, 0.2], abs=1e-12)
    assert np.isnan([*result.money.low, *result.log_lift.high, result.total_log_lift.low]).all()


def test_an_arm_without_units_has_nothing_to_show() -> None:
    empty = FunnelArm(n=np.array(0.0), means=np.full(2, np.nan), covariance=np.full((2, 2), np.nan))
    result = decompose_funnel(empty, arm(60, 2.0, 0.2), 0.05)
    assert result.problem.item() is Reason.NO_UNITS
    assert np.isnan([*result.log_lift.estimate, *result.money.estimate]).all()


def test_many_funnels_go_in_one_call() -> None:
    one = decompose_funnel(arm_of(CONTROL), arm_of(TREATMENT), 0.05)
    arms = [
        FunnelArm(
            n=np.full((3, 2), len(units)),
            means=np.tile(units.mean(0), (3, 2, 1)),
            covariance=np.tile(np.cov(units, rowvar=False), (3, 2, 1, 1)),
        )
        for units in (CONTROL, TREATMENT)
    ]
    many = decompose_funnel(arms[0], arms[1], 0.05)
    assert many.problem.shape == (3, 2)
    np.testing.assert_allclose(many.money.high, np.tile(one.money.high, (3, 2, 1)), rtol=1e-12)
