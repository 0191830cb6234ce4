"""The Poisson bootstrap in the engine: weighted sums of every cell in every draw, made into the values of arms.

The weights of a unit come from a hash of its id and the study's seed (``engine/hashing.py``), the sums are exact: every
engine and every run finds the same draws to the last bit. Only weighted sums leave the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import SumColumn, exact_terms, make_grid, sum_of
from abgap.engine.hashing import PRIME, Draws, drawn_number, make_draws, number_of_unit, put_draws
from abgap.engine.protocol import Columns, Engine, text_or_none
from abgap.online import tables
from abgap.online.cells import Slice, column_sql
from abgap.online.centres import Centres, common_centres
from abgap.online.plan import MetricColumns, Plan
from abgap.online.ranges import part_ranges
from abgap.online.sums import make_caps
from abgap.online.wide import Progress, WideTable
from abgap.records.moments import FloatArray
from abgap.sources.sql import Sql, comma_list, identifier, literal
from abgap.stats.draws import poisson_bounds

# Cells times draws that one statement groups by.
_MOST_GROUPS = 2_000_000
_BOUNDS = poisson_bounds(PRIME)

# Experiment, variant, slice name, slice value and period, as in the moments.
Key: TypeAlias = tuple[str, str, str | None, str | None, str | None]
# For each arm the places of its days, in order.
_Days: TypeAlias = list[list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resamples:
    """Values in every draw. metrics: by metric and key, one value a draw. funnels: by funnel and key, (draws, stages).

    Values by day are of all days so far.
    """

    metrics: Mapping[str, Mapping[Key, FloatArray]]
    funnels: Mapping[str, Mapping[Key, FloatArray]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is resampled: metrics and funnels, in some experiments (None: in all)."""

    metrics: tuple[str, ...]
    funnels: tuple[str, ...]
    experiments: tuple[str, ...] | None = None
    draws: int
    seed: int


def resample(engine: Engine, plan: Plan, wide: WideTable, wanted: Wanted, *, progress: Progress) -> Resamples:
    """Draw the bootstrap over ``unit_outcomes``. plan: as the sums used it, with its guards."""
    progress("resampling")
    plan = _part_of(plan, wanted)
    row_count, ranges = part_ranges(engine, plan, wide)
    make_caps(engine, plan, wide)
    centres = common_centres(plan, ranges)
    counted = {c.name for c in plan.columns if wide.may_miss_values or c.pre_period or c.matures or c.guards}
    columns = [column_sql(column, centres, counted=column.name in counted) for column in plan.columns]
    terms = _terms(plan, centres, row_count)
    engine.create_table(
        tables.RESAMPLE_UNITS,
        compile_query(
            "resample_units",
            keys=_keys(wide),
            number=number_of_unit(Sql("o.unit"), wanted.seed),
            columns=columns,
            terms=terms,
            capped=any(column.is_cut for column in columns),
            experiments=None if wanted.experiments is None else comma_list(map(literal, wanted.experiments)),
        ),
    )
    draws = make_draws(wanted.seed, wanted.draws, purpose="bootstrap")
    collected = _Collected(plan, centres, counted, wanted.draws)
    known = [_Counted(column=c.name) for c in plan.columns if c.name in counted]
    for rows in _batches(engine, wide, known, terms, draws):
        collected.add(rows)
    return collected.resamples()


def _part_of(plan: Plan, wanted: Wanted) -> Plan:
    """What the plan needs for the wanted metrics and funnels alone."""
    metrics = tuple(metric for metric in plan.metrics if metric.metric in wanted.metrics)
    funnels = tuple((name, stages) for name, stages in plan.funnels if name in wanted.funnels)
    used = {c for metric in metrics for c in metric.measured()} | {c for _, stages in funnels for c in stages}
    return replace(plan.only(used), metrics=metrics, funnels=funnels, products=())


def _keys(wide: WideTable) -> list[Sql]:
    slices = [tables.slice_column(name) for name in wide.slices]
    return [Sql("experiment"), Sql("variant"), *([Sql("day")] if wide.by_day else []), *slices]


def _terms(plan: Plan, centres: Centres, row_count: int) -> list[SumColumn]:
    """What is weighted and added up: the values in parts, on grids with room for the weights."""
    found: list[SumColumn] = []
    for column in plan.columns:
        size = centres.sizes[column.name]
        grid = make_grid(size.largest * len(_BOUNDS), row_count, integer=size.whole)
        found += exact_terms(tables.sum_name(column.name), identifier(column.name), grid)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """A column of which not all units have a value."""

    column: str

    @property
    def name(self) -> Sql:
        """The term that is null where the column is: its first."""
        return identifier(tables.sum_name(self.column))

    @property
    def known(self) -> Sql:
        """What the units with a value are called."""
        return identifier(tables.known_name(self.column))


