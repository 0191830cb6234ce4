"""The diagnosis: what is missing, and the one rule by which amounts become findings."""

from __future__ import annotations

import pytest

from abgap.gap.inputs import ExperimentFacts
from abgap.gap.power import Power
from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.evidence import Evidence
from abgap.gap.reasons.weighing import Words, weigh
from abgap.records import FindingStatus, Interval, VerdictName
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


def test_the_gap_is_what_was_claimed_minus_what_came() -> None:
    found = case().gap
    assert found is not None
    assert found.estimate == pytest.approx(0.08)
    assert found.high - found.estimate == pytest.approx(0.02**0.5 / 10)
