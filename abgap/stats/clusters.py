"""Davies-Bouldin and Calinski-Harabasz for weighted examples, so that draws of examples have values.

With weights of 1 they are scikit-learn's, which the tests hold them against. Distances are Euclidean. Davies and
Bouldin (1979): the mean over clusters of the worst ratio of two spreads to the distance of their centres. Calinski and
Harabasz (1974): variance between clusters over variance within them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray


def davies_bouldin(points: FloatArray, labels: npt.NDArray[np.intp], weights: FloatArray) -> FloatArray:
    """Points (n, features), labels from 0 on, weights (draws, n): the index (draws,), NaN below two clusters."""
    return np.array([_davies_bouldin(points, labels, row) for row in weights])


def calinski_harabasz(points: FloatArray, labels: npt.NDArray[np.intp], weights: FloatArray) -> FloatArray:
    """As ``davies_bouldin``; NaN also where no example is left beyond one a cluster."""
    return np.array([_calinski_harabasz(points, labels, row) for row in weights])


def _centres(
    points: FloatArray, labels: npt.NDArray[np.intp], weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The weight of every cluster, and its centre; NaN for one without weight."""
    k = int(labels.max(initial=-1)) + 1
    size = np.asarray(np.bincount(labels, weights=weights, minlength=k), dtype=np.float64)
    sums = np.column_stack(
        [np.bincount(labels, weights=weights * column, minlength=k) for column in points.T]
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        return size, sums / size[:, None]


def _davies_bouldin(points: FloatArray, labels: npt.NDArray[np.intp], weights: FloatArray) -> float:
    size, centres = _centres(points, labels, weights)
    there = size > 0
    if there.sum() < 2:
        return np.nan
    off = np.sqrt(((points - np.where(there[:, None], centres, 0.0)[labels]) ** 2).sum(axis=1))
    spread = np.bincount(labels, weights=weights * off, minlength=len(size))[there] / size[there]
    centres = centres[there]
    apart = np.sqrt(((centres[:, None, :] - centres[None, :, :]) ** 2).sum(axis=-1))
    if np.allclose(spread, 0.0) or np.allclose(apart, 0.0):
        return 0.0
    apart[apart == 0.0] = np.inf
    return float(((spread[:, None] + spread[None, :]) / apart).max(axis=1).mean())


def _calinski_harabasz(points: FloatArray, labels: npt.NDArray[np.intp], weights: FloatArray) -> float:
    size, centres = _centres(points, labels, weights)
    there, total = size > 0, weights.sum()
    k = int(there.sum())
    if k < 2 or total <= k:
        return np.nan
    middle = (weights[:, None] * points).sum(axis=0) / total
    between = float((size[there] * ((centres[there] - middle) ** 2).sum(axis=1)).sum())
    off = ((points - np.where(there[:, None], centres, 0.0)[labels]) ** 2).sum(axis=1)
    within = float((weights * off).sum())
    return 1.0 if within == 0.0 else between * (total - k) / (within * (k - 1.0))
