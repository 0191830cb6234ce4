"""How errors of online metrics hang together, out of moments of single folds: where moments are all there is."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from abgap.records import Moments
from abgap.records.moments import FloatArray
from abgap.stats.portfolio.correlated import fold_correlation


def correlation_of_folds(moments: Moments, metrics: Sequence[str]) -> FloatArray | None:
    """The correlation of the errors of ``metrics`` pooled over the folds of all arms, (p, p); None without folds.

    A ratio counts by its linearised value.
    """
    places = {metric: at for at, metric in enumerate(metrics)}
    of_folds = (row for row, fold in enumerate(moments.fold) if fold is not None)
    rows = np.array([row for row in of_folds if _counts(moments, row, places)], dtype=np.intp)
    if not rows.size:
        return None
    arms: dict[tuple[str, str], int] = {}
    keys = zip(moments.experiment[rows], moments.variant[rows], strict=True)
    arm = np.array([arms.setdefault(key, len(arms)) for key in keys], dtype=np.intp)
    fold = np.array(moments.fold[rows], dtype=np.intp)
    metric = np.array([places[name] for name in moments.metric[rows]], dtype=np.intp)
    shape = (len(arms), int(fold.max()) + 1, len(metrics))

    def columns(values: FloatArray) -> FloatArray:
        found = np.full(shape, np.nan)
        found[arm, fold, metric] = values[rows]
        return found

    n, mean, variance = (columns(values) for values in (moments.n, moments.mean, moments.variance))
    base = np.where(np.isnan(columns(moments.denominator_mean)), 1.0, columns(moments.denominator_mean))
    weight = n * base
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = np.sum(weight * mean, axis=1, keepdims=True) / np.sum(weight, axis=1, keepdims=True)
        whole = np.sum(weight, axis=1, keepdims=True) / np.sum(n, axis=1, keepdims=True)
        deviations = weight * (mean - centre) / (whole * np.sqrt(n))
        spread = np.sqrt(np.mean(variance, axis=1))
    return fold_correlation(deviations, spread)


def _counts(moments: Moments, row: int, metrics: Collection[str]) -> bool:
    """Whether a row of a fold is of all its units, and of one of the metrics."""
    return moments.metric[row] in metrics and moments.slice_name[row] is None and moments.period[row] is None
