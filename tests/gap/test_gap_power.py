from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from scipy.stats import norm

from abgap.gap.power import Power, margin_power_of, power_of
from abgap.records import Interval
from abgap.stats.procedure import Procedure

Make = Callable[..., Any]
SE = 0.005
TWO_SIDED = float(norm.ppf(0.975))


def two_sided_power(effect: float, se: float, critical: float = TWO_SIDED) -> float:
    return float(norm.cdf(effect / se - critical) + norm.cdf(-effect / se - critical))


@pytest.fixture
def estimate(make_estimate: Make) -> Any:
    return make_estimate(-TWO_SIDED * SE, TWO_SIDED * SE, mde=(TWO_SIDED + float(norm.ppf(0.8))) * SE)


def test_power_is_that_of_a_two_sided_normal_test_at_the_given_lifts(estimate: Any) -> None:
    expected = Interval(estimate=0.012, low=0.011, high=0.013, level=0.95, method="test")
    found = power_of(estimate, delta=0.01, expected=expected, procedure=Procedure(alpha=0.05), days=28.0)
    assert found.at_delta == pytest.approx(two_sided_power(0.01, SE))
    assert found.at_expected == pytest.approx(two_sided_power(0.012, SE))


def test_the_units_needed_give_eighty_percent_power_and_the_weeks_their_traffic(estimate: Any) -> None:
    found = power_of(estimate, delta=0.01, expected=None, procedure=Procedure(alpha=0.05), days=28.0)
    assert found.units is not None
    shrunk = SE * (10_000 / found.units) ** 0.5
    assert two_sided_power(0.01, shrunk) == pytest.approx(0.8, abs=1e-3)
    assert found.weeks == pytest.approx((found.units / 10_000 - 1.0) * 4.0, rel=1e-3)


def test_an_uneven_split_keeps_its_split(make_estimate: Make) -> None:
    uneven = make_estimate(-0.01, 0.01, n_control=9_000, n_treatment=1_000)
    found = power_of(uneven, delta=0.01, expected=None, procedure=Procedure(alpha=0.05), days=None)
    assert found.units_control is not None
    assert found.units_treatment is not None
    assert found.units_control / found.units_treatment == pytest.approx(9.0, rel=1e-3)
    assert found.units == found.units_control
    assert found.weeks is None


def test_a_test_that_is_large_enough_needs_no_more_weeks(estimate: Any) -> None:
    found = power_of(estimate, delta=0.05, expected=None, procedure=Procedure(alpha=0.05), days=28.0)
    assert found.weeks == 0.0
    assert found.at_delta == pytest.approx(1.0)


def test_without_a_detectable_effect_there_are_no_figures(make_estimate: Make) -> None:
    blind = make_estimate(-0.01, 0.01, mde=None)
    assert power_of(blind, delta=0.01, expected=None, procedure=Procedure(alpha=0.05), days=28.0) == Power()
    assert margin_power_of(blind, margin=0.01, procedure=Procedure(alpha=0.05), days=28.0) == Power()


def test_without_a_worthwhile_lift_only_the_detectable_one_is_known(estimate: Any) -> None:
    found = power_of(estimate, delta=None, expected=None, procedure=Procedure(alpha=0.05), days=28.0)
    assert found == Power(mde=estimate.mde)


def test_a_guardrail_needs_a_one_sided_test_of_its_margin(estimate: Any) -> None:
    found = margin_power_of(estimate, margin=0.01, procedure=Procedure(alpha=0.05), days=28.0)
    assert found.units is not None
    shrunk = SE * (10_000 / found.units) ** 0.5
    assert norm.cdf(0.01 / shrunk - norm.ppf(0.95)) == pytest.approx(0.8, abs=1e-3)


def test_a_size_beyond_all_numbers_is_not_given(make_estimate: Make) -> None:
    hopeless = make_estimate(-0.01, 0.01, mde=1e150)
    found = power_of(hopeless, delta=1e-10, expected=None, procedure=Procedure(alpha=0.05), days=28.0)
    assert found.at_delta == pytest.approx(0.05)
    assert found.units is None
    assert found.weeks is None
