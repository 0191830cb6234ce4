"""What an offline gain should have brought, and how far the online effect stays behind it.

The expectation comes from the exchange rate that the study declares. Both sides are turned so that up is
good: the rate says how much relative lift of the business metric one unit of offline improvement is worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abgap.records import Estimable, Interval
from abgap.records.words import label, signed_percent
from abgap.stats.tails import normal_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """An expected lift (up is good) and where it comes from."""

    lift: Interval
    source: str


def expected_lift(
    rate: float | None,
    gain: Estimable,
    face_value: float | None,
    *,
    offline_metric: str,
    level: float,
) -> Expectation | None:
    """The declared rate times the offline gain; None without a rate or without a gain.

    The interval is that of the gain, scaled: the rate itself counts as known. A gain at face value
    gives an interval without width, of the given level.
    """
    if rate is None:
        return None
    if isinstance(gain, Interval):
        base = gain
    elif face_value is not None:
        base = Interval(
            estimate=face_value, low=face_value, high=face_value, level=level, method="face value"
        )
    else:
        return None
    scaled = base.scaled(rate) if rate >= 0.0 else base.scaled(-rate).flipped()
    lift = Interval(
        estimate=scaled.estimate, low=scaled.low, high=scaled.high, level=base.level, method="exchange rate"
    )
    source = (
        f"declared exchange rate: {signed_percent(rate / 100, decimals=2)} for each 0.01 of gain in "
        f"{label(offline_metric)}"
    )
    return Expectation(lift=lift, source=source)


def shortfall(expected: Interval, online: Interval) -> Interval:
    """Expected minus online lift with the interval of that difference, at the level of the online interval.

    The two are independent (test queries, live units). Each side of the interval takes the matching arms of
    the two intervals (MOVER; Zou and Donner 2008), which for symmetric ones is the sum of the variances.
    """
    stretch = 1.0 if expected.level == online.level else critical(online.level) / critical(expected.level)
    estimate = expected.estimate - online.estimate
    down = math.hypot((expected.estimate - expected.low) * stretch, online.high - online.estimate)
    up = math.hypot((expected.high - expected.estimate) * stretch, online.estimate - online.low)
    return Interval(
        estimate=estimate, low=estimate - down, high=estimate + up, level=online.level, method="mover"
    )


def critical(level: float) -> float:
    """The two-sided normal critical value of a confidence level."""
    return float(normal_quantile((1.0 + level) / 2.0))
