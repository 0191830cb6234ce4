"""The difference in standard deviations of the units, for comparing metrics that have different units."""

from __future__ import annotations

import numpy as np

from abgap.stats.arrays import Bounds, bounds
from abgap.stats.contrast import Contrast
from abgap.stats.rule import FIXED, Rule


@np.errstate(divide="ignore", invalid="ignore")
def cohen_d(contrast: Contrast, alpha: float, rule: Rule = FIXED) -> Bounds:
    """Return Cohen's d, difference over pooled standard deviation within arms, with its interval.

    For large samples ``d +- z sqrt(V_D / s^2 + d^2 / (2 (n_c + n_t)))``. With equal variances and no
    covariate the first term is ``1/n_c + 1/n_t`` and the whole is the variance of Hedges and Olkin (1985);
    taking the contrast's own variance keeps it right for unequal variances, and after adjustment. NaN
    where the contrast has a problem.
    """
    d = contrast.difference / contrast.pooled_sd
    standard_error = np.sqrt(contrast.variance / contrast.pooled_sd**2 + d**2 / (2.0 * contrast.units))
    margin = rule.large_sample_critical(contrast.units, alpha) * standard_error
    return bounds(contrast.usable, d, d - margin, d + margin)
