"""The curves of binary models as records: decisions over thresholds, and calibration by bins with their intervals."""

from __future__ import annotations

import numpy as np

from abgap.offline.predictions.cells import BINS, Part
from abgap.offline.predictions.measured import Measured, declared_threshold
from abgap.offline.predictions.order import Curve
from abgap.records import Interval
from abgap.records.order import natural_order
from abgap.records.predictions import CalibrationBin, PredictionCurves, ThresholdPoint
from abgap.stats.classification import counts_of, error_cost, value_of
from abgap.stats.proportions import wilson_interval


def make_curves(measured: Measured, alpha: float) -> tuple[PredictionCurves, ...]:
    """The curves of every model whose examples have both labels; alpha: of the intervals of calibration."""
    if not measured.predictions.scored:
        return ()
    return tuple(_curves(measured, model, alpha) for model in sorted(measured.curves, key=natural_order))


def _curves(measured: Measured, model: str, alpha: float) -> PredictionCurves:
    curve, tally = measured.curves[model], measured.tallies[Part(model)]
    best = measured.cheapest.get(model)
    cheapest = None if best is None else _point(curve, best.threshold, best.called, best.found)
    tp, fp, _, _ = counts_of(tally.decided)
    return PredictionCurves(
        model=model,
        n=curve.n,
        positives=curve.positives,
        declared=_point(curve, declared_threshold(measured.predictions), tp + fp, tp),
        points=tuple(
            _point(curve, *at) for at in zip(curve.thresholds, curve.called, curve.found, strict=True)
        ),
        cheapest=cheapest,
        cost=None if cheapest is None else _cost(measured, cheapest),
        calibration=_calibration(measured, model, alpha),
    )


def _point(curve: Curve, threshold: float | None, called: float, found: float) -> ThresholdPoint:
    """Decisions out of how many are called, and how many of them are positive."""
    negatives = curve.n - curve.positives
    false_positives = int(called) - int(found)
    return ThresholdPoint(
        threshold=None if threshold is None else float(threshold),
        true_positives=int(found),
        false_positives=false_positives,
        false_negatives=curve.positives - int(found),
        true_negatives=negatives - false_positives,
    )


def _cost(measured: Measured, point: ThresholdPoint) -> float | None:
    costs = measured.predictions.source.error_costs
    if costs is None:
        return None
    counts = np.array(
        [point.true_positives, point.false_positives, point.false_negatives, point.true_negatives],
        dtype=np.float64,
    )
    return float(value_of(error_cost(costs.false_positive, costs.false_negative), counts))


def _calibration(measured: Measured, model: str, alpha: float) -> tuple[CalibrationBin, ...]:
    if not measured.predictions.models[model].probabilities:
        return ()
    found = []
    for i, (n, probabilities, positives) in enumerate(measured.tallies[Part(model)].bins):
        if n:
            share, low, high = (float(x) for x in wilson_interval(positives, n, alpha))
            shares = Interval(estimate=share, low=low, high=high, level=1.0 - alpha, method="wilson")
            found.append(
                CalibrationBin(
                    low=i / BINS,
                    high=(i + 1) / BINS,
                    n=int(n),
                    mean_probability=float(probabilities / n),
                    positives=shares,
                )
            )
    return tuple(found)
