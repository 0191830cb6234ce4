"""The test and the two intervals of a contrast, which agree by construction.

Everything here is one statistic per hypothetical lift psi, compared with one critical value (``rule.py``): the test
of no difference is the one at psi = 0, the interval of the lift is every psi that is not rejected, and tests of
margins are the ones at the margins. By default the statistic is Fieller's, ``(D - psi m) / sqrt(V_D - 2 psi C +
psi^2 V_m)``: its interval excludes 0 exactly when the test of the difference rejects, and it keeps its coverage on
skewed money. Dividing the interval of the difference by the control mean under-covers, because the control mean
varies too.

``delta`` and ``log`` are there to reproduce other tools: the lift, or the logarithm of the ratio, over its standard
error by the delta method. That is another test than the difference's, so p and the interval of the difference are
then made from the lift as well (the latter is the lift's, times the control mean): what is printed cannot contradict
itself. Where such a lift cannot be estimated, the difference and its test are those of the default.
Where the contrast has a problem everything here is NaN.
"""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.vocabulary import LiftMethod, Reason
from abgap.stats.arrays import (
    BoolArray,
    Bounds,
    CheckedBounds,
    Floats,
    bounds,
    checked_bounds,
    first_reason,
    no_reason,
    only_where,
)
from abgap.stats.contrast import Contrast
from abgap.stats.rule import FIXED, Rule


def p_value(contrast: Contrast, rule: Rule = FIXED, method: LiftMethod = LiftMethod.FIELLER) -> FloatArray:
    """Return the two-sided p-value of no difference."""
    p = rule.two_sided_p(_statistic_of_no_lift(contrast, method), contrast)
    return only_where(contrast.usable, p)


def difference_interval(
    contrast: Contrast, alpha: float, rule: Rule = FIXED, method: LiftMethod = LiftMethod.FIELLER
) -> Bounds:
    """Return treatment minus control in the metric's units, with its interval of level ``1 - alpha``."""
    margin = rule.critical(contrast, alpha) * contrast.standard_error
    difference = contrast.difference
    plain = bounds(contrast.usable, difference, difference - margin, difference + margin)
    if method is LiftMethod.FIELLER:
        return plain
    lift = lift_interval(contrast, alpha, rule, method)
    scaled = (end * contrast.control_size for end in (lift.low, lift.high))
    of_lift = no_reason(lift.problem)
    low, high = (np.where(of_lift, end, own) for end, own in zip(scaled, plain[1:], strict=True))
    return Bounds(plain.estimate, low, high)


def lift_interval(
    contrast: Contrast, alpha: float, rule: Rule = FIXED, method: LiftMethod = LiftMethod.FIELLER
) -> CheckedBounds:
    """Return the relative lift, a fraction of the control mean's size, with its interval of level ``1 - alpha``."""
    if method is LiftMethod.FIELLER:
        return fieller_lift(contrast, alpha, rule)
    lift, error = relative_difference(contrast)
    critical = rule.critical(contrast, alpha)
    if method is LiftMethod.DELTA:
        problem = _delta_problem(contrast)
        return checked_bounds(problem, lift, lift - critical * error, lift + critical * error)
    ratio, spread = _log_ratio(lift, error)
    ends = (np.expm1(ratio + sign * critical * spread) for sign in (-1.0, 1.0))
    return checked_bounds(_log_problem(contrast), lift, *ends)


@np.errstate(divide="ignore", invalid="ignore")
def relative_difference(contrast: Contrast) -> tuple[FloatArray, FloatArray]:
    """Return the lift and its standard error by the delta method, ``sqrt(V_D - 2 L C + L^2 V_m) / |m|``."""
    size = contrast.control_size
    lift = contrast.difference / size
    return lift, _joint_error(contrast, lift) / size


@np.errstate(divide="ignore", invalid="ignore")
def lift_is_bounded(contrast: Contrast, alpha: float, rule: Rule = FIXED) -> BoolArray:
    """Tell where the control mean can be told from zero, so that Fieller's interval ends on both sides."""
    relative = contrast.control_variance / contrast.control_size / contrast.control_size
    return contrast.usable & (rule.critical(contrast, alpha) ** 2 * relative < 1.0)


