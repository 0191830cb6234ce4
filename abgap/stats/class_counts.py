"""Scores of label predictions out of three counts a class: predicted rightly, predicted, and really there.

A class that is neither predicted nor there does not count. Precision of a class that is never predicted is 0, and so is
the recall of one that is not there: a model that leaves a class out, or makes one up, pays for it. These are the
rules of scikit-learn with ``zero_division = 0``, which the tests hold them against. With one label an example, micro
averages of precision, recall and F1 are all the accuracy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray, Floats

ClassScore = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""Hits, predicted and actual counts (..., classes) made into a score (...); NaN where it is not defined."""


def accuracy(hits: FloatArray, _predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """The share of examples with the right label; also the micro average of precision, recall and F1."""
    return _share(hits.sum(axis=-1), actual.sum(axis=-1), empty=np.nan)


def balanced_accuracy(hits: FloatArray, _predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """The mean recall of the classes that are there."""
    return _mean_over(_recalls(hits, actual), actual > 0)


def macro_precision(hits: FloatArray, predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """The plain mean of the precision of classes."""
    return _mean_over(_precisions(hits, predicted), predicted + actual > 0)


def macro_recall(hits: FloatArray, predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """The plain mean of the recall of classes."""
    return _mean_over(_recalls(hits, actual), predicted + actual > 0)


def macro_f1(hits: FloatArray, predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """The plain mean of the F1 of classes."""
    return _mean_over(_f1s(hits, predicted, actual), predicted + actual > 0)


def weighted_precision(hits: FloatArray, predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """The mean of the precision of classes, each as often as it is there."""
    return _weighted(_precisions(hits, predicted), actual)


def weighted_recall(hits: FloatArray, _predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """The mean of the recall of classes, each as often as it is there."""
    return _weighted(_recalls(hits, actual), actual)


def weighted_f1(hits: FloatArray, predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """The mean of the F1 of classes, each as often as it is there."""
    return _weighted(_f1s(hits, predicted, actual), actual)


CLASS_SCORES: Mapping[str, ClassScore] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_precision": macro_precision,
    "macro_recall": macro_recall,
    "macro_f1": macro_f1,
    "weighted_precision": weighted_precision,
    "weighted_recall": weighted_recall,
    "weighted_f1": weighted_f1,
    "micro_f1": accuracy,
}
"""Every score by its name."""


def majority_counts(actual: Floats) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Hits, predicted and actual counts of always saying the largest class; the first of equally large ones."""
    there = np.asarray(actual, dtype=np.float64)
    chosen = np.arange(there.size) == np.argmax(there)
    return np.where(chosen, there, 0.0), np.where(chosen, there.sum(), 0.0), there


def by_share_counts(actual: Floats) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Expected hits, predicted and actual counts of drawing labels by the shares of the classes."""
    there = np.asarray(actual, dtype=np.float64)
    return np.asarray(there**2 / there.sum()), there.copy(), there


def _precisions(hits: FloatArray, predicted: FloatArray) -> FloatArray:
    return _share(hits, predicted, empty=0.0)


def _recalls(hits: FloatArray, actual: FloatArray) -> FloatArray:
    return _share(hits, actual, empty=0.0)


def _f1s(hits: FloatArray, predicted: FloatArray, actual: FloatArray) -> FloatArray:
    return _share(2.0 * hits, predicted + actual, empty=0.0)


def _mean_over(values: FloatArray, counted: BoolArray) -> FloatArray:
    return _share(np.where(counted, values, 0.0).sum(axis=-1), counted.sum(axis=-1), empty=np.nan)


def _weighted(values: FloatArray, weights: FloatArray) -> FloatArray:
    return _share((values * weights).sum(axis=-1), weights.sum(axis=-1), empty=np.nan)


def _share(part: Floats, whole: Floats, *, empty: float) -> FloatArray:
    top, bottom = np.broadcast_arrays(np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64))
    return np.asarray(np.divide(top, bottom, out=np.full(top.shape, empty), where=bottom > 0))
