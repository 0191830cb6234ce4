"""Experiments that were randomised by cluster (household, company, region): the cluster is what is analysed.

Units of one cluster are not independent of each other, so that variances have to be those between clusters. A value per
unit becomes a ratio over clusters: the sum of the cluster's units over the number of them; ratios add up both sides.
Capping is by unit, before adding up. From here on a cluster is what a unit is elsewhere: one row of ``unit_outcomes``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import exact_sum, make_grid
from abgap.engine.protocol import Engine
from abgap.online import tables
from abgap.online.cells import column_sql
from abgap.online.centres import Centres, Size
from abgap.online.plan import MetricColumns, Plan, UnitPart, ValueColumn, Window, make_plan, with_guards
from abgap.online.ranges import part_ranges, ranges_of_columns
from abgap.online.sums import make_caps
from abgap.online.wide import WideTable
from abgap.records import Kind
from abgap.sources.sql import Named, Sql, identifier
from abgap.study.model import Study

# The units of a cluster: how many there are. No metric is called "unit".
_UNITS = "unit: count"


def plan_of(study: Study) -> Plan:
    """The numbers that are added up over ``unit_outcomes``: of units, or of clusters where those were randomised."""
    plan = make_plan(study)
    return _ClusterPlan(_of_members(study, plan), study).plan() if study.is_clustered else plan


def _of_members(study: Study, plan: Plan) -> Plan:
    """The columns of units before they are added up: where values can be missing, a unit counts with all or none."""
    if study.unit_values is None:
        return plan
    several = [metric.metric for metric in plan.metrics if len(metric.used()) > 1]
    return with_guards(plan, {*several, *(name for name, _ in plan.funnels)})


class _ClusterPlan:
    """Collects what is known of every cluster: the sums of columns, and how many units have a value."""

    def __init__(self, members: Plan, study: Study) -> None:
        self._members = members
        self._may_miss = study.unit_values is not None
        self._columns = {column.name: column for column in members.columns}
        self._parts: dict[str, UnitPart] = {}
        self._products: dict[tuple[str, str], None] = {}

    def plan(self) -> Plan:
        """The plan over clusters."""
        # Quantiles are not added up, but put in order (``quantiles.py``).
        added = (metric for metric in self._members.metrics if metric.kind is not Kind.QUANTILE)
        metrics = tuple(self._metric(metric) for metric in added)
        funnels = tuple((name, self._funnel(stages)) for name, stages in self._members.funnels)
        return Plan(
            parts=tuple(self._parts.values()),
            columns=tuple(ValueColumn(name=name, part=name) for name in self._parts),
            metrics=metrics,
            funnels=funnels,
            products=tuple(self._products),
            by_cluster=True,
        )

    def _metric(self, metric: MetricColumns) -> MetricColumns:
        value = self._sum(metric.value)
        denominator = (
            self._counted(metric.value) if metric.denominator is None else self._sum(metric.denominator)
        )
        covariates = tuple(self._sum(covariate) for covariate in metric.covariates)
        for position, one in enumerate((value, denominator, *covariates)):
            for other in (value, denominator, *covariates)[position:]:
                self._product(one, other)
        is_capped = self._columns[metric.value].cap_fraction is not None
        return replace(
            metric,
            kind=Kind.RATIO,
            value=value,
            denominator=denominator,
            covariates=covariates,
            uncapped=None if metric.uncapped is None else self._sum(metric.uncapped),
            cut=self._part(tables.cut_name(metric.value), metric.value) if is_capped else None,
        )

    def _funnel(self, stages: tuple[str, ...]) -> tuple[str, ...]:
        """The units of the clusters, then the stages: each is told per unit."""
        names = (self._counted(stages[0]), *(self._sum(stage) for stage in stages))
        for position, one in enumerate(names):
            for other in names[position:]:
                self._product(one, other)
        return names

    def _product(self, left: str, right: str) -> None:
        if (right, left) not in self._products:
            self._products[left, right] = None

    def _sum(self, column: str) -> str:
        return self._part(column, column)

    def _counted(self, column: str) -> str:
        """How many units have a value."""
        found = self._columns[column]
        if self._may_miss or found.matures:
            return self._part(tables.known_name(column), column)
        return self._part(_UNITS, column)

    def _part(self, name: str, column: str) -> str:
        made_of = next(part for part in self._members.parts if part.name == self._columns[column].part)
        self._parts.setdefault(
            name,
            UnitPart(
                name=name,
                key=made_of.key,
                fact=made_of.fact,
                where=None,
                value=made_of.value,
                aggregate=None,
                window=Window(),
            ),
        )
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A column of a unit as the template reads it. is_cut: 1 where the cap cut it."""

    name: Sql
    value: Sql
    is_cut: Sql | None
    cut: Sql


def add_up_clusters(engine: Engine, study: Study, wide: WideTable) -> WideTable:
    """Make ``unit_outcomes``, one row per experiment and cluster, of the units in ``wide.source``.

    Clusters in two variants and units without a cluster are left out, and counted.
    """
    members = _of_members(study, make_plan(study))
    row_count, ranges = part_ranges(engine, members, wide)
    capped = bool(make_caps(engine, members, wide))
    found = ranges_of_columns(members, ranges)
    centres = Centres(
        sizes={name: Size(largest=r.farthest_from(0.0), whole=r.integer) for name, r in found.items()},
        common=dict.fromkeys(found, 0.0),
    )
    columns = [column_sql(column, centres, counted=False) for column in members.columns]
    plan = plan_of(study)
    sums = [_sum(part.name, members, centres, row_count) for part in plan.parts]
    slices = [tables.slice_column(name) for name in wide.slices]
    statement = compile_query(
        "cluster_outcomes",
        members=identifier(wide.source),
        cluster=tables.cluster_column(),
        slices=slices,
        columns=[_Member(name=c.name, value=c.value, is_cut=c.is_cut, cut=c.cut) for c in columns],
        capped=capped,
        sums=sums,
    )
    counts = engine.fetch(
        compile_query("cluster_counts", members=identifier(wide.source), cluster=tables.cluster_column())
    )
    engine.create_table(tables.UNIT_OUTCOMES, statement)
    whole = {name for name, r in found.items() if r.integer}
    counted = {part.name for part in plan.parts if part.name not in found}
    return replace(
        wide,
        source=tables.UNIT_OUTCOMES,
        has_units=True,
        may_miss_values=False,
        integer_parts=frozenset(whole | counted),
        row_count=None,
        bounds={},
        cluster_counts=counts,
    )


def _sum(part: str, members: Plan, centres: Centres, row_count: int) -> Named:
    """What a part of a cluster is: the number of its units, of those with a value, of those cut, or a sum."""
    if part == _UNITS:
        return Named(name=identifier(part), value=Sql("cast(count(*) as double)"))
    for column in members.columns:
        name = identifier(column.name)
        if part == tables.known_name(column.name):
            return Named(name=identifier(part), value=Sql(f"cast(count({name}) as double)"))
        if part == tables.cut_name(column.name):
            return Named(name=identifier(part), value=Sql(f"cast(sum({identifier(part)}) as double)"))
        if part == column.name:
            size = centres.sizes[column.name]
            parts = exact_sum(part, name, make_grid(size.largest, row_count, integer=size.whole))
            total = " + ".join(str(one.value) for one in parts)
            return Named(name=identifier(part), value=Sql(f"coalesce({total}, 0)"))
    raise KeyError(part)
