"""What a shadow run, or the study, says of a candidate beside production: two values and the change between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from abgap.engine.exact import centred
from abgap.offline.shadow import CostSums, ErrorCounts, LatencyPoints
from abgap.records import Estimable, Interval, NotEstimable, Reason, words
from abgap.records.moments import FloatArray
from abgap.stats.arrays import MIN_UNITS, Bounds
from abgap.stats.paired_latency import (
    error_difference,
    indicator_correlation,
    quantile_places,
    quantile_spread,
    relative_increase,
)
from abgap.study.offline import Model

Facts = Mapping[str, Model]


class Measured(NamedTuple):
    """The values of both models, the change from production to candidate, and the candidate's own interval."""

    candidate: float
    production: float
    change: Estimable
    own: Estimable


def latency_quantile(points: LatencyPoints, n: int, fraction: float, alpha: float) -> Measured:
    """Both quantiles over n requests, and the relative increase."""
    places = quantile_places(n, fraction)
    found = []
    for at in (points.candidate, points.production):
        value, low, high = (
            float(p.value(_at(at, p.low), _at(at, p.high))) for p in (places.at, places.low, places.high)
        )
        found.append((value, low, high, quantile_spread(places, value, low, high)))
    (c, low, high, c_error), (p, _, _, p_error) = found
    if not np.isfinite([c_error, p_error]).all():
        said = f"{words.plural(n, 'request')} say too little of this quantile"
        few = NotEstimable(reason=Reason.TOO_FEW_VALUES, detail=said)
        return Measured(c, p, few, few)
    if min(c, p) <= 0.0:
        none = NotEstimable(reason=Reason.NO_DENOMINATOR, detail="a latency of zero allows no ratio")
        return Measured(c, p, none, none)
    correlation = indicator_correlation(points.both, n, fraction)
    increase = relative_increase((c, c_error), (p, p_error), correlation, alpha)
    own = Bounds(*(np.asarray(x) for x in (c, low, high)))
    return Measured(
        c, p, _estimable(increase, "paired-quantile", alpha), _estimable(own, "order-statistics", alpha)
    )


def _at(values: Mapping[int, float], rank: FloatArray) -> FloatArray:
    return np.asarray(values[int(rank)] if np.isfinite(rank) else np.nan)


def mean_cost(costs: CostSums, alpha: float) -> Measured | None:
    """Mean costs of a thousand requests and the relative increase; None when they cannot be compared."""
    n = costs.requests
    if n < MIN_UNITS or not min(costs.production, costs.candidate) > 0.0:
        return None
    c, p = costs.candidate / n, costs.production / n
    sums = np.array([costs.candidate, costs.production])
    products = np.array([[costs.candidate_squared, costs.product], [costs.product, costs.production_squared]])
    of_means = centred(products, sums[:, None], sums[None, :], np.asarray(float(n))) / (n - 1.0) / n
    c_error, p_error = (float(x) for x in np.sqrt(np.maximum(np.diag(of_means), 0.0)))
    together = c_error * p_error
    correlation = float(np.clip(of_means[0, 1] / together, -1.0, 1.0)) if together > 0.0 else 0.0
    increase = relative_increase((c, c_error), (p, p_error), correlation, alpha)
    change = _estimable(increase, "paired-ratio", alpha)
    return Measured(1000.0 * c, 1000.0 * p, change, change)


def error_rate(errors: ErrorCounts, alpha: float) -> Measured:
    """The share of requests that failed, and the difference."""
    n = errors.requests
    c, p = ((errors.both + alone) / n for alone in (errors.candidate_alone, errors.production_alone))
    bounds = error_difference(n, errors.candidate_alone, errors.production_alone, alpha)
    change = _estimable(bounds, "agresti-min", alpha)
    return Measured(c, p, change, change)


def _estimable(found: Bounds, method: str, alpha: float) -> Estimable:
    estimate, low, high = (float(x) for x in found)
    if not high > low:
        return NotEstimable(reason=Reason.ZERO_VARIANCE, detail="all requests say the same")
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method=method)


def declared(key: str, candidate: str, production: str, facts: Facts) -> Measured | None:
    """What [models] says of both under ``key``, at face value; None when it does not."""
    c, p = (declared_value(key, name, facts) for name in (candidate, production))
    if c is None or p is None:
        return None
    bare = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail="bare numbers of the study")
    return Measured(c, p, bare, bare)


def declared_value(key: str, model: str, facts: Facts) -> float | None:
    """What [models] says of one model under ``key``."""
    found: float | None = getattr(facts.get(model), key, None)
    return found
