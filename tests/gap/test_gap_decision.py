from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from abgap.gap.decision import Judgement, judge
from abgap.gap.inputs import EvidenceIndex
from abgap.records import (
    Adjustment,
    Check,
    Decision,
    Direction,
    Estimate,
    Interval,
    Kind,
    NonInferiority,
    NotEstimable,
    Reason,
    Role,
    Status,
    Unadjusted,
)
from abgap.study.model import Study

Make = Callable[..., Any]
D = Decision


@pytest.fixture
def decided(make_facts: Make, make_study: Make) -> Make:
    """Judge an experiment by its estimates; without a guardrail in the study unless told."""

    def decide(
        *estimates: Estimate, checks: tuple[Check, ...] = (), study: Study | None = None, **facts: Any
    ) -> Judgement:
        if study is None:
            study = without_guardrail(make_study())
        return judge(
            study, make_facts(**facts), EvidenceIndex(estimates=estimates, offline_rows=(), checks=checks)
        )

    return decide


def without_guardrail(study: Study) -> Study:
    kept = {name: metric for name, metric in study.metrics.items() if metric.role is not Role.GUARDRAIL}
    return study.model_copy(update={"metrics": kept})


@pytest.fixture
def guardrail(make_estimate: Make) -> Make:
    """Latency (less is better) in relative terms, with its non-inferiority test at a margin of 5 %."""

    def make(low: float, high: float, *, holds: bool, tested: bool = True) -> Estimate:
        test = NonInferiority(margin=0.05, p_value=0.01 if holds else 0.4, holds=holds)
        estimate: Estimate = make_estimate(
            low,
            high,
            metric="latency",
            role=Role.GUARDRAIL,
            direction=Direction.DOWN,
            adjustment=Adjustment.NONE,
            non_inferiority=test if tested else None,
        )
        return estimate

    return make


@pytest.mark.parametrize(
    ("low", "high", "decision"),
    [
        (0.005, 0.030, D.SHIP),
        (0.016, 0.030, D.SHIP),
        (-0.030, -0.005, D.DO_NOT_SHIP),
        (-0.010, 0.010, D.DO_NOT_SHIP),
        (0.001, 0.010, D.DO_NOT_SHIP),
        (-0.010, -0.001, D.DO_NOT_SHIP),
        (-0.010, 0.030, D.KEEP_RUNNING),
    ],
)
def test_the_primary_metric_alone(
    decided: Make, make_estimate: Make, low: float, high: float, decision: D
) -> None:
    assert decided(make_estimate(low, high)).decision is decision


def test_reasons_are_sentences_with_numbers(decided: Make, make_estimate: Make) -> None:
    assert decided(make_estimate(0.01, 0.03)).reason == (
        "Revenue per user rose: +2.0 % [+1.0, +3.0]; no guardrail is declared."
    )
    assert decided(make_estimate(-0.01, 0.01)).reason == (
        "No harm, no gain: revenue per user did not move: "
        "0.0 % [−1.0, +1.0] lies inside ±1.5 %, the smallest lift that would matter."
    )
    assert decided(make_estimate(0.001, 0.01)).reason.startswith(
        "The effect on revenue per user is real, but too small to matter: "
    )
    still_open = decided(make_estimate(-0.02, 0.03))
    assert (
        still_open.reason
        == "Not settled yet: no effect on revenue per user is established: +0.5 % [−2.0, +3.0]."
    )
    assert still_open.next_action.startswith("Run it on, or again, to about 56,7")


def test_a_failed_blocking_check_forbids_a_decision(
    decided: Make, make_estimate: Make, make_check: Make
) -> None:
    good = make_estimate(0.01, 0.03)
    found = decided(good, checks=(make_check(),))
    assert found.decision is D.CANNOT_BE_JUDGED
    assert "The split is 52:48" in found.reason
    assert decided(good, checks=(make_check(experiment=None),)).decision is D.CANNOT_BE_JUDGED
    for harmless in (
        make_check(status=Status.WARN),
        make_check(status=Status.NOT_TESTABLE),
        make_check(experiment="another"),
    ):
        assert decided(good, checks=(harmless,)).decision is D.SHIP


