"""A forecast put together: the line of the portfolio, money by known traffic, and a test sized for the lift."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from abgap.errors import UsageError
from abgap.gap.money import Denominators, YearlyMoney, money_of_lift
from abgap.gap.portfolio.data import Axis, AxisKind, PortfolioData
from abgap.gap.portfolio.forecast import forecast
from abgap.offline.directions import direction_of
from abgap.pipeline.analysis import Analysis
from abgap.pipeline.planning import PlanRequest, plan_test
from abgap.records import Interval
from abgap.records.forecast import Forecast
from abgap.records.planning import PlannedMetric, PlannedOption
from abgap.records.words import label, signed, signed_percent
from abgap.study.model import Study


def make_forecast(
    analysis: Analysis, *, predictor: str, gain: float, business: str | None, error: float | None
) -> Forecast:
    """The forecast for a gain in a predictor. gain: in its own sign; business: the first one by default.

    Raises UsageError for names that the portfolio does not know, DataError where it has no line for them.
    """
    data = analysis.portfolio.data
    y = _axis(data, business, data.positions(AxisKind.BUSINESS), "business metric")
    x = _axis(data, predictor, data.predictors(y), "offline metric or proxy", study=analysis.study)
    money = _Money(analysis, data.axes[y].name)
    scaled, scaled_error = _on_axis(analysis, data.axes[x], gain, error)
    found = forecast(analysis.portfolio.transfers, x, y, gain=scaled, error=scaled_error, money=money.of)
    test, note = _planned(analysis, found)
    turned = _turned(data.axes[x], gain, found.gain)
    notes = (*turned, *found.notes, *money.assumptions, *([note] if note else []))
    return replace(found, standard_error=error, test=test, notes=notes)


def _axis(
    data: PortfolioData, name: str | None, known: Sequence[int], what: str, *, study: Study | None = None
) -> int:
    """The position of a metric among those known. study: whose other metrics could be declared as proxies."""
    if not known:
        raise UsageError(
            f"the portfolio has no {what}; name metrics under [gap] offline and business, or [portfolio] proxies"
        )
    if name is None:
        return known[0]
    for at in known:
        if data.axes[at].name == name:
            return at
    could_be = study is not None and name in study.metrics and name not in study.gap.business
    raise UsageError(
        f"the portfolio has no {what} {name!r}; there are: {', '.join(data.axes[at].name for at in known)}",
        hint=f"[portfolio] proxies = [{name!r}] would hold it against business metrics" if could_be else None,
    )


def _on_axis(analysis: Analysis, axis: Axis, gain: float, error: float | None) -> tuple[float, float | None]:
    """Gain and error on the scale of the axis: given in the metric's own sign, of a proxy as a relative lift."""
    if axis.is_offline:
        return gain * direction_of(analysis.study, axis.name).sign, error
    if gain <= -1.0:
        raise UsageError(f"a relative lift of {axis.name} is above -1; {gain:g} was given")
    metric = analysis.study.metrics.get(axis.name)
    sign = 1 if metric is None else metric.direction.sign
    return sign * math.log1p(gain), None if error is None else error / (1.0 + gain)


def _turned(axis: Axis, given: float, gain: float) -> tuple[str, ...]:
    """What became of the sign of a metric of which less is better."""
    if given * gain >= 0.0:
        return ()
    shown = signed if axis.is_offline else partial(signed_percent, decimals=2)
    return (f"Less {label(axis.name)} is better: {shown(given)} counts as a gain of {shown(gain)}.",)


class _Money:
    """The money of lifts in one metric, by the experiment that gives its traffic: the one with most units."""

    def __init__(self, analysis: Analysis, metric: str) -> None:
        self._analysis, self._metric = analysis, metric
        self.assumptions: tuple[str, ...] = ()

    def of(self, lift: Interval) -> Interval | None:
        """Of a lift, per year; None where the metric is not money, or its traffic is not known."""
        found = self._yearly(lift)
        if found is None:
            return None
        self.assumptions = (found.assumptions,)
        return found.interval

    def _yearly(self, lift: Interval) -> YearlyMoney | None:
        analysis = self._analysis
        metric = analysis.study.metrics.get(self._metric)
        if metric is None or not metric.money:
            return None
        facts = {each.name: each for each in analysis.facts}
        of_metric = [e for e in analysis.estimates if e.metric == self._metric and e.slice_name is None]
        whole = [e for e in of_metric if e.period is None and e.experiment in facts]
        if not whole:
            return None
        largest = max(whole, key=lambda e: sum(facts[e.experiment].arms.values()))
        denominators = Denominators(analysis.moments)
        return money_of_lift(lift, largest, metric, facts[largest.experiment], denominators)


def _planned(analysis: Analysis, found: Forecast) -> tuple[PlannedMetric | None, str | None]:
    """A test of the expected lift, or why none can be planned."""
    if not analysis.declared:
        return None, "No test is planned: the study has no history of units."
    if found.lift.estimate <= 0.0:
        return None, "No test is planned: the lift that is expected is not above zero."
    request = PlanRequest(metrics=(found.business_metric,), lift=found.lift.estimate)
    try:
        plan = plan_test(analysis, request)
    except UsageError as error:
        return None, f"No test is planned: {error.message}."
    test = next(metric for metric in plan.metrics if metric.option is PlannedOption.AS_DECLARED)
    return test, (
        f"Units and weeks are for the expected lift, with a power of 80 %, by the history of {plan.experiment}; "
        "if the true lift is smaller, a test needs more."
    )
