from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.gap.budget import gap_budget
from abgap.gap.expected import shortfall
from abgap.gap.reasons import REASONS
from abgap.records import BarKind, BudgetBar, Finding, FindingStatus, Interval, NotEstimable, Reason, Side

OFFLINE, ONLINE, CHANCE = "proxy_label", "latency", "underpowered"
SIDES = {reason.name: reason.side for reason in REASONS}
Z = 1.959963984540054


def about(estimate: float, se: float) -> Interval:
    return Interval(
        estimate=estimate, low=estimate - Z * se, high=estimate + Z * se, level=0.95, method="test"
    )


def finding(
    name: str,
    lift: Interval | NotEstimable,
    *,
    status: FindingStatus = FindingStatus.SUPPORTED,
) -> Finding:
    return Finding(
        name=name,
        title=name,
        status=status,
        share=None,
        lift=lift,
        sentence="",
        next_action="",
        side=SIDES.get(name, Side.ONLINE),
    )


def amounts(bars: Sequence[BudgetBar]) -> dict[str, float]:
    return {bar.name: bar.amount.estimate for bar in bars}


def by_orders(expected: float, offline: dict[str, float]) -> dict[str, float]:
    """What each reason of the offline side takes of what the ones before it left, averaged over all orders."""
    taken = dict.fromkeys(offline, 0.0)
    orders = list(permutations(offline))
    for order in orders:
        left = expected
        for name in order:
            taken[name] += left * offline[name] / expected
            left *= 1.0 - offline[name] / expected
    return {name: total / len(orders) for name, total in taken.items()}


LIFTS = st.floats(-0.2, 0.2, allow_subnormal=False)
ERRORS = st.floats(0.0, 0.05, allow_subnormal=False)
INTERVALS = st.builds(about, LIFTS, ERRORS)
NAMES = ("proxy_label", "position_bias", "winners_curse", "latency", "dilution", "underpowered")
FINDINGS = st.lists(st.tuples(st.sampled_from(NAMES), INTERVALS), max_size=5, unique_by=lambda f: f[0]).map(
    lambda made: [finding(name, amount) for name, amount in made]
)


@given(INTERVALS, INTERVALS, FINDINGS)
def test_expected_minus_reasons_minus_unexplained_is_observed(
    expected: Interval, observed: Interval, findings: list[Finding]
) -> None:
    bars = gap_budget(expected, observed, findings)
    kinds = [bar.kind for bar in bars]
    assert kinds == [
        BarKind.EXPECTED,
        *[BarKind.REASON] * len(findings),
        BarKind.UNEXPLAINED,
        BarKind.OBSERVED,
    ]
    first, *taken, last = (bar.amount.estimate for bar in bars)
    assert first - math.fsum(taken) == pytest.approx(last, abs=1e-12)
    assert bars[0].amount == expected
    assert bars[-1].amount == observed


@given(INTERVALS, INTERVALS, FINDINGS)
def test_every_bar_has_an_interval_that_holds_it(
    expected: Interval, observed: Interval, findings: list[Finding]
) -> None:
    for bar in gap_budget(expected, observed, findings):
        assert bar.amount.low <= bar.amount.estimate <= bar.amount.high
        assert all(map(math.isfinite, (bar.amount.low, bar.amount.high)))


@given(INTERVALS, INTERVALS, st.sampled_from([OFFLINE, ONLINE]), INTERVALS)
def test_a_reason_that_is_alone_takes_its_own_amount_with_its_own_interval(
    expected: Interval, observed: Interval, name: str, amount: Interval
) -> None:
    bar = gap_budget(expected, observed, [finding(name, amount)])[1].amount
    assert bar.estimate == pytest.approx(amount.estimate, abs=1e-12)
    assert bar.low == pytest.approx(amount.low, abs=1e-9)
    assert bar.high == pytest.approx(amount.high, abs=1e-9)


def test_an_interval_that_is_not_symmetric_stays_as_it_is() -> None:
    amount = Interval(estimate=0.02, low=0.019, high=0.07, level=0.95, method="fieller")
    bar = gap_budget(about(0.05, 0.01), about(0.01, 0.01), [finding(OFFLINE, amount)])[1].amount
    assert (bar.low, bar.high) == pytest.approx((0.019, 0.07), abs=1e-12)


@given(INTERVALS, INTERVALS, st.sampled_from([(OFFLINE, "position_bias"), (ONLINE, "dilution")]), INTERVALS)
def test_equal_reasons_of_one_side_take_the_same(
    expected: Interval, observed: Interval, names: tuple[str, str], amount: Interval
) -> None:
    taken = amounts(gap_budget(expected, observed, [finding(name, amount) for name in names]))
    assert taken[names[0]] == pytest.approx(taken[names[1]], abs=1e-12)


