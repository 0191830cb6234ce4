"""Which estimates rest on too little, and which do not."""

from __future__ import annotations

import numpy as np
import pytest

from abgap.stats.moments import Univariate
from abgap.stats.proportions import Successes
from abgap.stats.reliability import few_beyond, few_successes, rests_on_few


def arm(n: float, mean: float, sd: float) -> Univariate:
    return Univariate(n=np.asarray(n), mean=np.asarray(mean), variance=np.asarray(sd**2))


def few(control: Univariate, treatment: Univariate) -> bool:
    return bool(rests_on_few(control, treatment))


def test_a_relative_error_of_fifteen_percent_in_either_arm_is_too_much() -> None:
    # 1 / sqrt(n) with a coefficient of variation of 1.
    assert few(arm(44, 1.0, 1.0), arm(44, 1.0, 1.0))
    assert not few(arm(45, 1.0, 1.0), arm(45, 1.0, 1.0))


def test_arms_of_unequal_size_need_more_units_than_equal_ones() -> None:
    assert not few(arm(100, 1.0, 1.0), arm(100, 1.0, 1.0))
    assert few(arm(900, 1.0, 1.0), arm(100, 1.0, 1.0))
    assert few(arm(100, 1.0, 1.0), arm(900, 1.0, 1.0))
    assert not few(arm(9_000, 1.0, 1.0), arm(1_000, 1.0, 1.0))


def test_the_unit_of_money_and_its_sign_do_not_matter() -> None:
    for factor in (1e-6, 1e6, -1.0):
        assert few(arm(900, factor, factor), arm(100, factor, factor))
        assert not few(arm(9_000, factor, factor), arm(1_000, factor, factor))


def test_what_does_not_vary_or_is_not_known_is_judged_elsewhere() -> None:
    assert not few(arm(50, 1.0, 0.0), arm(50, 1.0, 0.0))
    assert not few(arm(50, np.nan, np.nan), arm(50, 1.0, 1.0))
    assert few(arm(50, 0.0, 0.0), arm(50, 1.0, 1.0))  # nobody paid in one arm


@pytest.mark.parametrize(("x", "n", "expected"), [(9, 1000, True), (10, 1000, False), (995, 1000, True)])
def test_ten_successes_and_ten_failures_are_expected_in_the_smaller_arm(
    x: int, n: int, expected: bool
) -> None:
    arms = Successes(
        control=np.asarray(float(x)), n_control=np.asarray(float(n)),
        treatment=np.asarray(float(5 * x)), n_treatment=np.asarray(5.0 * n),
    )  # fmt: skip
    assert bool(few_successes(arms)) is expected


def test_ten_units_lie_beyond_a_quantile_in_the_smaller_arm() -> None:
    assert few_beyond(99.0, 1e6, 0.9)
    assert not few_beyond(101.0, 1e6, 0.9)
    assert few_beyond(1e6, 99.0, 0.1)
    assert not few_beyond(20.0, 20.0, 0.5)
