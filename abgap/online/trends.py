"""How effects change with the days since first exposure: novelty that wears off, habits that take time.

For every primary metric and business metric of the gap that adds up events. A scan of its own makes it, when a report
asks for it. Only units that were there for all of the days count, so that every unit has every day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

from abgap.engine.protocol import Engine
from abgap.online import tables
from abgap.online.experiments import DeclaredExperiment
from abgap.online.increments import Keeper
from abgap.online.logs import add_up_events
from abgap.online.plan import MetricColumns, Plan, UnitPart, ValueColumn, Window
from abgap.online.reach import observed_until
from abgap.online.sums import Sums, sum_units
from abgap.online.tables import column_name, derived_name
from abgap.online.views import Views
from abgap.online.wide import Progress, WideTable, data_until
from abgap.records import Aggregate, Kind, Reason, Role
from abgap.study.model import Metric, Study

# Of metrics without a window: the longest that fits twice into the experiment, so that half of its units have all days.
_OPEN_DAYS = (14, 7, 3)
_FEWEST_DAYS, _MOST_DAYS = 3, 28
_ADDED_UP = frozenset({Aggregate.SUM, Aggregate.COUNT})
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendDays:
    """Over how many days since first exposure a metric is followed in an experiment, or why it is not."""

    experiment: str
    metric: str
    days: int | None
    problem: Reason | None = None

    @property
    def key(self) -> str:
        """What its sums are called."""
        return trend_key(self.metric, self.days or 0)


def trend_key(metric: str, days: int) -> str:
    """The name of a metric's trend over so many days."""
    return derived_name(column_name(metric), f"over {days} days")


def followed_metrics(study: Study) -> list[str]:
    """Primary metrics and business metrics of the gap."""
    business = set(study.gap.business)
    return [n for n, metric in study.metrics.items() if metric.role is Role.PRIMARY or n in business]


def trend_days(
    study: Study, declared: Iterable[DeclaredExperiment], wide: WideTable
) -> tuple[TrendDays, ...]:
    """The days of every followed metric in every experiment."""
    until = data_until(wide)
    return tuple(
        _days_of(study, name, study.metrics[name], experiment, until)
        for experiment in declared
        for name in followed_metrics(study)
    )


def _days_of(
    study: Study, name: str, metric: Metric, experiment: DeclaredExperiment, until: dt.datetime | None
) -> TrendDays:
    def found(days: int | None, problem: Reason | None = None) -> TrendDays:
        return TrendDays(experiment=experiment.name, metric=name, days=days, problem=problem)

    part = metric.own_part
    timed = part.fact is not None and "at" in study.facts[part.fact].columns
    if study.is_clustered:
        return found(None, Reason.BY_CLUSTER)
    if metric.kind is not Kind.MEAN or part.effective_aggregate not in _ADDED_UP or not timed:
        return found(None, Reason.NOT_ADDITIVE)
    if metric.window_days is None and experiment.starts_at is None:
        return found(None, Reason.NOT_DECLARED)
    days = _window_days(metric) if metric.window_days is not None else _open_days(experiment, until)
    return found(None, Reason.TOO_SHORT) if days is None else found(days)


def _window_days(metric: Metric) -> int | None:
    days = min(int(metric.window_days or 0), _MOST_DAYS)
    return days if days >= _FEWEST_DAYS else None


def _open_days(experiment: DeclaredExperiment, until: dt.datetime | None) -> int | None:
    """The days of a metric that is followed to the end of the experiment."""
    last = observed_until(experiment, until)
    if last is None or experiment.starts_at is None:
        return None
    length = min(last, experiment.ends_at or last) - experiment.starts_at
    return next((days for days in _OPEN_DAYS if 2 * days * _DAY <= length), None)


def plan_trends(study: Study, wanted: Sequence[TrendDays]) -> Plan:
    """What has to be added up: for each metric and number of days three sums per unit, by powers of the day.

    The third stands where a covariate would, so that the moments hold how all three go together.
    """
    parts: dict[str, UnitPart] = {}
    metrics: dict[str, MetricColumns] = {}
    for trend in wanted:
        if trend.days is not None and trend.key not in metrics:
            tilt, total, spread = made = _parts(trend, study.metrics[trend.metric], trend.days)
            parts |= {part.name: part for part in made}
            metrics[trend.key] = MetricColumns(
                metric=trend.key,
                kind=Kind.RATIO,
                value=tilt.name,
                denominator=total.name,
                covariates=(spread.name,),
            )
    return Plan(
        parts=tuple(parts.values()),
        columns=tuple(ValueColumn(name=name, part=name, matures=True) for name in parts),
        metrics=tuple(metrics.values()),
        funnels=(),
        products=tuple(pair for m in metrics.values() for pair in combinations_with_replacement(m.used(), 2)),
    )


def _parts(trend: TrendDays, metric: Metric, days: int) -> tuple[UnitPart, UnitPart, UnitPart]:
    """The values times their day, the values, and the values times the square of their day."""
    part = metric.own_part
    tilt = UnitPart(
        name=derived_name(trend.key, "tilt"),
        key=f"metrics.{trend.metric}",
        fact=part.fact,
        where=part.where,
        value=part.value,
        aggregate=Aggregate.SUM,
        window=Window(days=days, closed=metric.window_days is None),
        matures=True,
        day_power=1,
    )
    total = replace(
        tilt, name=derived_name(trend.key, "total"), aggregate=part.effective_aggregate, day_power=0
    )
    return tilt, total, replace(tilt, name=derived_name(trend.key, "spread"), day_power=2)


def sum_trends(
    engine: Engine,
    study: Study,
    plan: Plan,
    views: Views,
    wide: WideTable,
    progress: Progress,
    *,
    keeper: Keeper | None = None,
) -> Sums:
    """Add up the three sums of the units that ``wide`` has enrolled."""
    own = replace(
        wide,
        slices=(),
        integer_parts=frozenset(),
        intakes=(),
        row_count=None,
        bounds={},
        source=tables.TREND_OUTCOMES,
        cells=tables.TREND_CELLS,
    )
    add_up_events(engine, study, plan, views, own, progress, keeper=keeper, purpose="trends")
    own.by_day = False
    return sum_units(engine, plan, own, progress=progress)
