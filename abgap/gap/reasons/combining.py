"""Amounts made of several independent intervals: weighted sums, and intervals that stand for one of many."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from abgap.records import Interval
from abgap.stats.tails import normal_quantile


def weighted_sum(parts: Iterable[tuple[float, Interval]]) -> Interval:
    """The sum of independent numbers times known weights, with its interval; all of one level, at least one.

    Each side of the interval takes the matching sides of the parts (MOVER; Zou and Donner 2008).
    """
    turned = [x.scaled(w) if w >= 0.0 else x.scaled(-w).flipped() for w, x in parts]
    estimate = math.fsum(x.estimate for x in turned)
    down = math.hypot(*(x.estimate - x.low for x in turned))
    up = math.hypot(*(x.high - x.estimate for x in turned))
    return Interval(
        estimate=estimate, low=estimate - down, high=estimate + up, level=turned[0].level, method="mover"
    )


def one_of(interval: Interval, tests: int) -> Interval:
    """The interval as it must be where it is the most striking of so many (Bonferroni); about normal."""
    alpha = 1.0 - interval.level
    stretch = float(normal_quantile(1.0 - alpha / (2.0 * tests)) / normal_quantile(1.0 - alpha / 2.0))
    return replace(
        interval,
        low=interval.estimate - stretch * (interval.estimate - interval.low),
        high=interval.estimate + stretch * (interval.high - interval.estimate),
    )
