"""What past experiments say an offline gain should have brought, without the experiment that is judged.

A verdict needs an expected lift. Where the study declares no exchange rate, the line of the portfolio gives it, fitted
to the other experiments alone: an experiment that took part in its own expectation would pull it to what it found.
"""

from __future__ import annotations

import math

from abgap.gap.expected import Expectation
from abgap.gap.offline_side import OfflineSide
from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.gap.portfolio.transfer import Transfers
from abgap.records import Direction, Interval
from abgap.records.words import plural
from abgap.stats.portfolio.mixture import Mixture
from abgap.stats.tails import normal_quantile

SOURCE = "portfolio fit"
METHOD = "portfolio"

# Beyond so many experiments one of them changes nothing, and its lift is predicted by a normal.
_MANY = 200


class Expectations:
    """Expected lifts from the portfolio, for the gaps of any experiment."""

    def __init__(self, transfers: Transfers) -> None:
        self._transfers = transfers
        data = transfers.data
        self._experiments = {name: at for at, name in enumerate(data.names)}
        self._axes = {
            kind: {data.axes[at].name: at for at in data.positions(kind)}
            for kind in (AxisKind.OFFLINE, AxisKind.BUSINESS)
        }

    def of(
        self,
        experiment: str,
        offline_metric: str,
        business_metric: str,
        *,
        side: OfflineSide,
        direction: Direction,
    ) -> Expectation | None:
        """The expected lift of a gain (both up is good); None where the others say nothing, or there is no gain.

        direction: of the business metric. The interval is that of the prediction, tau included: a lift outside of it
        is unlike the others. A gain at face value counts as exact.
        """
        predictor = self._axes[AxisKind.OFFLINE].get(offline_metric)
        business = self._axes[AxisKind.BUSINESS].get(business_metric)
        size = side.gain.estimate if isinstance(side.gain, Interval) else side.face_value
        at = self._experiments.get(experiment)
        if predictor is None or business is None or size is None or at is None:
            return None
        found = self._transfers.of(predictor, business)
        if found.fit is None:
            return None
        error = 0.0 if side.error is None or found.at_face_value else side.error
        return _expectation(self._transfers, predictor, business, at, size, error, direction)


def _expectation(
    transfers: Transfers,
    predictor: int,
    business: int,
    experiment: int,
    gain: float,
    error: float,
    direction: Direction,
) -> Expectation | None:
    fit, data = transfers.of(predictor, business).fit, transfers.data
    if fit is None:
        return None
    if fit.effects.experiments > _MANY:
        source = f"{SOURCE} over all {plural(fit.effects.experiments, 'experiment')}"
        return Expectation(lift=_many(fit.lift(gain, error), data, direction), source=source)
    others = transfers.without(predictor, business, experiment)
    if others is None:
        return None
    ends = others.lift(gain, error).bounds(data.alpha)
    source = f"{SOURCE} over {plural(others.effects.experiments, 'other experiment')}"
    return Expectation(lift=_lift([float(end) for end in ends], data, direction), source=source)


def _many(lift: Mixture, data: PortfolioData, direction: Direction) -> Interval:
    """By mean and variance of the mixture."""
    mean = float(lift.weight @ lift.mean)
    sd = math.sqrt(float(lift.weight @ (lift.sd**2 + (lift.mean - mean) ** 2)))
    reach = float(normal_quantile(1.0 - data.alpha / 2.0)) * sd
    return _lift([mean, mean - reach, mean + reach], data, direction)


def _lift(ends: list[float], data: PortfolioData, direction: Direction) -> Interval:
    """From a log ratio turned so that up is good to a lift that is turned in the same way."""
    estimate, low, high = (direction.sign * math.expm1(direction.sign * end) for end in ends)
    return Interval(estimate=estimate, low=low, high=high, level=data.level_of_confidence, method=METHOD)
