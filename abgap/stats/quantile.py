"""The quantile of a sample and how it varies, by order statistics and without a density.

Events of one unit go together, so the share of events up to the quantile varies as a ratio over units does;
that says how far away the order statistics lie between which the true quantile is found (Deng, Knoblich and
Lu 2018). Where the values next to the quantile leave a gap, the bounds lie at very different distances from it, and
the larger one counts. Everything is asked of ranks and counts; which values stand at the ranks, the engine knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import only_where
from abgap.stats.moments import Bivariate, ratio_unit_variance
from abgap.stats.tails import normal_quantile

# The bounds whose distance is the quantile's spread are those of 95 %, whatever level the study tests at.
_Z = float(normal_quantile(0.975))
# Standard errors by which the logarithms of both halves differ, at most, without a gap (docs/methods.md: Quantiles).
_EVEN = 2.0


class Place(NamedTuple):
    """Where a sample quantile lies: between two ranks (counted from 1), at a share of the way; arrays of one shape."""

    low: FloatArray
    high: FloatArray
    share: FloatArray

    def value(self, at_low: FloatArray, at_high: FloatArray) -> FloatArray:
        """Return the quantile, given the values at both ranks."""
        return np.where(at_low == at_high, at_low, at_low + (at_high - at_low) * self.share)


def place_of(n: FloatArray, fraction: FloatArray | float) -> Place:
    """Return the place of a quantile among ``n`` values: linear between order statistics, as numpy does by default."""
    position = (n - 1.0) * fraction
    low = np.floor(position)
    return Place(low + 1.0, np.minimum(low + 2.0, n), position - low)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCounts:
    """Sums over the units of an arm: of their events, of those that are counted, of squares and products."""

    units: FloatArray
    events: FloatArray
    counted: FloatArray
    events_squared: FloatArray
    counted_squared: FloatArray
    events_counted: FloatArray


@np.errstate(divide="ignore", invalid="ignore")
def share_sd(counts: EventCounts) -> FloatArray:
    """Return the standard error of the share of events that are counted: a ratio over units, by the delta method."""
    n = counts.units

    def second(products: FloatArray, left: FloatArray, right: FloatArray) -> FloatArray:
        return only_where(n > 1.0, (products - left * right / n) / (n - 1.0))

    units = Bivariate(
        n=n,
        mean_y=counts.counted / n,
        variance_y=second(counts.counted_squared, counts.counted, counts.counted),
        mean_x=counts.events / n,
        variance_x=second(counts.events_squared, counts.events, counts.events),
        covariance=second(counts.events_counted, counts.events, counts.counted),
    )
    return np.sqrt(ratio_unit_variance(units) / n)


def outer_places(n: FloatArray, fraction: float, sd: FloatArray) -> tuple[Place, Place]:
    """Return the places of the quantiles ``fraction -+ z sd``; NaN where one of them lies outside of the sample."""
    low, high = fraction - _Z * sd, fraction + _Z * sd
    inside = (low >= 0.0) & (high <= 1.0)
    below, above = (place_of(n, only_where(inside, bound)) for bound in (low, high))
    return below, above


@np.errstate(divide="ignore", invalid="ignore")
def quantile_variance(
    value: FloatArray, low: FloatArray, high: FloatArray, *, fraction: float, sd: FloatArray
) -> FloatArray:
    """Return the variance of a quantile whose 95 % bounds are ``low`` and ``high``, ``sd`` the error of its share.

    Half of their distance stands for 1.96 standard errors, unless one bound lies farther from the quantile than chance
    explains: then that half does. In a half lie as many independent values as the bounds are ranks apart, so that the
    logarithm of its length has the standard error of a sum of as many exponential spacings.
    """
    halves = value - low, high - value
    larger, smaller = np.maximum(*halves), np.minimum(*halves)
    values = _Z * fraction * (1.0 - fraction) / sd
    uneven = larger > np.exp(_EVEN * np.sqrt(2.0 / values)) * smaller
    return np.asarray((np.where(uneven, larger, (high - low) / 2.0) / _Z) ** 2)


def widened(bound: FloatArray, value: FloatArray, beside: FloatArray, times: FloatArray) -> FloatArray:
    """Return a bound, moved half of the way to the next different value where several events share its value.

    value: at the outer rank of the bound; times: how many events have it. beside: the next one outward, NaN when
    there is none. Values that are shared were rounded, and stand for all that lies around them.
    """
    return np.where((times > 1.0) & np.isfinite(beside), (value + beside) / 2.0, bound)
