"""What to do with an experiment: ship, do not ship, keep running, or not judged at all.

Primary metrics decide for a launch, guardrails against it. A launch needs one primary established better
(corrected for multiple testing, and not smaller than what would matter), none established worse, and every
guardrail shown not to be worse than its margin, each at alpha. With several treatment arms the best arm
speaks for the experiment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abgap.gap.inputs import EvidenceIndex, ExperimentFacts
from abgap.gap.next_steps import repair, run_longer, show_within_margin
from abgap.gap.power import margin_power_of, power_of
from abgap.gap.reading import Reading, read, turned
from abgap.gap.sentences import untrustworthy
from abgap.gap.verdict import Sign
from abgap.records import Decision, Estimate, Interval, Role
from abgap.records.words import declared_percent, label, listed, sentence_case
from abgap.study.model import Study


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
    arms = [_judge_arm(study, facts, arm, index.online(facts.name, arm)) for arm in facts.treatments]
    if not arms:
        return Judgement(
            decision=Decision.CANNOT_BE_JUDGED,
            reason="The experiment has no treatment arm with units.",
            next_action="Check the experiment's name, control and variants against the logs.",
        )
    return min(arms, key=lambda judgement: _ORDER.index(judgement.decision))


# With several arms: one arm to ship decides, then one that is still open.
_ORDER = (Decision.SHIP, Decision.KEEP_RUNNING, Decision.DO_NOT_SHIP, Decision.CANNOT_BE_JUDGED)


def _judge_arm(
    study: Study, facts: ExperimentFacts, treatment: str, estimates: Mapping[str, Estimate]
) -> Judgement:
    """The decision on one arm, naming it where there are several."""
    readings = [
        read(estimate, study.metrics.get(name), study.study.alpha) for name, estimate in estimates.items()
    ]
    primaries = [reading for reading in readings if reading.estimate.role is Role.PRIMARY]
    guardrails = [reading for reading in readings if reading.estimate.role is Role.GUARDRAIL]
    judgement = _weigh(study, facts, primaries, guardrails, same_model=facts.same_model(treatment))
    arm = f"{treatment}: " if len(facts.treatments) > 1 else ""
    return Judgement(
        decision=judgement.decision,
        reason=f"{arm}{judgement.reason}",
        next_action=f"{arm}{judgement.next_action}",
        treatment=treatment,
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
    worse = [r for r in known if r.sign is Sign.DOWN] + [r for r in guardrails if _shown_worse(r)]
    if worse:
        return Judgement(
            decision=Decision.DO_NOT_SHIP,
            reason=_sentence(worse),
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
        action = "Check the logs of this experiment: no primary metric gives a number in both arms."
    else:
        reason = "The study declares no primary metric, so nothing decides."
        action = 'Give the metric that decides on a launch role = "primary" in the study.'
    return Judgement(decision=Decision.CANNOT_BE_JUDGED, reason=reason, next_action=action)


def _after_aa(primaries: list[Reading]) -> Judgement:
    moved = [reading for reading in primaries if reading.sign in {Sign.UP, Sign.DOWN}]
    if not moved:
        return Judgement(
            decision=Decision.DO_NOT_SHIP,
            reason="Both arms ran the same model and no primary effect is established: there is nothing to ship.",
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
    undecided = [reading for reading in guardrails if not _holds(reading)]
    if not unmeasured and not undecided:
        guarded = "every guardrail stays within its margin" if guardrails else "no guardrail is declared"
        return Judgement(
            decision=Decision.SHIP,
            reason=f"{gain}; {guarded}.",
            next_action="Ship it, and keep watching the guardrails while it rolls out.",
        )
    open_questions = [f"guardrail {label(name)} was not measured" for name in unmeasured]
    open_questions += [_undecided(reading) for reading in undecided]
    measure = f"Measure {listed([label(name) for name in unmeasured])} in this experiment."
    return Judgement(
        decision=Decision.KEEP_RUNNING,
        reason=f"{gain}, but {listed(open_questions)}.",
        next_action=measure if unmeasured else _clear_guardrail(undecided[0].estimate, study, facts),
    )


def _clear_guardrail(estimate: Estimate, study: Study, facts: ExperimentFacts) -> str:
    test = estimate.non_inferiority
    if test is None:
        name = label(estimate.metric)
        return f"Declare a non_inferiority_margin for {name}: without one no launch can be cleared."
    power = margin_power_of(estimate, margin=test.margin, alpha=study.study.alpha, days=facts.days)
    return show_within_margin(estimate.metric, test.margin, power)


def _keep_running(unsettled: list[Reading], study: Study, facts: ExperimentFacts) -> Judgement:
    first, alpha = unsettled[0], study.study.alpha
    power = power_of(first.estimate, delta=first.delta, expected=None, alpha=alpha, days=facts.days)
    return Judgement(
        decision=Decision.KEEP_RUNNING,
        reason=f"Not settled yet: {_clauses(unsettled)}.",
        next_action=run_longer(first.estimate.metric, first.delta, power),
    )


def _holds(guardrail: Reading) -> bool:
    test = guardrail.estimate.non_inferiority
    return test is not None and test.holds


def _shown_worse(guardrail: Reading) -> bool:
    """Not shown to be within its margin, and its own interval lies on the bad side of 0."""
    difference = turned(guardrail.estimate, guardrail.estimate.difference)
    return not _holds(guardrail) and isinstance(difference, Interval) and difference.high < 0.0


def _undecided(guardrail: Reading) -> str:
    test, name = guardrail.estimate.non_inferiority, label(guardrail.estimate.metric)
    if test is None:
        return f"guardrail {name} has no margin to be tested against"
    return f"guardrail {name} is not yet shown to stay within {declared_percent(test.margin)}"


def _names(readings: Iterable[Reading]) -> str:
    return listed([label(reading.estimate.metric) for reading in readings])


def _clauses(readings: Iterable[Reading]) -> str:
    return "; ".join(reading.clause for reading in readings)


def _sentence(readings: Iterable[Reading]) -> str:
    return f"{sentence_case(_clauses(readings))}."
