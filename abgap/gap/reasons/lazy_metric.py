"""Was the gain made in a metric that can be had for nothing?

A metric that a lazy solution satisfies (always "no", the most popular items) rewards whoever learns nothing. Where it
is not ready to be a target and the gain is smaller than what lies between two lazy solutions, the gain is no evidence
of anything, and all of the lift that was expected of it goes away. The model in production is no such solution: it
learnt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.offline_sources import offline_query
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, decided, untestable, weigh, without_claim
from abgap.offline.lazy import learnt_nothing
from abgap.records import EvidenceRow, Finding, FindingStatus, Interval, Measure, OfflineRow, Side
from abgap.records.words import label, plain, signed

NAME, TITLE = "lazy_metric", "Lazy metric"


def judge(case: Case) -> Finding:
    """All of the expected lift, where a lazy solution satisfies the metric and the gain is within their spread."""
    target, model = case.target, case.model
    if target is None or model is None:
        return without_claim(NAME, TITLE)
    sql, name = offline_query(case.study), label(case.offline_metric)
    row = case.evidence.offline_row(model, target.baseline, case.offline_metric)
    lazy = {} if row is None else learnt_nothing(row)
    if row is None or row.target_ready is None or not lazy:
        detail = f"no lazy solution has a value in {name}, which takes a metric that abgap computes"
        return untestable(
            NAME, TITLE, detail, missing=["[offline.predictions] or [offline.rankings]"], sql=sql
        )
    evidence = tuple(_evidence(row, lazy))
    spread = max(lazy.values()) - min(lazy.values())
    gain = f"the gain of {signed(target.gain.estimate)}"
    best = max(lazy, key=lambda each: row.turned(lazy[each]))
    if row.target_ready or abs(target.gain.estimate) >= spread:
        why = (
            f"{name} tells the model from solutions that learnt nothing"
            if row.target_ready
            else f"{gain} is more than what lies between lazy solutions ({plain(spread)})"
        )
        return decided(
            case,
            NAME,
            TITLE,
            FindingStatus.CONTRADICTED,
            why,
            lift=_nothing(target.lift),
            sql=sql,
            evidence=evidence,
        )
    words = Words(
        supported=(
            f"{name} can be had for nothing ({best!r} learnt nothing and gets {plain(lazy[best])}), and {gain} lies "
            "within what lazy solutions differ by, so that no lift was to be expected of it"
        ),
        contradicted=f"{name} can be had for nothing, but that is too little of the gap",
        next_action=f"Take another metric as the target: one in which {best!r} does badly, such as recall or skill.",
    )
    return weigh(case, NAME, TITLE, target.lift, words, sql=sql, evidence=evidence)


def _nothing(lift: Interval) -> Interval:
    return Interval(estimate=0.0, low=0.0, high=0.0, level=lift.level, method="none")


def _evidence(row: OfflineRow, lazy: Mapping[str, float]) -> Iterator[EvidenceRow]:
    yield EvidenceRow(name="value of the model", value=row.value, measure=Measure.NUMBER)
    for name, value in lazy.items():
        yield EvidenceRow(name=f"value of {name!r}", value=value, measure=Measure.NUMBER)
    yield EvidenceRow(name="skill: gained over the best lazy one", value=row.skill, measure=Measure.SHARE)


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
