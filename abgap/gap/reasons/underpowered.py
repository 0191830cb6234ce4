"""Was the test too small to see the lift that should have come?

Only an open verdict can be open for want of units, and only where the test would have missed the expected lift more
often than one time in five. The amount is what chance alone makes of a lift in a test of this size: from minus to plus
the margin of the observed lift, and in it as much of the gap as fits. A gap that is established is more than that.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from abgap.gap.next_steps import ENOUGH_POWER, run_longer
from abgap.gap.reasons.case import Case
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import UNTRUSTED, decided, untestable
from abgap.records import Estimate, EvidenceRow, Finding, FindingStatus, Interval, Measure, Side, VerdictName
from abgap.records.words import label, percent, percent_interval, signed_percent
from abgap.stats.exaggeration import exaggeration
from abgap.study.procedure import procedure_of

NAME, TITLE = "underpowered", "Test too small"
SQL = "rollup"


def judge(case: Case) -> Finding:
    """Supported where the verdict is open and power at the expected lift (else the worthwhile one) is below .8."""
    if not isinstance(case.observed, Interval) or case.estimate is None:
        detail = f"the lift of {label(case.business_metric)} is not known"
        return untestable(NAME, TITLE, detail, sql=SQL)
    if case.verdict is VerdictName.UNTRUSTWORTHY:
        return untestable(NAME, TITLE, UNTRUSTED, sql=SQL)
    aim, power = _aim(case)
    evidence = tuple(_evidence(case, case.observed))
    if aim is None or power is None:
        missing = [f"[metrics.{case.business_metric}] smallest_worthwhile_lift"]
        detail = "neither an expected nor a worthwhile lift says what the test should have seen"
        return untestable(NAME, TITLE, detail, missing=missing, sql=SQL, evidence=evidence)
    status, detail = _found(case, aim, power)
    found = decided(
        case,
        NAME,
        TITLE,
        status,
        f"{detail}; chance alone makes {percent_interval(_by_chance(case, case.observed))} of lift at this size",
        lift=_by_chance(case, case.observed),
        sql=SQL,
        evidence=evidence,
    )
    return replace(found, next_action=_next_action(case)) if status is FindingStatus.SUPPORTED else found


def _aim(case: Case) -> tuple[float | None, float | None]:
    """The lift that the test should have seen, and its power there."""
    if case.target is not None and case.power.at_expected is not None:
        return case.target.lift.estimate, case.power.at_expected
    return case.delta, case.power.at_delta


def _found(case: Case, aim: float, power: float) -> tuple[FindingStatus, str]:
    seen = f"a true lift of {signed_percent(aim)} is seen in {percent(power, decimals=0)} of such tests"
    if case.verdict is VerdictName.NO_OFFLINE_GAIN:
        return (
            FindingStatus.CONTRADICTED,
            f"there is no offline gain that a larger test could bring out ({seen})",
        )
    if case.verdict is not VerdictName.INCONCLUSIVE:
        return FindingStatus.CONTRADICTED, f"the test was large enough for its verdict ({seen})"
    if case.is_established:
        return FindingStatus.CONTRADICTED, f"more is missing than chance explains ({seen})"
    if power >= ENOUGH_POWER:
        return FindingStatus.CONTRADICTED, seen
    return FindingStatus.SUPPORTED, f"the test was too small: {seen}"


def _by_chance(case: Case, observed: Interval) -> Interval:
    """How far the observed lift may lie below the true one, and how much of the gap that is."""
    low, high = observed.low - observed.estimate, observed.high - observed.estimate
    missing = 0.0 if case.gap is None else case.gap.estimate
    return Interval(
        estimate=min(max(missing, low), high), low=low, high=high, level=observed.level, method="chance"
    )


def _next_action(case: Case) -> str:
    direction = None if case.estimate is None else case.estimate.direction
    if direction is None:
        return ""
    return run_longer(case.business_metric, case.delta, case.power, direction=direction)


def _evidence(case: Case, observed: Interval) -> Iterator[EvidenceRow]:
    power, units = case.power, Measure.COUNT
    expected = None if case.target is None else case.target.lift.estimate
    yield EvidenceRow(name="power at the expected lift", value=power.at_expected, measure=Measure.SHARE)
    yield EvidenceRow(
        name="power at the smallest worthwhile lift", value=power.at_delta, measure=Measure.SHARE
    )
    yield EvidenceRow(name="lift seen in 8 of 10 such tests", value=power.mde, measure=Measure.LIFT)
    if expected and power.mde and case.estimate is not None:
        most = max(case.estimate.n_control, case.estimate.n_treatment)
        needed = math.ceil(most * (power.mde / expected) ** 2)
        yield EvidenceRow(name="units per arm to see the expected lift", value=needed, measure=units)
        yield EvidenceRow(
            name="times that a significant lift would be too large (type M)",
            value=_type_m(case, case.estimate, expected, observed),
            measure=Measure.RATIO,
        )
    if power.units is not None:
        yield EvidenceRow(name="units per arm to see the worthwhile lift", value=power.units, measure=units)
    if power.weeks is not None:
        yield EvidenceRow(name="more weeks for that", value=power.weeks, measure=Measure.NUMBER)


def _type_m(case: Case, estimate: Estimate, expected: float, observed: Interval) -> float | None:
    """How much too large a significant result is on average, if the expected lift is the true one."""
    procedure, units = procedure_of(case.study), float(estimate.n_control + estimate.n_treatment)
    beyond = float(procedure.rule.large_sample_critical(units, 1.0 - observed.level))
    error = (observed.high - observed.low) / 2.0 / beyond
    if error <= 0.0:
        return None
    found = float(exaggeration(expected, error, beyond).type_m)
    return found if math.isfinite(found) else None


REASON = Reason(name=NAME, title=TITLE, judge=judge, side=Side.CHANCE)
