"""Slopes told in steps that a reader has met: what ``+0.01`` of NDCG, or ``+1 %`` of clicks, brings in percent.

Lines live on the log scale of lifts. The step is the power of ten at or below the usual gain of the pair, so that no
slope is told for a gain that never occurs.
"""

from __future__ import annotations

import math
from statistics import median

from abgap.records import Estimable, Interval, words
from abgap.records.portfolio import PairFit, PredictorSide

_USUAL = 0.01


def step_of(pair: PairFit) -> float:
    """The gain for which a slope is told; of a proxy a relative lift."""
    sizes = [abs(point.gain) for point in pair.points if point.gain and not point.untrusted]
    usual = median(sizes) if sizes else pair.transfer.gain_sd if pair.transfer else 0.0
    return 10.0 ** math.floor(math.log10(usual)) if usual > 0.0 else _USUAL


def gain_in_words(pair: PairFit, gain: float) -> str:
    """A gain of the predictor: ``+0.01``, and ``+1 %`` of a proxy."""
    if pair.side is PredictorSide.PROXY:
        return f"{_trimmed(words.signed(100.0 * gain))} %"
    return _trimmed(words.signed(gain))


def worth_in_words(pair: PairFit) -> str | None:
    """The smallest gain worth testing; None where there is none."""
    least = pair.smallest_gain_worth_testing
    return None if least is None else gain_in_words(pair, least)


def slope_of(pair: PairFit) -> Estimable | None:
    """The slope that is told: of the likelihood, on which forecasts rest, else of the method of moments."""
    if pair.transfer is not None:
        return pair.transfer.b
    return pair.noise_corrected.slope if pair.noise_corrected else None


def lift_of(pair: PairFit, slope: Interval) -> Interval:
    """The relative lift that one step brings."""
    step = step_of(pair)
    return relative(slope.scaled(math.log1p(step) if pair.side is PredictorSide.PROXY else step))


def correlation_in_words(value: Interval) -> str:
    """``0.58 [0.21, 0.95]``: two decimals compare well; more where a bound would seem to lie on zero."""
    places = words.interval_decimals(value, least=2)
    estimate, low, high = (words.plain(x, decimals=places) for x in (value.estimate, value.low, value.high))
    return f"{estimate} [{low}, {high}]"


def relative(logs: Interval) -> Interval:
    """An interval of log ratios as relative changes."""
    return Interval(
        estimate=math.expm1(logs.estimate),
        low=math.expm1(logs.low),
        high=math.expm1(logs.high),
        level=logs.level,
        method=logs.method,
    )


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
