"""What an offline gain is expected to bring, and whether to test it: printed by a command, no part of results.json."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from abgap.records.numbers import Interval
from abgap.records.planning import PlannedMetric
from abgap.records.portfolio import PredictorSide


class Advice(StrEnum):
    """What to do about a gain."""

    TEST = "test"
    DO_NOT_BOTHER = "do not bother"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The lift of one business metric to expect of one gain of one predictor, from the portfolio of past experiments.

    gain: up is good. standard_error: with which it was measured, None for a true gain. experiments: that the fit rests
    on. lift: expected, with the prediction interval of the true lift. probability_worthwhile: of the smallest
    worthwhile lift or more. money_per_year: of the lift, where the metric is money. beyond_seen: whether the gain lies
    outside of all that were seen. test: units and weeks of a test for the expected lift, None where there is no
    history. sentence: why this advice.
    """

    predictor: str
    side: PredictorSide
    business_metric: str
    gain: float
    standard_error: float | None
    experiments: int
    lift: Interval
    probability_positive: float
    smallest_worthwhile_lift: float | None
    probability_worthwhile: float | None
    money_per_year: Interval | None
    smallest_gain_worth_testing: float | None
    beyond_seen: bool
    advice: Advice
    sentence: str
    test: PlannedMetric | None
    notes: tuple[str, ...]
