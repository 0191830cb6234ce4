"""How errors of online metrics hang together, out of moments of single folds: where moments are all there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abgap.online.codes import coded, grouped, is_null
from abgap.records import Moments
from abgap.records.moments import FloatArray
from abgap.stats.portfolio.correlated import fold_correlation


def correlation_of_folds(moments: Moments, metrics: Sequence[str]) -> FloatArray | None:
    """The correlation of the errors of ``metrics`` pooled over the folds of all arms, (p, p); None without folds.

    A ratio counts by its linearised value. Metrics with covariates are left out: their errors are what covariates leave
    of them, and that may go together in another way.
    """
    places = {metric: at for at, metric in enumerate(metrics)}
    of_all = is_null(moments.slice_name) & is_null(moments.period)
    chosen = coded(moments.metric).where(lambda name: name in places)
    plain = np.isnan(moments.covariate_mean) & is_null(moments.covariate_means)
    rows = np.flatnonzero(~is_null(moments.fold) & of_all & chosen & plain)
    if not rows.size:
        return None
    arms = grouped(coded(moments.experiment[rows]), coded(moments.variant[rows]))
    # Folds by their order: their numbers may be far apart.
    numbers, fold = np.unique(np.array(moments.fold[rows], dtype=np.intp), return_inverse=True)
    arm, metric = arms.of, coded(moments.metric[rows]).numbers(lambda name: places[name]).astype(np.intp)
    shape = (arms.first.size, len(numbers), len(metrics))

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
