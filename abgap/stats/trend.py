"""Does the lift change with use? On which day since exposure the values come, compared between arms.

Values are never even over the days: units are exposed during a visit, so that the first day has more of them. A lift
that stays the same then changes the difference from day to day, but not how the values are spread over the days. So
arms are compared by the mean day on which their values come, ``r = sum a Y_a / sum Y_a``: a ratio of sums over units
(delta method), whatever the profile of the days. With the profile p of control (its share of values on each day) and
the lifts L_a of the days, ``r_t - r_c = Cov_p(a, L_a) / (1 + L)``; over ``k = Var_p(a) / (1 + L)`` this is the slope
of L_a by least squares, weighted by p. k is estimated as well, which Fieller's interval of the quotient takes in.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abgap.records.moments import FloatArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import BoolArray, first_reason
from abgap.stats.contrast import Contrast, per_unit, ratio_contrast
from abgap.stats.moments import Bivariate, Joint
from abgap.stats.rule import FIXED, Rule

# Days are counted in steps of two from the middle, so that they are whole numbers.
_IN_DAYS = np.array([0.5, 1.0, 0.25])


@np.errstate(divide="ignore", invalid="ignore")
def slope_contrast(control: Joint, treatment: Joint, alpha: float, rule: Rule = FIXED) -> Contrast:
    """Compare the mean days of two arms; the lift of this contrast is the slope of the lift, a fraction per day.

    control, treatment: three sums of each unit, ``sum u y``, ``sum y`` and ``sum u^2 y`` over its days a = 0 .. A-1,
    with u = 2a - A + 1. The contrast's control is k; NaN where control's values have no spread over the days.
    NOT_POSITIVE where the values of an arm do not add up to more than zero, at ``alpha``.
    """
    control, treatment = _in_days(control), _in_days(treatment)
    contrast = ratio_contrast(_tilt_and_total(control), _tilt_and_total(treatment))
    critical = rule.critical(contrast, alpha)
    unsure = ~(_surely_positive(control, critical) & _surely_positive(treatment, critical))
    tilt, total, spread = np.moveaxis(control.means, -1, 0)
    treated = treatment.means[..., 1]
    day, zero, one = tilt / total, np.zeros_like(total), np.ones_like(total)
    scale = (spread - tilt * day) / treated
    # What a unit adds to k, per unit of its three sums.
    of_control = _form(-2.0 * day, day**2, one) / treated[..., None]
    of_treatment = _form(zero, -scale / treated, zero)
    return replace(
        contrast,
        control=np.where(scale > 0.0, scale, np.nan),
        control_variance=_covariance(control, of_control, of_control)
        + _covariance(treatment, of_treatment, of_treatment),
        covariance=_covariance(treatment, _of_mean_day(treatment), of_treatment)
        - _covariance(control, _of_mean_day(control), of_control),
        problem=first_reason((unsure, Reason.NOT_POSITIVE), after=contrast.problem),
    )


@np.errstate(divide="ignore", invalid="ignore")
def mean_day_of(arm: Joint) -> FloatArray:
    """The day on which values come on average, counted from the middle of the days; NaN where they add up to zero.

    arm: three sums of each unit, as for ``slope_contrast``.
    """
    tilt, total, _ = np.moveaxis(_in_days(arm).means, -1, 0)
    return np.where(total == 0.0, np.nan, tilt / total)


def _in_days(arm: Joint) -> Joint:
    return Joint(
        n=arm.n,
        means=arm.means * _IN_DAYS,
        covariances=arm.covariances * np.outer(_IN_DAYS, _IN_DAYS),
    )


def _tilt_and_total(arm: Joint) -> Bivariate:
    return Bivariate(
        n=arm.n,
        mean_y=arm.means[..., 0],
        variance_y=arm.covariances[..., 0, 0],
        mean_x=arm.means[..., 1],
        variance_x=arm.covariances[..., 1, 1],
        covariance=arm.covariances[..., 0, 1],
    )


def _surely_positive(arm: Joint, critical: FloatArray) -> BoolArray:
    error = np.sqrt(per_unit(arm.covariances[..., 1, 1], arm.n))
    return np.asarray(arm.means[..., 1] > critical * error)


def _of_mean_day(arm: Joint) -> FloatArray:
    """What a unit adds to the mean day, per unit of its three sums."""
    total = arm.means[..., 1]
    day = arm.means[..., 0] / total
    return _form(np.ones_like(day), -day, np.zeros_like(day)) / total[..., None]


def _form(*of_sums: FloatArray) -> FloatArray:
    return np.stack(of_sums, axis=-1)


def _covariance(arm: Joint, left: FloatArray, right: FloatArray) -> FloatArray:
    """The covariance of two linear forms in the means of an arm."""
    return per_unit(np.einsum("...i,...ij,...j->...", left, arm.covariances, right), arm.n)
