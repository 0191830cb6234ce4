"""Numbers of the portfolio as cells show them."""

from __future__ import annotations

from abgap.gap.portfolio.steps import correlation_in_words, lift_of
from abgap.records import Estimable, Interval
from abgap.records.portfolio import PairFit
from abgap.report import numbers
from abgap.report.numbers import Shown


def lift_of_step(pair: PairFit, slope: Estimable | None) -> Shown:
    """The relative lift that one step of the predictor brings."""
    return numbers.lift(lift_of(pair, slope) if isinstance(slope, Interval) else slope)


def correlation(value: Estimable | None) -> Shown:
    """A correlation as sentences write it."""
    if not isinstance(value, Interval):
        return numbers.plain(value)
    estimate, _, rest = correlation_in_words(value).partition(" ")
    return Shown(text=estimate, range=rest)
