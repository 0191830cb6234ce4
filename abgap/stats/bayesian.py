"""The lift with a prior belief: a normal posterior, the chance that treatment is better, and what an error costs.

The likelihood is the normal one of the delta method; the prior is normal, or flat. With many units and a
flat prior it repeats the test in other words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Floats
from abgap.stats.tails import normal_cdf, normal_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed of a lift beforehand. lift: its mean, positive is better. sd: None for a flat prior."""

    lift: float = 0.0
    sd: float | None = None


class Posterior(NamedTuple):
    """The lift given data and prior. better: chance that treatment is better, in the metric's direction.

    loss_of_shipping, loss_of_keeping: expected lift lost by the wrong choice, fractions, never negative.
    """

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    better: FloatArray
    loss_of_shipping: FloatArray
    loss_of_keeping: FloatArray


@np.errstate(divide="ignore", invalid="ignore")
def lift_posterior(
    lift: Floats, variance: Floats, direction_sign: Floats, prior: Prior, alpha: float
) -> Posterior:
    """Return the posterior of lifts measured with this variance, with its central interval.

    direction_sign: +1 where more is better, -1 where less is. The precisions of data and prior add:
    ``1 / v' = 1 / v + 1 / sd^2``. The expected loss of shipping is ``E max(-x, 0)``, that of keeping control
    ``E max(x, 0)``, x the lift in the direction that is better.
    """
    sign = np.asarray(direction_sign, dtype=np.float64)
    lift, variance = np.asarray(lift, dtype=np.float64), np.asarray(variance, dtype=np.float64)
    trust = 1.0 if prior.sd is None else prior.sd**2 / (prior.sd**2 + variance)
    mean = trust * lift + (1.0 - trust) * sign * prior.lift
    error = np.sqrt(trust * variance)
    margin = normal_quantile(1.0 - alpha / 2.0) * error
    gain = sign * mean
    density = error * np.exp(-0.5 * (gain / error) ** 2) / np.sqrt(2.0 * np.pi)
    better, worse = normal_cdf(gain / error), normal_cdf(-gain / error)
    return Posterior(
        estimate=mean,
        low=mean - margin,
        high=mean + margin,
        better=better,
        loss_of_shipping=np.maximum(density - gain * worse, 0.0),
        loss_of_keeping=np.maximum(density + gain * better, 0.0),
    )
