"""Does a gain still bring what it brought: every experiment against the line of all that came before it.

Recursive residuals (Brown, Durbin and Evans 1975) of ``lift = a + b gain``, in standard errors: under one line they are
independent standard normals. Gains carry errors, which would flatten the line; each is first replaced by what is to be
expected of its true value (regression calibration; Carroll and others 2006), with what then is left of its error
counted in the variance of the lift. Two sums look for a lasting change (Page 1954): what exceeds an allowance of
``ALLOWANCE`` standard errors adds up, and below zero they begin anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import Effects
from abgap.stats.shrinkage import random_effects

ALLOWANCE = 0.5
"""Half of the shift that is looked for: one standard error."""

FALSE_ALARMS = 0.05
"""Chance that the sums ever cross their threshold in a portfolio in which nothing changed."""

FEWEST_BEFORE = 4
"""Experiments from which on there is a line to hold the next one against."""

_OVERSHOOT = 1.166
_PASSES = 20
_SETTLED = 1e-9
_ROUNDING = 1e-12
_HALVINGS = 60


class OverTime(NamedTuple):
    """residual, up, down: by experiment in the order given, NaN of the first ones. threshold: of the sums."""

    residual: FloatArray
    up: FloatArray
    down: FloatArray
    threshold: float

    @property
    def warning(self) -> FloatArray:
        """Where a sum is beyond the threshold."""
        return np.asarray(np.fmax(self.up, self.down) > self.threshold)


def experiment_means(effects: Effects) -> Effects:
    """One row for each experiment: the mean of its arms, with the covariance of that; sorted by number.

    Errors that are shared between experiments are left out: only what is between arms of one experiment counts.
    """
    _, at = np.unique(effects.experiment, return_inverse=True)
    arms = np.bincount(at).astype(np.float64)
    values = np.zeros((arms.size, effects.values.shape[1]))
    covariances = np.zeros((arms.size, *effects.covariances.shape[1:]))
    np.add.at(values, at, effects.values)
    np.add.at(covariances, at, effects.covariances)
    first, second = at[effects.pairs].reshape(-1, 2).T
    same = first == second
    np.add.at(covariances, first[same], effects.shared[same] + effects.shared[same].transpose(0, 2, 1))
    return Effects(
        values=values / arms[:, None],
        covariances=covariances / arms[:, None, None] ** 2,
        experiment=np.unique(effects.experiment),
        pairs=np.zeros((0, 2), dtype=np.intp),
        shared=np.zeros((0, *effects.covariances.shape[1:])),
    )


def over_time(effects: Effects, order: Sequence[int]) -> OverTime | None:
    """Residuals and sums of experiments in the order of their start; gains first, lifts second axis.

    effects: one row for each experiment (``experiment_means``). order: of rows. Gains count as exact where the error of
    one is not known. None with no more than ``FEWEST_BEFORE`` experiments, and where gains do not differ beyond their
    errors.
    """
    if len(order) <= FEWEST_BEFORE:
        return None
    at = np.asarray(order, dtype=np.intp)
    gain, lift = effects.values[at].T
    covariances = np.nan_to_num(effects.covariances[at])
    calibrated = _calibrated(gain, lift, covariances)
    if calibrated is None:
        return None
    expected, rest, variance = calibrated
    residual = _recursive(expected, rest, variance)
    up, down = _sums(residual), _sums(-residual)
    return OverTime(residual, up, down, threshold_for(int(np.isfinite(residual).sum())))


def threshold_for(experiments: int) -> float:
    """The threshold that one of the two sums crosses by chance in ``FALSE_ALARMS`` of series of this length.

    From the mean time to a false alarm, ``(exp(2 k b) - 2 k b - 1) / (2 k^2)`` of one sum with ``b = h + 1.166``
    (Siegmund 1985), halved for two; alarms come at a constant rate.
    """
    needed = -2.0 * max(experiments, 1) / np.log1p(-FALSE_ALARMS)
    low, high = 0.0, 60.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        scaled = 2.0 * ALLOWANCE * (middle + _OVERSHOOT)
        too_soon = (np.exp(scaled) - scaled - 1.0) / (2.0 * ALLOWANCE**2) < needed
        low, high = (middle, high) if too_soon else (low, middle)
    return 0.5 * (low + high)


def _calibrated(
    gain: FloatArray, lift: FloatArray, covariances: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray] | None:
    """Expected true gains, lifts without what errors have in common, and the variance of these around the line."""
    v_x, v_y, c = covariances[:, 0, 0], covariances[:, 1, 1], covariances[:, 0, 1]
    exact = bool((v_x <= 0.0).any())
    if exact:
        spread = float(np.var(gain))
        expected, kept = gain, np.ones_like(gain)
        v_x, c = np.zeros_like(gain), np.zeros_like(gain)
        centre = float(np.mean(gain))
    else:
        found = random_effects(gain, v_x)
        spread, centre = float(found.tau_squared), float(found.mean)
        kept = spread / (spread + v_x)
        expected = centre + kept * (gain - centre)
    if spread <= (_ROUNDING * np.abs(gain).max()) ** 2:
        return None
    rest = lift - c / (spread + v_x) * (gain - centre)
    slope, variance = 0.0, v_y
    for _ in range(_PASSES):
        known = slope**2 * spread + v_y - (slope * spread + c) ** 2 / (spread + v_x)
        known = np.maximum(known, np.finfo(float).tiny)
        variance = known + _left_over(expected, rest, known)
        before, slope = slope, _line(expected, rest, 1.0 / variance)[1]
        if abs(slope - before) <= _SETTLED * abs(slope):
            break
    return expected, rest, variance


def _line(x: FloatArray, y: FloatArray, weight: FloatArray) -> tuple[float, float]:
    """Intercept and slope by weighted least squares."""
    total = weight.sum()
    x_mean, y_mean = weight @ x / total, weight @ y / total
    off = weight * (x - x_mean)
    slope = off @ (y - y_mean) / (off @ (x - x_mean))
    return float(y_mean - slope * x_mean), float(slope)


def _left_over(x: FloatArray, y: FloatArray, known: FloatArray) -> float:
    """The variance beyond the known one with which the sum of squares around the line is what it should be."""

    def scatter(tau_squared: float) -> float:
        weight = 1.0 / (known + tau_squared)
        a, b = _line(x, y, weight)
        return float(weight @ (y - a - b * x) ** 2)

    freedom = float(x.size - 2)
    low, high = 0.0, float(np.var(y)) * x.size
    if scatter(0.0) <= freedom:
        return 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if scatter(middle) > freedom else (low, middle)
    return 0.5 * (low + high)


@np.errstate(divide="ignore", invalid="ignore")
def _recursive(x: FloatArray, y: FloatArray, variance: FloatArray) -> FloatArray:
    """What each value is off the line of all before it, over the standard error of that."""
    weight = 1.0 / variance
    off = x - x.mean()
    sums = [
        np.concatenate([[0.0], np.cumsum(weight * part)[:-1]])
        for part in (np.ones_like(x), off, off**2, y, off * y)
    ]
    w, wx, wxx, wy, wxy = sums
    determinant = w * wxx - wx**2
    a, b = (wxx * wy - wx * wxy) / determinant, (w * wxy - wx * wy) / determinant
    unsure = (wxx - 2.0 * off * wx + off**2 * w) / determinant
    found = (y - a - b * off) / np.sqrt(variance + unsure)
    usable = (np.arange(x.size) >= FEWEST_BEFORE) & (determinant > 1e-9 * w * wxx) & np.isfinite(found)
    return np.where(usable, found, np.nan)


def _sums(residual: FloatArray) -> FloatArray:
    """``max(0, sum before + residual - ALLOWANCE)``, by the smallest of the plain sums so far; NaN adds nothing."""
    plain = np.cumsum(np.where(np.isfinite(residual), residual - ALLOWANCE, 0.0))
    summed = plain - np.minimum(np.minimum.accumulate(plain), 0.0)
    return np.where(np.isfinite(residual), summed, np.nan)
