"""Decisions held against labels: metrics of the four counts, and their variance when two models are compared.

Every metric of a yes-or-no decision is a function of four counts: true and false positives, false and true
negatives. So the influence of one example on it is the derivative with respect to the count that the example belongs
to, and a comparison of two models over the same examples needs no more than how many examples of each label fall into
each of the four pairs of decisions. The derivative is the complex-step one (Squire and Trapp 1998), right to the last
digits, so that a metric is written once, as its formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray
from abgap.stats.moments import Univariate

MetricOfCounts: TypeAlias = Callable[[npt.NDArray[np.inexact]], npt.NDArray[np.inexact]]
"""Counts (..., 4) of true positives, false positives, false negatives and true negatives made into the metric."""

TRUE_POSITIVE, FALSE_POSITIVE, FALSE_NEGATIVE, TRUE_NEGATIVE = range(4)
_STEP = 1e-100


def _parts(counts: npt.NDArray[np.inexact]) -> tuple[npt.NDArray[np.inexact], ...]:
    return tuple(counts[..., i] for i in range(4))


def accuracy(counts: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
    """(TP + TN) / n."""
    tp, _, _, tn = _parts(counts)
    return np.asarray((tp + tn) / counts.sum(axis=-1))


def precision(counts: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
    """TP / (TP + FP)."""
    tp, fp, _, _ = _parts(counts)
    return np.asarray(tp / (tp + fp))


def recall(counts: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
    """TP / (TP + FN)."""
    tp, _, fn, _ = _parts(counts)
    return np.asarray(tp / (tp + fn))


def specificity(counts: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
    """TN / (TN + FP)."""
    _, fp, _, tn = _parts(counts)
    return np.asarray(tn / (tn + fp))


def balanced_accuracy(counts: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
    """The mean of recall and specificity."""
    return np.asarray((recall(counts) + specificity(counts)) / 2.0)


def f1(counts: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall where both are defined."""
    tp, fp, fn, _ = _parts(counts)
    return np.asarray(2.0 * tp / (2.0 * tp + fp + fn))


def mcc(counts: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
    """Matthews' correlation of decision and label."""
    tp, fp, fn, tn = _parts(counts)
    # Roots one by one: the product of four counts is beyond what a double holds exactly.
    spread = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
    return np.asarray((tp * tn - fp * fn) / spread)


def error_cost(false_positive: float, false_negative: float) -> MetricOfCounts:
    """The metric: the cost of errors per example."""

    def cost(counts: npt.NDArray[np.inexact]) -> npt.NDArray[np.inexact]:
        _, fp, fn, _ = _parts(counts)
        return np.asarray((false_positive * fp + false_negative * fn) / counts.sum(axis=-1))

    return cost


OF_COUNTS: Mapping[str, MetricOfCounts] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "f1": f1,
    "mcc": mcc,
}
"""The metrics of a yes-or-no decision by name; all are better up."""


def value_of(metric: MetricOfCounts, counts: FloatArray) -> FloatArray:
    """The metric of counts (..., 4); NaN where it is not defined, never 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(metric(counts), dtype=np.float64)
    return np.where(np.isfinite(value), value, np.nan)


def influences(metric: MetricOfCounts, counts: FloatArray) -> FloatArray:
    """How far one example of each kind moves the metric, in units of one n-th: (..., 4), zero on average.

    The infinitesimal jackknife of a function of shares: its derivative at the shares.
    """
    shares = counts / counts.sum(axis=-1, keepdims=True)
    steps = np.eye(4) * 1j * _STEP
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = metric(shares[..., None, :] + steps)
    slopes: FloatArray = np.imag(moved) / _STEP
    return slopes


def paired_moments(metric: MetricOfCounts, pairs: FloatArray) -> Univariate:
    """The gain of a model over another, and the variance of the influence of an example on it (delta method).

    pairs: examples by label (1: positive, 0: negative), decision of the model and decision of the baseline, shape
    (2, 2, 2). For accuracy and cost these are mean and variance of the differences by example, so that the interval
    of them is that of the paired t test.
    """
    sides = [counts_of(pairs.sum(axis=2)), counts_of(pairs.sum(axis=1))]
    ours, theirs = (by_label(influences(metric, side)) for side in sides)
    n = pairs.sum()
    differences = ours[:, :, None] - theirs[:, None, :]
    with np.errstate(divide="ignore", invalid="ignore"):
        second = np.where(pairs > 0, pairs * differences**2, 0.0).sum()
        gain = value_of(metric, sides[0]) - value_of(metric, sides[1])
        centre = np.where(pairs > 0, pairs * differences, 0.0).sum() / n
        variance = (second - n * centre**2) / (n - 1.0)
    return Univariate(n=np.array(n), mean=gain, variance=np.array(variance))


def counts_of(decided: FloatArray) -> FloatArray:
    """Examples by label and decision, shape (..., 2, 2), as the four counts (..., 4)."""
    return np.stack([decided[..., 1, 1], decided[..., 0, 1], decided[..., 1, 0], decided[..., 0, 0]], axis=-1)


def by_label(four: FloatArray) -> FloatArray:
    """What belongs to the four counts (..., 4), by label and decision (..., 2, 2): the way back of ``counts_of``."""
    tp, fp, fn, tn = (four[..., i] for i in range(4))
    return np.stack([np.stack([tn, fp], axis=-1), np.stack([fn, tp], axis=-1)], axis=-2)
