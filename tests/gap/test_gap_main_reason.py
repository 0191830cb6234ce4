"""What the main reason of a gap changes: the sentence, the budget, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from abgap.gap.diagnosis import diagnose, with_next_steps
from abgap.gap.inputs import ExperimentFacts
from abgap.gap.next_steps import after_decision, after_verdict
from abgap.gap.reasons.case import Case
from abgap.gap.reasons.evidence import Evidence
from abgap.gap.reasons.reason import Reason
from abgap.records import (
    BarKind,
    Decision,
    ExperimentResult,
    Finding,
    FindingStatus,
    Gap,
    Interval,
    NotEstimable,
    Side,
    VerdictName,
)
from abgap.records import Reason as Why
from abgap.study.model import Study
from tests.report.made_experiments import experiment_parts

LOST = 3  # in the story: offline better, online shown to be too small to matter


def about(estimate: float, half: float) -> Interval:
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95, method="test")


def finding(
    name: str = "proxy_label",
    lift: Interval | NotEstimable | None = None,
    *,
    status: FindingStatus = FindingStatus.SUPPORTED,
    action: str = "Train on purchases.",
) -> Finding:
    return Finding(
        name=name,
        title=name.replace("_", " ").capitalize(),
        status=status,
        share=None,
        lift=about(0.008, 0.002) if lift is None else lift,
        sentence="It did.",
        next_action=action,
    )


def reason_giving(found: Finding) -> Reason:
    def judge(_: Case) -> Finding:
        return found

    return Reason(name=found.name, title=found.title, judge=judge)


def diagnosed(*found: Finding, row: int = LOST, verdict: VerdictName | None = None) -> Gap:
    _, _, gaps, _ = experiment_parts(row, "ranker", detailed=False)
    gap = gaps[0] if verdict is None else replace(gaps[0], verdict=verdict)
    return diagnose(Study(), [gap], facts(), Evidence(), reasons=[reason_giving(each) for each in found])[0]


def facts() -> Mapping[str, ExperimentFacts]:
    return {
        "ranker": ExperimentFacts(
            name="ranker",
            control="A",
            treatments=("B",),
            arms={"A": 10, "B": 10},
            models={"A": "old", "B": "new"},
        )
    }


def test_supported_reasons_come_first_and_the_larger_one_leads() -> None:
    gap = diagnosed(
        finding("novelty", status=FindingStatus.NOT_TESTABLE),
        finding("leakage", about(0.001, 0.0001), status=FindingStatus.CONTRADICTED),
        finding("latency", about(0.003, 0.001)),
        finding("proxy_label"),
    )
    assert [each.name for each in gap.reasons] == ["proxy_label", "latency", "leakage", "novelty"]
    assert gap.diagnosis is not None
    assert "Main reason: proxy label, beside latency." in gap.diagnosis


def test_the_budget_begins_with_what_was_expected_and_ends_with_what_came() -> None:
    gap = diagnosed(finding())
    assert [bar.kind for bar in gap.budget] == list(BarKind)
    assert gap.budget[0].amount.estimate == pytest.approx(0.01), "the smallest worthwhile lift"
    assert gap.budget[-1].amount == gap.online_lift
    taken = [bar.amount.estimate for bar in gap.budget]
    assert taken[0] - taken[1] - taken[2] == pytest.approx(taken[3], abs=1e-12)
    assert gap.diagnosis is not None
    assert "Unexplained: " in gap.diagnosis


def test_reasons_that_explain_more_than_is_missing_are_said_to() -> None:
    gap = diagnosed(finding("latency", about(0.03, 0.002)))
    assert gap.diagnosis is not None
    assert "That is more than is missing, by +2.1 % [+1.2, +2.9]." in gap.diagnosis


def test_reasons_that_tell_of_one_loss_are_said_to_overlap() -> None:
    gap = diagnosed(finding("latency", about(0.03, 0.002)), finding("heterogeneity", about(0.02, 0.002)))
    assert gap.diagnosis is not None
    assert "They overlap: alone, each would take what others take too" in gap.diagnosis


def test_more_than_was_expected_is_said_to_be_more() -> None:
    _, _, (gap, *_), _ = experiment_parts(LOST, "ranker", detailed=False)
    won = replace(gap, online_lift=about(0.05, 0.002))
    (found,) = diagnose(Study(), [won], facts(), Evidence(), reasons=[])
    assert found.diagnosis is not None
    assert found.diagnosis.startswith("No lift is missing: +4.00 % [")
    assert found.diagnosis.endswith("more came than was expected.")


def test_without_a_supported_reason_the_sentence_says_so_and_all_is_unexplained() -> None:
    gap = diagnosed(finding(status=FindingStatus.CONTRADICTED))
    assert gap.diagnosis is not None
    assert gap.diagnosis.endswith("No tested reason explains it.")
    assert [bar.kind for bar in gap.budget] == [BarKind.EXPECTED, BarKind.UNEXPLAINED, BarKind.OBSERVED]
    assert gap.next_action == ""


def test_data_that_cannot_be_trusted_have_no_budget_and_are_repaired_first() -> None:
    faults = replace(finding("data_faults"), share=1.16)
    gap = diagnosed(faults, finding("latency"), verdict=VerdictName.UNTRUSTWORTHY)
    assert gap.budget == ()
    assert gap.shortfall is None
    assert gap.diagnosis == (
        "Whether lift is missing cannot be told: the data of this experiment cannot be trusted. "
        "Main reason: data faults."
    )
    assert [each.status for each in gap.reasons] == [FindingStatus.SUPPORTED, FindingStatus.NOT_TESTABLE]
    assert gap.reasons[0].share is None, "of a gap that is not known"
    assert after_verdict(gap.verdict, "Mend the split.", gap.reasons[0]) == "Mend the split."


def test_a_reason_without_an_amount_is_said_and_has_no_bar() -> None:
    without = NotEstimable(reason=Why.NOT_DECLARED, detail="no rate")
    gap = diagnosed(finding("data_faults", without))
    assert [bar.kind for bar in gap.budget] == [BarKind.EXPECTED, BarKind.UNEXPLAINED, BarKind.OBSERVED]
    assert gap.diagnosis is not None
    assert "Main reason: data faults." in gap.diagnosis


@pytest.mark.parametrize(
    ("verdict", "action", "expected"),
    [
        (VerdictName.FELL_SHORT, "Look at clicks first.", "Train on purchases."),
        (VerdictName.DID_NOT_MOVE, "Look at clicks first.", "Train on purchases."),
        (VerdictName.REVERSED, "Do not ship. Look at clicks.", "Do not ship. Train on purchases."),
        (VerdictName.INCONCLUSIVE, "Run it on.", "Train on purchases. Run it on."),
        (VerdictName.UNTRUSTWORTHY, "Mend the split.", "Mend the split."),
    ],
)
def test_the_main_reason_says_what_to_do_after_a_verdict(
    verdict: VerdictName, action: str, expected: str
) -> None:
    assert after_verdict(verdict, action, finding()) == expected
    assert after_verdict(verdict, action, None) == action
    assert after_verdict(verdict, action, finding(action="")) == action


@pytest.mark.parametrize(
    ("decision", "action", "expected"),
    [
        (Decision.SHIP, "Ship it.", "Ship it. Train on purchases."),
        (Decision.DO_NOT_SHIP, "Do not ship; find out why.", "Do not ship. Train on purchases."),
        (Decision.KEEP_RUNNING, "Run it on.", "Train on purchases. Run it on."),
        (Decision.CANNOT_BE_JUDGED, "Mend the split.", "Mend the split."),
    ],
)
def test_the_main_reason_says_what_to_do_after_a_decision(
    decision: Decision, action: str, expected: str
) -> None:
    assert after_decision(decision, action, finding()) == expected
    assert after_decision(decision, action, None) == action


def test_a_test_that_was_too_small_is_not_told_twice_to_run_on() -> None:
    small = replace(finding("underpowered", action="Run it to 9,000 units."), side=Side.CHANCE)
    assert after_verdict(VerdictName.INCONCLUSIVE, "Run it on.", small) == "Run it to 9,000 units."
    assert after_decision(Decision.KEEP_RUNNING, "Run it on.", small) == "Run it to 9,000 units."


def experiment(**changes: object) -> ExperimentResult:
    made, _, _, _ = experiment_parts(LOST, "ranker", detailed=False)
    return replace(made, treatment="B", next_action="Do not ship; think.", **changes)  # type: ignore[arg-type]


def test_an_experiment_takes_the_next_step_from_the_first_pair_of_its_arm() -> None:
    first = diagnosed(finding())
    other = replace(first, offline_metric="mrr@10", reasons=(finding("latency", action="Make it faster."),))
    (found,) = with_next_steps([experiment()], [first, other])
    assert found.next_action == "Do not ship. Train on purchases."
    (unchanged,) = with_next_steps([experiment()], [replace(first, reasons=())])
    assert unchanged.next_action == "Do not ship; think."


def test_the_arm_stays_named_where_there_are_several() -> None:
    several = experiment(arms={"A": 1, "B": 2, "C": 3})
    (found,) = with_next_steps(
        [replace(several, next_action="B: Do not ship; think.")], [diagnosed(finding())]
    )
    assert found.next_action == "B: Do not ship. Train on purchases."
