"""The verdict in one sentence that a leader can read aloud, with the numbers that carry it.

No sentence claims more than its interval supports: an effect that is not established is "not settled", never
absent, unless its whole interval lies inside the band of what would not matter. Numbers come in turned so that
up is good, and are written with their natural sign: a metric where less is better "fell" and says "(an
improvement)". Names are plain text here and are escaped where they are rendered.
"""

from __future__ import annotations

from dataclasses import dataclass

from abgap.gap.power import Power
from abgap.gap.verdict import Evidence, Sign, Verdict, lies_inside
from abgap.records import Check, Direction, Estimable, Interval, NotEstimable, VerdictName
from abgap.records.words import (
    declared_percent,
    label,
    listed,
    percent,
    percent_interval,
    plain,
    plain_interval,
    plural,
    sentence_case,
    signed_interval,
    signed_percent,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Whom a sentence is about.

    arm: the treatment's name where the experiment has several, else None. same_model: both arms are declared
    to have run one model. correction: how p-values were corrected, in words.
    """

    offline_metric: str
    business_metric: str
    offline_direction: Direction = Direction.UP
    business_direction: Direction = Direction.UP
    arm: str | None = None
    same_model: bool = False
    correction: str = "no correction"

    @property
    def business(self) -> str:
        """The business metric in words."""
        return label(self.business_metric)


def verdict_sentence(subject: Subject, evidence: Evidence, verdict: Verdict, power: Power) -> str:
    """The sentence of a verdict, ending in a full stop."""
    if verdict.name is VerdictName.UNTRUSTWORTHY:
        text = untrustworthy(evidence.blocked)
    elif isinstance(evidence.online_lift, NotEstimable):
        text = _online_unknown(subject, evidence, verdict, evidence.online_lift)
    elif verdict.offline is None:
        chances = _chances_if_open(subject, evidence, verdict, power)
        text = (
            f"{_offline(subject, evidence, verdict)}; online, {_online(subject, evidence, verdict)}{chances}"
        )
    elif verdict.offline is Sign.UP:
        text = _with_gain(subject, evidence, verdict, power)
    else:
        text = _without_gain(subject, evidence, verdict, power)
    prefix = f"{subject.arm}: " if subject.arm else ""
    return f"{prefix}{sentence_case(text)}."


def untrustworthy(blocked: tuple[Check, ...]) -> str:
    """Why nothing may be concluded, without a full stop; what a check advises is for the next step."""
    finding, _ = finding_and_advice(blocked[0])
    more = f" ({plural(len(blocked) - 1, 'more check')} failed)" if len(blocked) > 1 else ""
    return f"no verdict, because the data cannot be trusted. {finding}{more}"


def online_clause(
    metric: str, direction: Direction, lift: Estimable, sign: Sign | None, delta: float | None
) -> str:
    """What happened to one metric online, as a clause: ``revenue per user rose: +1.5 % [+0.5, +2.5]``."""
    name = label(metric)
    if isinstance(lift, NotEstimable):
        return f"the lift of {name} cannot be estimated ({clause(lift.detail)})"
    shown, settled = _lift(direction, lift, delta), sign is Sign.UP or sign is Sign.DOWN
    if lies_inside(lift, delta):
        what = f"the effect on {name} is real, but too small to matter" if settled else f"{name} did not move"
        return f"{what}: {shown} lies inside {_least(delta)}"
    if sign is Sign.UP or sign is Sign.DOWN:
        return f"{name} {_verb(direction, sign)}: {shown}{_judged(direction, sign)}"
    alone = ", which excludes 0 only without correction for multiple testing" if lift.excludes_zero() else ""
    return f"no effect on {name} is established: {shown}{alone}"


def difference_clause(metric: str, direction: Direction, difference: Interval, sign: Sign | None) -> str:
    """As ``online_clause``, in the metric's own units, for a metric without a lift."""
    shown = f"{signed_interval(natural(direction, difference))} in absolute terms"
    if sign is Sign.FLAT or sign is None:
        return f"no effect on {label(metric)} is established: {shown}"
    return f"{label(metric)} {_verb(direction, sign)}: {shown}{_judged(direction, sign)}"


def natural(direction: Direction, turned: Interval) -> Interval:
    """An interval that was turned so that up is good, with its own sign again."""
    return turned if direction is Direction.UP else turned.flipped()


def finding_and_advice(check: Check) -> tuple[str, str]:
    """The first sentence of a check, without its full stop, and what follows it."""
    finding, _, advice = check.sentence.partition(". ")
    return clause(finding), advice.strip()


def clause(sentence: str) -> str:
    """A sentence of somebody else's as part of ours."""
    return sentence.strip().rstrip(".")


def _with_gain(subject: Subject, evidence: Evidence, verdict: Verdict, power: Power) -> str:
    """The sentences that begin with an offline gain."""
    gain, online = _offline(subject, evidence, verdict), _online(subject, evidence, verdict)
    direction = subject.business_direction
    up, good = f"{gain} and {subject.business} {_verb(direction, Sign.UP)}", _judged(direction, Sign.UP)
    shown = _lift(direction, evidence.online_lift, evidence.delta)
    match verdict.name:
        case VerdictName.DID_NOT_MOVE | VerdictName.REVERSED:
            return f"{gain}, but {online}"
        case VerdictName.FELL_SHORT:
            return f"{up}{good}, but by less than expected: {shown}{_behind(direction, evidence, verdict)}"
        case VerdictName.TRANSLATED:
            too = " too" if subject.offline_direction is direction else ""
            return f"{up}{too}: {shown}{good}{_against(direction, evidence, verdict)}"
        case _:
            why = _why_open(subject, evidence, verdict, power)
            return f"{gain}; whether {subject.business} moved is not settled: {shown} {why}"


def _without_gain(subject: Subject, evidence: Evidence, verdict: Verdict, power: Power) -> str:
    """The sentences that begin with no offline gain, or with a loss."""
    start, online = _offline(subject, evidence, verdict), _online(subject, evidence, verdict)
    online += _chances_if_open(subject, evidence, verdict, power)
    match verdict.name:
        case VerdictName.MISSED_BY_OFFLINE:
            fault = "; that is a false alarm or a fault in the data, not the work of a model"
            return f"{start}, yet {online}{fault if subject.same_model else ''}"
        case VerdictName.LOSS_CONFIRMED | VerdictName.NO_OFFLINE_GAIN:
            return f"{start}, and {online}"
        case _ if verdict.offline is Sign.FLAT:
            return f"{start}, and {online}; there is no offline gain whose way could be judged"
        case _ if verdict.equivalent:
            return f"{start}, but {online}"
        case _:
            return f"{start}; {online}; whether the loss reached it is not settled"


def _online_unknown(subject: Subject, evidence: Evidence, verdict: Verdict, lift: NotEstimable) -> str:
    start = _offline(subject, evidence, verdict)
    return f"{start}; the lift of {subject.business} cannot be estimated ({clause(lift.detail)})"


def _offline(subject: Subject, evidence: Evidence, verdict: Verdict) -> str:
    """What the offline evaluation saw."""
    name = label(subject.offline_metric)
    gain = evidence.offline_gain
    if subject.same_model:
        return "both arms ran the same model, so there was no offline gain"
    if verdict.offline is None:
        detail = gain.detail if isinstance(gain, NotEstimable) else ""
        return f"the offline gain in {name} is not known ({clause(detail)})"
    if isinstance(gain, NotEstimable):
        size = abs(evidence.offline_face_value or 0.0)
        if verdict.offline is Sign.FLAT:
            return f"{name} stayed the same offline (no interval given)"
        verb = _verb(subject.offline_direction, verdict.offline)
        judged = _judged(subject.offline_direction, verdict.offline)
        return f"{name} {verb} by {plain(size)} offline{judged} (no interval given)"
    if verdict.offline is Sign.FLAT:
        shown = signed_interval(natural(subject.offline_direction, gain))
        return f"{name} showed no established change offline ({shown})"
    size_of = gain if verdict.offline is Sign.UP else gain.flipped()
    verb = _verb(subject.offline_direction, verdict.offline)
    judged = _judged(subject.offline_direction, verdict.offline)
    return f"{name} {verb} by {plain_interval(size_of)} offline{judged}"


def _online(subject: Subject, evidence: Evidence, verdict: Verdict) -> str:
    return online_clause(
        subject.business_metric,
        subject.business_direction,
        evidence.online_lift,
        verdict.online,
        evidence.delta,
    )


def corrected_away(subject: Subject) -> str:
    """Say that an interval excludes 0 without the effect being established."""
    return f"excludes 0 on its own, but not after correction for multiple testing ({subject.correction})"


def _behind(direction: Direction, evidence: Evidence, verdict: Verdict) -> str:
    """How far the lift stays behind what was expected."""
    if evidence.expected is None or verdict.shortfall is None:
        return ""
    points = plain_interval(verdict.shortfall.scaled(100.0))
    expected = percent_interval(natural(direction, evidence.expected))
    return f" against an expected {expected}, short by {points} percentage points"


def _against(direction: Direction, evidence: Evidence, verdict: Verdict) -> str:
    """How an established lift compares with what was expected, or else with what would matter."""
    if evidence.expected is not None and verdict.shortfall is not None:
        expected = percent_interval(natural(direction, evidence.expected))
        if verdict.shortfall.high < 0.0:
            return f", more than the expected {expected}"
        return f", with no shortfall established against the expected {expected}"
    if evidence.delta is None or isinstance(evidence.online_lift, NotEstimable):
        return ""
    least = declared_percent(evidence.delta)
    if evidence.online_lift.low >= evidence.delta:
        return f", at least the {least} that is worth having"
    return f"; whether it reaches the {least} that is worth having is not settled"


def _why_open(subject: Subject, evidence: Evidence, verdict: Verdict, power: Power) -> str:
    """Why an online effect beside an offline gain is neither established nor ruled out."""
    chances = _chances(subject, evidence, power)
    if verdict.corrected_away:
        return f"{corrected_away(subject)}{chances}"
    if evidence.delta is None:
        return f"includes 0, and without a smallest worthwhile lift no effect can be ruled out{chances}"
    return f"includes 0 and reaches beyond {_least(evidence.delta)}{chances}"


def _chances_if_open(subject: Subject, evidence: Evidence, verdict: Verdict, power: Power) -> str:
    """The power of a test whose verdict is inconclusive; nothing where it decided."""
    if verdict.name is not VerdictName.INCONCLUSIVE:
        return ""
    return _chances(subject, evidence, power)


def _chances(subject: Subject, evidence: Evidence, power: Power) -> str:
    expected = None if evidence.expected is None else natural(subject.business_direction, evidence.expected)
    return chances_of(evidence.delta, expected, power)


def chances_of(delta: float | None, expected: Interval | None, power: Power) -> str:
    """What a test of this size could have seen, in brackets, to append to a clause; empty when not known.

    expected: with its natural sign.
    """
    parts = []
    if delta is not None and power.at_delta is not None:
        parts.append(f"{percent(power.at_delta, decimals=0)} to see {declared_percent(delta)}")
    if expected is not None and power.at_expected is not None:
        shown = signed_percent(expected.estimate)
        parts.append(f"{percent(power.at_expected, decimals=0)} to see the expected {shown}")
    if parts:
        return f" (power: {listed(parts)})"
    return "" if power.mde is None else f" (80 % power only from {percent(power.mde)} on)"


def _lift(direction: Direction, lift: Estimable, delta: float | None) -> str:
    borders = (0.0,) if delta is None else (0.0, -delta, delta)
    return percent_interval(natural(direction, lift), borders=borders) if isinstance(lift, Interval) else ""


def _least(delta: float | None) -> str:
    return f"±{declared_percent(delta or 0.0)}, the smallest lift that would matter"


def _verb(direction: Direction, sign: Sign) -> str:
    """Which way a metric went, from its sign when up is good."""
    return "rose" if direction.sign * sign > 0 else "fell"


def _judged(direction: Direction, sign: Sign) -> str:
    """Whether that is good, where the way alone does not say so."""
    if direction is Direction.UP:
        return ""
    return " (an improvement)" if sign is Sign.UP else " (for the worse)"
