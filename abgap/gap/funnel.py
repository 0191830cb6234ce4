"""Where along its stages the business metric changed: the funnel of one arm, from the moments table.

Accounting and not cause: later stages compare different clickers. The statistics are ``stats.funnel``; here
its arrays become records, and the note says what may not be read into them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from abgap.gap.inputs import whole_rows
from abgap.gap.per_unit import PerUnit, stages_per_unit
from abgap.online.codes import coded
from abgap.records import FunnelStage, Moments, Reason
from abgap.records.moments import FloatArray
from abgap.records.words import count
from abgap.stats.arrays import finite_or_none
from abgap.stats.funnel import FunnelArm, FunnelDecomposition, decompose_funnel, resampled_funnel
from abgap.stats.procedure import Procedure
from abgap.stats.resampling import percentile_bounds
from abgap.study.model import Funnel, Study
from abgap.study.procedure import procedure_of

# Means of the stages in every draw, (draws, stages), by experiment, variant and funnel.
FunnelDraws: TypeAlias = Mapping[tuple[str, str, str], FloatArray]

_FEW_ORDERS = 30
# Units of an experiment that are drawn again for the sake of a funnel alone.
_MOST_UNITS = 200_000
_ACCOUNTING = "Accounting, not causal: later stages compare different clickers."
_WHY_NOT = {
    Reason.NO_UNITS: "an arm has no units",
    Reason.NO_DENOMINATOR: "a stage is not zero although the one before it is",
    Reason.NOT_POSITIVE: "a stage is zero or negative in an arm",
    Reason.TOO_FEW_UNITS: "an arm has too few units",
    Reason.NO_VARIANCE_GIVEN: "the moments carry no covariances of the stages",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelView:
    """The stages of one arm against control, what they add up to, and what to know when reading them.

    is_resampled: whether the stages' intervals come from the bootstrap.
    """

    stages: tuple[FunnelStage, ...] = ()
    note: str | None = None
    total: FunnelStage | None = None
    is_resampled: bool = False


def funnels_to_resample(study: Study, moments: Moments) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The funnels of business metrics that have few orders, and the experiments in which they do.

    Very large experiments are left out: a funnel alone is not worth that much work. Nothing is resampled where
    results may be read at any time.
    """
    if procedure_of(study).is_sequential or study.is_clustered or not study.gap.business:
        return (), ()
    units: dict[str, float] = {}
    few: dict[tuple[str, str], None] = {}
    for (experiment, _, name), arm in _arms(moments, study.funnels).items():
        units[experiment] = units.get(experiment, 0.0) + float(arm.n)
        if study.funnels[name].total in study.gap.business and arm.n * arm.means[-2] < _FEW_ORDERS:
            few[name, experiment] = None
    kept = [(name, experiment) for name, experiment in few if units[experiment] <= _MOST_UNITS]
    return tuple(dict.fromkeys(n for n, _ in kept)), tuple(dict.fromkeys(e for _, e in kept))


class Funnels:
    """The whole-experiment funnel rows of a moments table, found by experiment, variant and funnel.

    draws: of the bootstrap, where there are few orders.
    """

    def __init__(self, study: Study, moments: Moments | None, draws: FunnelDraws | None = None) -> None:
        self._study = study
        self._draws = draws or {}
        self._arms = {} if moments is None or not study.funnels else _arms(moments, study.funnels)

    def of(
        self,
        total: str,
        experiment: str,
        control: str,
        treatment: str,
    ) -> FunnelView:
        """The first declared funnel of the metric ``total``, in one treatment arm; empty without one."""
        declared = ((name, funnel) for name, funnel in self._study.funnels.items() if funnel.total == total)
        for name, funnel in declared:
            before = self._arms.get((experiment, control, name))
            after = self._arms.get((experiment, treatment, name))
            if before is not None and after is not None:
                return funnel_view(
                    funnel,
                    before,
                    after,
                    procedure=procedure_of(self._study),
                    same=self._same(total),
                    draws=self._drawn(name, experiment, control, treatment, before, after),
                )
        return FunnelView()

    def _drawn(
        self, name: str, experiment: str, control: str, treatment: str, before: FunnelArm, after: FunnelArm
    ) -> tuple[FloatArray, FloatArray] | None:
        """The draws of both arms, where one of them has few orders."""
        found = [self._draws.get((experiment, arm, name)) for arm in (control, treatment)]
        if found[0] is None or found[1] is None or _orders(before, after) >= _FEW_ORDERS:
            return None
        return found[0], found[1]

    def _same(self, total: str) -> bool:
        """Whether the metric is estimated from the same values as the funnel: neither capped nor adjusted."""
        metric = self._study.metrics.get(total)
        if metric is None:
            return True
        return metric.cap_percentile is None and metric.covariate is None and metric.stratify_by is None


