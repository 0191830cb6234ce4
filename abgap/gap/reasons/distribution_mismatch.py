"""Distribution mismatch: the test set has another mix than live traffic, and at the live mix the gain is smaller.

For every slice that both the test set and live traffic have, the gain is re-weighted to the live mix. The slice that
takes away most speaks; it has to be established at a level that allows for having looked at all of them (Bonferroni).
Refused where live traffic has values that the test set lacks, or where the weighted examples are worth less than a
twentieth of the test set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.sliced_gains import SlicedGain, as_interval, is_mean, sliced_gain, sliced_rows
from abgap.gap.reasons.weighing import Words, interval_row, untestable, weigh, without_claim
from abgap.records import EvidenceRow, Finding, Interval, LiveMix, Measure, Side
from abgap.records.moments import FloatArray
from abgap.records.words import label, listed, percent, signed_interval
from abgap.stats.mix import LEAST_WORTH, Stability, stability, worth

NAME, TITLE = "distribution_mismatch", "Distribution mismatch"
_QUERY = "offline_sums"
MOST_UNSEEN = 0.05
"""Live traffic of values that the test set lacks: up to this share it is left out, above it nothing is said."""
_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shift:
    """One slice. gain: by value, live: the shares of these values in live traffic; test: of the two mixes being one.

    unseen: share of live traffic that has other values. lost: gain that goes away at the live mix, at the level of the
    study and at the one that allows for several slices.
    """

    gain: SlicedGain
    live: FloatArray
    noun: str
    test: Stability
    worth: float
    unseen: float
    lost: Interval
    strict: Interval


def judge(case: Case) -> Finding:
    """Re-weigh the claimed gain to the live mix of every slice that can be."""
    if case.target is None:
        return without_claim(NAME, TITLE)
    rows = sliced_rows(case)
    mixes = case.evidence.live_mixes(case.experiment, case.treatment, case.business_metric)
    names = [name for name in rows if name in mixes and name not in _apart(case)]
    if not names:
        return _without_slices(case, has_rows=bool(rows))
    if not is_mean(case):
        detail = f"{label(case.offline_metric)} is no mean over examples, so that no mix of slices gives it"
        return untestable(NAME, TITLE, detail, sql=_QUERY)
    shifts: list[_Shift] = []
    refused: list[str] = []
    alpha = case.study.study.alpha
    for name in names:
        found = _shift(sliced_gain(name, rows[name]), mixes[name], name, alpha, alpha / len(names))
        if isinstance(found, str):
            refused.append(found)
        else:
            shifts.append(found)
    if not shifts:
        return untestable(NAME, TITLE, "; ".join(refused), sql=_QUERY, next_action=_NEW_SET)
    return _weighed(case, _largest(shifts))


_NEW_SET = "Draw a test set from live traffic."


def _apart(case: Case) -> set[str]:
    """Slices that are no mix of traffic: what tells clean inputs, and who saw a difference at all."""
    gap = case.study.gap
    return {name for name in (gap.triggered, gap.perturbed and gap.perturbed.slice) if name}


def _without_slices(case: Case, *, has_rows: bool) -> Finding:
    offline = case.study.offline
    source = "predictions" if offline.predictions is not None else "scores" if offline.scores else "queries"
    if not has_rows:
        missing = [f"[offline.{source}] slices"]
        detail = "the test set is not broken down by anything"
    else:
        missing = ["[exposures] slices, of the names that the test set has"]
        detail = "nothing tells how live traffic divides by the slices of the test set"
    return untestable(NAME, TITLE, detail, missing=missing, sql=_QUERY)


def _shift(gain: SlicedGain | None, mix: LiveMix, name: str, alpha: float, strict: float) -> _Shift | str:
    """What the live mix of one slice changes, or why that cannot be told."""
    if gain is None:
        return f"no value of {name!r} has enough examples in the test set"
    counts = {value: count for value, count in mix.counts.items() if value is not None}
    total, seen = sum(counts.values()), np.array([float(counts.get(v, 0)) for v in gain.values])
    if not np.sum(seen):
        return f"live traffic has no value of {name!r} that the test set has"
    unseen = 1.0 - float(np.sum(seen)) / total
    if unseen > MOST_UNSEEN:
        lacking = [repr(value) for value in counts if value not in gain.values]
        lacks = f"have values of {name!r} that the test set lacks ({listed(lacking[:3])})"
        return f"{percent(unseen)} of live traffic {lacks}"
    if len(gain.values) < 2:
        return f"the test set has one value of {name!r} alone, and so has live traffic"
    live = seen / np.sum(seen)
    left = worth(gain.shares, live)
    if left < LEAST_WORTH:
        return f"at the live mix of {name!r} the test set would be worth {percent(left)} of its examples"
    draws = float(np.sum(seen)) * (mix.draws / total if mix.draws else 1.0)
    lost = gain.lost_at(live, draws)
    return _Shift(
        gain=gain,
        live=live,
        noun=mix.noun,
        test=stability(gain.examples, seen * (draws / float(np.sum(seen)))),
        worth=left,
        unseen=unseen,
        lost=as_interval(lost, alpha, "re-weighted"),
        strict=as_interval(lost, strict, "re-weighted"),
    )


def _largest(shifts: list[_Shift]) -> _Shift:
    """The one that takes most of those that are established, else the one that might take most."""
    established = [shift for shift in shifts if shift.strict.low > 0.0]
    if established:
        return max(established, key=lambda shift: shift.lost.estimate)
    return max(shifts, key=lambda shift: shift.strict.high)


def _weighed(case: Case, shift: _Shift) -> Finding:
    if case.target is None:
        raise TypeError("without a claim there is nothing to weigh")
    name, metric = shift.gain.slice_name, label(case.offline_metric)
    there = shift.gain.at_mix(shift.live, case.study.study.alpha)
    instead = (
        f"the gain in {metric} is {signed_interval(there)} instead of {signed_interval(case.target.gain)}"
    )
    words = Words(
        supported=(
            f"the test set has another mix of {name!r} than live traffic ({_most(shift)}), and at the live mix "
            f"{instead}"
        ),
        contradicted=f"at the live mix of {name!r} {instead}",
        next_action=f"Draw a test set with the live mix of {name!r}, or weigh its examples by it.",
    )
    return weigh(
        case,
        NAME,
        TITLE,
        case.target.in_lift(shift.lost),
        words,
        passes=shift.strict.low > 0.0,
        sql=_QUERY,
        evidence=tuple(_evidence(shift, there, case.study.study.alpha)),
    )


def _moved(shift: _Shift) -> list[str]:
    """The values that live traffic has more of than the test set, most first, then those that it has less of."""
    return [shift.gain.values[i] for i in np.argsort(shift.gain.shares - shift.live, kind="stable")]


def _most(shift: _Shift) -> str:
    value = _moved(shift)[0]
    i = shift.gain.row(value)
    here, there = float(shift.gain.shares[i]), float(shift.live[i])
    return f"{value!r}: {percent(here)} of its examples against {percent(there)} of {shift.noun}"


def _evidence(shift: _Shift, there: Interval, alpha: float) -> Iterator[EvidenceRow]:
    name = shift.gain.slice_name
    yield interval_row(f"gain at the live mix of {name}", there)
    moved = _moved(shift)
    for value in dict.fromkeys([*moved[:_SHOWN], moved[-1]]):
        i, gain = shift.gain.row(value), shift.gain.interval(value, alpha)
        yield EvidenceRow(
            name=f"{name} = {value}: of the test set",
            value=float(shift.gain.shares[i]),
            measure=Measure.SHARE,
        )
        yield EvidenceRow(
            name=f"{name} = {value}: of live {shift.noun}", value=float(shift.live[i]), measure=Measure.SHARE
        )
        yield interval_row(f"{name} = {value}: gain", gain)
    yield EvidenceRow(name="population stability index", value=shift.test.psi, measure=Measure.NUMBER)
    yield EvidenceRow(
        name="chance of it if the mixes were one", value=shift.test.p_value, measure=Measure.P_VALUE
    )
    yield EvidenceRow(
        name="what the re-weighted examples are worth", value=shift.worth, measure=Measure.SHARE
    )
    if shift.unseen > 0.0:
        yield EvidenceRow(
            name="live traffic of other values, left out", value=shift.unseen, measure=Measure.SHARE
        )


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
