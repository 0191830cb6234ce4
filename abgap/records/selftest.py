"""What ``abgap selftest`` found: tests on units divided anew, on planted effects, and on planted faults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from abgap.records.numbers import Estimable, Interval
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
class RecoveredLift:
    """A metric of simulated experiments with a planted lift.

    mean_lift: of the estimates. covered: experiments whose interval holds the true lift; coverage: their share, with
    its Monte-Carlo interval. detected: experiments whose interval excludes 0. ok: whether coverage is not too low.
    """

    metric: str
    true_lift: float
    mean_lift: float | None
    covered: int
    coverage: Interval
    detected: int
    ok: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedEffects:
    """Simulated experiments, analysed from their logs. users: of each."""

    experiments: int
    users: int
    metrics: tuple[RecoveredLift, ...]


class FaultFate(StrEnum):
    """What becomes of a fault of the logs: a check tells, it does not count, or nothing can tell."""

    CAUGHT = "caught"
    IMMUNE = "does not count"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedFault:
    """A fault planted in simulated logs. planted: what, in words. expected: whether its fate is the documented one.

    caught_by: checks that warn or fail with it and not without. sentence: of the one that has to. lift: with the fault.
    """

    name: str
    planted: str
    fate: FaultFate
    expected: bool
    caught_by: tuple[str, ...]
    sentence: str | None
    lift: Estimable


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedFaults:
    """The same simulated logs with one fault at a time.

    lift: without any. false_alarms: checks that are not content then.
    """

    users: int
    metric: str
    true_lift: float
    lift: Estimable
    false_alarms: tuple[str, ...]
    faults: tuple[PlantedFault, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selftest:
    """All that was tested. units: of the study, None where it has none, and then ``reason`` says why.

    effects, faults: None where no simulations were asked for.
    """

    units: ReRandomised | None
    reason: str | None
    effects: PlantedEffects | None = None
    faults: PlantedFaults | None = None


def failures(found: Selftest) -> list[str]:
    """What is not as it should be, each in a few words."""
    failed = (
        []
        if found.units is None
        else [
            f"{m.metric}: too many false positives"
            for m in found.units.metrics
            if m.verdict is TestLevel.TOO_MANY
        ]
    )
    if found.effects is not None:
        failed += [f"{m.metric}: planted lifts are missed" for m in found.effects.metrics if not m.ok]
    if found.faults is not None:
        failed += [f"{check}: a false alarm" for check in found.faults.false_alarms]
        failed += [f"{fault.name}: {fault.fate.value}" for fault in found.faults.faults if not fault.expected]
    return failed
