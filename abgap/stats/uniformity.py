"""Are these p-values those of a test that holds its level? Exact tests of how many are small, and of all together.

Every p-value comes from a comparison without an effect. How many are below alpha is binomial; how far their
distribution lies above or below the uniform one is judged by the one-sided statistics of Kolmogorov and Smirnov, whose
distribution is exact for any number of them (Birnbaum and Tingey 1951).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from abgap.records.moments import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What p-values of comparisons without an effect say of a test.

    found: how many are below alpha, of ``count``. too_many_p, too_few_p: the probability of at least, and of at most,
    as many by chance. too_small_p, too_large_p: the same of their distribution lying as far above the uniform one
    (p-values are too small), and as far below it. All one-sided.
    """

    found: int
    count: int
    too_many_p: float
    too_few_p: float
    too_small_p: float
    too_large_p: float

    @property
    def uniformity_p(self) -> float:
        """Two-sided p of uniform p-values."""
        return min(1.0, 2.0 * min(self.too_small_p, self.too_large_p))


def level_of(p: FloatArray, alpha: float) -> Level:
    """Judge p-values, one dimension, at least one, none NaN."""
    count, found = len(p), int(np.sum(p < alpha))
    above, below = _distances(_untied(p))
    return Level(
        found=found,
        count=count,
        too_many_p=binomial_sf(found, count, alpha),
        too_few_p=binomial_cdf(found, count, alpha),
        too_small_p=float(special.smirnov(count, above)),
        too_large_p=float(special.smirnov(count, below)),
    )


def binomial_sf(found: int, count: int, share: float) -> float:
    """Return the probability of ``found`` or more successes out of ``count``."""
    return 1.0 if found == 0 else float(special.bdtrc(found - 1, count, share))


def binomial_cdf(found: int, count: int, share: float) -> float:
    """Return the probability of ``found`` or fewer successes out of ``count``."""
    return float(special.bdtr(found, count, share))


def binomial_interval(found: int, count: int, level: float) -> tuple[float, float]:
    """Return the interval of Clopper and Pearson (1934) for a share."""
    tail = (1.0 - level) / 2.0
    low = 0.0 if found == 0 else float(special.betaincinv(found, count - found + 1, tail))
    high = 1.0 if found == count else float(special.betaincinv(found + 1, count - found, 1.0 - tail))
    return low, high


def _distances(p: FloatArray) -> tuple[float, float]:
    """How far the distribution of the values lies above the uniform one at most, and how far below it."""
    ordered, n = np.sort(p), len(p)
    places = np.arange(1, n + 1)
    above, below = float(np.max(places / n - ordered)), float(np.max(ordered - (places - 1) / n))
    return max(above, 0.0), max(below, 0.0)


def _untied(p: FloatArray) -> FloatArray:
    """Equal values spread evenly up to the midpoints to their neighbours.

    Tests of counts have few possible p-values, which are in the middle of what a continuous test would give: they
    are no reason to doubt the test. A value that is there once stays as it is.
    """
    values, places, sizes = np.unique(p, return_inverse=True, return_counts=True)
    middles = (values[1:] + values[:-1]) / 2.0
    low, high = np.concatenate(([0.0], middles)), np.concatenate((middles, [1.0]))
    order = np.argsort(places, kind="stable")
    first = np.cumsum(sizes) - sizes
    rank = np.empty(len(p))
    rank[order] = np.arange(len(p)) - np.repeat(first, sizes)
    size = sizes[places]
    spread = low[places] + (rank + 0.5) / size * (high - low)[places]
    return np.where(size > 1, spread, p)
