"""Was there a gain at all, or is it the luck of a small test set?

A claimed gain whose interval includes 0 may be nothing; where the same interval reaches to what would be worth having,
the test set could not have told. The amount is all of the expected lift, as far as chance alone reaches from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from abgap.gap.reasons.case import Case, Target
from abgap.gap.reasons.offline_sources import offline_query
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import QUARTER, decided, untestable, without_claim
from abgap.records import EvidenceRow, Finding, FindingStatus, Interval, Measure, OfflineRow, Side
from abgap.records.words import count, label, p_value, percent_interval, signed, signed_interval

NAME, TITLE = "offline_noise", "Offline gain is noise"


def judge(case: Case) -> Finding:
    """Supported where the claimed gain is positive, may be 0, and may as well be worth having."""
    target, model = case.target, case.model
    if target is None or model is None:
        return without_claim(NAME, TITLE)
    sql = offline_query(case.study)
    row = case.evidence.offline_row(model, target.baseline, case.offline_metric)
    if target.gain.low == target.gain.high:
        detail = "no interval is given for the offline gain"
        missing = ["column query or se of [offline.scores]"]
        return untestable(NAME, TITLE, detail, missing=missing, sql=sql)
    if target.gain.estimate <= 0.0 or target.lift.estimate <= 0.0:
        return untestable(NAME, TITLE, "no gain was claimed", sql=sql)
    status, detail = _found(case, target, row)
    supported = status is FindingStatus.SUPPORTED
    lift, evidence = _by_chance(target, supported=supported), tuple(_evidence(target, row))
    found = decided(case, NAME, TITLE, status, detail, lift=lift, sql=sql, evidence=evidence)
    return replace(found, next_action=_next_action(case, row)) if supported else found


def _found(case: Case, target: Target, row: OfflineRow | None) -> tuple[FindingStatus, str]:
    name = label(case.offline_metric)
    tested = "" if row is None or row.p_value is None else f", {p_value(row.p_value)}"
    gain = f"{signed_interval(target.gain)}{tested}"
    if target.gain.low > 0.0:
        return FindingStatus.CONTRADICTED, f"the gain in {name} is established: {gain}"
    if case.delta is not None and target.lift.high < case.delta:
        best = percent_interval(target.lift, borders=(0.0, case.delta))
        return (
            FindingStatus.CONTRADICTED,
            f"the test set tells that the gain is not worth having: it should bring {best}",
        )
    if case.is_established and case.gap is not None and target.lift.estimate < QUARTER * case.gap.estimate:
        return (
            FindingStatus.CONTRADICTED,
            f"all of the expected lift is less than a quarter of what is missing ({gain})",
        )
    return FindingStatus.SUPPORTED, f"the gain in {name} may be nothing but the luck of the test set: {gain}"


def _by_chance(target: Target, *, supported: bool) -> Interval:
    """What chance makes of no gain: up to the margin of the expected lift. All of the lift where that is the reason."""
    lift = target.lift
    return Interval(
        estimate=lift.estimate if supported else 0.0,
        low=0.0 if supported else lift.estimate - lift.high,
        high=lift.estimate - lift.low,
        level=lift.level,
        method="chance",
    )


def _next_action(case: Case, row: OfflineRow | None) -> str:
    name = label(case.offline_metric)
    if row is None or row.examples_needed is None or row.worthwhile_gain is None:
        return f"Evaluate on a larger test set before the next online test rests on {name}."
    return (
        f"Evaluate on about {count(row.examples_needed)} examples before the next online test: so many find a gain of "
        f"{signed(row.worthwhile_gain)} in {name} in 8 of 10 cases."
    )


def _evidence(target: Target, row: OfflineRow | None) -> Iterator[EvidenceRow]:
    gain = target.gain
    yield EvidenceRow(
        name="claimed gain", value=gain.estimate, measure=Measure.GAIN, low=gain.low, high=gain.high
    )
    if row is None:
        return
    yield EvidenceRow(name="paired test", value=row.p_value, measure=Measure.P_VALUE)
    yield EvidenceRow(name="exchange test", value=row.p_permutation, measure=Measure.P_VALUE)
    yield EvidenceRow(name="examples compared", value=row.n, measure=Measure.COUNT)
    if row.examples_needed is not None:
        yield EvidenceRow(name="examples needed", value=row.examples_needed, measure=Measure.COUNT)


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.OFFLINE)