def test_a_failed_check_that_does_not_block_holds_back_a_launch_and_nothing_else(
    decided: Make, make_estimate: Make, make_check: Make
) -> None:
    biased = make_check(
        name="missing_values",
        blocking=False,
        sql=None,
        sentence="12 units have no value of revenue; the comparison is biased: find out why.",
    )
    found = decided(make_estimate(0.01, 0.03), checks=(biased,))
    assert found.decision is D.KEEP_RUNNING
    assert found.reason == (
        "Revenue per user rose: +2.0 % [+1.0, +3.0]; no guardrail is declared; but the data check missing "
        "values failed: 12 units have no value of revenue; the comparison is biased: find out why."
    )
    assert found.next_action.startswith("Find the cause behind the failed check missing values, mend it")
    of_a_source = make_check(name="unmatched_events", blocking=False, experiment=None)
    both = decided(make_estimate(0.01, 0.03), checks=(biased, of_a_source))
    assert both.decision is D.KEEP_RUNNING
    assert both.reason.endswith(" (1 more check failed).")
    for low, high in ((-0.03, -0.01), (-0.01, 0.01), (-0.02, 0.03)):
        effect = make_estimate(low, high)
        assert decided(effect, checks=(biased,)) == decided(effect)


def test_a_fixed_test_that_is_read_early_does_not_ship_and_one_with_valid_looks_does(
    decided: Make, make_estimate: Make, make_check: Make, make_study: Make
) -> None:
    early = dataclasses.replace(
        make_check(name="read_early", blocking=False, status=Status.WARN), value=9.0, threshold=28.0
    )
    better = make_estimate(0.01, 0.03)
    found = decided(better, checks=(early,))
    assert found.decision is D.KEEP_RUNNING
    assert found.reason.endswith(
        "but only 9 of 28 planned days are in, and a fixed test decides at its planned end."
    )
    study = without_guardrail(make_study())
    head = study.study.model_copy(update={"looks": "sequential"})
    sequential = study.model_copy(update={"study": head})
    assert decided(better, checks=(early,), study=sequential).decision is D.SHIP
    worse = make_estimate(-0.03, -0.01)
    assert decided(worse, checks=(early,)).decision is D.DO_NOT_SHIP


def test_an_effect_that_does_not_survive_the_correction_does_not_ship(
    decided: Make, make_estimate: Make
) -> None:
    found = decided(make_estimate(0.001, 0.03, p_adjusted=0.09))
    assert found.decision is D.KEEP_RUNNING
    assert "excludes 0 only without correction" in found.reason


def test_a_primary_that_got_worse_outweighs_one_that_got_better(decided: Make, make_estimate: Make) -> None:
    worse = make_estimate(-0.03, -0.01, metric="orders")
    found = decided(make_estimate(0.01, 0.03), worse)
    assert found.decision is D.DO_NOT_SHIP
    assert found.reason == "Orders fell: −2.0 % [−3.0, −1.0]."


def test_less_is_better_turns_the_decision(decided: Make, make_estimate: Make) -> None:
    cheaper = decided(make_estimate(-0.04, -0.01, direction=Direction.DOWN))
    assert cheaper.decision is D.SHIP
    assert cheaper.reason == (
        "Revenue per user fell: −2.5 % [−4.0, −1.0] (an improvement); no guardrail is declared."
    )
    assert decided(make_estimate(0.01, 0.03, direction=Direction.DOWN)).decision is D.DO_NOT_SHIP
    still_open = decided(make_estimate(-0.04, 0.02, direction=Direction.DOWN))
    assert still_open.reason == (
        "Not settled yet: no effect on revenue per user is established: −1.0 % [−4.0, +2.0]."
    )
    assert "a fall of 1.5 % in revenue per user is seen" in still_open.next_action


def test_secondary_and_diagnostic_metrics_do_not_decide(decided: Make, make_estimate: Make) -> None:
    noise = [
        make_estimate(-0.03, -0.01, metric=role.value, role=role)
        for role in (Role.SECONDARY, Role.DIAGNOSTIC)
    ]
    assert decided(make_estimate(0.01, 0.03), *noise).decision is D.SHIP


def test_slices_and_days_do_not_decide(decided: Make, make_estimate: Make) -> None:
    phone = make_estimate(-0.03, -0.01, slice_name="device", slice_value="phone")
    day = make_estimate(-0.03, -0.01, period="2026-03-02")
    assert decided(make_estimate(0.01, 0.03), phone, day).decision is D.SHIP


