"""A metric as everything that is measured by unit takes it: its value out of sums, its interval, and differences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.records import Direction, Estimable, Interval, NotEstimable, Reason
from abgap.records.words import plural
from abgap.stats.arrays import MIN_UNITS, finite_or_none
from abgap.stats.clustered import ClusterSums, Influenced, difference
from abgap.stats.tails import normal_quantile, t_quantile

METHOD = "sandwich by unit"


class Carriers(NamedTuple):
    """The rows that carry a value, and what one of them is called."""

    n: float
    called: str


class Measured(NamedTuple):
    """A value, None where it is not defined, and its interval."""

    value: float | None
    interval: Estimable


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """One metric. value, base: of a part by the first and by the second score. rows: how many requests it is of."""

    name: str
    definition: str
    direction: Direction
    undefined: str
    alpha: float
    value: Callable[[ClusterSums], Influenced]
    base: Callable[[ClusterSums], Influenced]
    carriers: Callable[[ClusterSums], Carriers]
    rows: Callable[[ClusterSums], int]

    def measure(self, sums: ClusterSums) -> Measured:
        """The value with its interval."""
        return self._measured(sums, self.value(sums))

    def recompute(self, sums: ClusterSums) -> Measured:
        """The same by the second score."""
        return self._measured(sums, self.base(sums))

    def skew(self, sums: ClusterSums) -> Estimable:
        """By the second score minus by the first, on the same rows."""
        return self._measured(sums, difference(self.base(sums), self.value(sums))).interval

    def _measured(self, sums: ClusterSums, found: Influenced) -> Measured:
        return Measured(finite_or_none(found.value), self._interval(sums, found))

    def _interval(self, sums: ClusterSums, found: Influenced) -> Estimable:
        """By t over units, or over the rows that carry the value where they are fewer."""
        if not np.isfinite(found.value):
            return NotEstimable(reason=Reason.NOT_DEFINED, detail=self.undefined)
        carriers = self.carriers(sums)
        fewest = min(float(sums.clusters), carriers.n)
        if fewest < MIN_UNITS:
            named = Carriers(sums.clusters, "unit") if sums.clusters <= carriers.n else carriers
            detail = f"only {plural(named.n, named.called)}, at least {MIN_UNITS} are needed"
            return NotEstimable(reason=Reason.TOO_FEW_UNITS, detail=detail)
        variance = sums.variance(found.weights)
        if not np.isfinite(variance):
            return NotEstimable(reason=Reason.NOT_DEFINED, detail="its variance is not defined")
        if variance <= _ROUNDING * found.value**2:
            return NotEstimable(reason=Reason.ZERO_VARIANCE, detail="it does not vary between units")
        reach = float(t_quantile(1.0 - self.alpha / 2.0, fewest - 1.0)) * variance**0.5
        return _around(found.value, reach, self.alpha, METHOD)


# What is left of a variance at this share of the squared value is rounding.
_ROUNDING = 1e-24


def independent_difference(one: Measured, other: Measured, alpha: float) -> Estimable:
    """One value minus another of other rows, out of their intervals."""
    for side in (one, other):
        if not isinstance(side.interval, Interval):
            return side.interval
    if not isinstance(one.interval, Interval) or not isinstance(other.interval, Interval):
        raise TypeError("both have an interval here")
    reach = float(np.hypot(_half(one.interval), _half(other.interval)))
    return _around(one.interval.estimate - other.interval.estimate, reach, alpha, f"{METHOD}, independent")


def _half(interval: Interval) -> float:
    return (interval.high - interval.low) / 2.0


def standard_error(interval: Interval) -> float:
    """Out of an interval, by the normal: too large where it was made by t with few degrees of freedom."""
    return _half(interval) / float(normal_quantile(0.5 + interval.level / 2.0))


def _around(value: float, reach: float, alpha: float, method: str) -> Interval:
    return Interval(estimate=value, low=value - reach, high=value + reach, level=1.0 - alpha, method=method)
