"""Are the data broken? The failed checks of the experiment, and how far the arms lay apart before exposure.

What broken data take from a lift cannot be told in general. Where the business metric has a covariate from before
exposure, arms that lay apart there do so after it as well: that lift before exposure is the amount, as far as the
adjustment for the covariate has not taken it out already.
"""

from __future__ import annotations

from collections.abc import Sequence

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, no_amount, untestable, weigh
from abgap.records import Check, Estimable, EvidenceRow, Finding, FindingStatus, Interval, Measure, Status
from abgap.records import Reason as Why
from abgap.records.words import label, listed, percent_interval

NAME, TITLE = "data_faults", "Data faults"
_BALANCE = "covariate_balance"
_FAILURES = frozenset(
    {"sample_ratio", "arms_present", "clusters_in_two_variants", "missing_values", _BALANCE}
)
_WARNINGS = frozenset({"units_in_two_variants", "tracking_loss", "missing_days", "bots"})
_MOST_LEFT = 2.0
"""Of what arms lay apart before exposure, the most that is taken to count after it."""
_MEND = "Find the cause, mend the data or run the experiment again; no other reason counts before that."


def judge(case: Case) -> Finding:
    """What the data checks of the experiment found."""
    checks = case.evidence.checked(case.experiment)
    tested = [c for c in checks if c.status is not Status.NOT_TESTABLE]
    if not tested:
        return untestable(NAME, TITLE, "no data check of the experiment could be made")
    faults = tuple(check for check in tested if _is_fault(check))
    before = _before(case)
    evidence = tuple(_evidence(faults, before))
    if not faults:
        detail = f"none of {len(tested)} data checks of the experiment found a fault that moves a lift"
        return _finding(
            FindingStatus.CONTRADICTED, detail, no_amount(Why.NOT_DEFINED, detail), case, evidence
        )
    amount = _amount(case, before)
    if amount is not None and case.is_established and {c.name for c in faults} == {_BALANCE}:
        return weigh(case, NAME, TITLE, amount, _words(faults), sql=faults[0].sql, evidence=evidence)
    if amount is not None and amount.low > 0.0:
        detail = (
            f"{_said(faults)} Arms that lay apart before exposure take {percent_interval(amount)} of lift"
        )
        return _finding(FindingStatus.SUPPORTED, detail, amount, case, evidence, faults)
    why = "how much lift broken data take cannot be told without a covariate that shows the fault"
    return _finding(
        FindingStatus.SUPPORTED,
        _said(faults).rstrip("."),
        no_amount(Why.NOT_DEFINED, why),
        case,
        evidence,
        faults,
    )


def _is_fault(check: Check) -> bool:
    if check.status is Status.FAIL:
        return check.blocking or check.name in _FAILURES | _WARNINGS
    return check.status is Status.WARN and check.name in _WARNINGS


def _before(case: Case) -> Interval | None:
    """The lift of the business metric before exposure, up is good."""
    found = case.evidence.before.get((case.experiment, case.treatment, case.business_metric))
    metric = case.study.metrics.get(case.business_metric)
    if not isinstance(found, Interval):
        return None
    return found if metric is None or metric.direction.sign > 0 else found.flipped()


def _amount(case: Case, before: Interval | None) -> Interval | None:
    """What arms that lay apart before exposure take: the lift if they had been alike, less the one that came.

    Arms that lay apart by b then still do: a treatment that multiplies by 1 + L comes out at (1 + L)(1 + b). What the
    adjustment for covariates has made up for is in the lift that came; the interval is that of b, as far as it counts.
    """
    lifts = _lifts(case)
    if before is None or lifts is None or case.estimate is None:
        return before if before is None else before.flipped()
    sign = case.estimate.direction.sign
    unadjusted, came = lifts
    if before.estimate == 0.0 or sign * before.estimate <= -1.0:
        return before.flipped()
    alike = (1.0 + unadjusted) / (1.0 + sign * before.estimate) - 1.0
    left = sign * (alike - came) / -before.estimate
    return before.flipped().scaled(min(max(left, 0.0), _MOST_LEFT))


def _lifts(case: Case) -> tuple[float, float] | None:
    """The lift without adjustment, and the one that is told."""
    if case.estimate is None or not isinstance(case.estimate.lift, Interval):
        return None
    came = case.estimate.lift.estimate
    raw = case.estimate.unadjusted
    return (raw.lift.estimate if raw is not None and isinstance(raw.lift, Interval) else came), came


def _finding(
    status: FindingStatus,
    detail: str,
    lift: Estimable,
    case: Case,
    evidence: Sequence[EvidenceRow],
    faults: Sequence[Check] = (),
) -> Finding:
    known = isinstance(lift, Interval) and case.is_established and case.gap is not None
    return Finding(
        name=NAME,
        title=TITLE,
        status=status,
        share=lift.estimate / case.gap.estimate
        if known and isinstance(lift, Interval) and case.gap
        else None,
        lift=lift,
        sentence=f"{detail[:1].upper()}{detail[1:]}.",
        next_action=_MEND if faults else "",
        sql=faults[0].sql if faults else None,
        evidence=tuple(evidence),
    )


def _said(faults: Sequence[Check]) -> str:
    names = listed([label(name) for name in dict.fromkeys(check.name for check in faults)])
    return f"the data are at fault ({names}): {faults[0].sentence}"


def _words(faults: Sequence[Check]) -> Words:
    return Words(
        supported=_said(faults).rstrip("."),
        contradicted="the arms differed before exposure, but adjustment or size leave less than a quarter of the gap",
        next_action=_MEND,
    )


def _evidence(faults: Sequence[Check], before: Interval | None) -> list[EvidenceRow]:
    rows = [EvidenceRow(name=label(c.name), value=c.value, measure=Measure.NUMBER) for c in faults]
    if before is None:
        return rows
    found = EvidenceRow(
        name="lift before exposure",
        value=before.estimate,
        low=before.low,
        high=before.high,
        measure=Measure.LIFT,
    )
    return [*rows, found]


REASON = Reason(name=NAME, title=TITLE, judge=judge)
