"""What ``abgap preflight`` found: the five steps before a launch, on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from abgap.records.numbers import Estimable
from abgap.records.vocabulary import Status

# The worst first: what could not be tested keeps a launch back as a failure does, and more than a warning.
SEVERITY = (Status.FAIL, Status.NOT_TESTABLE, Status.WARN, Status.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that was looked at. candidate, production: its value for both models, None where there is none.

    change: from production to candidate, relative for latency and cost and else in the value's own units; None where
    nothing is compared. limit: what the change, or the value, may be at most. unit: of the values.
    """

    name: str
    status: Status
    candidate: float | None
    production: float | None
    change: Estimable | None
    limit: float | None
    unit: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightStep:
    """One of the five steps. missing: what would have to be there to test it (further)."""

    name: str
    status: Status
    sentence: str
    next_action: str
    evidence: tuple[Evidence, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowSummary:
    """Requests of the shadow run: that both models answered without error, and that only one did."""

    requests: int
    only_candidate: int
    only_production: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """A candidate before its launch. verdict: the worst of its steps. limits: as declared, or their defaults."""

    study: str
    candidate: str
    production: str
    verdict: Status
    sentence: str
    next_action: str
    steps: tuple[PreflightStep, ...]
    shadow: ShadowSummary | None
    limits: Mapping[str, float]


def most_telling(evidence: tuple[Evidence, ...], most: int) -> tuple[Evidence, ...]:
    """As many as fit on a page: all in their order, else the worst."""
    if len(evidence) <= most:
        return evidence
    return tuple(sorted(evidence, key=lambda e: SEVERITY.index(e.status)))[:most]


def worst(statuses: Iterable[Status]) -> Status:
    """The worst of several outcomes; ``not_testable`` when there are none."""
    found = set(statuses)
    return next((status for status in SEVERITY if status in found), Status.NOT_TESTABLE)
