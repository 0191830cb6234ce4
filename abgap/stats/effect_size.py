"""The difference in standard deviations of the units, for comparing metrics that have different units."""

from __future__ import annotations

import numpy as np

from abgap.records.vocabulary import Reason
from abgap.stats.arrays import MIN_UNITS, Bounds, CheckedBounds, checked_bounds, first_reason
from abgap.stats.contrast import Contrast
from abgap.stats.moments import Univariate, is_constant
from abgap.stats.tails import noncentrality


@np.errstate(divide="ignore", invalid="ignore")
def cohen_d(contrast: Contrast, difference: Bounds) -> Bounds:
    """Return Cohen's d with its interval: the difference and its ends over the standard deviation within arms.

    difference: with the interval that is reported for it, whatever it was made by. The standard deviation (pooled, of
    unadjusted values) counts as known: its own error adds ``d^2 / (2 (n_c + n_t))`` to the variance of d (Hedges,
    Olkin 1985), which tells only where effects are large and units few, and d then never contradicts the test.
    """
    return Bounds(*(end / contrast.pooled_sd for end in difference))


@np.errstate(divide="ignore", invalid="ignore")
def cohen_dz(differences: Univariate, alpha: float) -> CheckedBounds:
    """Return the mean of paired differences in their own standard deviations, with its interval.

    Exact for normal differences: t is noncentral t, whose noncentrality over ``sqrt(n)`` is the true d_z, and the ends
    are those under which the t that was seen lies at ``alpha / 2`` from either side (Steiger, Fouladi 1997). It
    excludes 0 exactly when the t-test rejects.
    """
    d = differences
    problem = first_reason(
        (~(d.n >= MIN_UNITS), Reason.TOO_FEW_UNITS),
        (~np.isfinite(d.variance), Reason.NO_VARIANCE_GIVEN),
        (is_constant(d.mean, d.variance), Reason.ZERO_VARIANCE),
    )
    size, root = d.mean / np.sqrt(d.variance), np.sqrt(d.n)
    ends = (noncentrality(p, d.n - 1.0, size * root) / root for p in (1.0 - alpha / 2.0, alpha / 2.0))
    return checked_bounds(problem, size, *ends)
