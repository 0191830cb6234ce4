"""What predictors that learnt nothing reach on the same labels: in closed form, so that nothing has to be drawn.

- ``constant`` gives every example the base rate as its score.
- ``always_positive`` decides for the positive label, always.
- ``majority`` decides for the more frequent label, always (for the negative one when both are as frequent).
- ``random`` decides for the positive label as often as it occurs, by lot; as scores it gives uniform numbers.

Of metrics that are functions of counts the value is the one at the expected counts.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import digamma, xlogy

from abgap.records.moments import FloatArray
from abgap.stats.classification import MetricOfCounts, value_of

CONSTANT, MAJORITY, RANDOM, ALWAYS_POSITIVE = "constant", "majority", "random", "always_positive"


def lazy_counts(positives: int, n: int, *, threshold: float) -> Mapping[str, FloatArray]:
    """The four counts of each lazy predictor. threshold: scores from it on are decided positive."""
    rate = positives / n
    negatives = n - positives
    all_positive = np.array([positives, negatives, 0.0, 0.0])
    all_negative = np.array([0.0, 0.0, positives, negatives])
    by_lot = rate * all_positive + (1.0 - rate) * all_negative
    return {
        MAJORITY: all_positive if positives > negatives else all_negative,
        CONSTANT: all_positive if rate >= threshold else all_negative,
        ALWAYS_POSITIVE: all_positive,
        RANDOM: by_lot,
    }


def lazy_of_counts(metric: MetricOfCounts, positives: int, n: int, *, threshold: float) -> dict[str, float]:
    """A metric of counts for each lazy predictor; those for which it is not defined are left out."""
    counts = lazy_counts(positives, n, threshold=threshold)
    values = {name: float(value_of(metric, of_lazy)) for name, of_lazy in counts.items()}
    # What is left of a correlation of 0 is rounding.
    return {name: 0.0 if abs(v) < 1e-15 else v for name, v in values.items() if np.isfinite(v)}


def lazy_of_scores(metric: str, positives: int, n: int) -> dict[str, float]:
    """A metric of scores for the lazy predictors that give such scores, where both labels occur.

    Random scores: the mean of average precision over all orders is ``H + (1 - H)(P - 1)/(n - 1)`` with H the n-th
    harmonic number over n (Bestgen 2015); of uniform numbers the log loss is 1 and the Brier score 1/3 on average.
    """
    rate = positives / n
    if not 0.0 < rate < 1.0:
        return {}
    harmonic = float(digamma(n + 1.0) - digamma(1.0)) / n
    entropy = -float(xlogy(rate, rate) + xlogy(1.0 - rate, 1.0 - rate))
    known = {
        "roc_auc": {CONSTANT: 0.5, RANDOM: 0.5},
        "average_precision": {
            CONSTANT: rate,
            RANDOM: harmonic + (1.0 - harmonic) * (positives - 1.0) / (n - 1.0),
        },
        "log_loss": {CONSTANT: entropy, RANDOM: 1.0},
        "brier": {CONSTANT: rate * (1.0 - rate), RANDOM: 1.0 / 3.0},
        "calibration_error": {CONSTANT: 0.0},
    }
    return known.get(metric, {})
