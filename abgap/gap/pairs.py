"""Every offline metric against every business metric in every treatment arm: the gap records.

Each pair of the study's ``[gap]`` lists gets a verdict, in the order of the lists; the first pair is the
experiment's headline. What is missing (a model, an offline result, an estimate) is named in the record
instead of dropping the pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from abgap.gap.expected import Expectation, expected_lift
from abgap.gap.funnel import FunnelDraws, Funnels, FunnelView
from abgap.gap.inputs import EvidenceIndex, ExperimentFacts
from abgap.gap.lending import lend_intervals
from abgap.gap.money import Denominators, YearlyMoney, money_per_year
from abgap.gap.next_steps import next_action
from abgap.gap.offline_side import OfflineSide, offline_side
from abgap.gap.portfolio.expecting import Expectations
from abgap.gap.power import Power, power_of
from abgap.gap.reading import established, turned
from abgap.gap.sentences import Subject, corrected_away, verdict_sentence
from abgap.gap.verdict import Evidence, Sign, Verdict, decide
from abgap.offline.directions import direction_of
from abgap.records import (
    Adjustment,
    Direction,
    Estimable,
    Estimate,
    Gap,
    Interval,
    Moments,
    NotEstimable,
    Reason,
    VerdictName,
)
from abgap.records.words import label, signed_interval
from abgap.study.model import Study
from abgap.study.procedure import procedure_of

NO_INTERVAL = "no interval given for the offline gain"
AS_COMPARED = "the offline gain counts when its own interval excludes 0, not corrected over candidates"
_CORRECTIONS = {
    Adjustment.HOLM: "Holm over primary metrics and arms",
    Adjustment.BENJAMINI_HOCHBERG: "Benjamini-Hochberg over secondary metrics and arms",
    Adjustment.NONE: "no correction",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPair:
    """A gap record together with the verdict it was made from. first: of the pairs of its arm."""

    gap: Gap
    verdict: Verdict
    first: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """All that one gap record is made of."""

    facts: ExperimentFacts
    treatment: str
    subject: Subject
    evidence: Evidence
    estimate: Estimate | None
    power: Power
    expected: Expectation | None
    funnel: FunnelView
    money: YearlyMoney | None


class PairFinder:
    """Builds the gap records of a study, one experiment after the other."""

    def __init__(
        self,
        study: Study,
        index: EvidenceIndex,
        moments: Moments | None,
        funnel_draws: FunnelDraws,
        expectations: Expectations | None,
    ) -> None:
        self._study = study
        self._index = index
        self._expectations = expectations
        self._funnels = Funnels(study, moments, funnel_draws)
        self.denominators = Denominators(moments)

    def pairs(self, facts: ExperimentFacts) -> Iterator[JudgedPair]:
        """All pairs of one experiment: arms in order, in each the pairs in the order of the study."""
        names = list(product(self._study.gap.offline, self._study.gap.business))
        for treatment in facts.treatments:
            for position, (offline_metric, business_metric) in enumerate(names):
                case = self._case(facts, treatment, offline_metric, business_metric)
                yield _judged(case, first=position == 0)

    def _case(
        self, facts: ExperimentFacts, treatment: str, offline_metric: str, business_metric: str
    ) -> _Case:
        of_arm = self._index.online(facts.name, treatment)
        estimate = of_arm.get(business_metric)
        side = self._offline_side(facts, treatment, offline_metric)
        subject = Subject(
            offline_metric=offline_metric,
            business_metric=business_metric,
            offline_direction=side.direction,
            business_direction=Direction.UP if estimate is None else estimate.direction,
            arm=treatment if len(facts.treatments) > 1 else None,
            same_model=facts.same_model(treatment),
            correction=_CORRECTIONS[Adjustment.NONE if estimate is None else estimate.adjustment],
        )
        expected = self._expected(facts, subject, side)
        evidence = self._evidence(facts, subject, side, expected, estimate)
        return _Case(
            facts=facts,
            treatment=treatment,
            subject=subject,
            evidence=evidence,
            estimate=estimate,
            power=self._power(facts, evidence, estimate),
            expected=expected,
            funnel=lend_intervals(
                self._funnels.of(business_metric, facts.name, facts.control, treatment),
                of_arm,
            ),
            money=None if evidence.blocked or subject.same_model else self._money(facts, estimate),
        )

    def _offline_side(self, facts: ExperimentFacts, treatment: str, metric: str) -> OfflineSide:
        direction = direction_of(self._study, metric)
        level = 1.0 - self._study.study.alpha
        return offline_side(facts, treatment, metric, self._index, direction=direction, level=level)

    def _expected(self, facts: ExperimentFacts, subject: Subject, side: OfflineSide) -> Expectation | None:
        """By the declared exchange rate, else by what gains of the other experiments brought."""
        rate = self._study.gap.exchange_rate.get(subject.offline_metric, {}).get(subject.business_metric)
        if rate is None and self._expectations is not None and not subject.same_model:
            return self._expectations.of(
                facts.name,
                subject.offline_metric,
                subject.business_metric,
                side=side,
                direction=subject.business_direction,
            )
        return expected_lift(
            rate,
            side.gain,
            side.face_value,
            offline_metric=subject.offline_metric,
            level=1.0 - self._study.study.alpha,
        )

    def _evidence(
        self,
        facts: ExperimentFacts,
        subject: Subject,
        side: OfflineSide,
        expected: Expectation | None,
        estimate: Estimate | None,
    ) -> Evidence:
        metric = self._study.metrics.get(subject.business_metric)
        return Evidence(
            offline_gain=side.gain,
            offline_face_value=side.face_value,
            online_lift=_online_lift(estimate, subject.business_metric),
            online_established=estimate is not None and established(estimate, self._study.study.alpha),
            delta=None if metric is None else metric.smallest_worthwhile_lift,
            expected=None if expected is None else expected.lift,
            blocked=self._index.blocking(facts.name),
        )

    def _power(self, facts: ExperimentFacts, evidence: Evidence, estimate: Estimate | None) -> Power:
        if estimate is None:
            return Power()
        return power_of(
            estimate,
            delta=evidence.delta,
            expected=evidence.expected,
            procedure=procedure_of(self._study),
            days=facts.days,
        )

    def _money(self, facts: ExperimentFacts, estimate: Estimate | None) -> YearlyMoney | None:
        metric = None if estimate is None else self._study.metrics.get(estimate.metric)
        if estimate is None or metric is None:
            return None
        return money_per_year(estimate, metric, facts, self.denominators)


def _online_lift(estimate: Estimate | None, metric: str) -> Estimable:
    if estimate is None:
        detail = f"metric '{metric}' was not measured in both arms"
        return NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)
    return turned(estimate, estimate.lift)


def _judged(case: _Case, *, first: bool) -> JudgedPair:
    evidence, subject, power = case.evidence, case.subject, case.power
    verdict = decide(evidence)
    still_open = verdict.name is VerdictName.INCONCLUSIVE
    gap = Gap(
        experiment=case.facts.name,
        treatment=case.treatment,
        control=case.facts.control,
        offline_metric=subject.offline_metric,
        business_metric=subject.business_metric,
        offline_gain=evidence.offline_gain,
        offline_face_value=evidence.offline_face_value,
        online_lift=evidence.online_lift,
        smallest_worthwhile_lift=evidence.delta,
        expected_lift=evidence.expected,
        expected_source=None if case.expected is None else case.expected.source,
        verdict=verdict.name,
        sentence=verdict_sentence(subject, evidence, verdict, power),
        next_action=next_action(subject, evidence, verdict, power, funnel=case.funnel.stages),
        correction=_correction(case),
        power_at_smallest_worthwhile=power.at_delta,
        power_at_expected=power.at_expected,
        units_needed=power.units if still_open else None,
        weeks_needed=power.weeks if still_open else None,
        money_per_year=None if case.money is None else case.money.interval,
        funnel=case.funnel.stages,
        funnel_note=case.funnel.note,
        funnel_total=case.funnel.total,
        notes=tuple(_notes(case, verdict)),
    )
    return JudgedPair(gap=gap, verdict=verdict, first=first)


def _correction(case: _Case) -> str:
    """What the correction covers; an offline gain counts by the interval of its own comparison."""
    online = case.subject.correction
    if case.subject.same_model or not isinstance(case.evidence.offline_gain, Interval):
        return online
    return f"{online}; {AS_COMPARED}"


def _notes(case: _Case, verdict: Verdict) -> Iterator[str]:
    """What a reader has to know beside the sentence."""
    subject, evidence = case.subject, case.evidence
    if evidence.offline_face_value is not None:
        yield NO_INTERVAL
    if verdict.corrected_away:
        yield f"the online interval {corrected_away(subject)}"
    if isinstance(evidence.online_lift, NotEstimable) and case.estimate is not None:
        difference = case.estimate.difference
        if isinstance(difference, Interval):
            yield f"without a lift, the difference in absolute terms is {signed_interval(difference)}"
    if evidence.expected is None and verdict.offline is Sign.UP and not evidence.blocked:
        rest = "nor is a smallest worthwhile lift: the verdict knows only signs"
        if evidence.delta is not None:
            rest = "so the verdict uses the smallest worthwhile lift alone"
        yield f"{no_rate_for(subject.offline_metric, subject.business_metric)}{rest}"
    if subject.offline_direction is Direction.DOWN:
        yield _turned_note(subject.offline_metric)
    if subject.business_direction is Direction.DOWN:
        yield _turned_note(subject.business_metric)
    if case.money is not None:
        yield case.money.assumptions


def no_rate_for(offline_metric: str, business_metric: str) -> str:
    """How a note begins that no expected lift is known."""
    return f"no exchange rate is declared for {offline_metric} and {business_metric}, "


def _turned_note(metric: str) -> str:
    return (
        f"less is better in {label(metric)}: tables of gaps turn its numbers so that up is good, "
        "sentences keep their sign"
    )