def funnel_view(
    funnel: Funnel,
    control: FunnelArm,
    treatment: FunnelArm,
    *,
    procedure: Procedure,
    same: bool = True,
    draws: tuple[FloatArray, FloatArray] | None = None,
) -> FunnelView:
    """Stages with their log lifts and money, and the note to read with them.

    same: the business metric's own estimate is neither capped nor covariate-adjusted, so that the two agree.
    draws: of both arms by the bootstrap, (draws, stages), that take the place of variances.
    """
    result = decompose_funnel(control, treatment, procedure.alpha, procedure.rule)
    problem = result.problem.item()
    if problem in {Reason.NO_UNITS, Reason.NO_DENOMINATOR}:
        return FunnelView(note=f"The funnel cannot be decomposed: {_WHY_NOT[problem]}.")
    if problem is not None:
        draws = None
    if draws is not None:
        result = resampled_funnel(result, *draws, procedure.alpha)
    per_unit = stages_per_unit(control, treatment, procedure)
    stages = tuple(_stage(result, i, name, per_unit[i]) for i, name in enumerate(funnel.stages))
    return FunnelView(
        stages=stages,
        note=_note(
            result, problem, control, treatment, same=same, draws=draws, by_cluster=procedure.by_cluster
        ),
        total=_total(funnel.total, result, control, treatment, procedure, draws=draws),
        is_resampled=draws is not None,
    )


def _note(
    result: FunnelDecomposition,
    problem: Reason | None,
    control: FunnelArm,
    treatment: FunnelArm,
    *,
    same: bool,
    draws: tuple[FloatArray, FloatArray] | None,
    by_cluster: bool,
) -> str:
    parts = [_ACCOUNTING]
    if result.method.item() == "shapley":
        parts.append(
            f"There are no logarithms, because {_WHY_NOT[Reason.NOT_POSITIVE]}: the money of each stage is "
            "its Shapley value, the average over all orders of change, without an interval."
        )
    elif problem is not None:
        parts.append(f"There are no intervals, because {_WHY_NOT[problem]}.")
    if draws is not None:
        parts.append(
            f"An arm has fewer than {_FEW_ORDERS} orders, so the intervals are percentiles of "
            f"{count(len(draws[0]))} bootstrap draws."
        )
    elif _orders(control, treatment) < _FEW_ORDERS:
        # Orders per unit are told, and a cluster has at least one unit.
        has = "may have" if by_cluster else "has"
        parts.append(f"An arm {has} fewer than {_FEW_ORDERS} orders, so the intervals are only approximate.")
    if not same:
        parts.append("The funnel adds up values before capping and covariate adjustment.")
    return " ".join(parts)


def _orders(control: FunnelArm, treatment: FunnelArm) -> float:
    """Events at the stage before the last (orders before revenue), in the arm with fewer of them."""
    return min(float(arm.n * arm.means[-2]) for arm in (control, treatment))


def _stage(result: FunnelDecomposition, position: int, name: str, per_unit: PerUnit) -> FunnelStage:
    def at(values: np.ndarray) -> float | None:
        return finite_or_none(float(values[position]))

    return FunnelStage(
        stage=name,
        value_control=at(result.control),
        value_treatment=at(result.treatment),
        log_lift=at(result.log_lift.estimate),
        low=at(result.log_lift.low),
        high=at(result.log_lift.high),
        money=at(result.money.estimate),
        money_low=at(result.money.low),
        money_high=at(result.money.high),
        method=str(result.method.item()),
        per_unit_control=per_unit.control,
        per_unit_treatment=per_unit.treatment,
        per_unit_lift=per_unit.lift,
    )


def _total(
    name: str,
    result: FunnelDecomposition,
    control: FunnelArm,
    treatment: FunnelArm,
    procedure: Procedure,
    *,
    draws: tuple[FloatArray, FloatArray] | None,
) -> FunnelStage:
    """What the stages add up to; the money is the difference of the arms' means, with the normal interval or draws."""
    values = [float(arm.means[-1]) for arm in (control, treatment)]
    change, log_lift = values[1] - values[0], result.total_log_lift
    low = high = math.nan
    if draws is not None:
        found = percentile_bounds(np.asarray(change), draws[1][:, -1] - draws[0][:, -1], procedure.alpha)
        low, high = float(found.low), float(found.high)
    elif result.problem.item() is None:
        variance = sum(float(arm.covariance[-1, -1] / arm.n) for arm in (control, treatment))
        critical = procedure.rule.large_sample_critical(control.n + treatment.n, procedure.alpha)
        half = float(critical) * math.sqrt(variance)
        low, high = change - half, change + half
    return FunnelStage(
        stage=name,
        value_control=finite_or_none(values[0]),
        value_treatment=finite_or_none(values[1]),
        log_lift=finite_or_none(float(log_lift.estimate)),
        low=finite_or_none(float(log_lift.low)),
        high=finite_or_none(float(log_lift.high)),
        money=finite_or_none(change),
        money_low=finite_or_none(low),
        money_high=finite_or_none(high),
        method=str(result.method.item()),
    )


def _arms(moments: Moments, funnels: Iterable[str]) -> dict[tuple[str, str, str], FunnelArm]:
    """Funnel rows over all units, by experiment, variant and funnel."""
    names = set(funnels)
    rows = whole_rows(moments, coded(moments.metric).where(lambda metric: metric in names))
    return {
        (moments.experiment[row], moments.variant[row], moments.metric[row]): arm
        for row in rows
        if (arm := _arm(moments, row)) is not None
    }


def _arm(moments: Moments, row: int) -> FunnelArm | None:
    if moments.stage_means[row] is None:
        return None
    means = np.asarray(moments.stage_means[row], dtype=np.float64)
    given = moments.stage_covariances[row]
    size = means.size
    covariance = np.full((size, size), np.nan) if given is None else np.asarray(given, dtype=np.float64)
    return FunnelArm(n=np.asarray(moments.n[row]), means=means, covariance=covariance.reshape(size, size))
