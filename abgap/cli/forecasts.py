"""A forecast in words for a terminal."""

from __future__ import annotations

from abgap.cli.terminal import COLOURS, Terminal
from abgap.records import words
from abgap.records.forecast import Advice, Forecast
from abgap.records.planning import PlannedMetric

_TONES = {Advice.TEST: "good", Advice.DO_NOT_BOTHER: "flat"}


def show_forecast(found: Forecast, *, currency: str | None) -> None:
    """The advice, the numbers behind it, and what to keep in mind."""
    out = Terminal()
    error = "" if found.standard_error is None else f" (standard error {words.plain(found.standard_error)})"
    out.line(
        (f"{found.predictor} {words.signed(found.gain)}{error} × {found.business_metric}", "bold"),
        f"   {words.plural(found.experiments, 'experiment')}",
    )
    out.line((found.sentence, COLOURS[_TONES[found.advice]]))
    out.line(f"  expected lift        {words.percent_interval(found.lift)}")
    out.line(f"  P(lift above zero)   {words.percent(found.probability_positive)}")
    if found.probability_worthwhile is not None and found.smallest_worthwhile_lift is not None:
        least = words.declared_percent(found.smallest_worthwhile_lift)
        out.line(f"  P(lift {least} or more)   {words.percent(found.probability_worthwhile)}")
    if found.money_per_year is not None:
        out.line(f"  money per year       {words.money_interval(found.money_per_year, currency)}")
    if found.test is not None:
        out.line(f"  test                 {_size(found.test)}")
    worth = found.smallest_gain_worth_testing
    shown = "none up to half beyond those seen" if worth is None else words.signed(worth)
    out.line(f"  smallest gain whose prediction interval lies above zero: {shown}")
    for note in found.notes:
        out.line((note, "dim"))
    out.show()


def _size(test: PlannedMetric) -> str:
    """Units and weeks, or why there are none."""
    if test.units_total is None:
        return test.reason or "cannot be planned"
    weeks = "" if test.weeks is None else f", {words.plural(test.weeks, 'week')}"
    return f"{words.plural(test.units_total, 'unit')} in both arms{weeks}"
