"""What to do with an experiment: ship, do not ship, keep running, or not judged at all.

Primary metrics decide for a launch, guardrails against it. A launch needs one primary established better
(corrected for multiple testing, and not smaller than what would matter), none established worse, and every
guardrail shown not to be worse than its margin, each at alpha; no data check may have failed, and a test with a
fixed horizon must have reached its planned end. With several treatment arms the best arm speaks for the experiment.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from abgap.gap.guardrails import harm_clause, holds, shown_worse, undecided
from abgap.gap.inputs import EvidenceIndex, ExperimentFacts
from abgap.gap.next_steps import repair, run_longer, show_within_margin
from abgap.gap.power import margin_power_of, power_of
from abgap.gap.reading import Reading, exact_change, is_too_small, read
from abgap.gap.sentences import clause, finding_and_advice, untrustworthy
from abgap.gap.verdict import Sign
from abgap.records import Check, Decision, Estimate, Interval, Role
from abgap.records.words import count, label, listed, plural, sentence_case
from abgap.study.model import Study
from abgap.study.procedure import procedure_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A decision with one sentence of reason and one of what to do next.

    treatment: the arm it is about, None when it is about no arm.
    """

    decision: Decision
    reason: str
    next_action: str
    treatment: str | None = None


def judge(study: Study, facts: ExperimentFacts, index: EvidenceIndex) -> Judgement:
    """The decision on one experiment; never raises."""
    blocked = index.blocking(facts.name)
    if blocked:
        reason = f"{sentence_case(untrustworthy(blocked))}."
        return Judgement(decision=Decision.CANNOT_BE_JUDGED, reason=reason, next_action=repair(blocked))
    arms = [_judge_arm(study, facts, arm, index) for arm in facts.treatments]
    if not arms:
        return Judgement(
            decision=Decision.CANNOT_BE_JUDGED,
            reason="The experiment has no treatment arm with units.",
            next_action="Check the experiment's name, control and variants against the logs.",
        )
    return _best_arm(arms)


