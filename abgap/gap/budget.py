"""The gap budget: expected lift, minus each supported reason, minus what stays unexplained, equals observed lift.

Reasons on the offline side revise the gain: each keeps a part of it, and together they keep the product of the parts,
so what one of them takes depends on which came before. Reasons on the online side take their amount, whatever else
is true. Chance can only account for what is left. The cause of a loss, its place and its days may be three reasons for
one loss: together they explain no more than can be missing, the upper end of the gap. What each takes is its Shapley
value, the average over all orders; a reason that is alone takes its own amount, with its own interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abgap.gap.expected import critical, shortfall
from abgap.records import BarKind, BudgetBar, Finding, FindingStatus, Interval, Side
from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray
from abgap.stats.shapley import coalitions, shapley

# Of an input's half width: products are exact at any step, and what rounding leaves is far below a digit shown.
_STEP = 0.01


def gap_budget(expected: Interval, observed: Interval, findings: Sequence[Finding]) -> tuple[BudgetBar, ...]:
    """The bars, reasons in the order of the findings: those that are supported and have an amount.

    ``expected - reasons - unexplained = observed``. Intervals are of the level of the observed lift.
    """
    reasons = [
        (finding, finding.lift)
        for finding in findings
        if finding.status is FindingStatus.SUPPORTED and isinstance(finding.lift, Interval)
    ]
    game = _Game(
        inputs=(expected, observed, *(amount for _, amount in reasons)),
        sides=tuple(finding.side for finding, _ in reasons),
    )
    taken = game.taken(game.centre)
    slopes = game.slopes()
    bars = [BudgetBar(kind=BarKind.EXPECTED, name=BarKind.EXPECTED.value, amount=expected)]
    for place, (finding, amount) in enumerate(reasons):
        interval = (
            _held(amount, float(taken[place]))
            if game.sides[place] is Side.CHANCE
            else game.interval(float(taken[place]), slopes[place])
        )
        bars.append(BudgetBar(kind=BarKind.REASON, name=finding.name, amount=interval))
    rest = expected.estimate - float(taken.sum()) - observed.estimate
    bars.append(
        BudgetBar(
            kind=BarKind.UNEXPLAINED,
            name=BarKind.UNEXPLAINED.value,
            amount=game.interval(rest, game.slope_of_rest(slopes)),
        )
    )
    bars.append(BudgetBar(kind=BarKind.OBSERVED, name=BarKind.OBSERVED.value, amount=observed))
    return tuple(bars)


def _held(amount: Interval, taken: float) -> Interval:
    """What chance took, in the range of what it can do: that does not depend on other reasons."""
    return Interval(
        estimate=taken,
        low=min(amount.low, taken),
        high=max(amount.high, taken),
        level=amount.level,
        method=amount.method,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Game:
    """Reasons as players. inputs: expected and observed lift, then the reasons' own amounts."""

    inputs: tuple[Interval, ...]
    sides: tuple[Side, ...]

    @property
    def centre(self) -> FloatArray:
        """The estimates of the inputs."""
        return np.array([given.estimate for given in self.inputs])

    def taken(self, point: FloatArray) -> FloatArray:
        """What each reason takes of the expected lift, where the inputs are at ``point``."""
        return shapley(self._explained(point), len(self.sides))

    def _explained(self, point: FloatArray) -> FloatArray:
        """What each coalition of reasons explains."""
        expected, observed, amounts = float(point[0]), float(point[1]), point[2:]
        members = coalitions(len(self.sides))
        offline, chance = self._are(Side.OFFLINE), self._are(Side.CHANCE)
        # A gain can be lost only once; what a turned gain costs beyond it adds up.
        once = np.where(offline, np.clip(amounts, 0.0, max(expected, 0.0)), 0.0)
        alone = np.where(chance, 0.0, amounts) - once
        kept = np.where(members, 1.0 - (once / expected if expected > 0.0 else 0.0), 1.0).prod(axis=1)
        explained = max(expected, 0.0) * (1.0 - kept) + members @ alone
        explained = np.minimum(explained, max(self._most, float(np.max(once + alone, initial=0.0))))
        for place in np.flatnonzero(chance):
            amount = self.inputs[2 + int(place)]
            left = np.clip(expected - explained - observed, amount.low, amount.high)
            explained = explained + np.where(members[:, place], left, 0.0)
        return np.asarray(explained)

    @property
    def _most(self) -> float:
        """The largest lift that can be missing."""
        return shortfall(self.inputs[0], self.inputs[1]).high

    def _are(self, side: Side) -> BoolArray:
        return np.array([each is side for each in self.sides], dtype=np.bool_)

    def slopes(self) -> FloatArray:
        """How what each reason takes changes with the inputs, (reasons, inputs), by central differences."""
        found = np.zeros((len(self.sides), len(self.inputs)))
        for place, given in enumerate(self.inputs):
            step = _STEP * (given.high - given.low) / 2.0
            if step > 0.0:
                move = np.zeros(len(self.inputs))
                move[place] = step
                ends = self.taken(self.centre + move) - self.taken(self.centre - move)
                found[:, place] = ends / (2.0 * step)
        return found

    def slope_of_rest(self, slopes: FloatArray) -> FloatArray:
        """How the unexplained part changes with the inputs; chance as it is, since it would take all the error."""
        rest = -slopes[~self._are(Side.CHANCE)].sum(axis=0)
        rest[0] += 1.0
        rest[1] -= 1.0
        return np.asarray(rest)

    def interval(self, estimate: float, slope: FloatArray) -> Interval:
        """The interval of a number that depends on the inputs with these slopes.

        Each side takes the matching arms of the inputs' intervals (MOVER with correlations; Zou 2008). An amount of the
        offline side shares the error of the expected lift to the part that it takes of it, as what was measured on the
        same gain does; the observed lift and amounts of the online side have errors of their own.
        """
        level = self.inputs[1].level
        return Interval(
            estimate=estimate,
            low=estimate - self._arm(-slope),
            high=estimate + self._arm(slope),
            level=level,
            method="shapley",
        )

    def _arm(self, slope: FloatArray) -> float:
        """How far the number may lie above its estimate."""
        moved = np.array(
            [
                s * (given.high - given.estimate if s > 0.0 else given.estimate - given.low) * stretch
                for s, given, stretch in zip(slope, self.inputs, self._stretches(), strict=True)
            ]
        )
        shared = self._shared()
        return float(np.sqrt((moved @ shared) ** 2 + np.square(moved) @ (1.0 - np.square(shared))))

    def _stretches(self) -> list[float]:
        """Factors that bring the intervals of the inputs to the level of the observed lift."""
        aim = self.inputs[1].level
        return [1.0 if given.level == aim else critical(aim) / critical(given.level) for given in self.inputs]

    def _shared(self) -> FloatArray:
        """The correlation of each input with the expected lift."""
        expected = self.inputs[0]
        widths = [
            (given.high - given.low) * stretch
            for given, stretch in zip(self.inputs, self._stretches(), strict=True)
        ]
        found = np.zeros(len(self.inputs))
        found[0] = 1.0
        for place, side in enumerate(self.sides, start=2):
            if side is Side.OFFLINE and expected.estimate > 0.0 and widths[place] > 0.0:
                part = min(max(self.inputs[place].estimate / expected.estimate, 0.0), 1.0)
                found[place] = min(part * widths[0] / widths[place], 1.0)
        return found
