"""How two metrics go together over the units of arms: the individual level of surrogacy (Buyse and others 2000).

Within the arms of an experiment, pooled, so that no treatment is in it: correlation and slope of the units' values,
both relative to the means of their arm. Experiments count alike; the interval is that of the mean over experiments,
with t (of a correlation on the scale of ``atanh``), so that it is not about the users of these experiments alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Bounds
from abgap.stats.moments import Joint
from abgap.stats.portfolio.effects import IndexArray
from abgap.stats.tails import t_quantile

FEWEST = 5
"""Experiments below which there is no interval."""

_MOST = 1.0 - 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Individual:
    """The association of two metrics over units. units, experiments: that it rests on. None: too few experiments."""

    units: int
    experiments: int
    correlation: Bounds | None
    slope: Bounds | None


def individual_association(arms: Joint, experiment: IndexArray, alpha: float) -> Individual:
    """Return the association of the first value with the second, of arms with two values each.

    experiment: (arms,) whole numbers. Arms with a mean that is not above zero, or without spread, do not count.
    """
    spread = np.diagonal(arms.covariances, axis1=-2, axis2=-1)
    usable = np.isfinite(arms.covariances).all(axis=(-2, -1)) & (arms.means > 0.0).all(axis=-1)
    usable &= (spread > 0.0).all(axis=-1) & (arms.n > 1.0)
    n, means, of_arm = arms.n[usable], arms.means[usable], experiment[usable]
    relative = arms.covariances[usable] / (means[:, :, None] * means[:, None, :])
    known, at = np.unique(of_arm, return_inverse=True)
    within = np.zeros((len(known), 2, 2))
    np.add.at(within, at, (n - 1.0)[:, None, None] * relative)
    units = int(n.sum())
    if len(known) < FEWEST:
        return Individual(units=units, experiments=len(known), correlation=None, slope=None)
    correlation = within[:, 0, 1] / np.sqrt(within[:, 0, 0] * within[:, 1, 1])
    transformed = _mean(np.arctanh(np.clip(correlation, -_MOST, _MOST)), alpha)
    return Individual(
        units=units,
        experiments=len(known),
        correlation=Bounds(*(np.tanh(bound) for bound in transformed)),
        slope=_mean(within[:, 0, 1] / within[:, 0, 0], alpha),
    )


def _mean(values: FloatArray, alpha: float) -> Bounds:
    """The mean of experiments with its t interval."""
    n = len(values)
    half = t_quantile(1.0 - alpha / 2.0, n - 1.0) * values.std(ddof=1) / np.sqrt(n)
    mean = np.asarray(values.mean())
    return Bounds(mean, mean - half, mean + half)
