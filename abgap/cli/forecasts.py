"""A forecast in words for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from abgap.cli.terminal import COLOURS, Terminal
from abgap.records import words
from abgap.records.forecast import Advice, Forecast
from abgap.records.planning import PlannedMetric
from abgap.records.portfolio import PredictorSide

_LEAST_CHANCE = 0.001
_TONES = {Advice.TEST: "good", Advice.DO_NOT_BOTHER: "flat"}


def show_forecast(found: Forecast, *, currency: str | None) -> None:
    """The advice, the numbers behind it, and what to keep in mind."""
    out = Terminal()
    error = "" if found.standard_error is None else f" (standard error {_gain(found, found.standard_error)})"
    sign = "+" if found.gain > 0.0 else ""
    gain = f"{words.label(found.predictor)} {sign}{_gain(found, found.gain)}{error}"
    out.line(
        (f"{gain} × {words.label(found.business_metric)}", "bold"),
        f"   by {words.plural(found.experiments, 'experiment')}",
    )
    out.line((found.sentence, COLOURS[_TONES[found.advice]]))
    rows = list(_numbers(found, currency))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        out.line(f"  {name:<{width}}   {value}")
    for note in found.notes:
        out.point(("·", "dim"), (note, "dim"))
    out.show()


def _numbers(found: Forecast, currency: str | None) -> Iterator[tuple[str, str]]:
    """What is expected, how likely, what it is worth, and what a test takes."""
    yield "expected lift", words.percent_interval(found.lift)
    yield "P(lift above zero)", _chance(found.probability_positive)
    if found.probability_worthwhile is not None and found.smallest_worthwhile_lift is not None:
        least = words.declared_percent(found.smallest_worthwhile_lift)
        yield f"P(lift {least} or more)", _chance(found.probability_worthwhile)
    if found.money_per_year is not None:
        yield "money per year", words.money_interval(found.money_per_year, currency)
    if found.test is not None:
        yield "test of that lift", _size(found.test)
    worth = found.smallest_gain_worth_testing
    shown = (
        "none, even half beyond those seen: every forecast includes a loss"
        if worth is None
        else f"{'+' if worth > 0.0 else ''}{_gain(found, worth)}; from it on a forecast excludes a loss"
    )
    yield "smallest gain worth testing", shown


def _chance(probability: float) -> str:
    """A probability; no forecast is certain."""
    if probability >= 1.0 - _LEAST_CHANCE / 2.0:
        return f"> {words.percent(1.0 - _LEAST_CHANCE)}"
    return (
        f"< {words.percent(_LEAST_CHANCE)}"
        if probability < _LEAST_CHANCE / 2.0
        else words.percent(probability)
    )


def _gain(found: Forecast, gain: float) -> str:
    """An offline gain in its own units, that of a proxy in percent."""
    if found.side is PredictorSide.PROXY:
        return words.percent(gain, decimals=2)
    return words.plain(gain)


def _size(test: PlannedMetric) -> str:
    """Units and weeks, or why there are none."""
    if test.units_total is None:
        return test.reason or "cannot be planned"
    weeks = "" if test.weeks is None else f", {words.plural(test.weeks, 'week')}"
    return f"{words.plural(test.units_total, 'unit')} in both arms{weeks}"
