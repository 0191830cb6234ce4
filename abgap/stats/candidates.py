"""What the best of many candidates owes to having been picked: gains pulled towards each other, luck taken apart.

All candidates are held against one baseline over the same examples, so that the baseline's own luck is in every gain.
It picks no winner; but it does not average out over candidates either, and the gain to be expected of the best of them
is not known better than the baseline is. So errors are in two parts, one shared and one of the candidate's own:

    y_i = theta_i + e_i     e_i normal with variance v_i and correlation rho     theta_i normal around mu with tau^2

mu and tau have flat priors (Gelman 2006). Given tau everything is normal; the posterior is the mixture over tau, and
its interval is made of the mixture's own quantiles: mean and standard deviation alone give one that is too wide where
effects hardly scatter.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Bounds, Floats
from abgap.stats.shrinkage import MIN_PARTS, TAU, TAU_WEIGHT
from abgap.stats.tails import normal_cdf

MOST_CORRELATED = 0.99
"""Candidates that are the same up to rounding still have a little luck of their own."""

_HALVINGS = 60
_REACH = 9.0


class Candidates(NamedTuple):
    """effect: of each candidate, as it is to be expected. luck: what its measured gain owes to its own errors."""

    effect: Bounds
    luck: Bounds


def shared_correlation(deviations: FloatArray) -> float:
    """Return how far the errors of gains go together, in 0..``MOST_CORRELATED``, one correlation for all pairs.

    deviations: (candidates, examples or buckets of them), what each adds to the gain beside its average share. The
    covariances of all pairs over what they would be if every pair went together fully.
    """
    size = np.sqrt(np.sum(deviations**2, axis=1))
    own = float(np.sum(size**2))
    together = float(np.sum(np.sum(deviations, axis=0) ** 2)) - own
    most = float(np.sum(size)) ** 2 - own
    return min(max(together / most, 0.0), MOST_CORRELATED) if most > 0.0 else 0.0


@np.errstate(divide="ignore", invalid="ignore")
def shrink_candidates(
    gain: FloatArray, variance: FloatArray, correlation: Floats, alpha: float
) -> Candidates:
    """Return the posterior of each candidate's gain (last axis) and of the luck in it, at level ``1 - alpha``.

    variance: of each measured gain, positive. correlation: of their errors, one for all pairs (or by leading axis).
    The luck is the candidate's own part of the error: gain minus effect, but for what all candidates share. NaN below
    three candidates.
    """
    rho = np.asarray(correlation, dtype=np.float64)[..., None]
    own = (1.0 - rho) * variance
    scale = np.sqrt(np.mean(own, axis=-1))
    given = [_given(gain, variance, rho, scale[..., None] * tau) for tau in TAU]
    logs = np.stack([found.log_likelihood for found in given], axis=-1) + np.log(TAU_WEIGHT)
    chance = np.exp(logs - logs.max(axis=-1, keepdims=True))
    chance = (chance / np.sum(chance, axis=-1, keepdims=True))[..., None, :]
    errors = _mixture(chance, [f.error for f in given], [f.error_variance for f in given], alpha)
    luck = _mixture(chance, [f.luck for f in given], [f.luck_variance for f in given], alpha)
    effect = Bounds(gain - errors.estimate, gain - errors.high, gain - errors.low)
    enough = gain.shape[-1] >= MIN_PARTS
    return Candidates(*(Bounds(*(np.where(enough, x, np.nan) for x in each)) for each in (effect, luck)))


class _Given(NamedTuple):
    """Errors of the candidates if tau is known, and how well that tau fits."""

    log_likelihood: FloatArray
    error: FloatArray
    error_variance: FloatArray
    luck: FloatArray
    luck_variance: FloatArray


def _given(gain: FloatArray, variance: FloatArray, rho: FloatArray, tau: FloatArray) -> _Given:
    """Return the normal posterior for this tau, and its restricted likelihood.

    With S the covariance of gains and P = S^-1 - S^-1 1 1' S^-1 / (1' S^-1 1), an error whose covariance is C has mean
    ``C P y`` and covariance ``C - C P C``. S is diagonal but for one common part, so its inverse is known (Sherman and
    Morrison 1950).
    """
    deviation = np.sqrt(variance)
    own = (1.0 - rho) * variance
    alone = own + tau**2
    common = 1.0 + rho * np.sum(variance / alone, axis=-1, keepdims=True)

    def solved(x: FloatArray) -> FloatArray:
        """S^-1 x."""
        shared = np.sum(deviation * x / alone, axis=-1, keepdims=True)
        return np.asarray((x - rho / common * deviation * shared) / alone)

    ones = solved(np.ones_like(gain))
    total = np.sum(ones, axis=-1, keepdims=True)
    off = gain - np.sum(ones * gain, axis=-1, keepdims=True) / total
    pulled = solved(off)
    of_deviation = solved(deviation)
    of_deviation = of_deviation - ones * np.sum(of_deviation, axis=-1, keepdims=True) / total
    diagonal = 1.0 / alone - rho / common * variance / alone**2 - ones**2 / total
    known = own**2 * diagonal + rho * deviation * (
        2.0 * own * of_deviation + rho * deviation * np.sum(deviation * of_deviation, axis=-1, keepdims=True)
    )
    logs = np.sum(np.log(alone), axis=-1) + np.log(common[..., 0]) + np.log(total[..., 0])
    return _Given(
        log_likelihood=-0.5 * (logs + np.sum(pulled * off, axis=-1)),
        error=own * pulled + rho * deviation * np.sum(deviation * pulled, axis=-1, keepdims=True),
        error_variance=np.maximum(variance - known, 0.0),
        luck=own * pulled,
        luck_variance=np.maximum(own - own**2 * diagonal, 0.0),
    )


def _mixture(
    chance: FloatArray, means: list[FloatArray], variances: list[FloatArray], alpha: float
) -> Bounds:
    """Return mean and quantiles of normal distributions (last axis) that are mixed with these chances."""
    centre, spread = np.stack(means, axis=-1), np.sqrt(np.stack(variances, axis=-1))
    low = np.min(centre - _REACH * spread, axis=-1)
    high = np.max(centre + _REACH * spread, axis=-1)

    def quantile(p: float) -> FloatArray:
        below, above = low, high
        for _ in range(_HALVINGS):
            middle = 0.5 * (below + above)
            reached = np.sum(chance * normal_cdf((middle[..., None] - centre) / spread), axis=-1) < p
            below, above = np.where(reached, middle, below), np.where(reached, above, middle)
        return np.asarray(0.5 * (below + above))

    mean = np.sum(chance * centre, axis=-1)
    return Bounds(mean, quantile(alpha / 2.0), quantile(1.0 - alpha / 2.0))
