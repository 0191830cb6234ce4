"""Why a gain got lost: tested reasons, the numbers they rest on, and the budget of the gap."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abgap.records.numbers import Estimable, Interval


class FindingStatus(StrEnum):
    """What the test of a reason came to."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NOT_TESTABLE = "not testable"


class Side(StrEnum):
    """What a reason does to the expected lift: it revises the gain, it takes lift online, or it is chance."""

    OFFLINE = "offline"
    ONLINE = "online"
    CHANCE = "chance"


class Measure(StrEnum):
    """What kind of number a piece of evidence is."""

    LIFT = "lift"
    SHARE = "share"
    GAIN = "gain"
    MILLISECONDS = "milliseconds"
    MONEY = "money"
    COUNT = "count"
    P_VALUE = "p_value"
    RATIO = "ratio"
    DAYS = "days"
    NUMBER = "number"


class BarKind(StrEnum):
    """What a bar of the gap budget is."""

    EXPECTED = "expected"
    REASON = "reason"
    UNEXPLAINED = "unexplained"
    OBSERVED = "observed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One number that a reason rests on. name: what it is, in words. low, high: of its interval, where it has one.

    measure: lifts and shares are fractions; gains are in the offline metric's own units.
    """

    name: str
    value: float | None
    measure: Measure
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One reason why a gain got lost, tested.

    name: of the reason. lift: how much of the missing lift it explains, in lift of the business metric with up as good;
    share: the same as a part of the gap. missing: inputs that the test needs and did not find, as the study file names
    them. sql: name of the query whose rows it rests on. side: of the account that it belongs to.
    """

    name: str
    title: str
    status: FindingStatus
    share: float | None
    lift: Estimable
    sentence: str
    next_action: str
    missing: tuple[str, ...] = ()
    sql: str | None = None
    evidence: tuple[EvidenceRow, ...] = ()
    side: Side = Side.ONLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetBar:
    """One bar of the gap budget: expected lift, minus each supported reason, minus unexplained, equals observed.

    name: of the reason, else the kind. amount: in lift of the business metric, up is good; what a reason or the
    unexplained part takes away is positive.
    """

    kind: BarKind
    name: str
    amount: Interval