@given(INTERVALS, INTERVALS, FINDINGS)
def test_a_reason_that_takes_nothing_gets_nothing_and_changes_nothing(
    expected: Interval, observed: Interval, findings: list[Finding]
) -> None:
    nothing = [finding("leakage", about(0.0, 0.0)), finding("novelty", about(0.0, 0.0))]
    with_them = amounts(gap_budget(expected, observed, [*findings, *nothing]))
    assert with_them.pop("leakage") == pytest.approx(0.0, abs=1e-12)
    assert with_them.pop("novelty") == pytest.approx(0.0, abs=1e-12)
    assert with_them == pytest.approx(amounts(gap_budget(expected, observed, findings)), abs=1e-12)


@given(INTERVALS, INTERVALS, FINDINGS)
def test_the_order_in_which_reasons_are_given_does_not_matter(
    expected: Interval, observed: Interval, findings: list[Finding]
) -> None:
    there = amounts(gap_budget(expected, observed, findings))
    assert there == pytest.approx(amounts(gap_budget(expected, observed, findings[::-1])), abs=1e-12)


@given(
    st.floats(0.01, 0.2),
    st.dictionaries(st.sampled_from(NAMES[:3]), st.floats(0.0, 1.0), min_size=1),
)
def test_reasons_of_the_offline_side_take_parts_of_what_the_others_left(
    expected: float, parts: dict[str, float]
) -> None:
    own = {name: part * expected for name, part in parts.items()}
    findings = [finding(name, about(amount, 0.001)) for name, amount in own.items()]
    taken = amounts(gap_budget(about(expected, 0.001), about(0.0, 0.001), findings))
    for name, amount in by_orders(expected, own).items():
        assert taken[name] == pytest.approx(amount, abs=1e-12)


def test_two_that_each_halve_the_gain_leave_a_quarter() -> None:
    findings = [finding(name, about(0.02, 0.001)) for name in (OFFLINE, "position_bias")]
    taken = amounts(gap_budget(about(0.04, 0.001), about(0.01, 0.001), findings))
    assert taken[OFFLINE] == pytest.approx(0.015)
    assert taken["unexplained"] == pytest.approx(0.0, abs=1e-12)


def test_reasons_of_the_online_side_take_their_amounts_whatever_else_is_true() -> None:
    own = {OFFLINE: 0.03, ONLINE: 0.01, "dilution": 0.005}
    findings = [finding(name, about(amount, 0.001)) for name, amount in own.items()]
    taken = amounts(gap_budget(about(0.06, 0.001), about(0.01, 0.001), findings))
    assert {name: taken[name] for name in own} == pytest.approx(own)
    assert taken["unexplained"] == pytest.approx(0.005)


def test_one_loss_told_by_cause_and_by_place_is_taken_once() -> None:
    cause, place = finding(ONLINE, about(0.05, 0.001)), finding("heterogeneity", about(0.068, 0.008))
    expected, observed = about(0.02, 0.001), about(-0.046, 0.007)
    taken = amounts(gap_budget(expected, observed, [cause, place]))
    most = shortfall(expected, observed).high
    assert taken[ONLINE] + taken["heterogeneity"] == pytest.approx(most)
    assert taken["heterogeneity"] - taken[ONLINE] == pytest.approx(0.018)
    assert taken[BarKind.UNEXPLAINED] == pytest.approx(0.066 - most)


def test_a_gain_is_lost_only_once_but_a_turned_gain_costs_beyond_it() -> None:
    findings = [finding(OFFLINE, about(0.05, 0.001)), finding("winners_curse", about(0.04, 0.001))]
    taken = amounts(gap_budget(about(0.04, 0.001), about(-0.01, 0.001), findings))
    assert taken[OFFLINE] == pytest.approx(0.02 + 0.01)
    assert taken["winners_curse"] == pytest.approx(0.02)
    assert taken["unexplained"] == pytest.approx(0.0, abs=1e-12)


def test_chance_accounts_for_what_is_left_as_far_as_it_can() -> None:
    chance = Interval(estimate=0.015, low=-0.02, high=0.02, level=0.95, method="chance")
    alone = gap_budget(about(0.02, 0.01), about(0.005, 0.01), [finding(CHANCE, chance)])
    assert alone[1].amount == chance
    assert alone[2].amount.estimate == pytest.approx(0.0, abs=1e-12)
    noise = Interval(estimate=0.0196, low=0.0, high=0.0196, level=0.95, method="chance")
    both = [finding("offline_noise", noise), finding(CHANCE, chance)]
    taken = amounts(gap_budget(about(0.0196, 0.01), about(0.005, 0.01), both))
    assert taken["unexplained"] == pytest.approx(0.0, abs=1e-12)
    # First noise takes all of 0.0196 and chance gives 0.005 back, or chance takes 0.0146 and noise the rest.
    assert taken["offline_noise"] == pytest.approx((0.0196 + 0.005) / 2 - 0.0025)


