"""Two models on the same requests: quantiles of latency, rates of error and costs, each against the other's.

Quantiles have the spread that their order statistics show (``quantile.py``). Two quantiles over the same requests go
together as the indicators of being at most as slow do (Bahadur 1966: a quantile moves as the share below it), so that
the variance of their difference is ``s_c^2 + s_p^2 - 2 rho s_c s_p``. Increases are judged as logarithms of the ratio,
as no latency is below zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Bounds, same_shape
from abgap.stats.quantile import Place, outer_places, place_of, quantile_variance
from abgap.stats.tails import normal_bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantilePlaces:
    """Ranks of a quantile among n values, and of the bounds between which the true one lies (NaN outside of them)."""

    at: Place
    low: Place
    high: Place
    fraction: float
    sd: FloatArray

    @property
    def ranks(self) -> list[int]:
        """All ranks whose values are needed."""
        found = {float(x) for place in (self.at, self.low, self.high) for x in (place.low, place.high)}
        return sorted(int(x) for x in found if np.isfinite(x))


def quantile_places(n: int, fraction: float) -> QuantilePlaces:
    """Return where a quantile of ``n`` independent values lies."""
    size = np.asarray(float(n))
    sd = np.asarray(np.sqrt(fraction * (1.0 - fraction) / size))
    low, high = outer_places(size, fraction, sd)
    return QuantilePlaces(at=place_of(size, fraction), low=low, high=high, fraction=fraction, sd=sd)


def quantile_spread(places: QuantilePlaces, value: float, low: float, high: float) -> float:
    """Return the standard error of a quantile; NaN where the sample does not reach as far as its bounds."""
    parts = same_shape(value, low, high)
    variance = quantile_variance(*parts, fraction=places.fraction, sd=places.sd)
    return float(np.sqrt(variance))


def indicator_correlation(both: int, n: int, fraction: float) -> float:
    """Return how being at most as slow as one's quantile goes together. both: requests where it holds for both."""
    return float(np.clip((both / n - fraction**2) / (fraction * (1.0 - fraction)), -1.0, 1.0))


def relative_increase(
    candidate: tuple[float, float], production: tuple[float, float], correlation: float, alpha: float
) -> Bounds:
    """Return candidate over production, minus 1. Each: a value above zero, and its standard error."""
    (c, c_error), (p, p_error) = candidate, production
    a, b = c_error / c, p_error / p
    error = np.sqrt(max(a * a + b * b - 2.0 * correlation * a * b, 0.0))
    return Bounds(*(np.expm1(x) for x in normal_bounds(np.asarray(np.log(c / p)), np.asarray(error), alpha)))


def error_difference(n: int, candidate_alone: int, production_alone: int, alpha: float) -> Bounds:
    """Return the difference of two shares over the same requests.

    The interval is Wald's with half a request more in each of the four cells, which holds for few errors too (Agresti
    and Min 2005); the estimate is without.
    """
    size, c, p = n + 2.0, candidate_alone + 0.5, production_alone + 0.5
    error = np.sqrt((c + p) - (c - p) ** 2 / size) / size
    _, low, high = normal_bounds(np.asarray((c - p) / size), np.asarray(error), alpha)
    estimate = np.asarray((candidate_alone - production_alone) / n)
    return Bounds(estimate, np.minimum(low, estimate), np.maximum(high, estimate))
