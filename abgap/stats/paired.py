"""Comparing two models offline: paired over queries where the rows are there, from standard errors where not.

A value that comes with neither rows nor a standard error gives no interval; n alone is not enough, because
nothing says that the metric is a proportion.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import (
    MIN_UNITS,
    Floats,
    checked_bounds,
    first_reason,
    no_reason,
    only_where,
    same_shape,
)
from abgap.stats.moments import Univariate, is_constant
from abgap.stats.tails import t_quantile, t_two_sided_p

# What is left of a variance at this share of the terms it cancelled from is rounding.
_ROUNDING = 2.0**-44


class Comparison(NamedTuple):
    """A difference with its confidence interval and two-sided p-value, or the reason why not."""

    difference: FloatArray
    low: FloatArray
    high: FloatArray
    p_value: FloatArray
    problem: ObjectArray


@np.errstate(divide="ignore", invalid="ignore")
def paired_difference(differences: Univariate, alpha: float) -> Comparison:
    """Judge the mean of per-query differences, candidate minus baseline, by t (n - 1 degrees of freedom)."""
    d = differences
    problem = first_reason(
        (~(d.n > 0) | np.isnan(d.mean), Reason.NO_UNITS),
        (d.n < MIN_UNITS, Reason.TOO_FEW_UNITS),
        (~np.isfinite(d.variance), Reason.NO_VARIANCE_GIVEN),
        (is_constant(d.mean, d.variance), Reason.ZERO_VARIANCE),
    )
    return _comparison(d.mean, np.sqrt(d.variance / d.n), d.n - 1.0, problem, alpha)


def unpaired_difference(
    value: Floats,
    standard_error: Floats,
    baseline_value: Floats,
    baseline_standard_error: Floats,
    alpha: float,
) -> Comparison:
    """Judge the difference of two values with independent standard errors, by the normal.

    Values over the same queries usually go together, so that this interval is wider than the paired one.
    """
    value, error, baseline, baseline_error = same_shape(
        value, standard_error, baseline_value, baseline_standard_error
    )
    joint = np.hypot(error, baseline_error)
    problem = first_reason(
        (~np.isfinite(value - baseline + joint), Reason.NO_INTERVAL_GIVEN),
        (joint <= 0.0, Reason.ZERO_VARIANCE),
    )
    return _comparison(value - baseline, joint, np.full(joint.shape, np.inf), problem, alpha)


@np.errstate(divide="ignore", invalid="ignore")
def overlapping_difference(
    first: Univariate, second: Univariate, shared: FloatArray, covariance: FloatArray, alpha: float
) -> Comparison:
    """Judge the difference of two means over sets of examples that overlap, by t.

    covariance: of the two values over the ``shared`` examples. The variance is ``s1^2/n1 + s2^2/n2 - 2 m c/(n1 n2)``,
    with the degrees of freedom of the smaller set; where both sets are the same it is that of the paired difference.
    """
    variance = (
        first.variance / first.n
        + second.variance / second.n
        - 2.0 * shared * covariance / (first.n * second.n)
    )
    terms = first.variance / first.n + second.variance / second.n
    fewest = np.minimum(first.n, second.n)
    difference = first.mean - second.mean
    problem = first_reason(
        (~(fewest > 0) | np.isnan(difference), Reason.NO_UNITS),
        (fewest < MIN_UNITS, Reason.TOO_FEW_UNITS),
        (~np.isfinite(variance), Reason.NO_VARIANCE_GIVEN),
        (~(variance > _ROUNDING * terms), Reason.ZERO_VARIANCE),
    )
    return _comparison(difference, np.sqrt(np.maximum(variance, 0.0)), fewest - 1.0, problem, alpha)


@np.errstate(divide="ignore", invalid="ignore")
def _comparison(
    difference: FloatArray, standard_error: FloatArray, df: FloatArray, problem: ObjectArray, alpha: float
) -> Comparison:
    """Give the interval and the test of one estimate."""
    margin = t_quantile(1.0 - alpha / 2.0, df) * standard_error
    interval = checked_bounds(problem, difference, difference - margin, difference + margin)
    p = only_where(no_reason(problem), t_two_sided_p(difference / standard_error, df))
    return Comparison(interval.estimate, interval.low, interval.high, p, problem)
