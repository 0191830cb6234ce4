"""Numbers of the portfolio as cells show them."""

from __future__ import annotations

from abgap.gap.portfolio.steps import lift_of
from abgap.records import Estimable, Interval, words
from abgap.records.portfolio import PairFit
from abgap.report import numbers
from abgap.report.numbers import Shown


def lift_of_step(pair: PairFit, slope: Estimable | None) -> Shown:
    """The relative lift that one step of the predictor brings."""
    return numbers.lift(lift_of(pair, slope) if isinstance(slope, Interval) else slope)


def correlation(value: Estimable | None) -> Shown:
    """A correlation with two decimals, which is what it deserves and compares well."""
    if not isinstance(value, Interval):
        return numbers.plain(value)
    estimate, low, high = (words.plain(x, decimals=2) for x in (value.estimate, value.low, value.high))
    return Shown(text=estimate, range=f"[{low}, {high}]")
