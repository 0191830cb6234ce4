"""How one estimate reads in a decision: turned so that up is good, with what is established about it."""

from __future__ import annotations

from dataclasses import dataclass

from abgap.gap.sentences import difference_clause, online_clause
from abgap.gap.verdict import Sign, lies_inside, online_sign
from abgap.records import Estimable, Estimate, Interval, NotEstimable, Reason
from abgap.records.words import label, plain
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
        constant = constant_clause(self.estimate)
        if constant is not None:
            return f"{constant}: the values do not vary within the arms, so nothing can be tested"
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


def exact_change(estimate: Estimate) -> float | None:
    """The change (up is good) where every unit of an arm has the same value: known without a test."""
    before, after, difference = estimate.value_control, estimate.value_treatment, estimate.difference
    without_spread = isinstance(difference, NotEstimable) and difference.reason is Reason.ZERO_VARIANCE
    # Covariates may explain every difference between units that have values of their own.
    explained = estimate.unadjusted is not None and isinstance(estimate.unadjusted.difference, Interval)
    if not without_spread or explained or before is None or after is None:
        return None
    return estimate.direction.sign * (after - before)


def constant_clause(estimate: Estimate) -> str | None:
    """From which value to which other one all units of an arm went, in words; None when they did not."""
    before, after = estimate.value_control, estimate.value_treatment
    if not exact_change(estimate) or before is None or after is None:
        return None
    verb = "rose" if after > before else "fell"
    return f"{label(estimate.metric)} {verb} from {plain(before)} to {plain(after)} in every unit"


def is_too_small(estimate: Estimate) -> bool:
    """Whether only units are missing to test it."""
    difference = estimate.difference
    return isinstance(difference, NotEstimable) and difference.reason is Reason.TOO_FEW_UNITS
