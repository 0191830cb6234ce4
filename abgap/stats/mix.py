"""Two mixes of the same categories, such as a test set and live traffic: how far they differ, and what that changes.

The population stability index ``sum (p - q) ln(p / q)`` is, where both come from one population, chi-square with one
degree of freedom less than there are categories, times ``1 / n + 1 / m`` (Yurdakul and Naranjo, "Statistical
properties of the population stability index", Journal of Risk Model Validation 2020): a shift is judged against what
two samples of these sizes differ by anyway, and not against a fixed 0.1 or 0.25.

A mean over one mix becomes the mean over another by weighing every category by ``q / p``. What the weighted examples
are worth is ``1 / sum(q^2 / p)`` of their number (Kish 1965).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.tails import chi2_sf

LEAST_WORTH = 0.05
"""Below this share of the test set, what weighted examples are worth is too little to say anything."""


class Stability(NamedTuple):
    """How far two mixes differ: the index, and chi-square of it with its degrees of freedom and p-value."""

    psi: float
    statistic: float
    df: float
    p_value: float


class Reweighted(NamedTuple):
    """A mean over one mix minus the same over another, its standard error and the degrees of freedom of that."""

    difference: float
    standard_error: float
    df: float


def stability(counts: FloatArray, others: FloatArray) -> Stability:
    """Compare two mixes by their counts per category (categories without any count are left out).

    A category that only one of them has counts half an example in the other. NaN below two categories.
    """
    seen = (counts + others) > 0.0
    first, second = (np.maximum(each[seen], 0.5) for each in (counts, others))
    n, m = float(np.sum(first)), float(np.sum(second))
    p, q = first / n, second / m
    index = float(np.sum((p - q) * np.log(p / q)))
    df = float(np.sum(seen)) - 1.0
    statistic = index / (1.0 / n + 1.0 / m)
    return Stability(index, statistic, df, float(chi2_sf(statistic, df)))


def worth(share: FloatArray, other: FloatArray) -> float:
    """Return what examples of one mix are worth, as a share of them, when they are weighted to another; 0 without any.

    share: of the examples by category; other: what is wanted. Both sum to 1.
    """
    wanted = other > 0.0
    if np.any(share[wanted] <= 0.0):
        return 0.0
    return float(1.0 / np.sum(other[wanted] ** 2 / share[wanted]))


def reweighted(
    mean: FloatArray, variance: FloatArray, counts: FloatArray, other: FloatArray, *, size: float
) -> Reweighted:
    """Return a mean over examples minus the same mean if their categories had the shares ``other`` (these sum to 1).

    mean, variance: of the values in every category (variance per example, with n - 1); counts: examples. size: examples
    that the other shares were counted over, infinite where they are known. The mix of the examples counts as it is: the
    mean over them is taken apart. The variance is that of the means, ``sum (p - q)^2 s^2 / n``, and that of
    the other shares, the spread of the means over that mix by its size. Degrees of freedom by Satterthwaite.
    """
    n = float(np.sum(counts))
    share = counts / n
    of_means = (share - other) ** 2 * variance / counts
    between = _spread(other, mean) / size
    total = float(np.sum(of_means)) + between
    with np.errstate(divide="ignore", invalid="ignore"):
        unsure = float(np.sum(of_means**2 / np.maximum(counts - 1.0, 1.0)))
    df = float(np.sum(of_means)) ** 2 / unsure if unsure > 0.0 else np.inf
    return Reweighted(float(np.sum((share - other) * mean)), total**0.5, df)


def _spread(share: FloatArray, mean: FloatArray) -> float:
    centre = float(np.sum(share * mean))
    return float(np.sum(share * (mean - centre) ** 2))
