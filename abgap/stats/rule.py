"""When an estimate counts as different: the critical value and the p-value of a look at the data.

A test with a fixed horizon is read once, at its planned end: Student's t. A sequential one may be read at
any time and as often as one likes: the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha,
Kennedy and Ramdas (2021), which keeps its level over all looks together. Whatever is made with a rule (p,
the interval of a difference, of a lift, tests of margins) comes from the same critical value, so that
nothing contradicts anything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Floats
from abgap.stats.contrast import Contrast
from abgap.stats.tails import normal_quantile, t_quantile, t_sf, t_two_sided_p

# The level at which a confidence sequence is tuned to be narrowest. It does not follow the study's alpha: p and
# the intervals of all levels must come from one and the same sequence.
_TUNING_LEVEL = 0.05


class Rule(Protocol):
    """How an estimate over its standard error is judged. statistic: that quotient."""

    def critical(self, contrast: Contrast, alpha: float) -> FloatArray:
        """Return the statistic beyond which the test rejects at ``alpha``, two-sided."""

    def two_sided_p(self, statistic: Floats, contrast: Contrast) -> FloatArray:
        """Return the p-value of a statistic this far from zero."""

    def one_sided_p(self, statistic: Floats, contrast: Contrast) -> FloatArray:
        """Return the p-value of a statistic this far above zero."""

    def large_sample_critical(self, units: Floats, alpha: float) -> FloatArray:
        """Return the critical value with this many units in both arms together, where variances count as known."""


@dataclass(frozen=True, slots=True)
class FixedHorizon:
    """Read once, at the planned end: t with the contrast's degrees of freedom."""

    def critical(self, contrast: Contrast, alpha: float) -> FloatArray:
        """Return the two-sided quantile of t."""
        return t_quantile(1.0 - alpha / 2.0, contrast.df)

    def two_sided_p(self, statistic: Floats, contrast: Contrast) -> FloatArray:
        """Return the two-sided tail of t."""
        return t_two_sided_p(statistic, contrast.df)

    def one_sided_p(self, statistic: Floats, contrast: Contrast) -> FloatArray:
        """Return the upper tail of t."""
        return t_sf(statistic, contrast.df)

    def large_sample_critical(self, units: Floats, alpha: float) -> FloatArray:
        """Return the two-sided quantile of the normal."""
        return np.full(np.shape(units), normal_quantile(1.0 - alpha / 2.0))


@dataclass(frozen=True, slots=True)
class AnytimeValid:
    """Read at any time: the normal-mixture confidence sequence, narrowest at ``units`` of both arms together.

    With t units so far and ``b = 1 + t rho^2`` the statistic is compared with
    ``sqrt(b / (t rho^2) (2 ln(1 / alpha) + ln b))``; p is the smallest alpha at which it rejects,
    ``sqrt(b) exp(-z^2 t rho^2 / (2 b))``, at most 1. ``rho^2 = (ln(1/a^2) + ln(1 + ln(1/a^2))) / units``
    makes the sequence of level ``1 - a`` about narrowest there; a is .05. One-sided tests take half, by
    symmetry. Asymptotic: the level holds from the moment the means are about normal.
    """

    units: float

    def critical(self, contrast: Contrast, alpha: float) -> FloatArray:
        """Return the half-width of the confidence sequence in standard errors, at the contrast's units."""
        return self.large_sample_critical(contrast.units, alpha)

    def two_sided_p(self, statistic: Floats, contrast: Contrast) -> FloatArray:
        """Return the always-valid p-value."""
        scaled, z = self._scaled(contrast.units), np.asarray(statistic, dtype=np.float64)
        exponent = 0.5 * (np.log1p(scaled) - z**2 * scaled / (1.0 + scaled))
        return np.asarray(np.exp(np.minimum(exponent, 0.0)))

    def one_sided_p(self, statistic: Floats, contrast: Contrast) -> FloatArray:
        """Return half of the two-sided p above zero, and what is left to 1 below."""
        half = 0.5 * self.two_sided_p(statistic, contrast)
        return np.where(np.asarray(statistic, dtype=np.float64) > 0.0, half, 1.0 - half)

    def large_sample_critical(self, units: Floats, alpha: float) -> FloatArray:
        """Return the half-width of the confidence sequence in standard errors: it takes variances as known."""
        scaled = self._scaled(units)
        with np.errstate(divide="ignore", invalid="ignore"):
            mixed = (1.0 + scaled) / scaled
            return np.asarray(np.sqrt(mixed * (np.log1p(scaled) - 2.0 * np.log(alpha))))

    def _scaled(self, units: Floats) -> FloatArray:
        """Return ``t rho^2``."""
        log_level = -2.0 * np.log(_TUNING_LEVEL)
        rho_squared = (log_level + np.log1p(log_level)) / self.units
        return np.asarray(np.asarray(units, dtype=np.float64) * rho_squared)


FIXED = FixedHorizon()
