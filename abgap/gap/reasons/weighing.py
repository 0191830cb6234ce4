"""How an amount becomes a finding: one rule for all reasons.

Amounts are parts of the missing lift, up is good. Without an established gap there is nothing that a reason could
explain, nor where the data cannot be trusted. A reason is supported when its own interval lies above 0 and it covers
at least a quarter of the gap; it is contradicted when its interval ends below that quarter, or when it is real but
smaller; else the data do not tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abgap.gap.reasons.case import Case
from abgap.records import (
    Estimable,
    EvidenceRow,
    Finding,
    FindingStatus,
    Interval,
    Measure,
    NotEstimable,
    Reason,
    VerdictName,
)
from abgap.records.words import percent_interval

QUARTER = 0.25
"""The least share of the gap that a supported reason covers."""
UNTRUSTED = "the data of this experiment cannot be trusted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What a reason says: of its amount when supported, when contradicted, and what to do next.

    Each is a clause without a full stop; the amount and its interval are added by ``weigh``.
    """

    supported: str
    contradicted: str
    next_action: str


def interval_row(name: str, number: Interval, measure: Measure = Measure.GAIN) -> EvidenceRow:
    """A piece of evidence that has an interval."""
    return EvidenceRow(name=name, value=number.estimate, measure=measure, low=number.low, high=number.high)


def no_amount(reason: Reason, detail: str) -> NotEstimable:
    """An amount that cannot be told."""
    return NotEstimable(reason=reason, detail=detail)


def untestable(
    name: str,
    title: str,
    detail: str,
    *,
    missing: Sequence[str] = (),
    next_action: str = "",
    lift: Estimable | None = None,
    sql: str | None = None,
    evidence: Sequence[EvidenceRow] = (),
) -> Finding:
    """A reason that cannot be tested. detail: why, as a clause. missing: the inputs that would be needed."""
    return Finding(
        name=name,
        title=title,
        status=FindingStatus.NOT_TESTABLE,
        share=None,
        lift=no_amount(Reason.NOT_DECLARED, detail) if lift is None else lift,
        sentence=f"Not testable: {detail}.",
        next_action=next_action,
        missing=tuple(missing),
        sql=sql,
        evidence=tuple(evidence),
    )


def without_claim(name: str, title: str) -> Finding:
    """A reason on the offline side where no lift was to be expected of any gain."""
    detail = "nothing says what lift the gain should have brought (an exchange rate, or a smallest worthwhile lift)"
    return untestable(name, title, detail, missing=["[gap] exchange_rate"])


def weigh(
    case: Case,
    name: str,
    title: str,
    amount: Interval,
    words: Words,
    *,
    passes: bool = True,
    sql: str | None = None,
    evidence: Sequence[EvidenceRow] = (),
) -> Finding:
    """The finding of a reason with an amount. passes: what its support needs beside, such as a correction."""
    if case.verdict is VerdictName.UNTRUSTWORTHY:
        return untestable(name, title, UNTRUSTED, lift=amount, sql=sql, evidence=evidence)
    if not case.is_established or case.gap is None:
        detail = f"no gap is established that it could explain (its own amount: {percent_interval(amount)})"
        return untestable(name, title, detail, lift=amount, sql=sql, evidence=evidence)
    status = _status(amount, case.gap.estimate, passes=passes)
    told = {
        FindingStatus.SUPPORTED: words.supported,
        FindingStatus.CONTRADICTED: words.contradicted,
        FindingStatus.NOT_TESTABLE: "the data are too few to tell whether it explains a quarter of the gap",
    }[status]
    return Finding(
        name=name,
        title=title,
        status=status,
        share=amount.estimate / case.gap.estimate,
        lift=amount,
        sentence=f"{told[:1].upper()}{told[1:]}: {percent_interval(amount)} of lift.",
        next_action=words.next_action if status is FindingStatus.SUPPORTED else "",
        missing=(),
        sql=sql,
        evidence=tuple(evidence),
    )


def _status(amount: Interval, gap: float, *, passes: bool) -> FindingStatus:
    covered = QUARTER * gap
    if amount.high < covered or (amount.low > 0.0 and amount.estimate < covered):
        return FindingStatus.CONTRADICTED
    if amount.low > 0.0 and passes:
        return FindingStatus.SUPPORTED
    return FindingStatus.NOT_TESTABLE


def decided(
    case: Case,
    name: str,
    title: str,
    status: FindingStatus,
    detail: str,
    *,
    lift: Estimable,
    sql: str | None = None,
    evidence: Sequence[EvidenceRow] = (),
) -> Finding:
    """A finding by another rule than that of amounts, with no next action. detail: what was found, as a clause."""
    shared = case.gap if case.is_established else None
    share = None if shared is None or isinstance(lift, NotEstimable) else lift.estimate / shared.estimate
    return Finding(
        name=name,
        title=title,
        status=status,
        share=share,
        lift=lift,
        sentence=f"{detail[:1].upper()}{detail[1:]}.",
        next_action="",
        sql=sql,
        evidence=tuple(evidence),
    )
