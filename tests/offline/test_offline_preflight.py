"""The five steps: what passes, warns, fails, and what is missing, said in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from abgap.offline.preflight import make_preflight
from abgap.offline.preflight_gates import Sides, judged
from abgap.records import Direction, Estimable, Interval, NotEstimable, OfflineRow, Reason, Status
from abgap.records.preflight import Preflight, PreflightStep
from abgap.study.offline import Model, PreflightSettings

FAST = {"latency_p50_ms": 100.0, "latency_p95_ms": 200.0, "cost_per_1000_requests": 1.0}
FACTS = {"old": Model(**FAST), "new": Model(**FAST)}  # type: ignore[arg-type]


def interval(estimate: float, half: float) -> Interval:
    return Interval(
        estimate=estimate, low=estimate - half, high=estimate + half, level=0.95, method="paired-t"
    )


def row(gain: Estimable | float = 0.05, *, half: float = 0.01, **more: Any) -> OfflineRow:
    change = interval(gain, half) if isinstance(gain, float) else gain
    fields: dict[str, Any] = {
        "model": "new", "baseline": "old", "metric": "ndcg@10", "definition": "paired", "direction": Direction.UP,
        "slice_name": None, "slice_value": None, "n": 500, "skipped": 0, "value": 0.75, "baseline_value": 0.70,
        "gain": change, "p_value": 0.01, "p_adjusted": 0.01,
    }  # fmt: skip
    return OfflineRow(**(fields | more))


def in_slice(gain: float, *, half: float = 0.005, p: float = 0.001, value: str = "phone") -> OfflineRow:
    return row(gain, half=half, slice_name="device", slice_value=value, value=0.7 + gain, p_adjusted=p)


GOOD = (row(), in_slice(0.03), in_slice(0.05, value="desk"))


def check(
    rows: Sequence[OfflineRow] = GOOD,
    facts: Mapping[str, Model] = FACTS,
    *,
    headline: str | None = None,
    worthwhile: Mapping[str, float] | None = None,
    **limits: float,
) -> Preflight:
    sides = Sides(
        candidate="new",
        production="old",
        shadow=None,
        facts=facts,
        limits=PreflightSettings(**limits),
        alpha=0.05,
        currency="EUR",
    )
    return make_preflight("shop", sides, rows, headline=headline, worthwhile=worthwhile or {})


def step(found: Preflight, name: str) -> PreflightStep:
    return next(s for s in found.steps if s.name == name)


def test_a_candidate_that_passes_everything_goes_into_a_test() -> None:
    found = check()
    assert [s.name for s in found.steps] == ["offline", "slices", "latency", "cost", "comparison"]
    assert found.verdict is Status.PASS, [(s.name, s.sentence) for s in found.steps]
    assert found.sentence == "'new' passed all five steps and can go into an A/B test against 'old'."
    assert found.next_action == "Plan the A/B test: abgap plan."
    assert found.limits == {
        "latency_increase": 0.2,
        "error_increase": 0.001,
        "cost_increase": 0.5,
        "slice_loss": 0.02,
    }


def test_without_anything_every_step_names_what_is_missing() -> None:
    found = check((), {})
    assert found.verdict is Status.NOT_TESTABLE
    assert all(s.status is Status.NOT_TESTABLE and s.missing for s in found.steps)
    assert "[offline.shadow]" in step(found, "latency").sentence
    assert 'cost_per_1000_requests of [models."new"]' in step(found, "cost").sentence
    assert found.sentence == (
        "'new' is not ready for a launch: offline, slices, latency, cost and comparison could not be tested."
    )


@pytest.mark.parametrize(
    ("change", "value", "expected"),
    [
        (interval(0.1, 0.05), None, Status.PASS),
        (interval(0.2, 0.05), None, Status.WARN),
        (interval(0.3, 0.05), None, Status.FAIL),
        (NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail=""), 0.2, Status.PASS),
        (NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail=""), 0.21, Status.FAIL),
        (NotEstimable(reason=Reason.TOO_FEW_VALUES, detail=""), 0.1, Status.WARN),
        (NotEstimable(reason=Reason.NO_DENOMINATOR, detail=""), None, Status.NOT_TESTABLE),
    ],
)
def test_a_limit_is_kept_or_broken_only_when_the_interval_says_so(
    change: Estimable, value: float | None, expected: Status
) -> None:
    assert judged(change, value, 0.2) is expected


def test_the_latency_of_the_seeds_fails_and_the_optimised_one_passes() -> None:
    facts = {name: Model(latency_p50_ms=ms) for name, ms in (("old", 250.0), ("new", 800.0))}
    latency = step(check(facts=facts), "latency")
    assert latency.status is Status.FAIL
    assert latency.sentence.startswith("P50 latency 800 ms against 250 ms: +220.0 %")
    facts["new"] = Model(latency_p50_ms=300.0)
    assert step(check(facts=facts), "latency").status is Status.PASS


def test_a_budget_that_nothing_is_known_of_is_missing() -> None:
    facts = {name: Model(latency_p50_ms=100.0) for name in ("old", "new")}
    latency = step(check(facts=facts, latency_p95_ms=500.0), "latency")
    assert latency.status is Status.NOT_TESTABLE
    assert "the p95 latency of both models" in latency.missing[0]
    assert step(check(latency_p95_ms=150.0), "latency").status is Status.FAIL


def test_costs_are_held_against_their_limit() -> None:
    facts = FACTS | {"new": Model(cost_per_1000_requests=1.6)}
    cost = step(check(facts=facts), "cost")
    assert cost.status is Status.FAIL
    assert cost.sentence.startswith("Cost per 1,000 requests 1.60 EUR against 1.00 EUR: +60.0 %")
    assert step(check(facts=facts, cost_increase=0.6), "cost").status is Status.PASS


def test_of_a_production_that_costs_nothing_no_increase_is_allowed() -> None:
    free = Model(cost_per_1000_requests=0.0)
    assert step(check(facts={"old": free, "new": free}), "cost").status is Status.PASS
    dearer = step(check(facts={"old": free, "new": Model(cost_per_1000_requests=0.3)}), "cost")
    assert dearer.status is Status.FAIL
    assert "0.30 EUR against 0.00 EUR: more than nothing" in dearer.sentence


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([in_slice(-0.05)], Status.FAIL),
        ([in_slice(-0.008)], Status.WARN),
        ([in_slice(-0.05, half=0.06, p=0.2)], Status.WARN),
        ([in_slice(-0.01, half=0.06, p=0.2)], Status.PASS),
        ([in_slice(-0.05, p=0.2)], Status.WARN),
    ],
)
def test_a_slice_fails_when_its_loss_is_established_and_more_than_tolerated(
    rows: list[OfflineRow], expected: Status
) -> None:
    slices = step(check([row(), *rows, in_slice(0.05, value="desk")]), "slices")
    assert slices.status is expected
    assert "device = phone" in slices.sentence


def test_where_less_is_better_a_rise_is_a_loss() -> None:
    worse = row(0.05, direction=Direction.DOWN)
    assert step(check([worse]), "comparison").status is Status.FAIL
    assert step(check([replace(worse, gain=interval(-0.05, 0.01))]), "comparison").status is Status.PASS


def test_the_headline_decides_and_other_losses_are_the_price() -> None:
    other = row(-0.05, metric="coverage")
    found = check([row(), other], headline="ndcg@10")
    comparison = step(found, "comparison")
    assert comparison.status is Status.WARN
    assert comparison.sentence.startswith("coverage")
    assert step(check([row(), other]), "comparison").status is Status.FAIL
    assert step(check([row(0.0, half=0.02), row(metric="mrr")]), "comparison").status is Status.PASS
    assert (
        step(check([row(0.0, half=0.02), row(metric="mrr")], headline="ndcg@10"), "comparison").status
        is Status.WARN
    )


def test_a_gain_that_is_too_small_to_matter_is_a_warning() -> None:
    found = check([row(0.005, half=0.002)], worthwhile={"ndcg@10": 0.01})
    assert step(found, "comparison").status is Status.WARN
    bare = row(NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="bare values"))
    assert step(check([bare]), "comparison").status is Status.WARN


@pytest.mark.parametrize(
    ("more", "expected", "said"),
    [
        ({"skill": -0.1}, Status.FAIL, "no better than a solution that learnt nothing"),
        ({"skill": 0.4, "target_ready": False}, Status.WARN, "a metric that a lazy solution satisfies too"),
        ({"skipped": 100}, Status.WARN, "with 100 left out"),
        ({"n": 5}, Status.WARN, "too few to say anything"),
        ({"skill": 0.4, "target_ready": True}, Status.PASS, "NDCG@10 is 0.750 over 500 examples"),
    ],
)
def test_sanity_is_about_lazy_solutions_and_examples(
    more: Mapping[str, Any], expected: Status, said: str
) -> None:
    sanity = step(check([row(**more)]), "offline")
    assert sanity.status is expected
    assert said in sanity.sentence


def test_the_verdict_is_the_worst_step_and_its_action_the_next() -> None:
    slow = check(facts={"old": Model(**FAST), "new": Model(**(FAST | {"latency_p50_ms": 900.0}))})  # type: ignore[arg-type]
    assert slow.sentence == "Do not launch 'new' in place of 'old': latency failed."
    assert slow.next_action == step(slow, "latency").next_action
    unsure = check([row(), in_slice(-0.05, half=0.06, p=0.2)])
    assert unsure.sentence == "'new' can go into an A/B test against 'old' after a look at slices."
