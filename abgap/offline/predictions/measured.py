"""Every metric of every model, over all examples and by slice: its value, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.engine.protocol import Engine
from abgap.offline.predictions.cells import Part, Tally, tally_predictions
from abgap.offline.predictions.definitions import COST_OPTIMAL, BinaryMetric, Needs
from abgap.offline.predictions.intake import Predictions
from abgap.offline.predictions.order import (
    CheapestThreshold,
    Curve,
    Ordering,
    cheapest_thresholds,
    order_scores,
)
from abgap.records.words import count
from abgap.sources.sql import Sql, literal
from abgap.stats.classification import counts_of, value_of


class Value(NamedTuple):
    """A metric's value, or why it has none."""

    value: float | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Binary predictions added up. at_best: at the cost-optimal thresholds, empty without costs of errors."""

    predictions: Predictions
    tallies: Mapping[Part, Tally]
    at_best: Mapping[Part, Tally]
    orders: Mapping[Part, Ordering]
    curves: Mapping[str, Curve]
    cheapest: Mapping[str, CheapestThreshold]

    def tally(self, metric: BinaryMetric, part: Part) -> Tally:
        """The counts that a metric is made of."""
        return (self.at_best if metric.name.endswith(COST_OPTIMAL) else self.tallies)[part]

    def value(self, metric: BinaryMetric, part: Part) -> Value:
        """The metric of a part."""
        why_not = why_unfit(self.predictions, metric, part.model)
        if why_not is not None:
            return Value(None, why_not)
        number = self._number(metric, part)
        return Value(None, metric.undefined) if np.isnan(number) else Value(number, None)

    def _number(self, metric: BinaryMetric, part: Part) -> float:
        tally = self.tally(metric, part)
        if metric.of_counts is not None:
            return float(value_of(metric.of_counts, counts_of(tally.decided)))
        if metric.needs is Needs.ORDER:
            order = self.orders.get(part)
            return np.nan if order is None else float(getattr(order, metric.base))
        if not tally.n:
            return np.nan
        return of_probabilities(metric.base, tally)


def of_probabilities(base: str, tally: Tally) -> float:
    """Log loss, Brier score or calibration error of a part that is not empty."""
    if base == "calibration_error":
        _, probabilities, positives = tally.bins.T
        return float(np.abs(probabilities - positives).sum() / tally.n)
    return (tally.log_loss if base == "log_loss" else tally.squared_error) / tally.n


def why_unfit(predictions: Predictions, metric: BinaryMetric, model: str) -> str | None:
    """Why the predictions of a model cannot have a metric, None when they can."""
    if metric.needs is not Needs.DECISION and not predictions.scored:
        return "there are only decisions, and no scores"
    predicted = predictions.models[model]
    if metric.needs is Needs.PROBABILITY and not predicted.probabilities:
        shares = f"{count(predicted.outside)} of {count(predicted.usable)}"
        return f"{shares} scores lie outside [0, 1]: they are no probabilities"
    return None


def measure(engine: Engine, predictions: Predictions) -> Measured:
    """Add up binary predictions in the engine."""
    orders: Mapping[Part, Ordering] = {}
    curves: Mapping[str, Curve] = {}
    cheapest: Mapping[str, CheapestThreshold] = {}
    at_best: Mapping[Part, Tally] = {}
    tallies = tally_predictions(engine, predictions, called(predictions, Sql("y_score")))
    if predictions.scored:
        orders, curves = order_scores(engine, predictions, tallies)
    costs = predictions.source.error_costs
    if predictions.scored and costs is not None:
        cheapest = cheapest_thresholds(
            engine, predictions, false_positive=costs.false_positive, false_negative=costs.false_negative
        )
        at_best = tally_predictions(
            engine, predictions, called_at_best(cheapest, Sql("model"), Sql("y_score"))
        )
    return Measured(
        predictions=predictions,
        tallies=tallies,
        at_best=at_best,
        orders=orders,
        curves=curves,
        cheapest=cheapest,
    )


def called(predictions: Predictions, score: Sql) -> Sql:
    """When an example is called positive."""
    return Sql(f"{score} >= {literal(declared_threshold(predictions))}")


def declared_threshold(predictions: Predictions) -> float:
    """Scores from it on are called positive; of decisions, the positive one."""
    return float(predictions.source.threshold) if predictions.scored else 0.5


def called_at_best(cheapest: Mapping[str, CheapestThreshold], model: Sql, score: Sql) -> Sql:
    """When an example is called positive at the threshold of its model; never where calling nobody is best."""
    cases = " ".join(
        f"when {literal(name)} then {literal(best.threshold)}"
        for name, best in cheapest.items()
        if best.threshold is not None
    )
    return Sql(f"{score} >= case {model} {cases} end") if cases else Sql("false")
