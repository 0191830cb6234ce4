from __future__ import annotations

import math

import pytest
from scipy.stats import norm

from abgap.gap.expected import expected_lift, shortfall
from abgap.records import Interval, NotEstimable, Reason

BARE = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="bare value")


def normal(estimate: float, se: float, level: float = 0.95) -> Interval:
    margin = float(norm.ppf((1 + level) / 2)) * se
    return Interval(
        estimate=estimate, low=estimate - margin, high=estimate + margin, level=level, method="test"
    )


def test_the_expected_lift_is_the_rate_times_the_gain_and_its_interval() -> None:
    gain = Interval(estimate=0.06, low=0.05, high=0.08, level=0.9, method="paired")
    found = expected_lift(0.25, gain, None, offline_metric="ndcg@10", level=0.95)
    assert found is not None
    lift = found.lift
    assert (lift.estimate, lift.low, lift.high) == pytest.approx((0.015, 0.0125, 0.02))
    assert lift.level == 0.9
    assert found.source == "declared exchange rate: +0.25 % for each 0.01 of gain in NDCG@10"


def test_a_negative_rate_turns_the_interval() -> None:
    gain = Interval(estimate=0.06, low=0.05, high=0.08, level=0.95, method="paired")
    found = expected_lift(-0.5, gain, None, offline_metric="m", level=0.95)
    assert found is not None
    assert (found.lift.low, found.lift.estimate, found.lift.high) == pytest.approx((-0.04, -0.03, -0.025))


def test_a_gain_at_face_value_gives_an_expectation_without_width() -> None:
    found = expected_lift(0.25, BARE, 0.04, offline_metric="m", level=0.95)
    assert found is not None
    assert found.lift.low == found.lift.estimate == found.lift.high == pytest.approx(0.01)


def test_nothing_is_expected_without_a_rate_or_without_a_gain() -> None:
    assert expected_lift(None, normal(1, 1), None, offline_metric="m", level=0.95) is None
    assert expected_lift(0.25, BARE, None, offline_metric="m", level=0.95) is None


def test_the_shortfall_of_two_normal_estimates_has_the_sum_of_their_variances() -> None:
    found = shortfall(normal(0.03, 0.004), normal(0.01, 0.003))
    margin = 1.959963984540054 * math.hypot(0.004, 0.003)
    assert (found.estimate, found.low, found.high) == pytest.approx((0.02, 0.02 - margin, 0.02 + margin))


def test_intervals_of_different_levels_are_brought_to_the_online_one() -> None:
    found = shortfall(normal(0.03, 0.004, level=0.8), normal(0.01, 0.003, level=0.99))
    expected = normal(0.02, 0.005, level=0.99)
    assert (found.low, found.high, found.level) == pytest.approx((expected.low, expected.high, 0.99))


def test_a_skewed_online_interval_uses_the_side_that_faces_the_expectation() -> None:
    online = Interval(estimate=0.01, low=0.009, high=0.03, level=0.95, method="fieller")
    known = Interval(estimate=0.02, low=0.02, high=0.02, level=0.95, method="known")
    found = shortfall(known, online)
    assert (found.low, found.high) == pytest.approx((-0.01, 0.011))
