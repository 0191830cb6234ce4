"""Means, variances and covariances of the units of one arm, and how those of parts become those of a whole.

Always centred second moments, never sums of squares: these keep their digits when the mean is large
against the spread. The variance of a ratio per unit comes from here too, because it needs nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray, set_same_shape

# What is left of a variance at this share of the terms it cancelled from is rounding, not spread.
_CANCELLED = 1e-14
# The same for a standard deviation against the mean: a constant metric, computed in floats.
_CONSTANT = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True)
class Univariate:
    """Units of one arm: their number, mean and variance (ddof 1); arrays of one shape."""

    n: FloatArray
    mean: FloatArray
    variance: FloatArray

    def __post_init__(self) -> None:
        set_same_shape(self, ("n", "mean", "variance"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bivariate:
    """Units of one arm with two values each; arrays of one shape, second moments with ddof 1.

    For a ratio y is the numerator and x the denominator; with a covariate y is the outcome and x the
    covariate.
    """

    n: FloatArray
    mean_y: FloatArray
    variance_y: FloatArray
    mean_x: FloatArray
    variance_x: FloatArray
    covariance: FloatArray

    def __post_init__(self) -> None:
        set_same_shape(self, ("n", "mean_y", "variance_y", "mean_x", "variance_x", "covariance"))


def merge_bivariate(parts: Bivariate, axis: int = -1) -> Bivariate:
    """Merge the parts along ``axis`` into the moments of all their units together, as ``merge_joint`` does for two."""
    n = parts.n
    total, centre_y = _pooled_mean(n, parts.mean_y, axis)
    _, centre_x = _pooled_mean(n, parts.mean_x, axis)
    off_y, off_x = parts.mean_y - centre_y, parts.mean_x - centre_x
    return Bivariate(
        n=total.squeeze(axis),
        mean_y=centre_y.squeeze(axis),
        variance_y=_pooled_second_moment(n, parts.variance_y, off_y**2, axis),
        mean_x=centre_x.squeeze(axis),
        variance_x=_pooled_second_moment(n, parts.variance_x, off_x**2, axis),
        covariance=_pooled_second_moment(n, parts.covariance, off_y * off_x, axis),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """Units of one part with m values each: n, means (m,) and covariances (m, m) with ddof 1.

    Of several parts: with their axes before these.
    """

    n: FloatArray
    means: FloatArray
    covariances: FloatArray


def merge_joint(parts: Joint, selected: BoolArray) -> Joint:
    """Merge parts (the axis before the vectors) into wholes, exactly as if each had been computed at once.

    selected: (s, parts), which parts each of the s wholes is made of. A part without units counts nothing, a part of
    one unit needs no covariances; means of no units and covariances below two are NaN.
    """
    n = np.where(selected, parts.n[..., None, :], 0.0)
    total = n.sum(axis=-1)
    means = np.where((parts.n > 0)[..., None], parts.means, 0.0)
    within = np.where((parts.n > 1)[..., None, None], parts.covariances, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.where(total[..., None] > 0, n @ means / total[..., None], np.nan)
        off = means[..., None, :, :] - centre[..., :, None, :]
        spread = np.einsum("...sp,...spi,...spj->...sij", n, off, off)
        spread += np.einsum("...sp,...pij->...sij", np.maximum(n - 1.0, 0.0), within)
        seconds = np.where(total[..., None, None] > 1, spread / (total - 1.0)[..., None, None], np.nan)
    return Joint(n=total, means=centre, covariances=seconds)


def linear_variance(arm: Bivariate, slope: FloatArray) -> FloatArray:
    """Return the variance per unit of ``y - slope * x``; exactly 0 where only rounding is left."""
    apart = arm.variance_y + slope**2 * arm.variance_x
    joint = 2.0 * slope * arm.covariance
    left = apart - joint
    return np.where(left <= _CANCELLED * (apart + np.abs(joint)), 0.0, left)


def is_constant(mean: FloatArray, variance: FloatArray) -> BoolArray:
    """Tell where units do not vary, up to rounding.

    Also where they vary by less than 1e-13 of their mean (by 1 at a mean of 1e15): a mean is a double, which near 1e15
    goes in steps of 0.125, wider than the standard error that such units give it, and imported moments were rounded
    before. Such a metric has to be taken from a nearer zero.
    """
    return np.asarray(variance <= (_CONSTANT * mean) ** 2)


@np.errstate(divide="ignore", invalid="ignore")
def ratio_value(arm: Bivariate) -> FloatArray:
    """Return the ratio of the means (y over x), that is of the sums; NaN where x sums to zero."""
    return np.where(arm.mean_x == 0.0, np.nan, arm.mean_y / arm.mean_x)


def ratio_unit_variance(arm: Bivariate) -> FloatArray:
    """Return the variance per unit of a ratio, so that this over n is the variance of the ratio.

    First-order delta method: the variance of ``(y - r x) / mean x`` over units (Deng, Knoblich, Lu 2018).
    """
    denominator = np.where(arm.mean_x == 0.0, np.nan, arm.mean_x)
    return np.asarray(linear_variance(arm, ratio_value(arm)) / denominator**2)


@np.errstate(divide="ignore", invalid="ignore")
def _pooled_mean(n: FloatArray, mean: FloatArray, axis: int) -> tuple[FloatArray, FloatArray]:
    """Return the number of units and their mean, with ``axis`` kept at length one."""
    total = np.sum(n, axis=axis, keepdims=True)
    summed = np.sum(np.where(n > 0, n * mean, 0.0), axis=axis, keepdims=True)
    return total, np.where(total > 0, summed / total, np.nan)


@np.errstate(divide="ignore", invalid="ignore")
def _pooled_second_moment(n: FloatArray, within: FloatArray, between: FloatArray, axis: int) -> FloatArray:
    """Return variance or covariance of the whole: spread within the parts plus that of their means."""
    inner = np.where(n > 1, (n - 1.0) * within, 0.0)
    outer = np.where(n > 0, n * between, 0.0)
    total = np.sum(n, axis=axis)
    return np.where(total > 1, np.sum(inner + outer, axis=axis) / (total - 1.0), np.nan)