def test_what_chance_took_leaves_the_unexplained_part_as_uncertain_as_the_gap() -> None:
    expected, observed = about(0.02, 0.002), about(0.005, 0.01)
    chance = Interval(estimate=0.015, low=-0.02, high=0.02, level=0.95, method="chance")
    rest = gap_budget(expected, observed, [finding(CHANCE, chance)])[2].amount
    gap = shortfall(expected, observed)
    assert rest.high - rest.low == pytest.approx(gap.high - gap.low)


@given(INTERVALS, INTERVALS)
def test_without_a_reason_all_that_is_missing_is_unexplained(expected: Interval, observed: Interval) -> None:
    gap = shortfall(expected, observed)
    rest = gap_budget(expected, observed, [])[1].amount
    assert (rest.estimate, rest.low, rest.high) == pytest.approx((gap.estimate, gap.low, gap.high), abs=1e-12)


def test_only_supported_reasons_with_an_amount_get_a_bar() -> None:
    without = NotEstimable(reason=Reason.NOT_DECLARED, detail="no rate")
    findings = [
        finding(ONLINE, about(0.01, 0.001)),
        finding("data_faults", without),
        finding("novelty", about(0.01, 0.001), status=FindingStatus.CONTRADICTED),
        finding("dilution", about(0.01, 0.001), status=FindingStatus.NOT_TESTABLE),
    ]
    bars = gap_budget(about(0.04, 0.001), about(0.01, 0.001), findings)
    assert [bar.name for bar in bars] == ["expected", ONLINE, "unexplained", "observed"]


def test_an_expectation_of_another_level_is_brought_to_the_level_of_what_came() -> None:
    wide = Interval(estimate=0.03, low=0.01, high=0.05, level=0.9, method="test")
    rest = gap_budget(wide, about(0.0, 0.0), [])[1].amount
    assert rest.level == 0.95
    assert rest.high - 0.03 == pytest.approx(0.02 * Z / 1.6448536269514722)


def test_the_rest_of_a_gain_has_the_error_of_what_is_left_of_it() -> None:
    # A reason that takes all of the expected lift, with the error of that, leaves nothing that could be in error.
    expected, observed = about(0.04, 0.01), about(0.0, 0.003)
    rest = gap_budget(expected, observed, [finding("lazy_metric", expected)])[2].amount
    assert rest.high - rest.low == pytest.approx(2 * Z * 0.003)


def test_intervals_cover_what_each_reason_and_the_rest_took() -> None:
    """Two reasons on the gain and one online, drawn anew; each interval holds its truth in 90 to 98 of 100 cases."""
    random = np.random.default_rng(6)
    gain, parts, late, seen = 0.06, (0.5, 0.3), 0.008, 0.01
    truth = amounts(
        gap_budget(
            about(gain, 0.0),
            about(seen, 0.0),
            [
                finding("proxy_label", about(gain * parts[0], 0.0)),
                finding("winners_curse", about(gain * parts[1], 0.0)),
                finding("latency", about(late, 0.0)),
            ],
        )
    )
    draws, held = 400, dict.fromkeys(truth, 0)
    se_gain, se_part, se_late, se_seen = 0.006, 0.08, 0.002, 0.004
    for _ in range(draws):
        drawn = gain + se_gain * random.normal()
        found = []
        for name, part in zip(("proxy_label", "winners_curse"), parts, strict=True):
            share = part + se_part * random.normal()
            se = math.hypot(share * se_gain, drawn * se_part)
            found.append(finding(name, about(share * drawn, se)))
        found.append(finding("latency", about(late + se_late * random.normal(), se_late)))
        for bar in gap_budget(about(drawn, se_gain), about(seen + se_seen * random.normal(), se_seen), found):
            held[bar.name] += bar.amount.low <= truth[bar.name] <= bar.amount.high
    assert all(0.90 <= times / draws <= 0.98 for times in held.values()), held


def test_every_reason_says_on_which_side_it_works() -> None:
    online = {reason.name for reason in REASONS if reason.side is Side.ONLINE}
    assert online == {"latency", "novelty", "dilution", "heterogeneity", "trade_off", "data_faults"}
    assert [reason.name for reason in REASONS if reason.side is Side.CHANCE] == ["underpowered"]
