"""What the diagnosis has to reach, and whether it does, with the error that so many replicates leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from abgap.lab.diagnosis.tally import Cell, Tally
from abgap.lab.scenarios.base import Strength
from abgap.stats.uniformity import binomial_interval

DETECTION, FALSE_ALARMS, HONEST = 0.90, 0.05, 0.05
COVERAGE = (0.90, 0.98)
LEVEL = 0.95


class Kind(StrEnum):
    """What a rate is of."""

    DETECTION = "detection"
    FALSE_ALARMS = "false alarms"
    WORST = "false alarms in the worst scenario"
    COVERAGE = "coverage"
    HONEST = "honest"


class Outcome(StrEnum):
    """Whether a goal is met."""

    MET = "met"
    WITHIN_ERROR = "within its error"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share of replicates. found out of n, with the interval of Clopper and Pearson."""

    found: int
    n: int

    @property
    def share(self) -> float:
        """The share itself; of nothing it is 0."""
        return self.found / self.n if self.n else 0.0

    def interval(self, tests: int = 1) -> tuple[float, float]:
        """Its interval at 95 %; tests: how many rates the chosen one is the most extreme of (Bonferroni)."""
        return binomial_interval(self.found, self.n, 1.0 - (1.0 - LEVEL) / tests) if self.n else (0.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One goal in one place. reason: what is planted, or called supported; scenario: where.

    tests: how many places this one was chosen from for being the worst.
    """

    kind: Kind
    reason: str
    scenario: str
    rate: Rate
    low: float
    high: float
    tests: int = 1

    @property
    def outcome(self) -> Outcome:
        """Met where the share itself is; missed where its whole interval lies beyond."""
        if self.low <= self.rate.share <= self.high:
            return Outcome.MET
        low, high = self.rate.interval(self.tests)
        return Outcome.MISSED if high < self.low or low > self.high else Outcome.WITHIN_ERROR


def goals_of(cells: Sequence[Cell]) -> list[Goal]:
    """All goals that the cells can answer, kind by kind."""
    clear = [cell for cell in cells if cell.strength is Strength.CLEAR]
    alarms = [goal for name in names_of(cells) for goal in _alarms(cells, name)]
    return [
        *(goal for cell in clear for goal in _detections(cell)),
        *(goal for goal in alarms if goal.kind is Kind.FALSE_ALARMS),
        *(goal for goal in alarms if goal.kind is Kind.WORST),
        *(goal for cell in clear for goal in _coverages(cell)),
        *(_honest(cell) for cell in clear if not cell.planted),
    ]


def names_of(cells: Sequence[Cell]) -> list[str]:
    """The reasons that were looked at."""
    return sorted({name for cell in cells for name in cell.reasons})


def detection(cell: Cell, name: str) -> Rate:
    """How often a planted reason is called supported."""
    return Rate(found=cell.reasons[name].supported, n=cell.replicates)


def absent(cells: Sequence[Cell], name: str) -> list[tuple[Cell, Tally]]:
    """Where something else was planted, and the reason could be tested."""
    pairs = ((cell, cell.reasons.get(name)) for cell in cells if cell.planted)
    return [
        (cell, tally) for cell, tally in pairs if tally is not None and not tally.planted and tally.testable
    ]


def alarm(tallies: Iterable[Tally]) -> Rate:
    """How often an absent reason is called supported, of the times it could be tested."""
    counts = [(tally.supported, tally.testable) for tally in tallies]
    return Rate(found=sum(found for found, _ in counts), n=sum(n for _, n in counts))


def _detections(cell: Cell) -> Iterator[Goal]:
    for name in cell.planted:
        yield Goal(
            kind=Kind.DETECTION, reason=name, scenario=cell.scenario, rate=detection(cell, name),
            low=DETECTION, high=1.0,
        )  # fmt: skip


def _alarms(cells: Sequence[Cell], name: str) -> Iterator[Goal]:
    """Of all scenarios together, and of the one in which it is most often called supported."""
    places = absent(cells, name)
    if not places:
        return
    worst, tally = max(places, key=lambda place: alarm([place[1]]).share)
    yield Goal(
        kind=Kind.FALSE_ALARMS, reason=name, scenario="", rate=alarm(t for _, t in places), low=0.0,
        high=FALSE_ALARMS,
    )  # fmt: skip
    yield Goal(
        kind=Kind.WORST, reason=name, scenario=f"{worst.scenario}, {worst.strength.value}", rate=alarm([tally]),
        low=0.0, high=FALSE_ALARMS, tests=len(places),
    )  # fmt: skip


def _coverages(cell: Cell) -> Iterator[Goal]:
    for name in cell.planted:
        amounts = cell.reasons[name].amounts
        if amounts is not None:
            rate = Rate(found=amounts.covered, n=amounts.n)
            low, high = COVERAGE
            yield Goal(kind=Kind.COVERAGE, reason=name, scenario=cell.scenario, rate=rate, low=low, high=high)


def _honest(cell: Cell) -> Goal:
    rate = Rate(found=cell.explained, n=cell.replicates)
    return Goal(kind=Kind.HONEST, reason="any", scenario=cell.scenario, rate=rate, low=0.0, high=HONEST)
