from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.records import words
from abgap.records.numbers import Interval


def interval(low: float, estimate: float, high: float) -> Interval:
    return Interval(estimate=estimate, low=low, high=high, level=0.95, method="test")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.06, "0.0600"),
        (-1234.5, "−1,234"),
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (12.34, "12.3"),
        (1e-12, "0.00000000"),
    ],
)
def test_a_plain_number_has_three_significant_digits_and_a_real_minus(value: float, text: str) -> None:
    assert words.plain(value) == text


def test_a_change_shows_its_sign_but_a_rounded_zero_shows_none() -> None:
    assert words.signed_percent(0.04) == "+4.0 %"
    assert words.signed_percent(-0.003) == "−0.3 %"
    assert words.signed_percent(-0.00001) == "0.0 %"
    assert words.signed(0.06, decimals=3) == "+0.060"


def test_an_interval_gets_the_decimals_its_width_deserves() -> None:
    assert words.plain_interval(interval(0.055, 0.060, 0.065)) == "0.060 [0.055, 0.065]"
    assert words.percent_interval(interval(-0.008, 0.001, 0.010)) == "+0.1 % [−0.8, +1.0]"
    assert words.percent_interval(interval(-0.28, 0.12, 0.52)) == "+12.0 % [−28.0, +52.0]"
    assert words.signed_interval(interval(1.0, 2.0, 3.0)) == "+2.0 [+1.0, +3.0]"
    assert words.plain_interval(interval(100.0, 200.0, 300.0)) == "200 [100, 300]"


def test_a_bound_close_to_zero_is_not_rounded_into_it() -> None:
    assert words.percent_interval(interval(0.0002, 0.02, 0.04)) == "+2.00 % [+0.02, +4.00]"


def test_a_bound_close_to_another_border_stays_on_its_side() -> None:
    text = words.percent_interval(interval(-0.008, 0.001, 0.01496), borders=(-0.015, 0.015))
    assert text == "+0.100 % [−0.800, +1.496]"


def test_an_interval_without_width_is_still_a_number() -> None:
    assert words.plain_interval(interval(0.0, 0.0, 0.0)) == "0.0 [0.0, 0.0]"


def test_money_is_scaled_and_named() -> None:
    assert words.money(39.5, "EUR") == "39.50 EUR"
    assert words.money(-1_240_000.0, "EUR") == "−1.24 million EUR"
    assert words.money(12.0, None) == "12.00"
    wide = interval(-400_000.0, 1_240_000.0, 2_880_000.0)
    assert words.money_interval(wide, "EUR") == "+1.2 million EUR [−0.4, +2.9]"
    assert words.money_interval(interval(-0.5, 0.1, 0.7), None) == "+0.10 [−0.50, +0.70]"


def test_small_words() -> None:
    assert words.p_value(0.0004) == "p < 0.001"
    assert words.p_value(0.0123) == "p = 0.012"
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b"]) == "a and b"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.plural(1, "week") == "1 week"
    assert words.plural(12_000, "unit") == "12,000 units"
    assert [words.plural(n, "query") for n in (1, 2)] == ["1 query", "2 queries"]
    assert words.plural(2, "day") == "2 days"
    assert [words.have(n) for n in (0, 1, 2)] == ["have", "has", "have"]
    assert words.percent(0.8) == "80.0 %"
    assert words.count(1234567) == "1,234,567"


def test_names_become_words_and_known_abbreviations_capitals() -> None:
    assert words.label("revenue_per_user") == "revenue per user"
    assert words.label("ndcg@10") == "NDCG@10"
    assert words.label("map@5") == "MAP@5"
    assert words.label("map_opens") == "map opens"
    assert words.label("<b>ctr</b>") == "<b>CTR</b>"
    assert words.sentence_case("revenue of NY") == "Revenue of NY"
    assert words.sentence_case("") == ""


def test_a_declared_share_is_shown_as_it_was_declared() -> None:
    assert words.declared_percent(0.015) == "1.5 %"
    assert words.declared_percent(0.0025) == "0.25 %"
    assert words.declared_percent(0.01) == "1 %"
    assert words.declared_percent(-0.07) == "−7 %"


finite = st.floats(-1e9, 1e9, allow_subnormal=False)


@given(finite)
def test_what_is_shown_reads_back_to_the_number(x: float) -> None:
    shown = float(words.plain(x).replace(words.MINUS, "-").replace(",", ""))
    assert math.isclose(shown, x, rel_tol=0.0051, abs_tol=1e-8)


@given(finite, finite, finite)
def test_every_interval_has_a_text_and_no_hyphen_for_a_minus(a: float, b: float, c: float) -> None:
    low, estimate, high = sorted((a, b, c))
    for text in (
        words.percent_interval(interval(low, estimate, high)),
        words.signed_interval(interval(low, estimate, high)),
        words.money_interval(interval(low, estimate, high), "EUR"),
    ):
        assert "-" not in text
        assert "nan" not in text
