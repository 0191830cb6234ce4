"""A test that is planned: per metric its size, its duration, and what it would detect week by week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from abgap.records.vocabulary import Direction, Kind, Role


class PlannedTest(StrEnum):
    """What a test is to show."""

    SUPERIORITY = "superiority"
    NON_INFERIORITY = "non-inferiority"
    EQUIVALENCE = "equivalence"


class PlannedOption(StrEnum):
    """How the metric is planned: as the study declares it, or with a key taken away to see what it brings."""

    AS_DECLARED = "as declared"
    WITHOUT_COVARIATE = "without covariate"
    WITHOUT_CAP = "without cap"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWeek:
    """What a test read at the end of a week would see.

    units: of all arms, those whose window is over. detectable: the smallest effect found with the planned power.
    power: to find the effect aimed at. None where there is none.
    """

    week: int
    units: int
    detectable: float | None
    power: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedMetric:
    """One metric, tested in one way.

    effect: what the test is sized for, relative: a lift, a margin, or half the width of a band. alpha: the level it
    is planned at, after the correction for several comparisons; one-sided unless superiority. baseline, sd: of a
    unit, before covariates, which take out the fraction variance_removed. units: needed per arm. weeks: of enrolment
    and window together, whole weeks. reason: why something is missing.
    """

    metric: str
    kind: Kind
    role: Role
    direction: Direction
    option: PlannedOption
    test: PlannedTest
    effect: float | None
    alpha: float
    baseline: float | None
    sd: float | None
    variance_removed: float | None
    units: Mapping[str, int] | None
    units_total: int | None
    weeks: int | None
    by_week: tuple[PlannedWeek, ...]
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestPlan:
    """A test planned from the logs of an experiment.

    history: the arms that the means and variances are of. units_in_history: of those arms. days_in_history: on which
    units came in, None without times. weekly_units: that enter the test in its first week. share: of the traffic that
    is in the test. split: parts of its units by arm. alpha, power: as asked for.
    """

    __test__ = False  # no test of pytest, whatever its name

    experiment: str
    history: str
    units_in_history: int
    days_in_history: int | None
    weekly_units: int | None
    share: float
    split: Mapping[str, float]
    alpha: float
    power: float
    metrics: tuple[PlannedMetric, ...]
    notes: tuple[str, ...]
