"""Is the win one of the metric's definition?

The same lists are judged under other definitions: linear or exponential gain, ties, cut-offs, empty queries. Where the
win turns or is not established any more, and the two gains differ (paired over queries, Bonferroni over definitions),
the part of the gain that goes away with the definition is what business may never have had. The largest speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, decided, untestable, weigh, without_claim
from abgap.records import (
    EvidenceRow,
    Finding,
    FindingStatus,
    Interval,
    Measure,
    OfflineSweep,
    Side,
    SweptDefinition,
)
from abgap.records.words import label, signed_interval

NAME, TITLE = "definition", "Win by definition"
SQL = "ranking_differences"
# Of an established gain; docs/results.md.
_LOST = frozenset({"turns", "not established"})


def judge(case: Case) -> Finding:
    """The rate times the part of the gain that is not there under another definition of the metric."""
    target, model = case.target, case.model
    if target is None or model is None:
        return without_claim(NAME, TITLE)
    sweep = case.evidence.sweep(model, target.baseline, case.offline_metric)
    name = label(case.offline_metric)
    if sweep is None:
        detail = f"{name} was brought ready-made, so that it cannot be defined in another way"
        missing = ["[offline.rankings]", "[offline.judgements]"]
        return untestable(NAME, TITLE, detail, missing=missing)
    compared = [other for other in sweep.definitions if other.shift is not None]
    if not compared:
        detail = f"no other definition of {name} could matter over these rankings"
        return _contradicted(case, target, detail, sweep)
    if target.gain.low <= 0.0:
        return untestable(NAME, TITLE, f"no gain in {name} is established that could depend on it", sql=SQL)
    lost = [other for other in compared if other.outcome in _LOST and _is_real(case, other, len(compared))]
    if not lost:
        detail = f"the gain in {name} does not depend on how it is defined: {sweep.sentence.rstrip('.')}"
        return _contradicted(case, target, detail, sweep)
    return _weighed(case, target, sweep, lost)


def _is_real(case: Case, other: SweptDefinition, tests: int) -> bool:
    """Whether less is there under the other definition, corrected for how many there are."""
    return (
        isinstance(other.shift, Interval)
        and other.shift.low > 0.0
        and other.shift_p is not None
        and other.shift_p * tests < case.study.study.alpha
    )


def _weighed(case: Case, target: Target, sweep: OfflineSweep, lost: Sequence[SweptDefinition]) -> Finding:
    shifts = [(other, other.shift) for other in lost if isinstance(other.shift, Interval)]
    other, shift = max(shifts, key=lambda pair: pair[1].estimate)
    name = label(case.offline_metric)
    there = signed_interval(other.gain) if isinstance(other.gain, Interval) else "no gain that can be tested"
    words = Words(
        supported=f"the gain in {name} is one of its definition: with {other.change} it is {there}",
        contradicted=f"the gain in {name} depends on its definition ({other.change}), but on too little of it",
        next_action=(
            f"Settle with the business which definition of {name} stands for what users get ({other.change}, or not), "
            "and choose models by that one."
        ),
    )
    return weigh(case, NAME, TITLE, target.in_lift(shift), words, sql=SQL, evidence=tuple(_evidence(sweep)))


def _contradicted(case: Case, target: Target, detail: str, sweep: OfflineSweep) -> Finding:
    nothing = Interval(estimate=0.0, low=0.0, high=0.0, level=target.lift.level, method="none")
    evidence = tuple(_evidence(sweep))
    return decided(
        case, NAME, TITLE, FindingStatus.CONTRADICTED, detail, lift=nothing, sql=SQL, evidence=evidence
    )


def _evidence(sweep: OfflineSweep) -> Iterator[EvidenceRow]:
    for name, gain in (("as declared", sweep.gain), *((d.change, d.gain) for d in sweep.definitions)):
        if isinstance(gain, Interval):
            yield EvidenceRow(
                name=f"gain, {name}",
                value=gain.estimate,
                measure=Measure.GAIN,
                low=gain.low,
                high=gain.high,
            )


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
