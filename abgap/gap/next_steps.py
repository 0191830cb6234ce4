"""What to do next, one concrete sentence per verdict.

An open verdict gets the size of test that would settle it, a lost gain the stage where to look first, broken
data the check to repair; where a tested reason explains the gap, what it asks for takes that place. Nothing is decided
here: deciding on an experiment is ``decision.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from abgap.gap.power import Power
from abgap.gap.sentences import Subject, clause, finding_and_advice
from abgap.gap.verdict import Evidence, Sign, Verdict
from abgap.records import Check, Decision, Direction, Finding, FunnelStage, NotEstimable, Side, VerdictName
from abgap.records.words import count, declared_percent, label, plural, signed

ENOUGH_POWER = 0.8
_KEPT_BACK = "Do not ship"
_TOO_LONG_WEEKS = 52

_AFTER = {
    VerdictName.TRANSLATED: "Ship it if every guardrail holds, and keep {offline} as a guide to {business}.",
    VerdictName.FELL_SHORT: "{lost_at}; lower the expectation from {offline} if this happens again.",
    VerdictName.DID_NOT_MOVE: "{lost_at}; {more} of this kind is not worth another test.",
    VerdictName.REVERSED: "Do not ship. {lost_at}.",
    VerdictName.MISSED_BY_OFFLINE: (
        "Find what {offline} does not see: compare slices and the other offline metrics of this model."
    ),
    VerdictName.NO_OFFLINE_GAIN: (
        "Try another candidate, or evaluate on more queries if a small gain in {offline} would matter."
    ),
    VerdictName.LOSS_CONFIRMED: "Do not ship; {offline} gave the warning before the test did.",
}
_AFTER_AA = {
    VerdictName.MISSED_BY_OFFLINE: (
        "Look for what differed between the arms besides the model, and repeat the A/A test."
    ),
    VerdictName.NO_OFFLINE_GAIN: "Nothing to do: an A/A test should look like this.",
}


def next_action(
    subject: Subject,
    evidence: Evidence,
    verdict: Verdict,
    power: Power,
    *,
    funnel: Sequence[FunnelStage] = (),
) -> str:
    """The next step after this verdict, as one sentence or two."""
    if verdict.name is VerdictName.UNTRUSTWORTHY:
        return repair(evidence.blocked)
    if verdict.name is VerdictName.INCONCLUSIVE:
        return _settle(subject, evidence, verdict, power)
    if subject.same_model and verdict.name in _AFTER_AA:
        return _AFTER_AA[verdict.name]
    return _AFTER[verdict.name].format(
        offline=label(subject.offline_metric),
        more=_more(subject),
        business=subject.business,
        lost_at=_lost_at(funnel, subject.business_direction),
    )


def after_verdict(verdict: VerdictName, action: str, reason: Finding | None) -> str:
    """The next step of a pair whose gap has a reason. action: what the verdict alone asks for."""
    if reason is None or not reason.next_action or verdict is VerdictName.UNTRUSTWORTHY:
        return action
    if action.startswith(_KEPT_BACK):
        return _not_shipped(reason)
    open_still = verdict is VerdictName.INCONCLUSIVE and reason.side is not Side.CHANCE
    return f"{reason.next_action} {action}" if open_still else reason.next_action


def after_decision(decision: Decision, action: str, reason: Finding | None) -> str:
    """The next step of an experiment whose gap has a reason. action: what the decision alone asks for."""
    if reason is None or not reason.next_action:
        return action
    match decision:
        case Decision.SHIP:
            return f"{action} {reason.next_action}"
        case Decision.DO_NOT_SHIP:
            return _not_shipped(reason)
        case Decision.KEEP_RUNNING if reason.side is Side.CHANCE:
            return reason.next_action
        case Decision.KEEP_RUNNING:
            return f"{reason.next_action} {action}"
        case Decision.CANNOT_BE_JUDGED:
            return action


def _not_shipped(reason: Finding) -> str:
    action = reason.next_action
    return action if action.startswith(_KEPT_BACK) else f"{_KEPT_BACK}. {action}"


def _more(subject: Subject) -> str:
    """More of what the offline metric calls better."""
    better = "more" if subject.offline_direction is Direction.UP else "a lower"
    return f"{better} {label(subject.offline_metric)}"


def repair(blocked: Sequence[Check]) -> str:
    """What to look at when checks failed that block every verdict."""
    first = blocked[0]
    query = f" (query {first.sql})" if first.sql else ""
    _, advice = finding_and_advice(first)
    action = f"Find the cause behind the failed check {label(first.name)}{query}, mend it and analyse again."
    return f"{action} {advice}" if advice else action


def run_longer(metric: str, delta: float | None, power: Power, *, direction: Direction = Direction.UP) -> str:
    """How much more of the test settles an open effect."""
    name = label(metric)
    if delta is None:
        return (
            f"Declare the smallest worthwhile lift of {name}, so that the test has a size at which it ends."
        )
    if power.units_control is None or power.units_treatment is None:
        return f"Collect more units before judging {name}."
    change = "a lift" if direction is Direction.UP else "a fall"
    return _run_on(power, f"{change} of {declared_percent(delta)} in {name} is seen in 8 of 10 cases")


def show_within_margin(metric: str, margin: float, power: Power) -> str:
    """How much more of the test shows a guardrail to stay within its margin, if it does."""
    name = label(metric)
    if power.units_control is None or power.units_treatment is None:
        return f"Collect more units before judging guardrail {name}."
    kept = f"an unchanged {name} is shown to stay within {declared_percent(margin)} in 8 of 10 cases"
    return _run_on(power, kept)


def _run_on(power: Power, what_is_seen: str) -> str:
    if power.at_delta is not None and power.at_delta >= ENOUGH_POWER:
        return (
            f"The test has the size at which {what_is_seen}: "
            "repeat it, or decide by what a wrong decision would cost."
        )
    if power.weeks is not None and power.weeks > _TOO_LONG_WEEKS:
        return (
            f"Give the test more traffic, or decide without it: at {_units(power)}{_more_weeks(power)} "
            f"{what_is_seen}."
        )
    return f"Run it on, or again, to {_units(power)}{_more_weeks(power)}: then {what_is_seen}."


def _settle(subject: Subject, evidence: Evidence, verdict: Verdict, power: Power) -> str:
    """What an inconclusive verdict waits for."""
    lift, gain = evidence.online_lift, evidence.offline_gain
    if isinstance(lift, NotEstimable):
        return f"Make the lift of {subject.business} estimable first: {clause(lift.detail)}."
    if verdict.offline is None and isinstance(gain, NotEstimable):
        return f"Bring the missing offline evidence: {clause(gain.detail)}."
    if verdict.online is Sign.DOWN:
        return "Do not ship; look for the cause outside the offline metric (latency, coverage, other slices)."
    if verdict.equivalent:
        return f"Do not ship a model that is worse offline for no gain in {subject.business}."
    return run_longer(subject.business_metric, evidence.delta, power, direction=subject.business_direction)


def _units(power: Power) -> str:
    """The needed units in words; both arms when they differ."""
    control, treatment = power.units_control or 0, power.units_treatment or 0
    if math.isclose(control, treatment, rel_tol=0.1):
        return f"about {count(max(control, treatment))} units per arm"
    return f"about {count(control)} control and {count(treatment)} treatment units"


def _more_weeks(power: Power) -> str:
    if power.weeks is None:
        return ""
    return f" (about {plural(math.ceil(power.weeks), 'more week')} at this traffic)"


def _lost_at(funnel: Sequence[FunnelStage], direction: Direction) -> str:
    """Where to look first: the funnel stage with the largest established change for the worse."""
    if direction is Direction.UP:
        losses = [stage for stage in funnel if stage.high is not None and stage.high < 0.0]
    else:
        losses = [stage for stage in funnel if stage.low is not None and stage.low > 0.0]
    if losses:
        worst = max(losses, key=lambda stage: abs(stage.log_lift or 0.0))
        points = signed((worst.log_lift or 0.0) * 100.0, decimals=1)
        most = "lost" if direction is Direction.UP else "rose"
        return f"Look at {label(worst.stage)} first: it {most} the most ({points} log points)"
    if funnel:
        return "Look at slices and at the other metrics: no single funnel stage shows an established loss"
    return "Declare a funnel for this metric to see at which stage the gain stops"
