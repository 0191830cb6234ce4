"""Whether the units are split between the variants as planned (sample-ratio mismatch): read once, or at any time."""

from __future__ import annotations

import numpy as np
from scipy import special

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


# Prior units of the planned split: how far from it a mismatch is looked for. Lindon and Malek advise some hundreds.
_CONCENTRATION = 100.0


@np.errstate(divide="ignore", invalid="ignore")
def sequential_sample_ratio(counts: Floats, weights: Floats) -> FloatArray:
    """Return the p-value of the planned split that stays valid however often it is looked at.

    counts, weights: as for ``sample_ratio``. One over the Bayes factor of a Dirichlet-multinomial, centred at the
    planned split with the weight of 100 units, against that split itself (Lindon, Malek 2022); at most 1. NaN without
    units, and with fewer than two variants. The smallest p over all looks so far is valid as well.
    """
    counts, weights = same_shape(counts, weights)
    planned = ~np.isnan(weights)
    observed = np.where(planned, counts, 0.0)
    share = np.where(planned, weights, 0.0)
    share = share / np.sum(share, axis=-1, keepdims=True)
    prior, total = np.where(planned, _CONCENTRATION * share, 1.0), np.sum(observed, axis=-1)
    log_factor = (
        special.gammaln(_CONCENTRATION)
        - special.gammaln(_CONCENTRATION + total)
        + np.sum(special.gammaln(prior + observed) - special.gammaln(prior), axis=-1)
        - np.sum(np.where(observed > 0.0, special.xlogy(observed, share), 0.0), axis=-1)
    )
    defined = (total > 0.0) & (np.sum(planned, axis=-1) > 1)
    return np.where(defined, np.exp(-np.maximum(log_factor, 0.0)), np.nan)
