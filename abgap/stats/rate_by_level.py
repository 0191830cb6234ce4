"""How much lift a unit of offline gain brings, and whether that falls with how good models are already.

Over experiments k with gain x, lift y and level b: ``y_k = x_k (r + c (b_k - b0)) + error``, by weighted least squares
through the origin: no gain, no lift. r is the rate at the level b0, c how it changes with the level. Gains are measured
with errors of their own; left alone they pull r towards 0, so that what they add to the sums of squares is taken out
(Fuller 1987). The scale of the errors is estimated, and the interval is that of t (Knapp and Hartung 2003): lifts
scatter by more than their standard errors where experiments differ otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.tails import t_quantile, t_two_sided_p

FEWEST = 5
"""Experiments below which nothing is said: two numbers are estimated, and their scatter."""


class RateByLevel(NamedTuple):
    """rate, rate_error: at the level asked for. slope, slope_error: change of it per unit of the level.

    p_value: two-sided, of no slope. critical: of an interval. freedom: degrees of freedom.
    """

    rate: float
    rate_error: float
    slope: float
    slope_error: float
    p_value: float
    critical: float
    freedom: float


@np.errstate(divide="ignore", invalid="ignore")
def rate_by_level(
    gain: FloatArray,
    gain_error: FloatArray,
    lift: FloatArray,
    lift_error: FloatArray,
    level: FloatArray,
    *,
    at: float,
    alpha: float,
) -> RateByLevel | None:
    """Return rate and slope at the level ``at``.

    None with fewer than ``FEWEST`` experiments, with levels that are all the same, with lifts that have no error, and
    with gains whose errors are as large as themselves.
    """
    if gain.size < FEWEST or np.ptp(level) == 0.0 or not np.all(lift_error > 0.0):
        return None
    away = level - at
    design = np.stack([gain, gain * away])
    noise = np.stack([np.ones_like(gain), away])
    weight = lift_error**-2.0
    found = None
    # Errors of gains count by the rate, which the first pass has not yet.
    for _ in range(2):
        found = _solved(design, noise, lift, weight, gain_error)
        if found is None:
            return None
        rate = found[0][0] + found[0][1] * away
        weight = 1.0 / (lift_error**2 + (rate * gain_error) ** 2)
    found = _solved(design, noise, lift, weight, gain_error)
    if found is None:
        return None
    values, inverse = found
    freedom = float(gain.size - 2)
    scale = float(np.sum(weight * (lift - values @ design) ** 2)) / freedom
    errors = np.sqrt(scale * np.diagonal(inverse))
    if not np.all(np.isfinite(errors)) or not np.all(errors > 0.0):
        return None
    return RateByLevel(
        rate=float(values[0]),
        rate_error=float(errors[0]),
        slope=float(values[1]),
        slope_error=float(errors[1]),
        p_value=float(t_two_sided_p(values[1] / errors[1], freedom)),
        critical=float(t_quantile(1.0 - alpha / 2.0, freedom)),
        freedom=freedom,
    )


def _solved(
    design: FloatArray, noise: FloatArray, lift: FloatArray, weight: FloatArray, gain_error: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Return the coefficients and the inverse of the normal equations; None where these have no solution."""
    raw = (design * weight) @ design.T
    corrected = raw - (noise * (weight * gain_error**2)) @ noise.T
    sizes = np.sqrt(np.diagonal(raw))
    if not np.all(np.isfinite(sizes)) or not np.all(sizes > 0.0):
        return None
    # What is not clearly positive in the scale of the raw sums is nothing but the errors of the gains.
    if np.linalg.eigvalsh(corrected / np.outer(sizes, sizes)).min() < 1e-9:
        return None
    inverse: FloatArray = np.linalg.inv(corrected).astype(np.float64)
    return inverse @ ((design * weight) @ lift), inverse
