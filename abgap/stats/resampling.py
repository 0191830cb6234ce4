"""The Poisson bootstrap: what weighted draws of the units say about a difference and a lift.

Every unit counts a Poisson(1) number of times in a draw, which for many units is the bootstrap of Efron without a fixed
total (Chamandy, Muralidharan, Najmi, Naidu 2012). Intervals are percentiles of the draws: the interval of the lift is
made of the same draws as that of the difference and of p, and a lift has the sign of its difference in every draw, so
that none of them contradicts another. Bias-corrected percentiles would be taken elsewhere for a difference than for a
lift, and would lose that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import Bounds, CheckedBounds, Floats, checked_bounds, first_reason
from abgap.stats.contrast import Contrast
from abgap.stats.tails import normal_cdf, normal_quantile, t_quantile, t_sf


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The values of both arms in all draws: (pairs, draws), NaN where an arm has no value in a draw.

    Such a draw counts as beyond both ends of an interval, and against every finding.
    """

    control: FloatArray
    treatment: FloatArray


class BootstrapVerdict:
    """Test and intervals of pairs out of their draws, at the level ``1 - alpha``.

    Percentiles of draws are too narrow for few units: they know neither that a variance was estimated nor that it was
    divided by n. So tails are widened as Hesterberg (2015) does: the percentile taken for ``alpha / 2`` is
    ``Phi(-r t)`` with the t quantile of the contrast's degrees of freedom and ``r^2`` the variance over
    that with n in place of n - 1; p-values go the same way back.
    """

    def __init__(self, contrast: Contrast, drawn: Drawn, alpha: float) -> None:
        self._contrast, self._drawn, self._alpha = contrast, drawn, alpha
        self._differences = drawn.treatment - drawn.control
        self._widening = _widening(contrast)
        self._rank = self._rank_of_low()

    @property
    def problem(self) -> ObjectArray:
        """Why there is no test, or None."""
        undefined = ~np.isfinite(np.subtract(*self._ends(self._differences)))
        return first_reason(
            (self._rank < 0, Reason.TOO_FEW_UNITS),
            (np.asarray(undefined), Reason.NO_DENOMINATOR),
            after=self._contrast.problem,
        )

    def difference(self) -> CheckedBounds:
        """Return the difference with its interval."""
        return checked_bounds(self.problem, self._contrast.difference, *self._ends(self._differences))

    def lift(self) -> CheckedBounds:
        """Return the relative lift with its interval; ``CONTROL_NEAR_ZERO`` when the control has no sign of its own."""
        control = self._contrast.control[..., None]
        has_sign = (self._drawn.control * np.sign(control) > 0.0) | np.isnan(self._drawn.control)
        unsure = ~np.all(has_sign, axis=-1)
        problem = first_reason((np.asarray(unsure), Reason.CONTROL_NEAR_ZERO), after=self.problem)
        with np.errstate(divide="ignore", invalid="ignore"):
            lifts = self._differences / np.abs(self._drawn.control)
            estimate = self._contrast.difference / self._contrast.control_size
        return checked_bounds(problem, estimate, *self._ends(lifts))

    def p_value(self) -> FloatArray:
        """Return the two-sided p of no difference: below alpha exactly when the interval excludes 0."""
        rest = np.minimum(self._not_above(self._differences), self._not_above(-self._differences))
        return np.where(self.problem == np.array(None), np.minimum(2.0 * self._tail(rest), 1.0), np.nan)

    def non_inferiority_p(self, margin: Floats, direction_sign: Floats) -> FloatArray:
        """Return the one-sided p that treatment is worse by ``margin`` of control or more; NaN without a margin."""
        sign, share = (np.asarray(x, dtype=np.float64)[..., None] for x in (direction_sign, margin))
        above = sign * self._differences + share * np.abs(self._drawn.control)
        usable = (self.problem == np.array(None)) & np.isfinite(share[..., 0])
        return np.where(usable, self._tail(self._not_above(above)), np.nan)

    def equivalence_p(self, relative_band: Floats) -> FloatArray:
        """Return p of two one-sided tests that the lift lies outside of the band around zero."""
        ones = np.ones(np.shape(self._contrast.difference))
        return np.maximum(
            self.non_inferiority_p(relative_band, ones), self.non_inferiority_p(relative_band, -ones)
        )

    def _rank_of_low(self) -> FloatArray:
        """Position from 0 on, in ascending order, of the draw that is the low end; the high end is as far from the top.

        The largest k with ``(k + 1) / (draws + 1)`` below the widened tail: so p agrees with the interval.
        """
        draws = self._differences.shape[-1]
        quantile = t_quantile(1.0 - self._alpha / 2.0, self._contrast.df)
        tail = normal_cdf(-self._widening * quantile)
        return np.asarray(np.nan_to_num(np.ceil(tail * (draws + 1.0)) - 2.0, nan=-1.0))

    def _ends(self, draws: FloatArray) -> tuple[FloatArray, FloatArray]:
        return _percentiles(draws, np.maximum(self._rank, 0.0).astype(np.intp))

    def _not_above(self, draws: FloatArray) -> FloatArray:
        """The share of draws not above 0, with one more draw that is there: no p is 0."""
        with np.errstate(invalid="ignore"):
            return np.asarray((np.sum(~(draws > 0.0), axis=-1) + 1.0) / (draws.shape[-1] + 1.0))

    def _tail(self, share: FloatArray) -> FloatArray:
        """The share of draws in a tail as the probability that it stands for."""
        return t_sf(-normal_quantile(share) / self._widening, self._contrast.df)


