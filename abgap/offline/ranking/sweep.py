"""Does a win survive other definitions of its metric? Judged by the paired t, as the win itself.

A win is a gain whose interval excludes zero. Under another definition it survives when it is a win there too, it turns
when the gain changes its sign, and in between it is not established. A loss is judged alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from abgap.offline.example_contests import Terms, interval_of, moments_of
from abgap.offline.ranking.other_definitions import SweepSums
from abgap.offline.sums import ValueSums
from abgap.records import Estimable, Interval, OfflineSweep, SweptDefinition, words
from abgap.stats.arrays import finite_or_none
from abgap.stats.paired import paired_difference

SURVIVES, TURNS, ESTABLISHED, OPEN = "survives", "turns", "established", "not established"
OUTCOMES = (SURVIVES, TURNS, ESTABLISHED, OPEN)


def judge_sweeps(sums: Sequence[SweepSums], terms: Terms) -> tuple[OfflineSweep, ...]:
    """Every comparison under every definition, with the sentence that says what depends on it."""
    return tuple(_judged(each, terms) for each in sums)


def _judged(each: SweepSums, terms: Terms) -> OfflineSweep:
    gain, p_value = _tested(each.sums, terms)
    swept = []
    for other in each.others:
        other_gain, other_p = _tested(other.sums, terms)
        shift, shift_p = (None, None) if other.shift is None else _tested(other.shift, terms)
        n = other.sums.shared
        swept.append(
            SweptDefinition(
                change=other.change,
                definition=other.definition,
                n=n,
                value=other.sums.candidate / n if n else None,
                baseline_value=other.sums.base / n if n else None,
                gain=other_gain,
                p_value=other_p,
                outcome=_outcome(gain, other_gain, other.sums),
                shift=shift,
                shift_p=shift_p,
            )
        )
    survived = sum(definition.outcome == SURVIVES for definition in swept)
    return OfflineSweep(
        model=each.against.model,
        baseline=each.against.baseline or "",
        metric=each.against.metric,
        definition=each.declared,
        gain=gain,
        p_value=p_value,
        definitions=tuple(swept),
        survives=survived if _is_established(gain) else None,
        sentence=_sentence(each, gain, swept),
    )


def _tested(sums: ValueSums, terms: Terms) -> tuple[Estimable, float | None]:
    found = paired_difference(moments_of(sums), terms.alpha)
    return interval_of(found, sums.shared, terms), finite_or_none(found.p_value)


def _is_established(gain: Estimable) -> bool:
    return isinstance(gain, Interval) and gain.excludes_zero()


def _outcome(gain: Estimable, other: Estimable, sums: ValueSums) -> str:
    """What becomes of an established gain under another definition; of any other whether it is established there."""
    if not isinstance(gain, Interval) or not gain.excludes_zero():
        return ESTABLISHED if _is_established(other) else OPEN
    if gain.estimate * sums.difference < 0:
        return TURNS
    return SURVIVES if _is_established(other) else OPEN


def _sentence(each: SweepSums, gain: Estimable, swept: Sequence[SweptDefinition]) -> str:
    what = f"of {each.against.model!r} over {each.against.baseline!r} in {words.label(each.against.metric)}"
    if not swept:
        return f"The result {what} has no other definition that could matter over these rankings."
    others = words.plural(len(swept), "other definition")
    by = {outcome: [d.change for d in swept if d.outcome == outcome] for outcome in OUTCOMES}
    if not isinstance(gain, Interval) or not gain.excludes_zero():
        if not by[ESTABLISHED]:
            any_other = (
                "the one other definition" if len(swept) == 1 else f"any of {len(swept)} other definitions"
            )
            return f"The gain {what} is not established, and would not be under {any_other}."
        return (
            f"The gain {what} is not established; under {len(by[ESTABLISHED])} of {others} "
            f"a change would be: {words.listed(by[ESTABLISHED])}."
        )
    called = "win" if gain.estimate > 0 else "loss"
    sentence = f"The {called} {what} survives {len(by[SURVIVES])} of {others}"
    if by[TURNS]:
        sentence += f"; it turns under: {words.listed(by[TURNS])}"
    if by[OPEN]:
        sentence += f"; it is not established under: {words.listed(by[OPEN])}"
    return f"{sentence}."
