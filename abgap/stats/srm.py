"""Whether the units are split between the variants as planned (sample-ratio mismatch)."""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Floats, same_shape
from abgap.stats.tails import chi2_sf


@np.errstate(divide="ignore", invalid="ignore")
def sample_ratio(counts: Floats, weights: Floats) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compare units per variant with the planned split: chi-square, degrees of freedom, p-value.

    counts, weights: shape (..., variants); weights in any scale. A variant that got no units counts with its
    weight. Experiments with fewer variants than others are padded with NaN weights. NaN without units, and
    with fewer than two variants.
    """
    counts, weights = same_shape(counts, weights)
    planned = ~np.isnan(weights)
    observed = np.where(planned, counts, 0.0)
    share = np.where(planned, weights, 0.0)
    total = np.sum(observed, axis=-1, keepdims=True)
    expected = total * share / np.sum(share, axis=-1, keepdims=True)
    terms = np.where(planned, (observed - expected) ** 2 / expected, 0.0)
    df = np.asarray(np.sum(planned, axis=-1) - 1.0)
    chi2 = np.where((total[..., 0] > 0.0) & (df > 0.0), np.sum(terms, axis=-1), np.nan)
    return chi2, df, chi2_sf(chi2, df)
