"""What has to be added up: every metric says which parts it needs, equal parts are kept once.

A **part** is one number per unit: the events of one fact table under one filter, value, aggregate and
window. A **column** is a part as the moments use it (capped, or with a guard for missing values). A
**product** is a pair of columns whose cross moment is needed. One pass over the units answers all of them,
whatever the number of metrics.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from abgap.online.tables import column_name, derived_name
from abgap.records import Aggregate, Kind
from abgap.study.model import Metric, Part, Study

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which events of a unit count, by time since its first exposure.

    lookback_days: the events of that many days before exposure (a covariate). days: the events of that many
    days from exposure on, or from ``from_days`` after it. Both None: from exposure to the experiment's end.
    closed: whether such a window is over only when it ends before the experiment does.
    """

    days: float | None = None
    lookback_days: float | None = None
    from_days: float = 0.0
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitPart:
    """One number per unit.

    fact: the fact table, None for a column of [unit_values] or [units]. from_units: a column of [units].
    where, value: the study's own expressions. occurred: 1 when there is any event, else 0 (a proportion).
    pre_period: known before exposure: null means "no history", not 0 events.
    matures: known only of units whose window was over when the data ended; null means "too young".
    day_power: a value counts times this power of its day since exposure, which goes from ``1 - days`` on the first to
    ``days - 1`` on the last, in steps of two; 0: as it is.
    key: where in the study it stands, for messages.
    """

    name: str
    key: str
    fact: str | None
    where: str | None
    value: str | None
    aggregate: Aggregate | None
    window: Window
    occurred: bool = False
    pre_period: bool = False
    matures: bool = False
    day_power: int = 0
    from_units: bool = False

    def same_as(self, other: UnitPart) -> bool:
        """Whether both are the same number under different names."""
        return replace(self, name="", key="") == replace(other, name="", key="")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueColumn:
    """A part as the moments use it. guards: parts that must be known too for a unit to count.

    pre_period, matures: as of the part: not every unit has a value.
    """

    name: str
    part: str
    cap_fraction: float | None = None
    pre_period: bool = False
    matures: bool = False
    guards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricColumns:
    """The columns of one metric: value alone, or numerator and denominator; its covariates.

    fraction: of a quantile. of_events: whether it is one of the values of events, which the column then counts, and not
    of the column. uncapped: the value before a cap cut it, None without a cap. cut: how many units of a cluster it cut.
    """

    metric: str
    kind: Kind
    value: str
    denominator: str | None = None
    covariates: tuple[str, ...] = ()
    fraction: float | None = None
    of_events: bool = False
    uncapped: str | None = None
    cut: str | None = None

    def measured(self) -> tuple[str, ...]:
        """The columns whose value a unit must have to count."""
        return tuple(c for c in (self.value, self.denominator) if c is not None)

    def used(self) -> tuple[str, ...]:
        """All columns of the metric."""
        of_cap = (c for c in (self.uncapped, self.cut) if c is not None)
        return (*self.measured(), *self.covariates, *of_cap)

    def renamed(self, names: Mapping[str, str]) -> MetricColumns:
        """The same metric over other columns."""
        return replace(
            self,
            value=names[self.value],
            denominator=None if self.denominator is None else names[self.denominator],
            covariates=tuple(names[covariate] for covariate in self.covariates),
            uncapped=None if self.uncapped is None else names[self.uncapped],
            cut=None if self.cut is None else names[self.cut],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All numbers that the study's metrics need, each once.

    by_cluster: over clusters: what is a value per unit is a ratio, and the first column of a funnel counts units.
    """

    parts: tuple[UnitPart, ...]
    columns: tuple[ValueColumn, ...]
    metrics: tuple[MetricColumns, ...]
    funnels: tuple[tuple[str, tuple[str, ...]], ...]
    products: tuple[tuple[str, str], ...]
    by_cluster: bool = False

    def facts(self) -> list[str]:
        """The fact tables that are read, in the order of first use."""
        return list(dict.fromkeys(part.fact for part in self.parts if part.fact is not None))

    def only(self, columns: Collection[str]) -> Plan:
        """The plan with these columns alone, and what they are made of."""
        kept = tuple(column for column in self.columns if column.name in columns)
        parts = {column.part for column in kept} | {guard for column in kept for guard in column.guards}
        return replace(
            self,
            parts=tuple(part for part in self.parts if part.name in parts),
            columns=kept,
            products=tuple(pair for pair in self.products if set(pair) <= set(columns)),
        )

    def parts_of(self, fact: str) -> list[UnitPart]:
        """The parts made from one fact table."""
        return [part for part in self.parts if part.fact == fact]


class _Planner:
    """Collects parts and columns, keeping equal ones once."""

    def __init__(self) -> None:
        self.parts: list[UnitPart] = []
        self.columns: dict[str, ValueColumn] = {}
        self.products: dict[tuple[str, str], None] = {}

    def part(self, wanted: UnitPart) -> str:
        for known in self.parts:
            if known.same_as(wanted):
                return known.name
        self.parts.append(wanted)
        return wanted.name

    def column(self, part: str, *, cap_percentile: float | None = None) -> str:
        name, fraction = part, None
        if cap_percentile is not None:
            name, fraction = derived_name(part, f"capped at p{cap_percentile!r}"), cap_percentile / 100
        made_of = next(known for known in self.parts if known.name == part)
        self.columns.setdefault(
            name,
            ValueColumn(
                name=name,
                part=part,
                cap_fraction=fraction,
                pre_period=made_of.pre_period,
                matures=made_of.matures,
            ),
        )
        return name

    def product(self, left: str, right: str) -> None:
        if (right, left) not in self.products:
            self.products[left, right] = None


def make_plan(study: Study) -> Plan:
    """The numbers needed for all metrics and funnels of ``study``, which must have passed its rules."""
    planner = _Planner()
    metrics = tuple(_metric_columns(planner, name, metric) for name, metric in study.metrics.items())
    funnels = tuple(
        (name, _funnel_columns(planner, study, funnel.stages)) for name, funnel in study.funnels.items()
    )
    return Plan(
        parts=tuple(planner.parts),
        columns=tuple(planner.columns.values()),
        metrics=metrics,
        funnels=funnels,
        products=tuple(planner.products),
    )


def with_guards(plan: Plan, incomplete: Collection[str]) -> Plan:
    """The plan with the metrics and funnels in ``incomplete`` counted only over units that have all their parts.

    Guarded columns get names of their own, because other metrics may share the plain ones.
    """
    columns = {column.name: column for column in plan.columns}
    products = dict.fromkeys(plan.products)

    def guarded(name: str, used: Sequence[str], measured: Sequence[str]) -> dict[str, str]:
        guards = tuple(dict.fromkeys(columns[column].part for column in measured))
        renamed = {column: derived_name(column, f"in {column_name(name)}") for column in used}
        for old, new in renamed.items():
            columns[new] = replace(columns[old], name=new, guards=guards)
        pairs = [pair for pair in plan.products if set(pair) <= set(used)]
        products.update(dict.fromkeys((renamed[left], renamed[right]) for left, right in pairs))
        return renamed

    metrics = tuple(
        metric.renamed(guarded(metric.metric, metric.used(), metric.measured()))
        if metric.metric in incomplete
        else metric
        for metric in plan.metrics
    )
    funnels = tuple(
        (name, tuple(guarded(name, stages, stages).values()) if name in incomplete else stages)
        for name, stages in plan.funnels
    )
    return replace(
        plan, columns=tuple(columns.values()), metrics=metrics, funnels=funnels, products=tuple(products)
    )


def _metric_columns(planner: _Planner, name: str, metric: Metric) -> MetricColumns:
    if metric.kind is Kind.RATIO:
        return _ratio_columns(planner, name, metric)
    if metric.kind is Kind.QUANTILE:
        return _quantile_columns(planner, name, metric)
    part = _own_part(name, metric)
    value = planner.column(planner.part(part), cap_percentile=metric.cap_percentile)
    covariates = _covariate_columns(planner, name, metric, {"": part})
    # A share needs no second moment of events; ready-made values need one to show that they are 0 and 1.
    if not metric.kind.is_share or part.fact is None or covariates:
        planner.product(value, value)
    _covariate_products(planner, (value,), covariates)
    uncapped = None if metric.cap_percentile is None else planner.column(planner.part(part))
    return MetricColumns(metric=name, kind=metric.kind, value=value, covariates=covariates, uncapped=uncapped)


def _ratio_columns(planner: _Planner, name: str, metric: Metric) -> MetricColumns:
    top, bottom = ratio_parts(name, metric)
    numerator = planner.column(planner.part(top), cap_percentile=metric.cap_percentile)
    denominator = planner.column(planner.part(bottom))
    for pair in ((numerator, numerator), (denominator, denominator), (numerator, denominator)):
        planner.product(*pair)
    covariates = _covariate_columns(planner, name, metric, {"numerator": top, "denominator": bottom})
    _covariate_products(planner, (numerator, denominator), covariates)
    return MetricColumns(
        metric=name,
        kind=metric.kind,
        value=numerator,
        denominator=denominator,
        covariates=covariates,
        uncapped=None if metric.cap_percentile is None else planner.column(planner.part(top)),
    )


def _covariate_products(planner: _Planner, values: Sequence[str], covariates: Sequence[str]) -> None:
    for position, covariate in enumerate(covariates):
        for other in (*covariates[position:], *values):
            planner.product(other, covariate)


def _quantile_columns(planner: _Planner, name: str, metric: Metric) -> MetricColumns:
    part = _own_part(name, metric)
    of_events = part.fact is not None and metric.aggregate is None
    if of_events:
        name_of_count = derived_name(part.name, "events")
        part = replace(part, name=name_of_count, aggregate=Aggregate.COUNT)
    return MetricColumns(
        metric=name,
        kind=metric.kind,
        value=planner.column(planner.part(part)),
        fraction=metric.quantile,
        of_events=of_events,
    )


def ratio_parts(name: str, metric: Metric) -> tuple[UnitPart, UnitPart]:
    """Numerator and denominator of a ratio metric as unit parts."""
    window = Window(days=metric.window_days)
    top, bottom = (
        _unit_part(
            derived_name(column_name(name), side),
            f"metrics.{name}.{side}",
            part or Part(),
            kind=Kind.MEAN,
            window=window,
        )
        for side, part in (("numerator", metric.numerator), ("denominator", metric.denominator))
    )
    return top, bottom


def _own_part(name: str, metric: Metric) -> UnitPart:
    window = Window(days=metric.window_days)
    if metric.kind is Kind.RETENTION:
        window = Window(days=metric.to_day, from_days=metric.from_day or 0.0)
    return _unit_part(column_name(name), f"metrics.{name}", metric.own_part, kind=metric.kind, window=window)


def _unit_part(name: str, key: str, part: Part, *, kind: Kind, window: Window) -> UnitPart:
    occurred = kind.is_share and part.fact is not None
    aggregate = Aggregate.COUNT if occurred else part.effective_aggregate
    return UnitPart(
        name=name,
        key=key,
        fact=part.fact,
        where=part.where,
        value=part.value,
        aggregate=None if part.fact is None else aggregate,
        window=window,
        occurred=occurred,
        matures=kind is Kind.RETENTION,
    )


def _covariate_columns(
    planner: _Planner, name: str, metric: Metric, parts: Mapping[str, UnitPart]
) -> tuple[str, ...]:
    """The columns of a metric's covariates. parts: of the metric, by the side of a ratio.

    Days before exposure give each part of the metric its twin: a ratio has two.
    """
    found: list[str] = []
    for position, covariate in enumerate(metric.covariates):
        suffix = "before exposure" if position == 0 else f"before exposure ({position + 1})"
        listed = f"[{position}]" if isinstance(metric.covariate, list) else ""
        key = f"metrics.{name}.covariate{listed}"
        if covariate.column is not None:
            wanted = [_covariate_in_column(name, suffix, key, covariate.column, parts)]
        else:
            wanted = [
                replace(
                    part,
                    name=derived_name(column_name(name), f"{side} {suffix}".strip()),
                    window=Window(lookback_days=covariate.lookback_days),
                    pre_period=True,
                )
                for side, part in parts.items()
            ]
        found += [planner.column(planner.part(part)) for part in wanted]
    return tuple(dict.fromkeys(found))


def _covariate_in_column(
    name: str, suffix: str, key: str, column: str, parts: Mapping[str, UnitPart]
) -> UnitPart:
    return UnitPart(
        name=derived_name(column_name(name), suffix),
        key=f"{key}.column",
        fact=None,
        where=None,
        value=column,
        aggregate=None,
        window=Window(),
        pre_period=True,
        from_units=next(iter(parts.values())).fact is not None,
    )


def _funnel_columns(planner: _Planner, study: Study, stages: Sequence[str]) -> tuple[str, ...]:
    names = []
    for stage in stages:
        metric = study.metrics[stage]
        part = ratio_parts(stage, metric)[0] if metric.kind is Kind.RATIO else _own_part(stage, metric)
        names.append(planner.column(planner.part(part)))
    for position, left in enumerate(names):
        for right in names[position:]:
            planner.product(left, right)
    return tuple(names)
