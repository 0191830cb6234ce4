"""Trends of effects as records: the slope of the lift over the days since exposure, and what it looks like in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from abgap.online.arms import pair_arms
from abgap.online.joint import Layout, joint_of
from abgap.online.trends import TrendDays
from abgap.records import Estimable, Interval, LiftMethod, Moments, NotEstimable, Reason, Trend
from abgap.records.words import declared_percent, label, p_value, plural, sentence_case, signed
from abgap.stats.arrays import MIN_UNITS, IndexArray, finite_or_none
from abgap.stats.estimable import estimable_at
from abgap.stats.intervals import fieller_lift
from abgap.stats.intervals import p_value as test
from abgap.stats.moments import Joint
from abgap.stats.multiplicity import benjamini_hochberg
from abgap.stats.procedure import Procedure
from abgap.stats.trend import mean_day_of, slope_contrast
from abgap.study.model import Study

_WHY_NOT = {
    Reason.NOT_ADDITIVE: "it is no sum or number of events that have a time",
    Reason.BY_CLUSTER: "it is followed by unit, and clusters were randomised, whose units are not independent",
    Reason.TOO_SHORT: "the experiment, or the metric's window, is too short to follow units over some days",
    Reason.NOT_DECLARED: "the start of the experiment is not declared",
    Reason.TOO_FEW_UNITS: f"an arm has fewer than {MIN_UNITS} units that were there for all of the days",
    Reason.NO_DENOMINATOR: "the values of an arm add up to zero",
    Reason.ZERO_VARIANCE: "the mean day of the values is the same for every unit",
    Reason.NOT_POSITIVE: "the values of an arm cannot be said to add up to more than zero",
    Reason.CONTROL_NEAR_ZERO: "whether the values of control come on more than one day cannot be told",
}
_NO_UNITS = "an arm has no units that were there for all of the days"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What was computed for one arm."""

    n_control: int
    n_treatment: int
    slope: Estimable
    p: float | None
    p_adjusted: float | None
    mean_step: float | None


def make_trends(
    moments: Moments,
    wanted: Sequence[TrendDays],
    arms: Mapping[str, Sequence[str]],
    study: Study,
    procedure: Procedure,
) -> tuple[Trend, ...]:
    """One record per wanted trend and treatment arm. arms: of each experiment, control first."""
    found = _compute(moments, wanted, arms, procedure)
    return tuple(
        _record(trend, arms[trend.experiment][0], arm, found.get((trend.experiment, trend.key, arm)), study)
        for trend in wanted
        for arm in arms[trend.experiment][1:]
    )


def _compute(
    moments: Moments, wanted: Sequence[TrendDays], arms: Mapping[str, Sequence[str]], procedure: Procedure
) -> dict[tuple[str, str, str], _Found]:
    followed = {(t.experiment, t.key) for t in wanted if t.days is not None}
    keys = zip(moments.experiment, moments.metric, strict=True)
    moments = moments.take(np.array([key in followed for key in keys], dtype=bool))
    pairs = pair_arms(moments, {name: of_one[0] for name, of_one in arms.items()})
    rows = list(zip(moments.experiment[pairs.treatment], moments.metric[pairs.treatment], strict=True))
    sums = _sums(moments, pairs.control), _sums(moments, pairs.treatment)
    mean_step = mean_day_of(sums[0])
    contrast = slope_contrast(*sums, procedure.alpha, procedure.rule)
    lift = fieller_lift(contrast, procedure.alpha, procedure.rule)
    p = np.asarray(test(contrast, procedure.rule))
    codes = {name: i for i, name in enumerate(arms)}
    adjusted = benjamini_hochberg(p, np.array([codes[experiment] for experiment, _ in rows], dtype=np.intp))
    method = procedure.name_of(LiftMethod.FIELLER.value)

    def slope(i: int) -> Estimable:
        return estimable_at(lift, i, level=1.0 - procedure.alpha, method=method, why=_why_not)

    return {
        (*row, str(moments.variant[pairs.treatment[i]])): _Found(
            n_control=int(moments.n[pairs.control[i]]),
            n_treatment=int(moments.n[pairs.treatment[i]]),
            slope=slope(i),
            p=finite_or_none(p[i]),
            p_adjusted=finite_or_none(adjusted[i]),
            mean_step=finite_or_none(mean_step[i]),
        )
        for i, row in enumerate(rows)
    }


def _why_not(reason: Reason) -> str:
    return _WHY_NOT.get(reason, _NO_UNITS)


# Values times their day, values, and where a covariate would stand values times the square of their day.
_LAYOUT = Layout(values=2, covariates=1, listed=True)


def _sums(moments: Moments, rows: IndexArray) -> Joint:
    """The three sums of the units of an arm, one row each."""
    return joint_of(moments.take(rows), _LAYOUT)


def _record(trend: TrendDays, control: str, arm: str, found: _Found | None, study: Study) -> Trend:
    reason = trend.problem or Reason.NO_UNITS
    slope = found.slope if found else NotEstimable(reason=reason, detail=_why_not(reason))
    pattern = _pattern(slope, found, study.metrics[trend.metric].direction.sign, study.study.alpha)
    return Trend(
        experiment=trend.experiment,
        metric=trend.metric,
        control=control,
        treatment=arm,
        days=trend.days,
        n_control=found.n_control if found else None,
        n_treatment=found.n_treatment if found else None,
        slope=slope,
        p_value=found.p if found else None,
        p_adjusted=found.p_adjusted if found else None,
        pattern=pattern,
        sentence=_sentence(trend, arm, slope, found, pattern),
        mean_day=_mean_day(trend, found),
    )


def _mean_day(trend: TrendDays, found: _Found | None) -> float | None:
    """Counted from the day of exposure, which is 0, and not from the middle of the days."""
    if found is None or found.mean_step is None or trend.days is None:
        return None
    return found.mean_step + (trend.days - 1) / 2.0


def _pattern(slope: Estimable, found: _Found | None, sign: int, alpha: float) -> str | None:
    """Whether the effect gets worse or better from day to day; None where neither is established."""
    if found is None or found.p_adjusted is None or found.p_adjusted >= alpha:
        return None
    if not isinstance(slope, Interval) or not slope.excludes_zero():
        return None
    return "primacy" if slope.estimate * sign > 0 else "novelty"


_SEEN = {
    "novelty": "gets worse with use (a novelty effect): expect less of it in the long run",
    "primacy": "gets better with use (a primacy effect): expect more of it in the long run",
}


def _sentence(trend: TrendDays, arm: str, slope: Estimable, found: _Found | None, pattern: str | None) -> str:
    effect = f"the effect of {arm} on {label(trend.metric)}"
    if isinstance(slope, NotEstimable):
        return f"Whether {effect} changes with the days since exposure cannot be told: {slope.detail}."
    points = [signed(100.0 * x) for x in (slope.estimate, slope.low, slope.high)]
    level = declared_percent(slope.level)
    adjusted = found.p_adjusted if found else None
    test_said = f"; corrected {p_value(adjusted)}" if adjusted is not None else ""
    numbers = f"{points[0]} lift points a day, {level} interval {points[1]} to {points[2]}{test_said}"
    over = f"over the first {plural(trend.days or 0, 'day')} after exposure"
    if pattern is None:
        return f"No change of {effect} {over} is established ({numbers})."
    return sentence_case(f"{effect} {_SEEN[pattern]}; {over} {numbers}.")
