"""The verdict on one pair: what became of an offline gain, decided from intervals alone.

Everything comes in turned so that up is good. An effect counts as established when its interval excludes 0
and, online, when it also survives the correction for multiple testing. The order of the questions is part of
the definition (docs/methods.md, "The verdict"): can the data be trusted, was there an offline gain, is the
online effect too small to matter, is it a loss, less than expected, a gain; else nobody knows yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from abgap.gap.expected import shortfall
from abgap.records import Check, Estimable, Interval, NotEstimable, VerdictName


class Sign(IntEnum):
    """Which way an established effect points; FLAT where none is established."""

    DOWN = -1
    FLAT = 0
    UP = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a verdict is made of, turned so that up is good.

    offline_face_value: the gain when no interval was given; it then counts as established by its sign.
    online_established: the online effect survives the correction for multiple testing.
    delta: smallest lift worth having. expected: what the gain should have brought.
    blocked: failed blocking checks.
    """

    offline_gain: Estimable
    online_lift: Estimable
    online_established: bool
    offline_face_value: float | None = None
    delta: float | None = None
    expected: Interval | None = None
    blocked: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The name, and what it was read from.

    offline, online: established signs, None where nothing is known. equivalent: the whole online interval
    lies inside the band of what would not matter. corrected_away: the online interval excludes 0, but the
    effect does not survive the correction for multiple testing. shortfall: expected minus online lift.
    """

    name: VerdictName
    offline: Sign | None
    online: Sign | None
    equivalent: bool
    corrected_away: bool
    shortfall: Interval | None


def decide(evidence: Evidence) -> Verdict:
    """The verdict on any evidence; never raises."""
    online = online_sign(evidence.online_lift, established=evidence.online_established)
    lift = evidence.online_lift
    behind = None
    if isinstance(lift, Interval) and evidence.expected is not None:
        behind = shortfall(evidence.expected, lift)
    offline = offline_sign(evidence.offline_gain, evidence.offline_face_value)
    equivalent = lies_inside(lift, evidence.delta)
    return Verdict(
        name=_name(evidence, offline, online, equivalent=equivalent, behind=behind),
        offline=offline,
        online=online,
        equivalent=equivalent,
        corrected_away=isinstance(lift, Interval) and lift.excludes_zero() and online is Sign.FLAT,
        shortfall=behind,
    )


def offline_sign(gain: Estimable, face_value: float | None) -> Sign | None:
    """The established sign of an offline gain; that of the bare value where no interval was given."""
    if isinstance(gain, Interval):
        return _sign(gain.low, gain.high)
    return None if face_value is None else _sign(face_value, face_value)


def online_sign(lift: Estimable, *, established: bool) -> Sign | None:
    """The established sign of an online effect; None when it cannot be estimated."""
    if isinstance(lift, NotEstimable):
        return None
    return _sign(lift.low, lift.high) if established else Sign.FLAT


def lies_inside(lift: Estimable, delta: float | None) -> bool:
    """Whether the whole interval lies strictly inside ``-delta .. +delta``; False without a delta."""
    return isinstance(lift, Interval) and delta is not None and -delta < lift.low and lift.high < delta


def _sign(low: float, high: float) -> Sign:
    if low > 0.0:
        return Sign.UP
    return Sign.DOWN if high < 0.0 else Sign.FLAT


def _name(
    evidence: Evidence,
    offline: Sign | None,
    online: Sign | None,
    *,
    equivalent: bool,
    behind: Interval | None,
) -> VerdictName:
    """The table, in its stated order."""
    if evidence.blocked:
        return VerdictName.UNTRUSTWORTHY
    if offline is None or online is None:
        return VerdictName.INCONCLUSIVE
    if offline is not Sign.UP:
        return _without_gain(offline, online)
    return VerdictName.DID_NOT_MOVE if equivalent else _with_gain(online, behind)


def _with_gain(online: Sign, behind: Interval | None) -> VerdictName:
    """The cases with an established offline gain and an online effect that may matter."""
    if online is Sign.DOWN:
        return VerdictName.REVERSED
    if online is Sign.FLAT:
        return VerdictName.INCONCLUSIVE
    return VerdictName.FELL_SHORT if behind is not None and behind.low > 0.0 else VerdictName.TRANSLATED


def _without_gain(offline: Sign, online: Sign) -> VerdictName:
    """The cases without an established offline gain; flat with an online loss has no name of its own."""
    if online is Sign.UP:
        return VerdictName.MISSED_BY_OFFLINE
    if offline is Sign.DOWN and online is Sign.DOWN:
        return VerdictName.LOSS_CONFIRMED
    if offline is Sign.FLAT and online is Sign.FLAT:
        return VerdictName.NO_OFFLINE_GAIN
    return VerdictName.INCONCLUSIVE
