"""Where an estimate rests on so little that the approximation behind its interval cannot be trusted.

Intervals take means as normal. They fail through skewness, which takes third moments; the moments table has none. For
amounts that are zero or more, as money and counts are, the coefficient of variation stands for it (it is the skewness
of a Poisson count, and half that of a gamma): the skewness of an arm's mean is then about its relative standard
error. How far intervals miss is measured in docs/calibration.md; the limits here are read off there.
"""

from __future__ import annotations

import numpy as np

from abgap.stats.arrays import MIN_UNITS, BoolArray, Floats
from abgap.stats.contrast import per_unit
from abgap.stats.moments import Univariate
from abgap.stats.proportions import Successes

# Skewness of the difference from which 95 % intervals hold less than about 94 %.
_SKEWED = 0.07
# Relative standard error of an arm's mean from which intervals are off in arms of equal size too.
_UNSURE = 0.15
# Successes or failures expected in the smaller arm, or units beyond a quantile, below which their steps show.
_EXPECTED = 10.0


@np.errstate(divide="ignore", invalid="ignore")
def rests_on_few(control: Univariate, treatment: Univariate) -> BoolArray:
    """Tell where few units carry so much of the value that intervals of the difference are off.

    In arms of equal size the skewness of one mean takes away that of the other; in arms that differ it stays, and
    intervals are too short. A metric with a mean near zero looks like one that few units carry: its lift is as unsure.
    """
    error = [np.sqrt(per_unit(arm.variance, arm.n)) for arm in (control, treatment)]
    relative = [part / np.abs(arm.mean) for part, arm in zip(error, (control, treatment), strict=True)]
    third = [part**3 * skew for part, skew in zip(error, relative, strict=True)]
    skewness = np.abs(third[1] - third[0]) / (error[0] ** 2 + error[1] ** 2) ** 1.5
    trusted = (skewness <= _SKEWED) & (np.maximum(*relative) <= _UNSURE)
    return np.asarray(~trusted & (error[0] + error[1] > 0.0))


def few_carry(denominator: Univariate) -> BoolArray:
    """Tell where a ratio's denominator comes from fewer than the minimum of units.

    ``(sum x)^2 / sum x^2`` is how many units of equal weight that would be (Kish 1965). Where few of many units have
    a denominator, the delta method's variance is far too small. False for what is no ratio.
    """
    squares = denominator.mean**2
    return np.asarray(denominator.n * squares < MIN_UNITS * (squares + denominator.variance))


def few_successes(successes: Successes) -> BoolArray:
    """Tell where so few successes, or failures, are expected in an arm that tests and intervals go in steps."""
    n = np.minimum(successes.n_control, successes.n_treatment)
    total = successes.n_control + successes.n_treatment
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (successes.control + successes.treatment) / total
    return np.asarray(~(n * np.minimum(share, 1.0 - share) >= _EXPECTED))


def few_beyond(n_control: Floats, n_treatment: Floats, fraction: Floats) -> BoolArray:
    """Tell where so few units lie beyond a quantile that its order statistics are far apart."""
    fraction = np.asarray(fraction, dtype=np.float64)
    fewest = np.minimum(np.asarray(n_control, dtype=np.float64), np.asarray(n_treatment, dtype=np.float64))
    return np.asarray(fewest * np.minimum(fraction, 1.0 - fraction) < _EXPECTED)
