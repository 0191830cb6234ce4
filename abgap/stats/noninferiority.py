"""One-sided questions about a relative margin: not worse than it, and inside it on both sides.

Both test a linear combination of the difference and the control mean with their joint variance. They are
the one-sided versions of Fieller's interval: not worse at ``alpha / 2`` exactly when the lift's interval
of level ``1 - alpha`` lies above minus the margin.
"""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Floats, only_where
from abgap.stats.contrast import Contrast
from abgap.stats.tails import t_sf


@np.errstate(divide="ignore", invalid="ignore")
def non_inferiority_p(contrast: Contrast, margin: Floats, direction_sign: Floats) -> FloatArray:
    """Return the one-sided p-value that treatment is worse than control by ``margin`` or more.

    margin: relative to the size of the control mean, a fraction, not negative. direction_sign: +1 where
    more is better, -1 where less is. Small means: not worse. NaN where the contrast has a problem or
    there is no margin.
    """
    margin = np.asarray(margin, dtype=np.float64)
    sign = np.asarray(direction_sign, dtype=np.float64)
    distance = sign * contrast.difference + margin * np.abs(contrast.control)
    variance = (
        contrast.variance
        + 2.0 * sign * margin * contrast.lift_covariance
        + margin**2 * contrast.control_variance
    )
    p = t_sf(distance / np.sqrt(variance), contrast.df)
    return only_where(contrast.usable & (variance > 0.0), p)


def equivalence_p(contrast: Contrast, relative_band: Floats) -> FloatArray:
    """Return the p-value of two one-sided tests (TOST) that the lift lies outside the band around zero.

    relative_band: half its width, a fraction. Small means: the lift is established to be inside. Below
    ``alpha / 2`` exactly when the lift's interval of level ``1 - alpha`` lies inside (Schuirmann 1987).
    """
    return np.maximum(
        non_inferiority_p(contrast, relative_band, 1.0), non_inferiority_p(contrast, relative_band, -1.0)
    )
