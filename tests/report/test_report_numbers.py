from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.records import Interval, Kind, NotEstimable, Reason
from abgap.report import numbers
from abgap.report.numbers import NOTHING, REASONS


def interval(estimate: float, low: float, high: float) -> Interval:
    return Interval(estimate=estimate, low=low, high=high, level=0.95, method="test")


def test_a_number_and_its_interval_come_apart_with_the_same_decimals() -> None:
    shown = numbers.lift(interval(0.04, 0.031, 0.049))
    assert (shown.text, shown.range) == ("+4.0 %", "[+3.1, +4.9]")
    shown = numbers.gain(interval(0.06, 0.052, 0.068))
    assert (shown.text, shown.range) == ("+0.060", "[+0.052, +0.068]")
    shown = numbers.money(interval(1.24e6, -4e5, 2.88e6), "EUR [net]")
    assert (shown.text, shown.range) == ("+1.2 million EUR [net]", "[−0.4, +2.9]")
    shown = numbers.log_points(0.09531, 0.07, 0.12)
    assert (shown.text, shown.range) == ("+9.5", "[+7.0, +12.0]")
    shown = numbers.contribution(-0.0331304, -0.05, -0.01)
    assert (shown.text, shown.range) == ("−0.033", "[−0.050, −0.010]")


@pytest.mark.parametrize("reason", Reason)
def test_what_could_not_be_computed_is_a_dash_with_the_reason_in_words(reason: Reason) -> None:
    nothing = NotEstimable(reason=reason, detail="because")
    for shown in (numbers.lift(nothing), numbers.gain(nothing), numbers.money(nothing, "EUR")):
        assert shown.text == NOTHING
        assert shown.why == REASONS[reason]
        assert shown.range == ""


def test_a_bare_offline_value_is_shown_and_marked_as_bare() -> None:
    nothing = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="")
    shown = numbers.gain(nothing, face_value=0.0312)
    assert (shown.text, shown.why) == ("+0.0312", "no interval given")


def test_what_is_missing_or_not_finite_is_a_dash() -> None:
    for value in (None, math.nan, math.inf):
        assert numbers.number(value).text == NOTHING
        assert numbers.half_width(value).text == NOTHING
        assert numbers.measured(value).text == NOTHING
        assert numbers.count(value).text == NOTHING
        assert numbers.p_value(value).text == NOTHING
    assert numbers.log_points(None, None, None).why == "a stage is zero"
    assert numbers.contribution(None, None, None).text == NOTHING
    assert numbers.lift(None).text == NOTHING


def test_small_formats() -> None:
    assert numbers.p_value(0.00099).text == "< 0.001"
    assert numbers.p_value(0.0314).text == "0.031"
    assert numbers.half_width(0.021).text == "±2.1 %"
    assert numbers.count(12345).text == "12,345"
    assert numbers.measured(3.2e-14).text == "3.2 × 10⁻¹⁴"
    assert numbers.measured(0.001).text == "0.001"
    assert numbers.measured(1500).text == "1,500"
    assert numbers.log_points(0.02, None, None).text == "+2.00"
    assert [numbers.size(n) for n in (0, 999, 1_000, 1_234_567, 123_456_789, 10**13)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.2 MB",
        "123 MB",
        "10.0 TB",
    ]


def test_two_arms_side_by_side_have_the_same_decimals_and_show_that_they_differ() -> None:
    control, treatment = numbers.side_by_side(0.084, 0.0846, Kind.PROPORTION)
    assert (control.text, treatment.text) == ("8.400 %", "8.460 %")
    control, treatment = numbers.side_by_side(252.0001, 252.0003, Kind.MEAN)
    assert control.text != treatment.text
    control, treatment = numbers.side_by_side(4.2, None, Kind.MEAN)
    assert (control.text, treatment.text) == ("4.200", NOTHING)
    control, treatment = numbers.side_by_side(0.0, 0.0, Kind.RATIO)
    assert (control.text, treatment.text) == ("0.0000", "0.0000")
    assert numbers.number(-1.3e-15).text == "0.0000"
    control, treatment = numbers.side_by_side(0.0, -1.3e-15, Kind.PROPORTION)
    assert (control.text, treatment.text) == ("0.0 %", "0.0 %")


finite = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(finite, finite, st.sampled_from(list(Kind)))
def test_any_two_values_have_as_many_decimals(a: float, b: float, kind: Kind) -> None:
    control, treatment = numbers.side_by_side(a, b, kind)
    decimals = [len(shown.text.removesuffix(" %").partition(".")[2]) for shown in (control, treatment)]
    assert decimals[0] == decimals[1]
    assert "-" not in control.text + treatment.text
