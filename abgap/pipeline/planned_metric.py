"""One metric of a planned test: its power as a function of units and effect, turned into units, weeks and effects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from abgap.online.history import Traffic, UnitHistory
from abgap.records import Kind
from abgap.records.moments import FloatArray
from abgap.records.planning import PlannedMetric, PlannedOption, PlannedTest, PlannedWeek
from abgap.records.words import count
from abgap.stats import planning as formulas
from abgap.stats.arrays import MIN_UNITS, finite_or_none
from abgap.stats.rule import Rule
from abgap.study.model import Metric

_DAYS_PER_WEEK = 7.0
_CONTROL = "control"
_ROUNDING = 1e-9


def whole_units(units: float) -> int:
    """The whole units that have come, rounding of the last digit aside."""
    return math.floor(units + _ROUNDING * max(units, 1.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmSplit:
    """The parts of the test's units by arm, control first; they add up to 1."""

    parts: Mapping[str, float]

    @classmethod
    def of(cls, weights: Sequence[float]) -> ArmSplit:
        """A split from weights in any scale."""
        names = [_CONTROL, *(f"treatment {i}" for i in range(1, len(weights)))]
        if len(weights) == 2:
            names[1] = "treatment"
        return cls(parts={name: weight / sum(weights) for name, weight in zip(names, weights, strict=True)})

    @property
    def treatments(self) -> int:
        """How many arms are compared with control."""
        return len(self.parts) - 1

    @property
    def smallest_treatment(self) -> float:
        """The part of the smallest treatment arm: its comparison has the least power."""
        return min(part for name, part in self.parts.items() if name != _CONTROL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What a test is to show. effect: its size, None when nobody has said it, and then what is missing."""

    test: PlannedTest
    effect: float | None
    alpha: float
    power: float
    rule: Rule
    missing: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricPlan:
    """All that the plan of one metric is made of."""

    name: str
    metric: Metric
    option: PlannedOption
    history: UnitHistory
    aim: Aim
    split: ArmSplit
    traffic: Traffic | None
    share: float
    weeks: tuple[int, ...]

    @property
    def window_days(self) -> float:
        """Days after a unit's exposure until its value is known."""
        return self.metric.to_day or self.metric.window_days or 0.0

    def units_by(self, week: int) -> int:
        """Units of the test whose window is over at the end of a week."""
        if self.traffic is None:
            return 0
        days = max(_DAYS_PER_WEEK * week - self.window_days, 0.0)
        return whole_units(self.traffic.units_after(days) * self.share)

    def weeks_for(self, units: float) -> int | None:
        """Whole weeks until so many units have come and their windows are over."""
        if self.traffic is None:
            return None
        days = self.traffic.days_for(units / self.share) + self.window_days
        return math.ceil(days / _DAYS_PER_WEEK - _ROUNDING) if math.isfinite(days) else None


def plan_metric(plan: MetricPlan) -> PlannedMetric:
    """The units, the weeks and the detectable effects of one metric; a reason where there are none."""
    history, aim = plan.history, plan.aim
    refusal = _refusal(history)
    sizes = None if refusal else _sizes(plan)
    total = None if sizes is None else sum(sizes.values())
    return PlannedMetric(
        metric=plan.name,
        kind=plan.metric.kind,
        role=plan.metric.role,
        direction=plan.metric.direction,
        option=plan.option,
        test=aim.test,
        effect=aim.effect,
        alpha=aim.alpha,
        baseline=history.mean,
        sd=None if history.variance is None else math.sqrt(history.variance),
        variance_removed=_removed(history),
        units=sizes,
        units_total=total,
        weeks=None if total is None else plan.weeks_for(total),
        by_week=() if refusal else tuple(_by_week(plan)),
        reason=refusal or _reason(plan, sizes),
    )


def _refusal(history: UnitHistory) -> str | None:
    """Why nothing can be planned."""
    if history.mean is None:
        return "the history has no units with a value"
    if history.n < MIN_UNITS:
        return f"the history has {count(history.n)} units with a value; at least {MIN_UNITS} are needed"
    if history.variance is None:
        return "the moments give no variance"
    if history.variance <= 0.0:
        return "every unit of the history has the same value"
    return (
        "the value of the history is zero, so that nothing is relative to it" if history.mean == 0.0 else None
    )


def _reason(plan: MetricPlan, sizes: Mapping[str, int] | None) -> str | None:
    if plan.aim.effect is None:
        return plan.aim.missing
    return "no number of units is enough for this effect" if sizes is None else None


def _removed(history: UnitHistory) -> float | None:
    if history.residual is None or not history.variance:
        return None
    return 1.0 - history.residual / history.variance


def _sizes(plan: MetricPlan) -> dict[str, int] | None:
    """Units per arm for the effect aimed at."""
    if plan.aim.effect is None:
        return None
    effect, design = plan.aim.effect, _design(plan)
    units = float(formulas.units_for(design, lambda n: _power(plan, design, n, effect), plan.aim.power))
    if not math.isfinite(units):
        return None
    return {arm: int(formulas.per_arm(np.asarray(units), part)) for arm, part in plan.split.parts.items()}


def _by_week(plan: MetricPlan) -> list[PlannedWeek]:
    """What a test of so many weeks would detect."""
    if plan.traffic is None:
        return []
    units = np.array([plan.units_by(week) for week in plan.weeks], dtype=np.float64)
    design = _design(plan)
    enough = units >= design.fewest_units
    at = np.where(enough, units, np.nan)
    largest = np.broadcast_to(_largest_effect(plan, design), units.shape)
    detectable = formulas.effect_for(lambda effect: _power(plan, design, at, effect), plan.aim.power, largest)
    power = (
        np.full(len(units), np.nan) if plan.aim.effect is None else _power(plan, design, at, plan.aim.effect)
    )
    return [
        PlannedWeek(week=week, units=int(n), detectable=finite_or_none(found), power=finite_or_none(chance))
        for week, n, found, chance in zip(plan.weeks, units, detectable, power, strict=True)
    ]


def _design(plan: MetricPlan) -> formulas.Design:
    """The comparison of control with the smallest treatment arm."""
    history = plan.history
    residual = history.variance if history.residual is None else history.residual
    return formulas.Design(
        mean=np.asarray(history.mean, dtype=np.float64),
        variance=np.asarray(history.variance, dtype=np.float64),
        residual=np.asarray(residual, dtype=np.float64),
        binary=np.asarray(_by_score(plan)),
        control_part=np.asarray(plan.split.parts[_CONTROL]),
        treatment_part=np.asarray(plan.split.smallest_treatment),
    )


def _by_score(plan: MetricPlan) -> bool:
    """Whether the scorecard will compare the metric by score: a share of units without covariates."""
    plain = plan.history.residual is None and not plan.history.is_ratio
    return plain and plan.metric.kind in {Kind.PROPORTION, Kind.RETENTION}


def _power(
    plan: MetricPlan, design: formulas.Design, units: FloatArray, effect: FloatArray | float
) -> FloatArray:
    """The probability that the test shows what it is to show."""
    aim, sign = plan.aim, float(plan.metric.direction.sign)
    if aim.test is PlannedTest.NON_INFERIORITY:
        return formulas.non_inferiority_power(design, units, effect, aim.alpha, sign, rule=aim.rule)
    if aim.test is PlannedTest.EQUIVALENCE:
        return formulas.equivalence_power(design, units, effect, aim.alpha, rule=aim.rule)
    return formulas.superiority_power(design, units, sign * np.asarray(effect), aim.alpha, aim.rule)


def _largest_effect(plan: MetricPlan, design: formulas.Design) -> FloatArray:
    """Beyond which there is no effect: a share cannot exceed 1, a lift of a share not fall below -100 %."""
    if plan.aim.test is PlannedTest.SUPERIORITY:
        return formulas.largest_lift(design, plan.metric.direction.sign)
    return np.asarray(formulas.LARGEST_EFFECT)
