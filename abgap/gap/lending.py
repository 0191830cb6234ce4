"""The funnel's intervals where the scorecard has them already: one effect is not told in two ways.

A stage is a metric of its own, and so is the total. Where a metric is neither capped nor adjusted, the scorecard's lift
and the funnel's log points are the same number with two intervals, which can fall on different sides of 0. So the
stage takes the logarithm of the lift's interval. In money its interval keeps the delta method, except for an end that
would lie on the other side of 0 than that of the log points: it is put where the log points have it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from abgap.gap.funnel import FunnelView
from abgap.records import Estimate, FunnelStage, Interval

_NOT_ESTABLISHED = "The interval of the total includes 0, so the stages are not given as shares of a change."


def lend_intervals(view: FunnelView, estimates: Mapping[str, Estimate]) -> FunnelView:
    """The funnel of one arm with the intervals of the metrics it is made of.

    estimates: of the arm, by metric. Stages that were drawn again because orders are few keep their own intervals.
    """

    def lent(name: str) -> Estimate | None:
        estimate = estimates.get(name)
        if estimate is None or estimate.unadjusted is not None or estimate.capped_units:
            return None
        return estimate

    total = view.total
    if total is not None and (estimate := lent(total.stage)) is not None:
        total = _total(total, estimate)
    note = view.note
    if total is not None and total.low is not None and total.low <= 0.0 <= (total.high or 0.0):
        note = f"{note} {_NOT_ESTABLISHED}"
    if view.is_resampled:
        return replace(view, total=total, note=note)
    stages = tuple(_stage(stage, lent(stage.stage)) for stage in view.stages)
    return replace(view, stages=_per_unit(stages, lent, total), total=total, note=note)


def _total(total: FunnelStage, estimate: Estimate) -> FunnelStage:
    ends, difference = _logs(estimate), estimate.difference
    if total.low is None or ends is None or not isinstance(difference, Interval):
        return total
    return replace(total, low=ends[0], high=ends[1], money_low=difference.low, money_high=difference.high)


def _stage(stage: FunnelStage, estimate: Estimate | None) -> FunnelStage:
    ends = None if estimate is None else _logs(estimate)
    if ends is None or stage.low is None or not stage.log_lift or stage.money is None:
        return stage
    per_point = stage.money / stage.log_lift
    money = (
        scaled if own is None or own * scaled <= 0.0 else own
        for own, scaled in zip(
            (stage.money_low, stage.money_high), (e * per_point for e in ends), strict=True
        )
    )
    low, high = money
    return replace(stage, low=ends[0], high=ends[1], money_low=low, money_high=high)


def _logs(estimate: Estimate) -> tuple[float, float] | None:
    """The ends of the lift's interval as logarithms of the ratio; None where it has none."""
    lift = estimate.lift
    if not isinstance(lift, Interval) or lift.low <= -1.0:
        return None
    return math.log1p(lift.low), math.log1p(lift.high)


def _per_unit(
    stages: tuple[FunnelStage, ...], lent: Callable[[str], Estimate | None], total: FunnelStage | None
) -> tuple[FunnelStage, ...]:
    """The first stage counts what its metric counts, the last what the total adds up: per unit they are the same."""
    if not stages:
        return stages
    first, last = lent(stages[0].stage), None if total is None else lent(total.stage)
    shown = list(stages)
    for place, estimate in ((0, first), (-1, last)):
        if estimate is not None and shown[place].per_unit_lift is not None:
            shown[place] = replace(shown[place], per_unit_lift=estimate.lift)
    return tuple(shown)