def _batches(
    engine: Engine,
    wide: WideTable,
    counted: Sequence[_Counted],
    terms: Sequence[SumColumn],
    draws: Draws,
) -> Iterator[Columns]:
    """The rolled up sums, some draws at a time, so that groups fit into memory."""
    keys = _keys(wide)
    statement = compile_query(
        "resample_cells",
        keys=keys,
        counted=counted,
        terms=terms,
        drawn=drawn_number(Sql("u.drawn_from"), Sql("r.factor"), Sql("r.shift")),
        weight=_weight(),
        nothing_below=literal(_BOUNDS[0]),
    )
    rollup = compile_query(
        "rollup",
        cells=identifier(tables.RESAMPLE_CELLS),
        sums=[Sql("units"), *(c.known for c in counted), *(term.name for term in terms)],
        slices=[Slice(column=tables.slice_column(name), label=literal(name)) for name in wide.slices],
        by_day=wide.by_day,
        draw=Sql("draw"),
    )
    ((cells,),) = engine.rows(
        f"SELECT count(*) AS n FROM (SELECT experiment FROM {identifier(tables.RESAMPLE_UNITS)} "
        f"GROUP BY {comma_list(keys)}) AS cells"
    )
    size = max(1, _MOST_GROUPS // max(int(cells), 1))
    for first in range(0, len(draws), size):
        put_draws(engine, tables.RESAMPLE_DRAWS, draws.take(first, first + size), first=first)
        engine.create_table(tables.RESAMPLE_CELLS, statement)
        yield engine.fetch(rollup)


def _weight() -> Sql:
    """The weight of a draw: how many bounds are not above it."""
    cases = " ".join(
        f"when drawn < {bound} then {weight}" for weight, bound in enumerate(_BOUNDS[1:], start=1)
    )
    return Sql(f"case {cases} else {len(_BOUNDS)} end")


class _Collected:
    """Weighted sums and counts of every column, by key and draw."""

    def __init__(self, plan: Plan, centres: Centres, counted: Collection[str], draws: int) -> None:
        self._plan, self._centres, self._counted, self._draws = plan, centres, counted, draws
        self._places: dict[Key, int] = {}
        self._batches: list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Columns]] = []

    def add(self, rows: Columns) -> None:
        """Take in the rows of some draws."""
        names = ("experiment", "variant", "slice_name", "slice_value", "period")
        keys = zip(*(text_or_none(rows[name]) for name in names), strict=True)
        places = [self._places.setdefault(key, len(self._places)) for key in keys]
        self._batches.append((np.array(places, dtype=np.intp), rows["draw"].astype(np.intp), rows))

    def resamples(self) -> Resamples:
        """The values of all arms in all draws."""
        days = self._days()
        return Resamples(
            metrics={
                metric.metric: self._by_key(self._values(metric, days)) for metric in self._plan.metrics
            },
            funnels={name: self._by_key(self._stages(stages, days)) for name, stages in self._plan.funnels},
        )

    def _days(self) -> _Days:
        """The places of the days of each arm, in order; an arm has all days of its experiment."""
        arms = dict.fromkeys((experiment, variant) for experiment, variant, *_ in self._places)
        days: dict[str, set[str]] = {}
        for experiment, _, _, _, period in self._places:
            if period is not None:
                days.setdefault(experiment, set()).add(period)
        return [
            [
                self._places.setdefault((experiment, variant, None, None, day), len(self._places))
                for day in sorted(days[experiment])
            ]
            for experiment, variant in arms
            if experiment in days
        ]

    def _values(self, metric: MetricColumns, days: _Days) -> FloatArray:
        if metric.denominator is None:
            return _divided(self._sum(metric.value, days), self._known(metric.value, days))
        return _divided(self._sum(metric.value, days), self._sum(metric.denominator, days))

    def _stages(self, stages: Sequence[str], days: _Days) -> FloatArray:
        if self._plan.by_cluster:
            units, *stages = stages
            return np.stack([_divided(self._sum(s, days), self._sum(units, days)) for s in stages], axis=-1)
        return np.stack([_divided(self._sum(s, days), self._known(s, days)) for s in stages], axis=-1)

    def _sum(self, column: str, days: _Days) -> FloatArray:
        """The weighted sum of the values themselves, with their centre."""
        found = self._gathered(lambda rows: sum_of(rows, tables.sum_name(column)), days)
        centre = self._centres.common[column]
        return found if centre == 0.0 else found + centre * self._known(column, days)

    def _known(self, column: str, days: _Days) -> FloatArray:
        name = tables.known_name(column) if column in self._counted else "units"
        return self._gathered(lambda rows: np.nan_to_num(rows[name]), days)

    def _gathered(self, numbers: Callable[[Columns], FloatArray], days: _Days) -> FloatArray:
        """One number per place and draw, 0 where the engine has no row; by day those of all days so far."""
        found = np.zeros((len(self._places), self._draws))
        for places, draws, rows in self._batches:
            found[places, draws] = numbers(rows)
        for of_arm in days:
            found[of_arm] = np.cumsum(found[of_arm], axis=0)
        return found

    def _by_key(self, values: FloatArray) -> dict[Key, FloatArray]:
        return {key: values[place] for key, place in self._places.items()}


def _divided(top: FloatArray, bottom: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(bottom == 0.0, np.nan, top / bottom)
