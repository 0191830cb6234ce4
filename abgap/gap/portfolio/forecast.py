"""What to expect of a new gain, and whether it is worth a test.

A gain is worth a test when its prediction interval lies above zero, or when the smallest worthwhile lift is more likely
reached than not: a test costs weeks, and most of what it can find is already known from experiments like it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from abgap.errors import DataError
from abgap.gap.portfolio.data import Axis
from abgap.gap.portfolio.transfer import Transfers, foreseen, shown_gain, smallest_gain
from abgap.records import Interval
from abgap.records.forecast import Advice, Forecast
from abgap.records.portfolio import PredictorSide
from abgap.records.words import (
    declared_percent,
    label,
    percent,
    percent_interval,
    plain,
    plural,
    signed,
    signed_percent,
)
from abgap.stats.portfolio.mixture import Mixture
from abgap.stats.portfolio.transfer import TransferFit

EVEN = 0.5


def forecast(
    transfers: Transfers,
    predictor: int,
    business: int,
    *,
    gain: float,
    error: float | None,
    money: Callable[[Interval], Interval | None] = lambda _: None,
) -> Forecast:
    """The forecast for a gain on the scale of the axis, turned so that up is good. money: of a lift, per year.

    Raises DataError where the portfolio has no line for these two metrics.
    """
    data = transfers.data
    axes = data.axes[predictor], data.axes[business]
    found = transfers.of(predictor, business)
    if found.fit is None:
        raise DataError(f"no forecast of {axes[1].name} from {axes[0].name}: {found.refusal}")
    fit, alpha = found.fit, data.alpha
    lift = foreseen(fit, axes[1], gain, error or 0.0, alpha)
    chances = fit.lift(gain, error or 0.0)
    least = axes[1].smallest_worthwhile
    reached = None if least is None else _chance_of(chances, least, axes[1].sign)
    seen = fit.effects.values[:, 0] * fit.scale[0]
    worth = smallest_gain(fit, alpha)
    return Forecast(
        predictor=axes[0].name,
        side=PredictorSide.OFFLINE if axes[0].is_offline else PredictorSide.PROXY,
        business_metric=axes[1].name,
        gain=shown_gain(axes[0], gain),
        standard_error=error,
        experiments=fit.effects.experiments,
        lift=lift,
        probability_positive=1.0 - chances.below(0.0),
        smallest_worthwhile_lift=least,
        probability_worthwhile=reached,
        money_per_year=money(lift),
        smallest_gain_worth_testing=None if worth is None else shown_gain(axes[0], worth),
        beyond_seen=not float(seen.min()) <= gain <= float(seen.max()),
        advice=_advice(lift, reached),
        sentence=_sentence(axes, lift, reached),
        test=None,
        notes=tuple(_notes(axes[0], fit, gain, error, face_value=found.at_face_value)),
    )


def _chance_of(chances: Mixture, least: float, sign: int) -> float:
    """The chance of a lift of at least this size; of what is better low no fall is larger than the whole."""
    return 1.0 - chances.below(sign * math.log1p(sign * least)) if sign * least > -1.0 else 0.0


def _advice(lift: Interval, reached: float | None) -> Advice:
    worth = lift.low > 0.0 or (reached is not None and reached >= EVEN)
    return Advice.TEST if worth else Advice.DO_NOT_BOTHER


def _sentence(axes: tuple[Axis, Axis], lift: Interval, reached: float | None) -> str:
    """Why to test, or why not."""
    least, name = axes[1].smallest_worthwhile, label(axes[1].name)
    shown = percent_interval(lift)
    if lift.low > 0.0:
        return f"Test: {name} is expected to improve by {shown}, and the whole prediction interval lies above zero."
    if least is None or reached is None:
        return (
            f"Do not bother: the prediction interval of {name}, {shown}, holds zero, and no smallest worthwhile lift "
            "is declared that could be likely all the same."
        )
    chance = f"a lift of {declared_percent(least)} or more has a chance of {percent(reached, decimals=0)}"
    if reached >= EVEN:
        return f"Test: {chance}, though the prediction interval of {name}, {shown}, holds zero."
    return (
        f"Do not bother: the prediction interval of {name}, {shown}, does not lie above zero, and {chance}."
    )


def _told(axis: Axis, gain: float) -> str:
    """A gain as people write it: of a proxy in percent."""
    return signed(gain) if axis.is_offline else signed_percent(shown_gain(axis, gain), decimals=2)


def _notes(
    axis: Axis, fit: TransferFit, gain: float, error: float | None, *, face_value: bool
) -> Iterator[str]:
    """What to know about the number."""
    seen, errors = fit.measured.values[:, 0], fit.measured.errors[:, 0]
    name, told = label(axis.name), partial(_told, axis)
    if not float(seen.min()) <= gain <= float(seen.max()):
        ends = f"{told(float(seen.min()))} to {told(float(seen.max()))}"
        yield (
            f"A gain of {told(gain)} lies outside of those seen in {name} ({ends}): "
            "the line is drawn further than the data."
        )
    if face_value:
        yield (
            f"The past gains in {name} came without standard errors; "
            "the forecast is for a gain measured as they were."
        )
    elif error is None:
        usual = float(np.median(errors))
        shown = plain(usual) if axis.is_offline else percent(usual, decimals=2)
        yield f"The gain counts as exact; past ones in {name} had a standard error of {shown} (--standard-error)."
    if fit.effects.experiments < 10:
        yield f"Only {plural(fit.effects.experiments, 'experiment')}: the interval is wide for that reason too."
