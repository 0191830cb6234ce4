"""Differences by example out of their sums: number, mean and variance, for every way of measuring."""

from __future__ import annotations

import numpy as np

from abgap.engine.exact import centred
from abgap.stats.moments import Univariate


def difference_moments(n: float, total: float, square: float) -> Univariate:
    """Out of how many there are, their sum and the sum of their squares; no mean of none, no variance of one."""
    count, summed = np.array(float(n)), np.array(total)
    second = np.maximum(centred(np.array(square), summed, summed, count), 0.0)
    variance = np.where(count > 1.0, second / np.maximum(count - 1.0, 1.0), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Univariate(n=count, mean=summed / count, variance=variance)
