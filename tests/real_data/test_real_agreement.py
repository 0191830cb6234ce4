"""What has to hold in every study over real data: intervals and tests agree, and no number is made up."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from abgap.records import Estimate, Interval, NotEstimable, Reason, Results

pytestmark = pytest.mark.data

STUDIES = {
    "peska_ht2020": {},
    "udacity_logs": {},
    "udacity_clean": {},
    "cookie_cats": {},
    "ab_test_results_users": {},
    "ab_test_results_rows": {},
    "upworthy_dev": {},
    "asos_dev": {"snapshot": "max"},
    "cdnow": {},
}


@pytest.fixture(params=STUDIES, ids=str)
def found(request: pytest.FixtureRequest, results: Callable[..., Results]) -> Results:
    return results(request.param, **STUDIES[request.param])


def with_a_test(found: Results) -> list[tuple[Estimate, float]]:
    return [(e, e.p_value) for e in found.estimates if e.p_value is not None]


def test_no_interval_contradicts_its_p_value(found: Results) -> None:
    assert with_a_test(found)
    for estimate, p in with_a_test(found):
        for number in (estimate.difference, estimate.lift):
            if isinstance(number, Interval):
                assert number.excludes_zero() == (p < 0.05), estimate


def test_intervals_are_whole_and_undefined_numbers_have_a_reason(found: Results) -> None:
    for estimate in found.estimates:
        for number in (estimate.difference, estimate.lift, estimate.effect_size):
            if isinstance(number, NotEstimable):
                assert number.detail
            else:
                assert math.isfinite(number.low + number.high)
                assert number.low <= number.estimate <= number.high


def test_a_correction_never_makes_a_p_value_smaller(found: Results) -> None:
    for estimate, p in with_a_test(found):
        assert estimate.p_adjusted is not None
        assert p <= estimate.p_adjusted <= 1.0
        assert estimate.significant == (estimate.p_adjusted < 0.05)


def test_lifts_are_not_estimable_only_where_control_cannot_be_told_from_zero(found: Results) -> None:
    for estimate, _ in with_a_test(found):
        if isinstance(estimate.lift, NotEstimable):
            assert estimate.lift.reason is Reason.CONTROL_NEAR_ZERO, estimate