@np.errstate(divide="ignore", invalid="ignore")
def statistic_at(contrast: Contrast, lift: Floats, method: LiftMethod = LiftMethod.FIELLER) -> FloatArray:
    """Return how many standard errors the lift lies above this hypothetical one (a fraction, above -1)."""
    psi = np.asarray(lift, dtype=np.float64)
    # No lift is no difference, also where the control mean is zero and has no lifts.
    away = np.where(psi == 0.0, 0.0, psi * contrast.control_size)
    by_fieller = (contrast.difference - away) / _joint_error(contrast, psi)
    if method is LiftMethod.FIELLER:
        return np.asarray(by_fieller)
    found, error = relative_difference(contrast)
    if method is LiftMethod.DELTA:
        return np.where(no_reason(_delta_problem(contrast)), (found - psi) / error, by_fieller)
    ratio, spread = _log_ratio(found, error)
    by_log = (ratio - np.log1p(psi)) / spread
    return np.where(no_reason(_log_problem(contrast)), by_log, by_fieller)


def _statistic_of_no_lift(contrast: Contrast, method: LiftMethod) -> FloatArray:
    if method is LiftMethod.FIELLER:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(contrast.difference / contrast.standard_error)
    return statistic_at(contrast, 0.0, method)


def _joint_error(contrast: Contrast, psi: FloatArray) -> FloatArray:
    """Return the standard error of the difference minus ``psi`` times the size of the control mean."""
    variance = contrast.variance - 2.0 * psi * contrast.lift_covariance + psi**2 * contrast.control_variance
    return np.where(variance > 0.0, np.sqrt(np.maximum(variance, 0.0)), np.nan)


def _delta_problem(contrast: Contrast) -> ObjectArray:
    return first_reason((~(contrast.control_size > 0.0), Reason.CONTROL_NEAR_ZERO), after=contrast.problem)


@np.errstate(divide="ignore", invalid="ignore")
def _log_ratio(lift: FloatArray, error: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm of the ratio of the means, and its standard error."""
    return np.log1p(np.where(lift > -1.0, lift, np.nan)), error / (1.0 + lift)


def _log_problem(contrast: Contrast) -> ObjectArray:
    treated = contrast.difference + contrast.control
    positive = (contrast.control > 0.0) & (treated > 0.0)
    return first_reason((~positive, Reason.NOT_POSITIVE), after=contrast.problem)


@np.errstate(invalid="ignore", over="ignore")
def fieller_lift(contrast: Contrast, alpha: float, rule: Rule = FIXED) -> CheckedBounds:
    """Return the relative lift, a fraction of the control mean, with its interval of level ``1 - alpha``.

    The interval is every psi with ``(D - psi m)^2 <= t^2 (V_D - 2 psi C + psi^2 V_m)`` (Fieller 1954), t
    being the critical value of the difference. The lift is relative to the size of the control mean:
    with a negative control mean a positive lift still means more. ``CONTROL_NEAR_ZERO`` where
    ``t^2 V_m >= m^2``: the control mean is not distinguishable from zero, and the set would be unbounded.
    """
    size = contrast.control_size
    t_squared = rule.critical(contrast, alpha) ** 2
    # In units of the control mean, so that nothing overflows and a lift reads off directly.
    lift = contrast.difference / size
    v_lift = contrast.variance / size / size
    v_control = contrast.control_variance / size / size
    joint = contrast.lift_covariance / size / size
    leading = 1.0 - t_squared * v_control
    low, high = _roots(
        leading,
        lift - t_squared * joint,
        lift**2 - t_squared * v_lift,
        t_squared
        * (v_lift - 2.0 * lift * joint + lift**2 * v_control - t_squared * (v_lift * v_control - joint**2)),
    )
    problem = first_reason((~(leading > 0.0), Reason.CONTROL_NEAR_ZERO), after=contrast.problem)
    return checked_bounds(problem, lift, low, high)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _roots(
    leading: FloatArray, half: FloatArray, constant: FloatArray, discriminant: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return both roots of ``leading psi^2 - 2 half psi + constant``, smaller first; leading is positive.

    The root nearer to zero is taken from the product of the roots: its sign is then that of the test, and
    no digits cancel. discriminant: ``half^2 - leading constant``, given because it cancels as well.
    """
    away = half + np.copysign(np.sqrt(np.maximum(discriminant, 0.0)), half)
    far, near = away / leading, np.where(away == 0.0, 0.0, constant / away)
    return np.minimum(far, near), np.maximum(far, near)
