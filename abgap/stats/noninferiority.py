"""One-sided questions about a relative margin: not worse than it, and inside it on both sides.

They are the one-sided versions of the lift's interval, by whichever method and rule that is made (the score method
for plain shares): not worse at ``alpha / 2`` exactly when the interval of level ``1 - alpha`` lies above minus the
margin.
"""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.records.vocabulary import LiftMethod
from abgap.stats.arrays import Floats, only_where
from abgap.stats.contrast import Contrast
from abgap.stats.intervals import statistic_at
from abgap.stats.proportions import Successes, score_statistic_at
from abgap.stats.rule import FIXED, Rule
from abgap.stats.tails import normal_cdf


def non_inferiority_p(
    contrast: Contrast,
    margin: Floats,
    direction_sign: Floats,
    rule: Rule = FIXED,
    method: LiftMethod = LiftMethod.FIELLER,
) -> FloatArray:
    """Return the one-sided p-value that treatment is worse than control by ``margin`` or more.

    margin: relative to the size of the control mean, a fraction, not negative. direction_sign: +1 where
    more is better, -1 where less is. Small means: not worse. NaN where the contrast has a problem or
    there is no margin.
    """
    sign = np.asarray(direction_sign, dtype=np.float64)
    statistic = sign * statistic_at(contrast, -sign * np.asarray(margin, dtype=np.float64), method)
    return only_where(contrast.usable, rule.one_sided_p(statistic, contrast))


def score_non_inferiority_p(successes: Successes, margin: Floats, direction_sign: Floats) -> FloatArray:
    """Return the same for plain shares, by the score method that their lift's interval is made with."""
    sign = np.asarray(direction_sign, dtype=np.float64)
    return normal_cdf(-sign * score_statistic_at(successes, -sign * np.asarray(margin, dtype=np.float64)))


def score_equivalence_p(successes: Successes, relative_band: Floats) -> FloatArray:
    """Return TOST for plain shares, by the score method."""
    return np.maximum(
        score_non_inferiority_p(successes, relative_band, 1.0),
        score_non_inferiority_p(successes, relative_band, -1.0),
    )


def equivalence_p(
    contrast: Contrast,
    relative_band: Floats,
    rule: Rule = FIXED,
    method: LiftMethod = LiftMethod.FIELLER,
) -> FloatArray:
    """Return the p-value of two one-sided tests (TOST) that the lift lies outside the band around zero.

    relative_band: half its width, a fraction. Small means: the lift is established to be inside. Below
    ``alpha / 2`` exactly when the lift's interval of level ``1 - alpha`` lies inside (Schuirmann 1987).
    """
    return np.maximum(
        non_inferiority_p(contrast, relative_band, 1.0, rule, method),
        non_inferiority_p(contrast, relative_band, -1.0, rule, method),
    )
