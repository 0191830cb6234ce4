"""The test and the two intervals of a contrast, which agree by construction.

The difference is judged by t with Satterthwaite's degrees of freedom; the lift by Fieller's theorem with
the same critical value. Fieller's interval excludes 0 exactly when the test of the difference rejects,
and keeps its coverage on skewed money. Dividing the interval of the difference by the control mean
under-covers, because the control mean varies too; the delta method contradicts the test.
Where the contrast has a problem everything here is NaN.
"""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import Bounds, CheckedBounds, bounds, checked_bounds, first_reason, only_where
from abgap.stats.contrast import Contrast
from abgap.stats.tails import t_quantile, t_two_sided_p


@np.errstate(divide="ignore", invalid="ignore")
def p_value(contrast: Contrast) -> FloatArray:
    """Return the two-sided p-value of no difference."""
    p = t_two_sided_p(contrast.difference / contrast.standard_error, contrast.df)
    return only_where(contrast.usable, p)


def difference_interval(contrast: Contrast, alpha: float) -> Bounds:
    """Return treatment minus control in the metric's units, with its interval of level ``1 - alpha``."""
    margin = t_quantile(1.0 - alpha / 2.0, contrast.df) * contrast.standard_error
    difference = contrast.difference
    return bounds(contrast.usable, difference, difference - margin, difference + margin)


@np.errstate(invalid="ignore", over="ignore")
def fieller_lift(contrast: Contrast, alpha: float) -> CheckedBounds:
    """Return the relative lift, a fraction of the control mean, with its interval of level ``1 - alpha``.

    The interval is every psi with ``(D - psi m)^2 <= t^2 (V_D - 2 psi C + psi^2 V_m)`` (Fieller 1954), t
    being the critical value of the difference. The lift is relative to the size of the control mean:
    with a negative control mean a positive lift still means more. ``CONTROL_NEAR_ZERO`` where
    ``t^2 V_m >= m^2``: the control mean is not distinguishable from zero, and the set would be unbounded.
    """
    size = contrast.control_size
    t_squared = t_quantile(1.0 - alpha / 2.0, contrast.df) ** 2
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
