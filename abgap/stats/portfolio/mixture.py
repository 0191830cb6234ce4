"""A number that is known by its distribution function alone, above all a mixture of normals: bounds by root finding."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Bounds
from abgap.stats.tails import normal_cdf

_STEPS, _CLOSE = 100, 1e-12
Range: TypeAlias = tuple[float, float]
Cumulative: TypeAlias = Callable[[float], float]


class Mixture(NamedTuple):
    """Normals of different weights (all N,): a number of which nothing but averages over spreads is known."""

    weight: FloatArray
    mean: FloatArray
    sd: FloatArray

    def below(self, value: float) -> float:
        """The chance of a value at most this large."""
        return float(self.weight @ normal_cdf((value - self.mean) / self.sd))

    def bounds(self, alpha: float) -> Bounds:
        """The median, and the quantiles between which all but ``alpha`` lies."""
        ends = float(np.min(self.mean - 12.0 * self.sd)), float(np.max(self.mean + 12.0 * self.sd))
        return bounds_of(self.below, ends, alpha)


def bounds_of(below: Cumulative, ends: Range, alpha: float) -> Bounds:
    """The median with the quantiles that leave half of ``alpha`` on either side, by bisection."""
    return Bounds(*(_quantile(below, ends, p) for p in (0.5, alpha / 2.0, 1.0 - alpha / 2.0)))


def _quantile(below: Cumulative, ends: Range, p: float) -> FloatArray:
    """Where a distribution function is p: by secants of the bracket (Illinois), every third step halves it."""
    (low, high), (under, over) = ends, (-p, 1.0 - p)
    for step in range(_STEPS):
        middle = 0.5 * (low + high) if step % 3 == 0 else (low * over - high * under) / (over - under)
        found = below(middle) - p
        if abs(found) < _CLOSE:
            return np.asarray(middle)
        if found < 0.0:
            low, under, over = middle, found, 0.5 * over
        else:
            high, over, under = middle, found, 0.5 * under
    return np.asarray(0.5 * (low + high))
