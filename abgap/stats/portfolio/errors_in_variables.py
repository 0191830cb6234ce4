"""Straight lines through points with errors on both axes: York's and Deming's, as a second opinion on a slope.

Both take every true point to lie on the line. Where lifts vary for reasons of their own, chi-square
over its degrees of freedom is far above 1, and the line leans on the most exact experiments. Errors that arms share are
left out. So neither is the answer, and both are shown beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.records.moments import FloatArray

_STEPS = 500
_CLOSE = 1e-13


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedLine:
    """``y = intercept + slope x``. errors are those of the fit when the points scatter as their errors say.

    chi_square, df: how far points lie from the line in their errors, where the method tells.
    """

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float
    chi_square: float | None = None
    df: int | None = None


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def york_line(values: FloatArray, covariances: FloatArray) -> FittedLine | None:
    """Fit points (K, 2) with covariances of their errors (K, 2, 2), x first, by York et al. (2004).

    None where the line is not found: fewer than three points, errors of 0 on both axes, no end of the steps.
    """
    if len(values) < 3:
        return None
    (x, y), (vx, vy, vxy) = values.T, (covariances[:, 0, 0], covariances[:, 1, 1], covariances[:, 0, 1])
    slope = float(np.polyfit(x, y, 1)[0]) if np.ptp(x) > 0.0 else 0.0
    for _ in range(_STEPS):
        weight, mean, along = _york_step(slope, values, covariances)
        u, v = x - mean[0], y - mean[1]
        next_slope = float(np.sum(weight * along * v) / np.sum(weight * along * u))
        if not np.isfinite(next_slope):
            return None
        done = abs(next_slope - slope) <= _CLOSE * max(abs(slope), 1e-300)
        slope = next_slope
        if done:
            break
    else:
        return None
    weight = 1.0 / (vy + slope**2 * vx - 2.0 * slope * vxy)
    _, mean, along = _york_step(slope, values, covariances)
    adjusted = mean[0] + along
    centre = float(weight @ adjusted / weight.sum())
    variance = 1.0 / float(np.sum(weight * (adjusted - centre) ** 2))
    intercept = float(mean[1] - slope * mean[0])
    chi_square = float(np.sum(weight * (y - intercept - slope * x) ** 2))
    found = np.array([slope, intercept, variance, chi_square])
    if not np.isfinite(found).all():
        return None
    return FittedLine(
        slope=slope,
        intercept=intercept,
        slope_error=float(np.sqrt(variance)),
        intercept_error=float(np.sqrt(1.0 / weight.sum() + centre**2 * variance)),
        chi_square=chi_square,
        df=len(values) - 2,
    )


def _york_step(
    slope: float, values: FloatArray, covariances: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights under a slope, the weighted mean, and how far along x the points on the line lie from it."""
    vx, vy, vxy = covariances[:, 0, 0], covariances[:, 1, 1], covariances[:, 0, 1]
    weight = 1.0 / (vy + slope**2 * vx - 2.0 * slope * vxy)
    mean = np.asarray(weight @ values / weight.sum())
    u, v = (values - mean).T
    along = weight * (u * (vy - slope * vxy) + v * (slope * vx - vxy))
    return weight, mean, along


def deming_line(values: FloatArray, variance_ratio: float) -> FittedLine | None:
    """Fit points (K, 2), x first, that all have errors of one size (Deming 1943); errors by the jackknife.

    variance_ratio: variance of the errors of y over that of x, above 0. None where x and y do not go together, and with
    fewer than three points.
    """
    n = len(values)
    if n < 3:
        return None
    off = values - values.mean(axis=0)
    (sxx, sxy), (_, syy) = off.T @ off
    less = n / (n - 1) * np.stack([off[:, 0] ** 2, off[:, 0] * off[:, 1], off[:, 1] ** 2])
    # First all points, then all but one of them.
    sums = np.column_stack([[sxx, sxy, syy], np.array([[sxx], [sxy], [syy]]) - less])
    slopes = _deming_slope(sums, variance_ratio)
    centres = np.concatenate([[values.mean(axis=0)], values.mean(axis=0) - off / (n - 1)])
    lines = np.stack([slopes, centres[:, 1] - slopes * centres[:, 0]], axis=-1)
    if not np.isfinite(lines).all():
        return None
    left = lines[1:]
    slope_error, intercept_error = np.sqrt((n - 1) / n * np.sum((left - left.mean(axis=0)) ** 2, axis=0))
    return FittedLine(
        slope=float(lines[0, 0]),
        intercept=float(lines[0, 1]),
        slope_error=float(slope_error),
        intercept_error=float(intercept_error),
    )


@np.errstate(divide="ignore", invalid="ignore")
def _deming_slope(sums: FloatArray, ratio: float) -> FloatArray:
    """Slopes from rows of sums of squares and products xx, xy, yy; NaN where x and y do not go together."""
    sxx, sxy, syy = sums
    apart = syy - ratio * sxx
    root = np.sqrt(apart**2 + 4.0 * ratio * sxy**2)
    # Of the two forms the one in which no digits cancel.
    slope = np.where(apart > 0.0, (apart + root) / (2.0 * sxy), 2.0 * ratio * sxy / (root - apart))
    return np.asarray(np.where(sxy == 0.0, np.nan, slope))
