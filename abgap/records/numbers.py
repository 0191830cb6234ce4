"""A number with its uncertainty, or the reason why there is none.

``NotEstimable`` is a type of its own, so that every renderer has to say something about it:
an undefined number is never NaN, 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from abgap.records.vocabulary import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A point estimate with a confidence interval; all finite, ``low <= estimate <= high``.

    level: confidence level as a fraction, e.g. 0.95. method: how it was made, e.g. ``fieller``.
    """

    estimate: float
    low: float
    high: float
    level: float
    method: str

    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.low > 0.0 or self.high < 0.0

    def flipped(self) -> Interval:
        """The same interval with the sign turned (for metrics where less is better)."""
        return Interval(
            estimate=-self.estimate,
            low=-self.high,
            high=-self.low,
            level=self.level,
            method=self.method,
        )

    def nearer(self, distance: float) -> Interval:
        """How much nearer to a point that lies ``distance`` away a difference leads, from either side.

        distance: from where the difference begins to the point, with its sign; taken as known. The nearest that the
        interval comes to the point is its upper end.
        """
        ends = [abs(distance) - abs(distance - end) for end in (self.low, self.high)]
        return Interval(
            estimate=abs(distance) - abs(distance - self.estimate),
            low=min(ends),
            high=abs(distance) if self.low <= distance <= self.high else max(ends),
            level=self.level,
            method=self.method,
        )

    def scaled(self, factor: float) -> Interval:
        """The interval of ``factor`` times the number; ``factor`` must not be negative."""
        return Interval(
            estimate=self.estimate * factor,
            low=self.low * factor,
            high=self.high * factor,
            level=self.level,
            method=self.method,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotEstimable:
    """A number that could not be computed, and why."""

    reason: Reason
    detail: str


Estimable: TypeAlias = Interval | NotEstimable
