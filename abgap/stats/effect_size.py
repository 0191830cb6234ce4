"""The difference in standard deviations of the units, for comparing metrics that have different units."""

from __future__ import annotations

import numpy as np

from abgap.stats.arrays import Bounds
from abgap.stats.contrast import Contrast


@np.errstate(divide="ignore", invalid="ignore")
def cohen_d(contrast: Contrast, difference: Bounds) -> Bounds:
    """Return Cohen's d with its interval: the difference and its ends over the standard deviation within arms.

    difference: with the interval that is reported for it, whatever it was made by. The standard deviation (pooled, of
    unadjusted values) counts as known: its own error adds ``d^2 / (2 (n_c + n_t))`` to the variance of d (Hedges,
    Olkin 1985), which tells only where effects are large and units few, and d then never contradicts the test.
    """
    return Bounds(*(end / contrast.pooled_sd for end in difference))