def smallest_p(contrast: Contrast, draws: Floats) -> FloatArray:
    """Return the smallest two-sided p that so many draws can give: none of them lies on the other side of 0."""
    quantile = -normal_quantile(1.0 / (np.asarray(draws, dtype=np.float64) + 1.0))
    return np.minimum(2.0 * t_sf(quantile / _widening(contrast), contrast.df), 1.0)


@np.errstate(divide="ignore", invalid="ignore")
def draws_below(contrast: Contrast, level: Floats) -> FloatArray:
    """Return how many draws it takes at least for a p below ``level``; infinite where more than can be counted."""
    quantile = t_quantile(1.0 - np.asarray(level, dtype=np.float64) / 2.0, contrast.df)
    return np.floor(1.0 / normal_cdf(-_widening(contrast) * quantile))


@np.errstate(divide="ignore", invalid="ignore")
def _widening(contrast: Contrast) -> FloatArray:
    """Standard error over that of the bootstrap, which divides variances by n."""
    of_control = contrast.control_variance
    of_treatment = contrast.variance - of_control
    plug_in = of_control * (1.0 - 1.0 / contrast.n_control) + of_treatment * (
        1.0 - 1.0 / contrast.n_treatment
    )
    return np.asarray(np.sqrt(contrast.variance / plug_in))


def _percentiles(draws: FloatArray, rank: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Return the draws at a rank from below and from above, over the last axis; infinite when draws lack a value."""
    low, high = (np.sort(np.where(np.isnan(draws), end, draws), axis=-1) for end in (-np.inf, np.inf))
    from_below = np.take_along_axis(low, rank[..., None], axis=-1)[..., 0]
    return from_below, np.take_along_axis(high, draws.shape[-1] - 1 - rank[..., None], axis=-1)[..., 0]


def percentile_bounds(estimate: FloatArray, draws: FloatArray, alpha: float) -> Bounds:
    """Return plain percentile intervals over the last axis; a draw without a value counts as beyond both ends."""
    rank = max(math.ceil(alpha / 2.0 * (draws.shape[-1] + 1)) - 2, 0)
    low, high = _percentiles(draws, np.full(draws.shape[:-1], rank, dtype=np.intp))
    return Bounds(
        estimate, np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)
    )