# With several arms: one arm to ship decides, then one that is still open.
_ORDER = (Decision.SHIP, Decision.KEEP_RUNNING, Decision.DO_NOT_SHIP, Decision.CANNOT_BE_JUDGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgedArm:
    """The judgement of one arm, and what it is ranked by among arms with the same decision."""

    treatment: str
    judgement: Judgement
    rank: tuple[bool, float, float]


def _best_arm(arms: list[_JudgedArm]) -> Judgement:
    """The judgement that speaks for the experiment, naming the other arms that got the same decision."""
    decision = min((arm.judgement.decision for arm in arms), key=_ORDER.index)
    level = [arm for arm in arms if arm.judgement.decision is decision]
    best = max(level, key=lambda arm: arm.rank)
    others = [arm.treatment for arm in level if arm is not best]
    if not others:
        return best.judgement
    also = _also(decision, others, [arm.treatment for arm in level])
    return replace(best.judgement, reason=f"{best.judgement.reason} {also}")


def _also(decision: Decision, others: list[str], all_of_them: list[str]) -> str:
    """What holds for the arms that the decision is not about."""
    if decision is Decision.SHIP:
        verb = "qualifies" if len(others) == 1 else "qualify"
        return f"{listed(others)} also {verb}; {listed(all_of_them)} are not tested against each other."
    return f"The decision on {listed(others)} is the same: {decision.value}."


def _rank(primaries: list[Reading], *, same_model: bool) -> tuple[bool, float, float]:
    """Order arms by what the first primary metric did, by its difference where there is no lift."""
    first = primaries[0] if primaries else None
    lift, difference = (
        number.estimate if isinstance(number, Interval) else -math.inf
        for number in ((first.lift, first.difference) if first else (None, None))
    )
    return not same_model, lift, difference


def _judge_arm(study: Study, facts: ExperimentFacts, treatment: str, index: EvidenceIndex) -> _JudgedArm:
    """The decision on one arm, naming it where there are several."""
    estimates, same_model = index.online(facts.name, treatment), facts.same_model(treatment)
    readings = [
        read(estimate, study.metrics.get(name), study.study.alpha) for name, estimate in estimates.items()
    ]
    primaries = [reading for reading in readings if reading.estimate.role is Role.PRIMARY]
    guardrails = [reading for reading in readings if reading.estimate.role is Role.GUARDRAIL]
    judgement = _weigh(study, facts, primaries, guardrails, same_model=same_model)
    judgement = _unless_flawed(judgement, index.flaws(facts.name))
    judgement = _unless_early(judgement, index.read_early(facts.name), study)
    arm = f"{treatment}: " if len(facts.treatments) > 1 else ""
    named = Judgement(
        decision=judgement.decision,
        reason=f"{arm}{judgement.reason}",
        next_action=f"{arm}{judgement.next_action}",
        treatment=treatment,
    )
    return _JudgedArm(treatment=treatment, judgement=named, rank=_rank(primaries, same_model=same_model))


def _unless_flawed(judgement: Judgement, flaws: tuple[Check, ...]) -> Judgement:
    """Hold back a launch while a data check has failed, even one that does not forbid verdicts."""
    if judgement.decision is not Decision.SHIP or not flaws:
        return judgement
    finding, _ = finding_and_advice(flaws[0])
    more = f" ({plural(len(flaws) - 1, 'more check')} failed)" if len(flaws) > 1 else ""
    failed = f"but the data check {label(flaws[0].name)} failed: {finding}{more}"
    return Judgement(
        decision=Decision.KEEP_RUNNING,
        reason=f"{clause(judgement.reason)}; {failed}.",
        next_action=repair(flaws),
    )


def _unless_early(judgement: Judgement, early: Check | None, study: Study) -> Judgement:
    """Hold back a launch that rests on a fixed test read before its planned end."""
    if judgement.decision is not Decision.SHIP or early is None or study.study.looks != "fixed":
        return judgement
    days = f"{count(early.value or 0)} of {count(early.threshold or 0)} planned days"
    return Judgement(
        decision=Decision.KEEP_RUNNING,
        reason=f"{clause(judgement.reason)}; but only {days} are in, and a fixed test decides at its planned end.",
        next_action=(
            "Read it again at the planned end; to decide earlier in the next test, plan it with "
            'looks = "sequential".'
        ),
    )


def _weigh(
    study: Study,
    facts: ExperimentFacts,
    primaries: list[Reading],
    guardrails: list[Reading],
    *,
    same_model: bool,
) -> Judgement:
    known = [reading for reading in primaries if reading.sign is not None]
    if not known:
        return _without_primary(study, primaries)
    if same_model:
        return _after_aa(known)
    worse = [r for r in known if r.sign is Sign.DOWN] + [r for r in guardrails if shown_worse(r)]
    if worse:
        return Judgement(
            decision=Decision.DO_NOT_SHIP,
            reason=f"{sentence_case('; '.join(harm_clause(reading) for reading in worse))}.",
            next_action=f"Do not ship; find out why {_names(worse)} got worse before another test.",
        )
    better = [reading for reading in known if reading.sign is Sign.UP and not reading.equivalent]
    if better:
        return _ship_unless(better, guardrails, study, facts)
    if all(reading.equivalent for reading in primaries):
        gain = any(reading.sign is Sign.UP for reading in primaries)
        return Judgement(
            decision=Decision.DO_NOT_SHIP,
            reason=_sentence(primaries) if gain else f"No harm, no gain: {_clauses(primaries)}.",
            next_action="Do not ship; put the effort into a change that can move the primary metric.",
        )
    return _keep_running([reading for reading in primaries if not reading.equivalent], study, facts)


def _without_primary(study: Study, primaries: list[Reading]) -> Judgement:
    if any(metric.role is Role.PRIMARY for metric in study.metrics.values()):
        reason = _sentence(primaries) if primaries else "No primary metric was measured in both arms."
        action = _mend(primaries)
    else:
        reason = "The study declares no primary metric, so nothing decides."
        action = 'Give the metric that decides on a launch role = "primary" in the study.'
    return Judgement(decision=Decision.CANNOT_BE_JUDGED, reason=reason, next_action=action)


def _mend(primaries: list[Reading]) -> str:
    """What to look for when no primary metric can be tested."""
    in_both = [r for r in primaries if None not in {r.estimate.value_control, r.estimate.value_treatment}]
    if not in_both:
        return "Check the logs of this experiment: no primary metric gives a number in both arms."
    constant = [reading for reading in in_both if exact_change(reading.estimate) is not None]
    if constant:
        return (
            f"Check how {_names(constant)} is measured: without differences between units there is no test."
        )
    if all(is_too_small(reading.estimate) for reading in in_both):
        return f"Let it run on: {_names(in_both)} cannot be tested with so few units."
    return f"Remove what keeps {_names(in_both)} from being tested; values are there in both arms."


def _after_aa(primaries: list[Reading]) -> Judgement:
    moved = [reading for reading in primaries if reading.sign in {Sign.UP, Sign.DOWN}]
    if not moved:
        return Judgement(
            decision=Decision.DO_NOT_SHIP,
            reason=(
                "Both arms ran the same model, and no primary metric differs beyond chance: "
                "there is nothing to ship."
            ),
            next_action="Nothing to do: an A/A test should look like this.",
        )
    return Judgement(
        decision=Decision.DO_NOT_SHIP,
        reason=f"Both arms ran the same model, yet {_clauses(moved)}: a false alarm or a fault in the data.",
        next_action="Look for what differed between the arms besides the model, and repeat the A/A test.",
    )


def _ship_unless(
    better: list[Reading], guardrails: list[Reading], study: Study, facts: ExperimentFacts
) -> Judgement:
    gain = sentence_case(_clauses(better))
    declared = [name for name, metric in study.metrics.items() if metric.role is Role.GUARDRAIL]
    measured = {reading.estimate.metric for reading in guardrails}
    unmeasured = [name for name in declared if name not in measured]
    open_ones = [reading for reading in guardrails if not holds(reading)]
    if not unmeasured and not open_ones:
        guarded = "every guardrail stays within its margin" if guardrails else "no guardrail is declared"
        watched = "the guardrails" if guardrails else listed([label(r.estimate.metric) for r in better])
        return Judgement(
            decision=Decision.SHIP,
            reason=f"{gain}; {guarded}.",
            next_action=f"Ship it, and keep watching {watched} while it rolls out.",
        )
    open_questions = [f"guardrail {label(name)} was not measured" for name in unmeasured]
    open_questions += [undecided(reading) for reading in open_ones]
    measure = f"Measure {listed([label(name) for name in unmeasured])} in this experiment."
    return Judgement(
        decision=Decision.KEEP_RUNNING,
        reason=f"{gain}, but {listed(open_questions)}.",
        next_action=measure if unmeasured else _clear_guardrail(open_ones[0].estimate, study, facts),
    )


def _clear_guardrail(estimate: Estimate, study: Study, facts: ExperimentFacts) -> str:
    test = estimate.non_inferiority
    if test is None:
        name = label(estimate.metric)
        return f"Declare a non_inferiority_margin for {name}: without one no launch can be cleared."
    power = margin_power_of(estimate, margin=test.margin, procedure=procedure_of(study), days=facts.days)
    return show_within_margin(estimate.metric, test.margin, power)


def _keep_running(unsettled: list[Reading], study: Study, facts: ExperimentFacts) -> Judgement:
    first = unsettled[0]
    power = power_of(
        first.estimate, delta=first.delta, expected=None, procedure=procedure_of(study), days=facts.days
    )
    return Judgement(
        decision=Decision.KEEP_RUNNING,
        reason=f"Not settled yet: {_clauses(unsettled)}.",
        next_action=run_longer(first.estimate.metric, first.delta, power, direction=first.estimate.direction),
    )


def _names(readings: Iterable[Reading]) -> str:
    return listed([label(reading.estimate.metric) for reading in readings])


def _clauses(readings: Iterable[Reading]) -> str:
    return "; ".join(reading.clause for reading in readings)


def _sentence(readings: Iterable[Reading]) -> str:
    return f"{sentence_case(_clauses(readings))}."
