"""Does the gain of the best of many candidates owe to having been picked?

The best of m candidates was good, and lucky. Its luck is estimated from how far the candidates scatter, beside what
their errors alone make of them; what all of them share (the baseline's luck) picks nobody and does not count. The
amount is the rate times that luck, which can be established even where no gap is: it says that less was to be expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.offline_sources import offline_query
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import QUARTER, Words, decided, untestable, weigh, without_claim
from abgap.records import EvidenceRow, Finding, FindingStatus, Interval, Measure, OfflineRow, Side
from abgap.records.words import count, label, percent_interval, signed, signed_interval

NAME, TITLE = "winners_curse", "Winner's curse"


def judge(case: Case) -> Finding:
    """The rate times the luck of the best of three candidates or more."""
    target, model = case.target, case.model
    if target is None or model is None:
        return without_claim(NAME, TITLE)
    sql = offline_query(case.study)
    row = case.evidence.offline_row(model, target.baseline, case.offline_metric)
    if row is None or row.luck is None or row.shrunk_gain is None or row.nearest_to is not None:
        detail = "fewer than three candidates have a gain with an interval over the same baseline"
        missing = ["offline results of the other candidates"]
        return untestable(NAME, TITLE, detail, missing=missing, sql=sql)
    luck = row.luck if row.direction.sign > 0 else row.luck.flipped()
    evidence = tuple(_evidence(row, row.shrunk_gain, luck))
    best = _best_gain(case, row)
    if best > target.gain.estimate:
        detail = (
            f"another candidate has a larger gain in {label(case.offline_metric)} ({signed(best)}): this one was not "
            "picked for its luck"
        )
        nothing = Interval(estimate=0.0, low=0.0, high=0.0, level=luck.level, method="not the best")
        return decided(
            case, NAME, TITLE, FindingStatus.CONTRADICTED, detail, lift=nothing, sql=sql, evidence=evidence
        )
    best_of = f"the best of {count(row.candidates or 0)} candidates"
    words = Words(
        supported=(
            f"{best_of} was lucky: of its gain of {signed(target.gain.estimate)}, {signed_interval(luck)} is luck"
        ),
        contradicted=f"{best_of} owes too little of its gain to luck",
        next_action=(
            "Measure the chosen candidate once more on fresh queries before the online test, and claim that gain or "
            "the shrunk one."
        ),
    )
    amount = target.in_lift(luck)
    if not case.is_established and _is_open(case, amount):
        detail = f"{words.supported}: {percent_interval(amount)} of lift"
        found = decided(
            case, NAME, TITLE, FindingStatus.SUPPORTED, detail, lift=amount, sql=sql, evidence=evidence
        )
        return replace(found, next_action=words.next_action)
    return weigh(case, NAME, TITLE, amount, words, sql=sql, evidence=evidence)


def _is_open(case: Case, amount: Interval) -> bool:
    """Whether less came than was claimed, as far as can be told, and the luck is real and a good part of that."""
    if case.gap is None or case.gap.estimate <= 0.0:
        return False
    return amount.low > 0.0 and amount.estimate >= QUARTER * case.gap.estimate


def _best_gain(case: Case, row: OfflineRow) -> float:
    """The largest gain of all candidates over the same baseline, up is good."""
    others = case.evidence.candidates_of(row)
    gains = (each.improvement for each in others)
    return max(gain.estimate for gain in gains if isinstance(gain, Interval))


def _evidence(row: OfflineRow, shrunk: Interval, luck: Interval) -> Iterator[EvidenceRow]:
    up = shrunk if row.direction.sign > 0 else shrunk.flipped()
    yield EvidenceRow(name="candidates", value=row.candidates, measure=Measure.COUNT)
    for name, gain in (("claimed gain", row.improvement), ("shrunk gain", up), ("luck in it", luck)):
        if isinstance(gain, Interval):
            yield EvidenceRow(
                name=name, value=gain.estimate, measure=Measure.GAIN, low=gain.low, high=gain.high
            )


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
