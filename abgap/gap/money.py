"""What the measured difference would be worth over a year of the experiment's own traffic.

The difference per unit, times the units of all arms per day, times a year; for a ratio (revenue per session)
times those of its denominator. It is the difference as measured, not a forecast: the sentence of assumptions
belongs to the number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.gap.inputs import ExperimentFacts, whole_rows
from abgap.records import Estimate, Interval, Kind, Moments
from abgap.records.words import count, plain
from abgap.study.model import Metric

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlyMoney:
    """Money per year (up is good), and what it assumes."""

    interval: Interval
    assumptions: str


class Denominators:
    """Sessions, orders ... per unit over all arms, for every ratio in a moments table."""

    def __init__(self, moments: Moments | None) -> None:
        self._sums: dict[tuple[str, str], tuple[float, float]] = {}
        if moments is None:
            return
        for row in whole_rows(moments, np.isfinite(moments.denominator_mean)):
            key = (moments.experiment[row], moments.metric[row])
            units, total = self._sums.get(key, (0.0, 0.0))
            n = float(moments.n[row])
            self._sums[key] = units + n, total + n * float(moments.denominator_mean[row])

    def per_unit(self, experiment: str, metric: str) -> float | None:
        """The mean denominator per unit over all arms; None when it is not known."""
        units, total = self._sums.get((experiment, metric), (0.0, 0.0))
        return total / units if units > 0.0 else None


def money_per_year(
    estimate: Estimate, metric: Metric, facts: ExperimentFacts, denominators: Denominators
) -> YearlyMoney | None:
    """The difference over a year; None when the metric is not money, or its volume per year is not known.

    Quantiles do not add up over units, so they are worth nothing over a year.
    """
    difference, days = estimate.difference, facts.days
    volume = yearly_volume(estimate.metric, metric, facts, denominators)
    if not isinstance(difference, Interval) or volume is None or days is None:
        return None
    what = "denominators of the ratio" if metric.kind is Kind.RATIO else "units"
    turned = difference if estimate.direction.sign > 0 else difference.flipped()
    return YearlyMoney(
        interval=turned.scaled(volume),
        assumptions=(
            f"Money per year assumes that all {count(volume)} {what} of a year like these "
            f"{_days_in_words(days, facts)} get {estimate.treatment}, "
            "and that the difference stays as it was measured."
        ),
    )


def money_of_lift(
    lift: Interval, estimate: Estimate, metric: Metric, facts: ExperimentFacts, denominators: Denominators
) -> YearlyMoney | None:
    """What a lift (up is good) is worth over a year of this experiment's traffic and control; None as above."""
    days = facts.days
    volume = yearly_volume(estimate.metric, metric, facts, denominators)
    if volume is None or days is None or estimate.value_control is None:
        return None
    what = "denominators of the ratio" if metric.kind is Kind.RATIO else "units"
    return YearlyMoney(
        interval=lift.scaled(abs(estimate.value_control) * volume),
        assumptions=(
            f"Money per year is for {count(volume)} {what}, a year like the "
            f"{_days_in_words(days, facts)} of {facts.name}, at the value that its control had."
        ),
    )


def yearly_volume(
    name: str, metric: Metric, facts: ExperimentFacts, denominators: Denominators
) -> float | None:
    """What a difference of this metric counts for over a year of all arms: units, or denominators of a ratio.

    None when the metric is not money, or its volume per year is not known.
    """
    if not metric.money or metric.kind is Kind.QUANTILE or facts.days is None:
        return None
    # Of clusters the denominator is their units.
    below = denominators.per_unit(facts.name, name)
    if metric.kind is Kind.RATIO and below is None:
        return None
    return sum(facts.arms.values()) * (1.0 if below is None else below) / facts.days * DAYS_PER_YEAR


def _days_in_words(days: float, facts: ExperimentFacts) -> str:
    """The days that the traffic is taken from; named as observed where the data end before the experiment."""
    shown, planned = plain(days, decimals=0), plain(facts.planned_days or days, decimals=0)
    return f"{shown} days" if shown == planned else f"{shown} observed days (of {planned} planned)"
