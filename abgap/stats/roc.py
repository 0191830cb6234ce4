"""Two models' ROC-AUC and average precision over the same examples: their differences, with variances from sums.

ROC-AUC by DeLong, DeLong and Clarke-Pearson (1988): the placement of a positive is the share of negatives below it,
that of a negative the share of positives above it, ties half; the variance of the difference of two areas is that of
the differences of placements, of each label by itself. Average precision by the infinitesimal jackknife (Jaeckel 1972):
its derivative with respect to the weight of each example, of which the difference between the models is squared and
added up, over m - 1 in place of m. Both are judged by t with m - 1 degrees of freedom, m the examples of the rarer
label, which carry most of the variance: with ten positives the normal distribution makes intervals that are too short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.stats.moments import Univariate
from abgap.stats.paired import Comparison, paired_difference


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceSums:
    """Sums over examples: how many, of what each of two models has there, of the differences and of their squares."""

    n: float
    candidate: float
    base: float
    difference: float
    square: float

    def spread(self, centre: float) -> float:
        """The sum of squared differences from ``centre``."""
        return max(self.square - 2.0 * centre * self.difference + self.n * centre * centre, 0.0)


def areas(positives: DifferenceSums, negatives: DifferenceSums) -> tuple[float, float]:
    """ROC-AUC of candidate and baseline, out of the sums that ``delong`` takes."""
    pairs = 2.0 * positives.n * negatives.n
    return positives.candidate / pairs + 0.5, positives.base / pairs + 0.5


def delong(positives: DifferenceSums, negatives: DifferenceSums, alpha: float) -> Comparison:
    """The difference of two areas under the ROC curve, candidate minus baseline, by DeLong.

    The sums over positives are of ``negatives not above - negatives not below`` (ties are in both), those over
    negatives of ``positives not below - positives not above``: twice the placement times the other label's number,
    less that number.
    """
    area, base = areas(positives, negatives)
    variance = 0.0
    for own, other in ((positives, negatives), (negatives, positives)):
        scale = 2.0 * other.n
        variance += own.spread(own.difference / own.n) / scale**2 / max(own.n - 1.0, 1.0) / own.n
    return _judged(area - base, variance, min(positives.n, negatives.n), alpha)


def average_precision_difference(
    positives: DifferenceSums, negatives: DifferenceSums, values: tuple[float, float], alpha: float
) -> Comparison:
    """The difference of two average precisions, candidate minus baseline, by the infinitesimal jackknife.

    The sums are of influences times the number of positives, before average precision itself is taken off those of
    positives. values: average precision of candidate and baseline.
    """
    gain = values[0] - values[1]
    variance = (positives.spread(gain) + negatives.spread(0.0)) / positives.n**2
    fewest = min(positives.n, negatives.n)
    return _judged(gain, variance * fewest / max(fewest - 1.0, 1.0), fewest, alpha)


def _judged(gain: float, variance: float, fewest: float, alpha: float) -> Comparison:
    """As the mean of so many values as there are examples of the rarer label."""
    of_rarer = Univariate(n=np.array(fewest), mean=np.array(gain), variance=np.array(variance * fewest))
    return paired_difference(of_rarer, alpha)
