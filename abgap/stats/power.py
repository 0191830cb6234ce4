"""What a test of this size could have seen, and how large it would have to be.

From the observed variance and a lift worth having, never from the observed effect. Variances count as known, as
in the usual planning tables; lifts are fractions of the size of the control mean.
"""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Floats, only_where
from abgap.stats.contrast import Contrast
from abgap.stats.rule import FIXED, Rule
from abgap.stats.tails import normal_cdf, normal_quantile


@np.errstate(divide="ignore", invalid="ignore")
def realised_mde(contrast: Contrast, alpha: float, power: float = 0.8, *, rule: Rule = FIXED) -> FloatArray:
    """Return the smallest relative lift that a two-sided test of this size detects with this power.

    ``(c + z(power)) SE / |control mean|``, c being the rule's critical value: 2.80 SE at 5 % and 80 % with a fixed
    horizon. NaN with a problem or a control mean of zero.
    """
    detectable = _quantile_sum(contrast, alpha, power, rule) * contrast.standard_error
    return only_where(contrast.usable, detectable / contrast.control_size)


@np.errstate(divide="ignore", invalid="ignore")
def power_at(contrast: Contrast, relative_lift: Floats, alpha: float, *, rule: Rule = FIXED) -> FloatArray:
    """Return the probability that a two-sided test of this size rejects if this is the true lift."""
    shift = np.asarray(relative_lift, dtype=np.float64) * contrast.control_size / contrast.standard_error
    critical = rule.large_sample_critical(contrast.units, alpha)
    return only_where(contrast.usable, normal_cdf(shift - critical) + normal_cdf(-shift - critical))


@np.errstate(divide="ignore", invalid="ignore")
def units_needed(
    contrast: Contrast, relative_lift: Floats, alpha: float, power: float = 0.8, *, rule: Rule = FIXED
) -> tuple[FloatArray, FloatArray]:
    """Return the units of control and of treatment to detect this lift, split as they were here.

    Whole numbers as floats. A sequential rule's critical value is taken as it is at this size (it grows very slowly).
    NaN with a problem, a control mean of zero, or a lift of zero.
    """
    target = np.abs(np.asarray(relative_lift, dtype=np.float64)) * contrast.control_size
    scale = (_quantile_sum(contrast, alpha, power, rule) * contrast.standard_error / target) ** 2
    scale = only_where(contrast.usable & np.isfinite(scale), scale)
    return np.ceil(contrast.n_control * scale), np.ceil(contrast.n_treatment * scale)


def _quantile_sum(contrast: Contrast, alpha: float, power: float, rule: Rule) -> FloatArray:
    """Return the standard errors between no effect and one that is detected with this power."""
    return rule.large_sample_critical(contrast.units, alpha) + normal_quantile(power)
