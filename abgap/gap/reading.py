"""How one estimate reads in a decision: turned so that up is good, with what is established about it."""

from __future__ import annotations

from dataclasses import dataclass

from abgap.gap.sentences import difference_clause, online_clause
from abgap.gap.verdict import Sign, lies_inside, online_sign
from abgap.records import Estimable, Estimate, Interval, NotEstimable
from abgap.study.model import Metric


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One metric of one arm, turned so that up is good.

    sign: of the established effect (corrected), None when it cannot be estimated. equivalent: the whole
    interval of the lift lies inside the band of what would not matter.
    """

    estimate: Estimate
    difference: Estimable
    lift: Estimable
    sign: Sign | None
    delta: float | None
    equivalent: bool

    @property
    def clause(self) -> str:
        """What happened, in words; by the difference where there is no lift."""
        metric, direction = self.estimate.metric, self.estimate.direction
        if isinstance(self.lift, NotEstimable) and isinstance(self.difference, Interval):
            return difference_clause(metric, direction, self.difference, self.sign)
        return online_clause(metric, direction, self.lift, self.sign, self.delta)


def read(estimate: Estimate, metric: Metric | None, alpha: float) -> Reading:
    """Turn an estimate so that up is good, and say what is established."""
    lift = turned(estimate, estimate.lift)
    delta = None if metric is None else metric.smallest_worthwhile_lift
    difference = turned(estimate, estimate.difference)
    return Reading(
        estimate=estimate,
        difference=difference,
        lift=lift,
        sign=online_sign(difference, established=established(estimate, alpha)),
        delta=delta,
        equivalent=lies_inside(lift, delta),
    )


def established(estimate: Estimate, alpha: float) -> bool:
    """Whether the effect survives the correction for multiple testing (or none, where none is due)."""
    p = estimate.p_value if estimate.p_adjusted is None else estimate.p_adjusted
    return p is not None and p < alpha


def turned(estimate: Estimate, number: Estimable) -> Estimable:
    """A number of this estimate with up being good."""
    if isinstance(number, NotEstimable) or estimate.direction.sign > 0:
        return number
    return number.flipped()
