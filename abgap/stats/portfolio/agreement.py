"""How often two effects of the same arms agree: in sign, in order, and in what was established.

Arms of one experiment are no independent witnesses, they share a control and often an idea: an experiment counts once,
however many arms it has, and intervals are those of experiments. Agreement is no merit by itself. Where most gains and
most lifts are positive anyway, and where both are measured on the same users, whose errors go together, signs agree
without any relation; that share stands beside the one observed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray, Bounds, Floats
from abgap.stats.portfolio.effects import IndexArray
from abgap.stats.proportions import wilson_interval
from abgap.stats.tails import bivariate_normal_cdf, normal_quantile, t_quantile


class Share(NamedTuple):
    """A share with its interval, and how many experiments it rests on; NaN without any."""

    bounds: Bounds
    experiments: int


def share_by_experiment(hit: BoolArray, use: BoolArray, experiment: IndexArray, alpha: float) -> Share:
    """Return in which share of the arms it was so, every experiment counting once.

    hit, use, experiment: (K,). The score interval (Wilson 1927) with the number of experiments. Where arms of one
    experiment differ among themselves they tell more than one arm would: the number is then the effective one of Dean
    and Pagano (2015), with t in place of the normal, and never below that of the experiments.
    """
    numbers, arms = np.unique(experiment[use], return_inverse=True), int(use.sum())
    count = len(numbers[0])
    if not count:
        return Share(Bounds(*(np.full(3, np.nan))), 0)
    own = np.bincount(numbers[1], weights=hit[use]) / np.bincount(numbers[1])
    share = own.mean()
    effective = _effective(own, arms, alpha)
    return Share(wilson_interval(share * effective, effective, alpha), count)


def _effective(own: FloatArray, arms: int, alpha: float) -> float:
    """As how many independent arms the shares of the experiments count."""
    count, share = len(own), own.mean()
    if arms == count or np.ptp(own) == 0.0:
        return float(count)
    alike = share * (1.0 - share) / (own.var(ddof=1) / count)
    narrowed = (normal_quantile(1.0 - alpha / 2.0) / t_quantile(1.0 - alpha / 2.0, count - 1.0)) ** 2
    return float(max(count, min(alike, arms) * narrowed))


def agreement_of_signs(x: FloatArray, y: FloatArray, experiment: IndexArray, alpha: float) -> Share:
    """Return how often both effects, (K,), have the same sign; arms with an effect of exactly 0 do not count."""
    signs = np.sign(x) * np.sign(y)
    return share_by_experiment(signs > 0.0, np.isfinite(signs) & (signs != 0.0), experiment, alpha)


def agreement_by_noise(x: FloatArray, y: FloatArray, experiment: IndexArray, correlation: float) -> float:
    """Return how often signs would agree if true effects had nothing to do with each other.

    correlation: what is left between measured effects then, the covariance of their errors over the standard
    deviations of what was measured. Each side keeps its share of positive effects; in ranks they are jointly normal.
    With half of both sides positive that is ``1/2 + arcsin(correlation)/pi`` (Sheppard 1899). NaN without experiments.
    """
    use = np.isfinite(x) & np.isfinite(y) & (x != 0.0) & (y != 0.0)
    ups = [share_by_experiment(side > 0.0, use, experiment, 0.05) for side in (x, y)]
    if not ups[0].experiments:
        return np.nan
    share_x, share_y = (up.bounds.estimate for up in ups)
    both = bivariate_normal_cdf(normal_quantile(share_x), normal_quantile(share_y), correlation)
    return float(1.0 - share_x - share_y + 2.0 * both)


def agreement_of_correlation(correlation: Floats) -> FloatArray:
    """Return how often two zero-mean normal effects with this correlation have the same sign (Sheppard 1899)."""
    return np.asarray(0.5 + np.arcsin(correlation) / np.pi)
