"""Correlations of errors: pooled over folds of units where units themselves are not there, and put into covariances."""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray

# Below so many degrees of freedom a correlation is known to about .2 only.
_FEWEST_DF = 30
# An eigenvalue of a correlation matrix that is this little below zero is rounding.
_ROUNDING = 1e-12
_HALVINGS = 40


def fold_correlation(deviations: FloatArray, spread: FloatArray) -> FloatArray:
    """Return the correlation of the errors of p metrics over all arms together, (p, p).

    deviations: (arms, folds, p), sums over the units of a fold around the arm's mean, over the root of their number;
    spread: (arms, p), standard deviation per unit; NaN where an arm has no folds of a metric. The folds of an arm are
    samples of the same units' law, with one degree of freedom less than folds; pooled over arms they tell what a
    single arm does not. NaN below 30 degrees of freedom of a pair. What is not positive semi-definite because pairs
    rest on different arms is pulled towards no correlation, just as far as it takes.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        standard = deviations / np.where(spread > 0.0, spread, np.nan)[:, None, :]
    known: BoolArray = np.isfinite(standard)
    there = np.asarray(known.all(axis=1))
    filled = np.where(there[:, None, :], standard, 0.0)
    crosses = np.einsum("afi,afj->ij", filled, filled)
    own = np.einsum("afi,aj->ij", filled**2, there.astype(np.float64))
    df = (deviations.shape[1] - 1) * np.einsum(
        "ai,aj->ij", there.astype(np.float64), there.astype(np.float64)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(df >= _FEWEST_DF, crosses / np.sqrt(own * own.T), np.nan)
    np.fill_diagonal(found, 1.0)
    return possible_correlation(found)


def possible_correlation(correlation: FloatArray) -> FloatArray:
    """Return a correlation matrix with no negative eigenvalue: itself, or as much of it as there can be.

    NaN counts as 0 and stays NaN.
    """
    filled = np.nan_to_num(correlation, nan=0.0)
    smallest = float(np.linalg.eigvalsh(filled)[0]) if filled.size else 0.0
    if smallest >= 0.0:
        return correlation
    share = 1.0 / (1.0 - smallest)
    return np.where(np.eye(len(correlation), dtype=bool), 1.0, share * correlation)


def with_correlation(covariances: FloatArray, correlation: FloatArray, where: BoolArray) -> FloatArray:
    """Return covariances (..., p, p) whose entries off the diagonal come from their variances and a correlation.

    where: (..., p, p), true where they are put. Entries without variances or correlation stay.
    """
    own = np.maximum(np.diagonal(covariances, axis1=-2, axis2=-1), 0.0)
    found = correlation * np.sqrt(own[..., :, None] * own[..., None, :])
    put = np.isfinite(found) & ~np.eye(correlation.shape[-1], dtype=bool)
    return np.where(put & where, found, covariances)


def possible_covariances(covariances: FloatArray, where: BoolArray) -> FloatArray:
    """Return covariances (..., p, p) with no negative eigenvalue: entries ``where`` are multiplied as far as it takes.

    where: (p, p). Without these entries a matrix is possible. NaN counts as 0 and stays NaN.
    """
    filled = np.nan_to_num(covariances, nan=0.0)
    own = np.sqrt(np.maximum(np.diagonal(filled, axis1=-2, axis2=-1), 0.0))
    own = np.where(own > 0.0, own, 1.0)
    standard = filled / (own[..., :, None] * own[..., None, :])
    wrong = (filled * where != 0.0).any(axis=(-2, -1))
    wrong[wrong] = np.linalg.eigvalsh(standard[wrong])[..., 0] < -_ROUNDING
    if not wrong.any():
        return covariances
    parts = standard[wrong] * ~where, standard[wrong] * where
    low, high = np.zeros(len(parts[0])), np.ones(len(parts[0]))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        there = np.linalg.eigvalsh(parts[0] + middle[:, None, None] * parts[1])[..., 0] >= -_ROUNDING
        low, high = np.where(there, middle, low), np.where(there, high, middle)
    share = np.ones(wrong.shape)
    share[wrong] = low
    return np.where(where, covariances * share[..., None, None], covariances)
