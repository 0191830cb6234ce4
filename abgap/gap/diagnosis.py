"""Why the gain got lost: every reason tested on every pair that has something to explain.

First it is decided whether there is a gap to explain, then each reason is judged; supported ones come first, by the
part of the lift that they explain, and the budget says what each takes of the expected lift. A pair without an offline
gain, or with a verdict that cannot be trusted for its data, is diagnosed as far as its data go; it has no budget. The
main reason says what to do next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from abgap.gap.budget import gap_budget
from abgap.gap.inputs import ExperimentFacts
from abgap.gap.next_steps import after_decision, after_verdict
from abgap.gap.power import Power, power_of
from abgap.gap.reasons import REASONS
from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.evidence import Evidence
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import UNTRUSTED, untestable
from abgap.records import (
    BarKind,
    BudgetBar,
    Estimate,
    ExperimentResult,
    Finding,
    FindingStatus,
    Gap,
    Interval,
    OfflineRow,
    VerdictName,
)
from abgap.records.words import declared_percent, label, listed, lower_case, percent_interval, signed_percent
from abgap.study.model import Study
from abgap.study.procedure import procedure_of

_NOTHING_TO_EXPLAIN = {VerdictName.MISSED_BY_OFFLINE, VerdictName.LOSS_CONFIRMED}
_OF_DATA = "data_faults"
_ORDER = {FindingStatus.SUPPORTED: 0, FindingStatus.CONTRADICTED: 1, FindingStatus.NOT_TESTABLE: 2}


def diagnose(
    study: Study,
    gaps: Sequence[Gap],
    facts: Mapping[str, ExperimentFacts],
    evidence: Evidence,
    *,
    reasons: Sequence[Reason] = REASONS,
) -> tuple[Gap, ...]:
    """The gaps with their reasons. facts: of every experiment, by name. Raises nothing on account of the data."""
    return tuple(
        _diagnosed(case_of(study, gap, facts[gap.experiment], evidence), gap, reasons) for gap in gaps
    )


def _diagnosed(case: Case, gap: Gap, reasons: Sequence[Reason]) -> Gap:
    if case.facts.same_model(case.treatment) or _is_explained(case):
        return gap
    found = sorted((_judged(case, reason) for reason in reasons), key=_rank)
    budget = _budget(case, found)
    return replace(
        gap,
        next_action=after_verdict(case.verdict, gap.next_action, main_reason(found)),
        shortfall=None if _is_broken(case) else case.gap,
        reasons=tuple(found),
        budget=budget,
        diagnosis=_sentence(case, found, budget),
    )


def _is_explained(case: Case) -> bool:
    """Whether the verdict says it all: not where the claim was made against another model, and did not come true."""
    if case.verdict not in _NOTHING_TO_EXPLAIN:
        return False
    claimed_elsewhere = case.target is not None and case.target.baseline != case.live_model
    return not (claimed_elsewhere and case.is_established)


def _judged(case: Case, reason: Reason) -> Finding:
    """What a reason finds; of data that cannot be trusted only what is wrong with them, and no share of their gap."""
    found = replace(reason.judge(case), side=reason.side)
    if not _is_broken(case):
        return found
    if found.name == _OF_DATA:
        return replace(found, share=None)
    return untestable(found.name, found.title, UNTRUSTED, sql=found.sql, evidence=found.evidence)


def _is_broken(case: Case) -> bool:
    return case.verdict is VerdictName.UNTRUSTWORTHY


def main_reason(findings: Sequence[Finding]) -> Finding | None:
    """The supported reason that explains most; findings: in their order."""
    return next((found for found in findings if found.status is FindingStatus.SUPPORTED), None)


def with_next_steps(
    experiments: Sequence[ExperimentResult], gaps: Sequence[Gap]
) -> tuple[ExperimentResult, ...]:
    """The experiments with what the main reason of the pair that speaks for each asks for."""
    spoken: dict[tuple[str, str | None], Gap] = {}
    for gap in gaps:
        spoken.setdefault((gap.experiment, gap.treatment), gap)
        spoken.setdefault((gap.experiment, None), gap)
    return tuple(_with_next_step(each, spoken.get((each.name, each.treatment))) for each in experiments)


def _with_next_step(experiment: ExperimentResult, gap: Gap | None) -> ExperimentResult:
    reason = None if gap is None else main_reason(gap.reasons)
    arm = f"{experiment.treatment}: " if len(experiment.arms) > 2 else ""
    action = experiment.next_action.removeprefix(arm)
    then = after_decision(experiment.decision, action, reason)
    return experiment if then == action else replace(experiment, next_action=f"{arm}{then}")


def _budget(case: Case, findings: Sequence[Finding]) -> tuple[BudgetBar, ...]:
    """The budget of the gap, where both of its ends are known and can be trusted."""
    if case.target is None or not isinstance(case.observed, Interval):
        return ()
    return () if _is_broken(case) else gap_budget(case.target.lift, case.observed, findings)


def _rank(finding: Finding) -> tuple[int, float]:
    size = finding.lift.estimate if isinstance(finding.lift, Interval) else 0.0
    return _ORDER[finding.status], -size


def case_of(study: Study, gap: Gap, facts: ExperimentFacts, evidence: Evidence) -> Case:
    """A pair as the reasons are given it."""
    estimate = evidence.whole(gap.experiment, gap.treatment, gap.business_metric)
    target = _target(study, gap, facts, evidence)
    return Case(
        study=study,
        facts=facts,
        treatment=gap.treatment,
        offline_metric=gap.offline_metric,
        business_metric=gap.business_metric,
        verdict=gap.verdict,
        observed=gap.online_lift,
        delta=gap.smallest_worthwhile_lift,
        target=target,
        estimate=estimate,
        power=_power(study, estimate, gap, target, facts),
        evidence=evidence,
    )


def _power(
    study: Study, estimate: Estimate | None, gap: Gap, target: Target | None, facts: ExperimentFacts
) -> Power:
    if estimate is None:
        return Power()
    return power_of(
        estimate,
        delta=gap.smallest_worthwhile_lift,
        expected=None if target is None else target.lift,
        procedure=procedure_of(study),
        days=facts.days,
    )


def _target(study: Study, gap: Gap, facts: ExperimentFacts, evidence: Evidence) -> Target | None:
    """What the team had to expect: the gain as it was claimed, times the rate."""
    claimed = _claim(study, gap, facts, evidence)
    if claimed is None:
        return None
    gain, baseline = claimed
    rate = study.gap.exchange_rate.get(gap.offline_metric, {}).get(gap.business_metric)
    if rate is not None:
        source = (
            f"declared: {signed_percent(rate / 100, decimals=2)} for each 0.01 of {label(gap.offline_metric)}"
        )
        return _made(gain, rate, baseline, source, declared=True)
    foreseen = gap.expected_lift
    if foreseen is not None and gain == gap.offline_gain and min(gain.estimate, foreseen.estimate) > 0.0:
        return Target(
            gain=gain,
            rate=foreseen.estimate / gain.estimate,
            lift=foreseen,
            baseline=baseline,
            source=gap.expected_source or "",
            declared=False,
        )
    delta = gap.smallest_worthwhile_lift
    if delta is None or gain.estimate <= 0.0:
        return None
    source = (
        f"no exchange rate is declared: the smallest worthwhile lift, {declared_percent(delta)}, "
        "stands for what should have come"
    )
    return _made(gain, delta / gain.estimate, baseline, source, declared=False)


def _made(gain: Interval, rate: float, baseline: str, source: str, *, declared: bool) -> Target:
    lift = gain.scaled(rate) if rate >= 0.0 else gain.scaled(-rate).flipped()
    return Target(gain=gain, rate=rate, lift=lift, baseline=baseline, source=source, declared=declared)


def _claim(study: Study, gap: Gap, facts: ExperimentFacts, evidence: Evidence) -> tuple[Interval, str] | None:
    """The gain and the model it was held against: the model's declared baseline, production, else the control's own."""
    model, live = facts.models.get(gap.treatment), facts.models.get(facts.control)
    if model is None or live is None:
        return None
    declared = study.models.get(model)
    baseline = (
        study.offline.production if declared is None or declared.baseline is None else declared.baseline
    )
    if baseline is not None and baseline not in {live, model}:
        row = evidence.offline_row(model, baseline, gap.offline_metric)
        gain = None if row is None else _gain_of(row, 1.0 - study.study.alpha)
        if gain is not None:
            return gain, baseline
    if isinstance(gap.offline_gain, Interval):
        return gap.offline_gain, live
    if gap.offline_face_value is None:
        return None
    return _at_face_value(gap.offline_face_value, 1.0 - study.study.alpha), live


def _gain_of(row: OfflineRow, level: float) -> Interval | None:
    if isinstance(row.improvement, Interval):
        return row.improvement
    return None if row.bare_improvement is None else _at_face_value(row.bare_improvement, level)


def _at_face_value(gain: float, level: float) -> Interval:
    return Interval(estimate=gain, low=gain, high=gain, level=level, method="face value")


def _sentence(case: Case, findings: Sequence[Finding], budget: Sequence[BudgetBar]) -> str:
    """Whether there is a gap, how large, what explains most of it, and what nothing explains."""
    main = main_reason(findings)
    if _is_broken(case):
        cause = f" Main reason: {lower_case(main.title)}." if main else ""
        return f"Whether lift is missing cannot be told: {UNTRUSTED}.{cause}"
    if case.gap is None:
        return "Whether lift is missing cannot be told: what was to be expected, or what came, is not known."
    if case.gap.high < 0.0:
        opening = f"No lift is missing: {percent_interval(case.gap.flipped())} more came than was expected."
    elif not case.is_established:
        opening = f"No missing lift is established: expected minus observed is {percent_interval(case.gap)}."
    else:
        opening = f"Expected minus observed lift is {percent_interval(case.gap)}."
    if main is None:
        return opening if not case.is_established else f"{opening} No tested reason explains it."
    others = [f.title for f in findings if f.status is FindingStatus.SUPPORTED and f is not main]
    also = f", beside {listed([lower_case(title) for title in others])}" if others else ""
    rest = _overlap(case.gap, findings) or _unexplained(budget)
    return f"{opening} Main reason: {lower_case(main.title)}{also}.{rest}"


def _overlap(gap: Interval, findings: Sequence[Finding]) -> str:
    """That several reasons tell of one loss, where they add up to more than can be missing."""
    told = [f.lift for f in findings if f.status is FindingStatus.SUPPORTED and isinstance(f.lift, Interval)]
    if len(told) < 2 or sum(lift.estimate for lift in told) <= gap.high:
        return ""
    return " They overlap: alone, each would take what others take too, and together more than is missing."


def _unexplained(budget: Sequence[BudgetBar]) -> str:
    rest = next((bar.amount for bar in budget if bar.kind is BarKind.UNEXPLAINED), None)
    if rest is None:
        return ""
    if rest.high < 0.0:
        return f" That is more than is missing, by {percent_interval(rest.flipped())}."
    return f" Unexplained: {percent_interval(rest)}."
