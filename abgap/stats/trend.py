"""Does an effect change with use? The slope of each unit's values over its days since exposure, compared between arms.

The slope of unit i by least squares over its days a = 0..A-1 is ``s_i = sum (a - mean a) y_ia / sum (a - mean a)^2``:
one number per unit, linear in its values. So the slope of the effect is a plain difference of means of independent
units, and needs no model of how the days of a unit go together.
"""

from __future__ import annotations

from dataclasses import replace

from abgap.records.moments import FloatArray
from abgap.stats.contrast import Contrast, mean_contrast
from abgap.stats.moments import Bivariate, Univariate


def slope_contrast(control: Bivariate, treatment: Bivariate, days: FloatArray) -> Contrast:
    """Compare the slopes per day of two arms, relative to the control's mean per day.

    y is ``sum (2 a - days + 1) y_ia`` of each unit, x its total over the days. days: A, at least 2.
    """
    # sum (a - mean a)^2 is A (A^2 - 1) / 12, and y counts twice the distance from the middle.
    scale = 6.0 / (days * (days**2 - 1.0))
    arms = [
        Univariate(n=arm.n, mean=scale * arm.mean_y, variance=scale**2 * arm.variance_y)
        for arm in (control, treatment)
    ]
    return replace(
        mean_contrast(*arms),
        control=control.mean_x / days,
        control_variance=control.variance_x / days**2 / control.n,
        covariance=-scale / days * control.covariance / control.n,
    )
