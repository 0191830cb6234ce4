"""Did the effect wear off, or has it not come yet? The slope of the lift over the days since first exposure.

Where it falls, the effect of the first day is what an offline gain stood for, and habit took the rest. Where it
rises, the level of the last day is what will come. Both are held against the average over the days, on a straight line
whose days weigh as their share of control's values.
"""

from __future__ import annotations

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, untestable, weigh
from abgap.records import EvidenceRow, Finding, Interval, Measure, NotEstimable, Trend
from abgap.records.words import label, plural

NAME, TITLE = "novelty", "Novelty or slow adoption"
_MEND = "Follow units for longer: a window of a week or more on the metric, and dates of the experiment, are needed."


def judge(case: Case) -> Finding:
    """The part of the lift that days take away, or have not brought yet."""
    trend = case.evidence.trend(case.experiment, case.treatment, case.business_metric)
    if trend is None:
        detail = "effects by the day since exposure are not known"
        missing = ("column at of [exposures]",) if _is_untimed(case) else ()
        return untestable(NAME, TITLE, detail, missing=missing, next_action=_MEND)
    if isinstance(trend.slope, NotEstimable) or trend.mean_day is None or trend.days is None:
        detail = (
            trend.slope.detail
            if isinstance(trend.slope, NotEstimable)
            else "the days of control's values are not known"
        )
        return untestable(NAME, TITLE, detail, next_action=_MEND)
    slope = _turned(case, trend.slope)
    wears_off = slope.estimate < 0.0
    amount = (
        slope.flipped().scaled(trend.mean_day) if wears_off else slope.scaled(trend.days - 1 - trend.mean_day)
    )
    # Either direction would explain something.
    established = trend.p_adjusted is not None and trend.p_adjusted < case.study.study.alpha / 2.0
    return weigh(
        case,
        NAME,
        TITLE,
        amount,
        _words(case, trend.days, wears_off=wears_off),
        passes=established,
        sql="rollup",
        evidence=_evidence(trend, slope),
    )


def _is_untimed(case: Case) -> bool:
    exposures = case.study.exposures
    return exposures is None or "at" not in exposures.columns


def _turned(case: Case, slope: Interval) -> Interval:
    """The slope with up as good."""
    metric = case.study.metrics.get(case.business_metric)
    return slope if metric is None or metric.direction.sign > 0 else slope.flipped()


def _words(case: Case, days: int, *, wears_off: bool) -> Words:
    over, metric = plural(days, "day"), label(case.business_metric)
    contradicted = (
        f"over {over} since exposure the lift of {metric} changes by less than a quarter of the gap"
    )
    if wears_off:
        return Words(
            supported=(
                f"the effect on {metric} wears off (novelty): on the straight line over {over} since exposure, the "
                "first day lies above the average"
            ),
            contradicted=contradicted,
            next_action="Judge the launch by the lift of the last days, and let the test run on until it is level.",
        )
    return Words(
        supported=(
            f"the effect on {metric} is still growing (primacy): on the straight line over {over} since exposure, the "
            "last day lies above the average"
        ),
        contradicted=contradicted,
        next_action="Users are still getting used to it: let the test run on until the lift is level.",
    )


def _evidence(trend: Trend, slope: Interval) -> tuple[EvidenceRow, ...]:
    return (
        EvidenceRow(
            name="change of the lift per day",
            value=slope.estimate,
            low=slope.low,
            high=slope.high,
            measure=Measure.LIFT,
        ),
        EvidenceRow(name="corrected p-value", value=trend.p_adjusted, measure=Measure.P_VALUE),
        EvidenceRow(name="days since exposure", value=trend.days, measure=Measure.DAYS),
        EvidenceRow(name="mean day of control's values", value=trend.mean_day, measure=Measure.DAYS),
    )


REASON = Reason(name=NAME, title=TITLE, judge=judge)