class TestGuardrails:
    def test_all_within_their_margins_lets_ship(
        self, decided: Make, make_study: Make, make_estimate: Make, guardrail: Make
    ) -> None:
        found = decided(make_estimate(0.01, 0.03), guardrail(0.01, 0.03, holds=True), study=make_study())
        assert found.decision is D.SHIP
        assert found.reason.endswith("; every guardrail stays within its margin.")

    def test_shown_worse_does_not_ship(
        self, decided: Make, make_study: Make, make_estimate: Make, guardrail: Make
    ) -> None:
        found = decided(make_estimate(0.01, 0.03), guardrail(0.02, 0.08, holds=False), study=make_study())
        assert found.decision is D.DO_NOT_SHIP
        assert found.reason == "Latency rose: +5.0 % [+2.0, +8.0] (for the worse)."

    def test_undecided_keeps_running_until_the_margin_can_be_shown(
        self, decided: Make, make_study: Make, make_estimate: Make, guardrail: Make
    ) -> None:
        found = decided(make_estimate(0.01, 0.03), guardrail(-0.05, 0.09, holds=False), study=make_study())
        assert found.decision is D.KEEP_RUNNING
        assert found.reason.endswith("but guardrail latency is not yet shown to stay within 5 %.")
        assert "an unchanged latency is shown to stay within 5 %" in found.next_action

    def test_without_a_margin_cannot_clear_a_launch(
        self, decided: Make, make_study: Make, make_estimate: Make, guardrail: Make
    ) -> None:
        untested = guardrail(-0.02, 0.02, holds=False, tested=False)
        found = decided(make_estimate(0.01, 0.03), untested, study=make_study())
        assert found.decision is D.KEEP_RUNNING
        assert found.next_action.startswith("Declare a non_inferiority_margin for latency")

    @pytest.mark.parametrize(
        ("before", "after", "margin", "decision"),
        [
            (100.0, 100.0, 0.05, D.SHIP),
            (100.0, 100.0, None, D.SHIP),
            (0.0, 0.0, 0.05, D.SHIP),
            (100.0, 90.0, None, D.SHIP),
            (100.0, 104.9, 0.05, D.SHIP),
            (100.0, 105.0, 0.05, D.DO_NOT_SHIP),
            (100.0, 100.1, None, D.DO_NOT_SHIP),
            (0.0, 1.0, 0.05, D.DO_NOT_SHIP),
            (-100.0, -96.0, 0.05, D.SHIP),
            (-100.0, -94.0, 0.05, D.DO_NOT_SHIP),
        ],
    )
    def test_a_constant_is_decided_exactly(
        self,
        decided: Make,
        make_study: Make,
        make_estimate: Make,
        guardrail: Make,
        before: float,
        after: float,
        margin: float | None,
        decision: D,
    ) -> None:
        nothing = NotEstimable(reason=Reason.ZERO_VARIANCE, detail="every unit has the same value")
        constant = dataclasses.replace(
            guardrail(-0.01, 0.01, holds=False),
            value_control=before,
            value_treatment=after,
            difference=nothing,
            lift=nothing,
            non_inferiority=None
            if margin is None
            else NonInferiority(margin=margin, p_value=None, holds=False),
        )
        found = decided(make_estimate(0.01, 0.03), constant, study=make_study())
        assert found.decision is decision

    def test_a_constant_that_got_worse_is_named_with_its_values(
        self, decided: Make, make_study: Make, make_estimate: Make, guardrail: Make
    ) -> None:
        nothing = NotEstimable(reason=Reason.ZERO_VARIANCE, detail="every unit has the same value")
        values = {"value_control": 100.0, "value_treatment": 120.0, "difference": nothing, "lift": nothing}
        constant = dataclasses.replace(guardrail(-0.01, 0.01, holds=False), **values)
        found = decided(make_estimate(0.01, 0.03), constant, study=make_study())
        assert found.reason == "Latency rose from 100 to 120 in every unit."

    def test_what_covariates_explain_is_no_constant(
        self, decided: Make, make_study: Make, make_estimate: Make, guardrail: Make
    ) -> None:
        nothing = NotEstimable(reason=Reason.ZERO_VARIANCE, detail="the covariates explain every difference")
        known = Interval(estimate=1.0, low=-1.0, high=3.0, level=0.95, method="welch")
        explained = dataclasses.replace(
            guardrail(-0.01, 0.01, holds=False),
            value_control=100.0,
            value_treatment=101.0,
            difference=nothing,
            lift=nothing,
            unadjusted=Unadjusted(difference=known, lift=known, p_value=0.3),
        )
        found = decided(make_estimate(0.01, 0.03), explained, study=make_study())
        assert found.decision is D.KEEP_RUNNING
        assert "in every unit" not in found.reason

    def test_declared_but_not_measured_cannot_clear_a_launch(
        self, decided: Make, make_study: Make, make_estimate: Make
    ) -> None:
        found = decided(make_estimate(0.01, 0.03), study=make_study())
        assert found.decision is D.KEEP_RUNNING
        assert found.reason.endswith("but guardrail latency was not measured.")
        assert found.next_action == "Measure latency in this experiment."

    def test_a_guardrail_that_improved_does_not_ship_alone(
        self, decided: Make, make_study: Make, make_estimate: Make, guardrail: Make
    ) -> None:
        better = guardrail(-0.10, -0.05, holds=True)
        assert decided(make_estimate(-0.02, 0.03), better, study=make_study()).decision is D.KEEP_RUNNING


