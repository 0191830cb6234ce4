"""Has a daily value changed its level? The largest standardised difference of means before and after a day.

Days are estimates with a known covariance (units come back, so that days go together). Under no change they vary
around one level, and the largest of the standardised differences over all splits has the distribution of the largest of
correlated normals, which is drawn: a test of one change at an unknown time (Hawkins 1977, with covariances as they
are). Looking at all splits is paid for: the p-value is that of the largest.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.streams import named_stream
from abgap.stats.tails import normal_quantile

DRAWS = 20_000
MIN_DAYS = 4
"""With fewer days nothing is tested."""

_TOP = 2.0**53


class ChangePoint(NamedTuple):
    """The most likely change. place: of the first day after it. low, high: simultaneous over all splits."""

    place: int
    before: float
    after: float
    change: float
    low: float
    high: float
    statistic: float
    p_value: float


def change_point(
    values: FloatArray, covariance: FloatArray, weights: FloatArray, *, alpha: float, seed: int
) -> ChangePoint | None:
    """The most likely change of level in ``values`` (days,), weighted by ``weights``; None where it cannot be tested.

    covariance: of the values (days, days).
    """
    days = len(values)
    if days < MIN_DAYS or not (np.isfinite(values).all() and np.isfinite(covariance).all()):
        return None
    contrasts = _contrasts(weights)
    joint = contrasts @ covariance @ contrasts.T
    error = np.sqrt(np.diag(joint))
    if not (error > 0.0).all():
        return None
    changes = contrasts @ values
    statistics = np.abs(changes) / error
    k = int(np.argmax(statistics))
    largest = _largest_of_null(joint / np.outer(error, error), seed)
    critical = float(np.quantile(largest, 1.0 - alpha))
    before, after = np.split(np.arange(days), [k + 1])
    return ChangePoint(
        place=k + 1,
        before=float(np.average(values[before], weights=weights[before])),
        after=float(np.average(values[after], weights=weights[after])),
        change=float(changes[k]),
        low=float(changes[k] - critical * error[k]),
        high=float(changes[k] + critical * error[k]),
        statistic=float(statistics[k]),
        p_value=float((1.0 + np.sum(largest >= statistics[k])) / (DRAWS + 1.0)),
    )


def _contrasts(weights: FloatArray) -> FloatArray:
    """Mean after less mean before, for a change after each day but the last: (days - 1, days)."""
    days = len(weights)
    is_after = np.arange(days)[None, :] > np.arange(days - 1)[:, None]
    after, before = np.where(is_after, weights, 0.0), np.where(is_after, 0.0, weights)
    found: FloatArray = after / after.sum(axis=1, keepdims=True) - before / before.sum(axis=1, keepdims=True)
    return found


def _largest_of_null(correlation: FloatArray, seed: int) -> FloatArray:
    """The largest absolute value of normals with this correlation, drawn ``DRAWS`` times."""
    size = len(correlation)
    raw = named_stream(seed, "change point").random_raw(DRAWS * size).reshape(DRAWS, size)
    uniform = ((raw >> np.uint64(11)).astype(np.float64) + 0.5) / _TOP
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    found: FloatArray = np.abs(normal_quantile(uniform) @ root.T).max(axis=1)
    return found
