"""What became of one scenario at one strength: counts over its replicates, reason by reason."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from abgap.lab.scenarios.base import Scenario, Strength
from abgap.lab.scenarios.running import Diagnosed
from abgap.records import Finding, FindingStatus, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Amounts:
    """Amounts of a planted reason against the truth, in lift.

    n: replicates with an amount and a known truth. truth, bias: means; sd: of the errors. covered: intervals with the
    truth in them.
    """

    n: int
    truth: float
    bias: float
    sd: float
    covered: int

    @property
    def bias_error(self) -> float:
        """The Monte-Carlo standard error of the bias."""
        return self.sd / math.sqrt(self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One reason in one scenario.

    judged: replicates in which it was looked at. testable: with a verdict or at least an amount; opened: of these, with
    an established gap, so that there was something to explain. first: it was the largest of the supported ones.
    """

    planted: bool
    judged: int
    testable: int
    opened: int
    supported: int
    contradicted: int
    first: int
    amounts: Amounts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One scenario at one strength. gaps: replicates with an established gap. explained: with any supported reason.

    false: with a supported reason that was not planted. verdicts: how often each was given.
    """

    scenario: str
    world: str
    strength: Strength
    planted: tuple[str, ...]
    seed: int
    replicates: int
    gaps: int
    explained: int
    false: int
    verdicts: Mapping[str, int] = field(default_factory=dict)
    reasons: Mapping[str, Tally] = field(default_factory=dict)


def cell_of(scenario: Scenario, strength: Strength, seed: int, found: Sequence[Diagnosed]) -> Cell:
    """The counts of all replicates."""
    names = sorted({finding.name for one in found for finding in one.gap.reasons} | set(scenario.reasons))
    return Cell(
        scenario=scenario.name,
        world=scenario.world,
        strength=strength,
        planted=scenario.reasons,
        seed=seed,
        replicates=len(found),
        gaps=sum(has_gap(one) for one in found),
        explained=sum(bool(one.supported) for one in found),
        false=sum(bool(one.false_alarms) for one in found),
        verdicts=dict(sorted(Counter(one.gap.verdict.value for one in found).items())),
        reasons={name: _tally(name, scenario, found) for name in names},
    )


def has_gap(one: Diagnosed) -> bool:
    """Whether a missing lift is established."""
    shortfall = one.gap.shortfall
    return shortfall is not None and shortfall.low > 0.0


def _tally(name: str, scenario: Scenario, found: Sequence[Diagnosed]) -> Tally:
    pairs = [(one, finding) for one in found for finding in one.gap.reasons if finding.name == name]
    testable = [(one, finding) for one, finding in pairs if _is_testable(finding)]
    status = Counter(finding.status for _, finding in pairs)
    return Tally(
        planted=name in scenario.reasons,
        judged=len(pairs),
        testable=len(testable),
        opened=sum(has_gap(one) for one, _ in testable),
        supported=status[FindingStatus.SUPPORTED],
        contradicted=status[FindingStatus.CONTRADICTED],
        first=sum(bool(one.supported) and one.supported[0].name == name for one in found),
        amounts=_amounts(name, testable),
    )


def _is_testable(finding: Finding) -> bool:
    return finding.status is not FindingStatus.NOT_TESTABLE or isinstance(finding.lift, Interval)


def _amounts(name: str, found: Iterable[tuple[Diagnosed, Finding]]) -> Amounts | None:
    """The amounts against what was planted; None where none was, or none is given."""
    known = [
        (truth, finding.lift)
        for one, finding in found
        if (truth := one.planted.reasons.get(name)) is not None and isinstance(finding.lift, Interval)
    ]
    if len(known) < 2:
        return None
    errors = [amount.estimate - truth for truth, amount in known]
    bias = math.fsum(errors) / len(errors)
    return Amounts(
        n=len(known),
        truth=math.fsum(truth for truth, _ in known) / len(known),
        bias=bias,
        sd=math.sqrt(math.fsum((error - bias) ** 2 for error in errors) / (len(errors) - 1)),
        covered=sum(amount.low <= truth <= amount.high for truth, amount in known),
    )