def test_without_a_primary_metric_nothing_decides(
    decided: Make, make_study: Make, make_estimate: Make
) -> None:
    study = make_study(metrics={"clicks": {"kind": Kind.MEAN, "value": "clicks"}})
    found = decided(make_estimate(0.01, 0.03, metric="clicks", role=Role.SECONDARY), study=study)
    assert found.decision is D.CANNOT_BE_JUDGED
    assert found.reason == "The study declares no primary metric, so nothing decides."


def test_a_primary_without_numbers_cannot_be_judged(decided: Make, make_estimate: Make) -> None:
    empty = NotEstimable(reason=Reason.TOO_FEW_UNITS, detail="3 units in control, 5 in treatment")
    found = decided(make_estimate(0.01, 0.03, lift=empty, difference=empty, p_value=None))
    assert found.decision is D.CANNOT_BE_JUDGED
    assert found.reason == (
        "The lift of revenue per user cannot be estimated (3 units in control, 5 in treatment)."
    )
    assert decided().reason == "No primary metric was measured in both arms."


@pytest.mark.parametrize(
    ("reason", "after", "said"),
    [
        (Reason.ZERO_VARIANCE, 2.0, "Check how revenue per user is measured: "),
        (Reason.TOO_FEW_UNITS, 2.0, "Let it run on: revenue per user cannot be tested with so few units."),
        (Reason.NO_VARIANCE_GIVEN, 2.0, "Remove what keeps revenue per user from being tested; "),
        (Reason.NO_UNITS, None, "Check the logs of this experiment: no primary metric gives a number in both arms."),
    ],
)  # fmt: skip
def test_what_to_do_about_a_primary_that_cannot_be_tested(
    decided: Make, make_estimate: Make, reason: Reason, after: float | None, said: str
) -> None:
    empty = NotEstimable(reason=reason, detail="why not")
    values = {"value_control": 1.0, "value_treatment": after}
    found = decided(make_estimate(0.01, 0.03, lift=empty, difference=empty, p_value=None, **values))
    assert found.decision is D.CANNOT_BE_JUDGED
    assert found.next_action.startswith(said)


def test_a_primary_of_two_constants_says_what_is_known(decided: Make, make_estimate: Make) -> None:
    nothing = NotEstimable(reason=Reason.ZERO_VARIANCE, detail="the values do not vary")
    values = {"value_control": 1.0, "value_treatment": 2.0, "lift": nothing, "difference": nothing}
    found = decided(make_estimate(0.01, 0.03, p_value=None, **values))
    assert found.reason == (
        "Revenue per user rose from 1.00 to 2.00 in every unit: the values do not vary within the arms, "
        "so nothing can be tested."
    )


def test_a_difference_without_a_lift_still_decides(decided: Make, make_estimate: Make) -> None:
    empty = NotEstimable(reason=Reason.CONTROL_NEAR_ZERO, detail="control near zero")
    found = decided(make_estimate(0.01, 0.03, lift=empty))
    assert found.decision is D.SHIP
    assert found.reason.startswith("Revenue per user rose: +0.20 [+0.10, +0.30] in absolute terms")


