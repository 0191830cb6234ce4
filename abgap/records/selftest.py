"""What ``abgap selftest`` found: tests on units divided anew, on planted effects, and on planted faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from abgap.records.numbers import Interval
from abgap.records.vocabulary import Kind


class TestLevel(StrEnum):
    """Whether a test finds something where there is nothing as often as alpha says."""

    __test__ = False  # no test of pytest, whatever its name

    HOLDS = "ok"
    TOO_MANY = "too many"
    TOO_FEW = "too few"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLevel:
    """One metric over all draws of the A/A test.

    draws: with a p-value. found: those below alpha. rate: their share, with its Monte-Carlo interval. coverage: share
    of the intervals of the difference that hold 0. uniformity_p: of p-values that are uniform. None without enough
    p-values. sentence: what to make of it.
    """

    metric: str
    kind: Kind
    verdict: TestLevel
    draws: int
    found: int
    rate: Interval | None
    coverage: float | None
    uniformity_p: float | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReRandomised:
    """The A/A test on the study's own units. split: parts of the units by arm, as drawn."""

    experiment: str
    units: int
    split: Mapping[str, float]
    draws: int
    alpha: float
    metrics: tuple[MetricLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selftest:
    """All that was tested. units: of the study, None where it has none, and then ``reason`` says why."""

    units: ReRandomised | None
    reason: str | None
