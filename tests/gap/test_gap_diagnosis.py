"""The diagnosis: what is missing, and the one rule by which amounts become findings."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abgap.gap.diagnosis import case_of
from abgap.gap.inputs import ExperimentFacts
from abgap.gap.power import Power
from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.evidence import Evidence
from abgap.gap.reasons.weighing import Words, weigh
from abgap.records import Direction, FindingStatus, Gap, Interval, OfflineRow, VerdictName
from abgap.study.model import Study


def interval(estimate: float, half: float) -> Interval:
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95, method="test")


def case(*, expected: Interval | None = None, observed: Interval | None = None) -> Case:
    lift = interval(0.08, 0.01) if expected is None else expected
    target = Target(
        gain=lift.scaled(2.0), rate=0.5, lift=lift, baseline="old", source="declared", declared=True
    )
    return Case(
        study=Study(),
        facts=ExperimentFacts(name="x", control="A", treatments=("B",), arms={"A": 10, "B": 10}),
        treatment="B",
        offline_metric="ndcg@10",
        business_metric="revenue",
        verdict=VerdictName.DID_NOT_MOVE,
        observed=interval(0.0, 0.01) if observed is None else observed,
        delta=0.01,
        target=target,
        estimate=None,
        power=Power(),
        evidence=Evidence(),
    )


WORDS = Words(supported="it took the lift", contradicted="it took too little", next_action="Mend it.")


@pytest.mark.parametrize(
    ("amount", "status"),
    [
        (interval(0.06, 0.01), FindingStatus.SUPPORTED),
        (interval(0.02, 0.001), FindingStatus.SUPPORTED),
        (interval(0.019, 0.001), FindingStatus.CONTRADICTED),
        (interval(0.0, 0.01), FindingStatus.CONTRADICTED),
        (interval(-0.05, 0.01), FindingStatus.CONTRADICTED),
        (interval(0.06, 0.07), FindingStatus.NOT_TESTABLE),
    ],
)
def test_an_amount_is_supported_when_it_is_real_and_covers_a_quarter_of_the_gap(
    amount: Interval, status: FindingStatus
) -> None:
    finding = weigh(case(), "x", "X", amount, WORDS)
    assert finding.status is status
    assert finding.share == pytest.approx(amount.estimate / 0.08)


def test_without_an_established_gap_nothing_is_explained() -> None:
    finding = weigh(case(observed=interval(0.08, 0.01)), "x", "X", interval(0.06, 0.01), WORDS)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert "no gap is established" in finding.sentence


def test_data_that_cannot_be_trusted_support_no_amount() -> None:
    finding = weigh(replace(case(), verdict=VerdictName.UNTRUSTWORTHY), "x", "X", interval(0.06, 0.01), WORDS)
    assert finding.status is FindingStatus.NOT_TESTABLE
    assert "cannot be trusted" in finding.sentence


def test_the_gap_is_what_was_claimed_minus_what_came() -> None:
    found = case().gap
    assert found is not None
    assert found.estimate == pytest.approx(0.08)
    assert found.high - found.estimate == pytest.approx(0.02**0.5 / 10)


def row(baseline: str, gain: float) -> OfflineRow:
    return OfflineRow(
        model="new",
        baseline=baseline,
        metric="ndcg@10",
        definition="d",
        direction=Direction.UP,
        slice_name=None,
        slice_value=None,
        n=100,
        skipped=0,
        value=0.6,
        baseline_value=0.6 - gain,
        gain=interval(gain, 0.01),
        p_value=0.0,
        p_adjusted=None,
    )


@pytest.mark.parametrize(
    ("study", "baseline"),
    [
        ({}, "live"),
        ({"offline": {"production": "prod"}}, "prod"),
        ({"models": {"new": {"baseline": "older"}}}, "older"),
        ({"offline": {"production": "prod"}, "models": {"new": {"baseline": "older"}}}, "older"),
        ({"models": {"new": {"baseline": "live"}}}, "live"),
        ({"models": {"new": {"baseline": "never evaluated"}}}, "live"),
    ],
)
def test_the_claim_was_made_against_the_declared_baseline_else_production_else_the_control(
    study: dict[str, object], baseline: str
) -> None:
    rates = {"gap": {"exchange_rate": {"ndcg@10": {"revenue": 0.5}}}}
    gains = {"live": 0.02, "prod": 0.05, "older": 0.08}
    gap = Gap(
        experiment="x",
        treatment="B",
        control="A",
        offline_metric="ndcg@10",
        business_metric="revenue",
        offline_gain=interval(gains["live"], 0.01),
        offline_face_value=None,
        online_lift=interval(0.0, 0.01),
        smallest_worthwhile_lift=0.01,
        expected_lift=None,
        expected_source=None,
        verdict=VerdictName.INCONCLUSIVE,
        sentence="",
        next_action="",
        correction="",
        power_at_smallest_worthwhile=None,
        power_at_expected=None,
        units_needed=None,
        weeks_needed=None,
        money_per_year=None,
        funnel=(),
        funnel_note=None,
    )
    facts = ExperimentFacts(
        name="x", control="A", treatments=("B",), arms={"A": 9, "B": 9}, models={"A": "live", "B": "new"}
    )
    evidence = Evidence(offline=tuple(row(name, gain) for name, gain in gains.items()))
    found = case_of(Study.model_validate(study | rates), gap, facts, evidence).target
    assert found is not None
    assert (found.baseline, found.gain.estimate) == (baseline, gains[baseline])
    assert found.lift.estimate == pytest.approx(0.5 * gains[baseline])