def test_an_a_a_test_has_nothing_to_ship(decided: Make, make_estimate: Make) -> None:
    models = {"A": "ranker-1", "B": "ranker-1"}
    quiet = decided(make_estimate(-0.01, 0.03), models=models)
    assert quiet.decision is D.DO_NOT_SHIP
    assert quiet.reason == (
        "Both arms ran the same model, and no primary metric differs beyond chance: there is nothing to ship."
    )
    guardrail = make_estimate(0.01, 0.03, metric="latency", role=Role.GUARDRAIL)
    assert decided(make_estimate(-0.01, 0.03), guardrail, models=models) == quiet
    loud = decided(make_estimate(0.01, 0.03), models=models)
    assert loud.decision is D.DO_NOT_SHIP
    assert "a false alarm or a fault in the data" in loud.reason


def test_with_several_arms_the_best_one_speaks(decided: Make, make_estimate: Make) -> None:
    arms = {"treatments": ("B", "C"), "arms": {"A": 1, "B": 1, "C": 1}}
    worse, better = make_estimate(-0.03, -0.01), make_estimate(0.01, 0.03, treatment="C")
    found = decided(worse, better, **arms)
    assert found.decision is D.SHIP
    assert found.reason.startswith("C: Revenue per user rose")
    still_open = make_estimate(-0.02, 0.03, treatment="C")
    assert decided(worse, still_open, **arms).decision is D.KEEP_RUNNING
    assert decided(worse, make_estimate(-0.01, 0.01, treatment="C"), **arms).decision is D.DO_NOT_SHIP


def test_of_arms_with_one_decision_the_largest_primary_lift_speaks_and_names_the_others(
    decided: Make, make_estimate: Make
) -> None:
    arms = {"treatments": ("B", "C"), "arms": {"A": 1, "B": 1, "C": 1}}
    small, large = make_estimate(0.01, 0.03), make_estimate(0.03, 0.05, treatment="C")
    found = decided(small, large, **arms)
    assert (found.decision, found.treatment) == (D.SHIP, "C")
    assert found.reason == (
        "C: Revenue per user rose: +4.0 % [+3.0, +5.0]; no guardrail is declared. "
        "B also qualifies; B and C are not tested against each other."
    )
    cheap = make_estimate(-0.05, -0.03, direction=Direction.DOWN)
    cheaper = make_estimate(-0.03, -0.01, direction=Direction.DOWN, treatment="C")
    assert decided(cheap, cheaper, **arms).treatment == "B"
    still_open = [make_estimate(-0.02, 0.03), make_estimate(-0.01, 0.04, treatment="C")]
    found = decided(*still_open, **arms)
    assert (found.decision, found.treatment) == (D.KEEP_RUNNING, "C")
    assert found.reason.endswith(" The decision on B is the same: keep running.")


def test_three_arms_to_ship_are_all_named(decided: Make, make_estimate: Make) -> None:
    effects = [make_estimate(0.01, 0.03, treatment=arm) for arm in "BCD"]
    found = decided(*effects, treatments=("B", "C", "D"), arms=dict.fromkeys("ABCD", 1))
    assert found.treatment == "B"
    assert found.reason.endswith(" C and D also qualify; B, C and D are not tested against each other.")


def test_arms_without_a_lift_are_ranked_by_their_difference(decided: Make, make_estimate: Make) -> None:
    empty = NotEstimable(reason=Reason.CONTROL_NEAR_ZERO, detail="control near zero")
    small, large = make_estimate(0.01, 0.03), make_estimate(0.03, 0.05, treatment="C")
    effects = [dataclasses.replace(effect, lift=empty) for effect in (small, large)]
    found = decided(*effects, treatments=("B", "C"), arms={"A": 1, "B": 1, "C": 1})
    assert found.treatment == "C"


def test_an_a_a_arm_does_not_speak_for_one_with_a_new_model(decided: Make, make_estimate: Make) -> None:
    quiet, worse = make_estimate(-0.01, 0.03), make_estimate(-0.03, -0.01, treatment="C")
    models = {"A": "ranker-1", "B": "ranker-1", "C": "ranker-2"}
    found = decided(quiet, worse, treatments=("B", "C"), arms={"A": 1, "B": 1, "C": 1}, models=models)
    assert (found.decision, found.treatment) == (D.DO_NOT_SHIP, "C")


def test_without_arms_there_is_nothing_to_judge(decided: Make) -> None:
    assert decided(treatments=()).decision is D.CANNOT_BE_JUDGED
