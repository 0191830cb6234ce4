"""Quantiles out of the engine: the one kind of metric that no sum gives, and no moments can be merged to.

For each metric one temporary table holds its values, one row per event or per unit. They are put in order within each
cell (an arm, a slice of it, or all of it up to a day), level by level, so that no more than one level is in order at a
time. Which places of the order matter is decided by ``stats.quantile``; the engine says what stands there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.protocol import Engine, Given, reading, text_or_none
from abgap.engine.values import not_finite
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.experiments import Variants, is_analysed
from abgap.online.facts import REMEDY
from abgap.online.intake import FactSource
from abgap.online.moments import concatenate, make_rows
from abgap.online.part_sql import compile_part, reach_of
from abgap.online.plan import MetricColumns, Plan, UnitPart
from abgap.online.sums import Sums
from abgap.online.unit_key import NUMBER
from abgap.online.wide import WideTable
from abgap.records import Aggregate, Kind, Moments
from abgap.records.moments import FloatArray, ObjectArray
from abgap.sources.columns import Table
from abgap.sources.sql import Sql, identifier
from abgap.stats.quantile import (
    EventCounts,
    Place,
    outer_places,
    place_of,
    quantile_variance,
    share_sd,
    widened,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """Cells that are made together: whole arms, the values of one slice, or days.

    cells: their keys, columns of equal length. slice: the column, None for none. by_day: whether a cell has all units
    first exposed up to a day.
    """

    cells: Mapping[str, ObjectArray]
    slice: Sql | None = None
    by_day: bool = False

    @property
    def parts(self) -> list[object]:
        """What tells the cells of an arm apart."""
        name = "period" if self.by_day else "slice_value"
        return list(self.cells[name])

    def __len__(self) -> int:
        return len(self.cells["experiment"])


def quantile_moments(
    engine: Engine,
    sums: Sums,
    wide: WideTable,
    variants: Variants,
    facts: Mapping[str, FactSource],
    *,
    followed: Collection[str],
    plan: Plan,
) -> Moments:
    """The moments of all quantile metrics: n units, the quantile as mean, and n times its variance.

    plan: of units. Where clusters were randomised, n counts clusters and the variance is that between them.
    facts: of logs, by name. followed: metrics that get rows by day, each of all units first exposed up to then.
    Raises DataError when a value is NaN or infinite.
    """
    found = []
    parts = {part.name: part for part in plan.parts}
    for metric in plan.metrics:
        if metric.kind is Kind.QUANTILE:
            part = parts[metric.value]
            with reading("unit_values" if part.fact is None else f"facts.{part.fact}"):
                _name_values(engine, metric, part, wide, facts, by_cluster=sums.plan.by_cluster)
                levels = _levels(sums, wide, variants, by_day=metric.metric in followed)
                several = metric.of_events or sums.plan.by_cluster
                found += [_moments_of(engine, metric, part, level, several=several) for level in levels]
    return concatenate(found)


# --- values -----------------------------------------------------------------------------------------------------------


def _name_values(
    engine: Engine,
    metric: MetricColumns,
    part: UnitPart,
    wide: WideTable,
    facts: Mapping[str, FactSource],
    *,
    by_cluster: bool,
) -> None:
    """Make the table of all values of a metric."""
    slices = [tables.slice_column(name) for name in wide.slices]
    if by_cluster:
        value = Sql("v.value") if metric.of_events else Sql(f"cast(m.{identifier(part.name)} as double)")
        of_members = compile_query(
            "quantile_members",
            cluster=tables.cluster_column(),
            slices=slices,
            value=value,
            of_events=metric.of_events,
        )
        if metric.of_events:
            _name_events(engine, metric, part, wide, facts, slices=[], into=tables.QUANTILE_EVENTS)
        engine.create_table(tables.QUANTILE_VALUES, of_members)
    elif metric.of_events:
        _name_events(engine, metric, part, wide, facts, slices=slices, into=tables.QUANTILE_VALUES)
    else:
        statement = compile_query("quantile_units", slices=slices, part=identifier(part.name))
        engine.create_table(tables.QUANTILE_VALUES, statement)


def _name_events(
    engine: Engine,
    metric: MetricColumns,
    part: UnitPart,
    wide: WideTable,
    facts: Mapping[str, FactSource],
    *,
    slices: Sequence[Sql],
    into: str,
) -> None:
    """Make a table of the events that count, by unit."""
    fact = facts[str(part.fact)]
    relation = identifier(fact.name)
    columns = {name: kind for name, kind in engine.describe(relation).items() if name != NUMBER}
    table = Table(key=f"facts.{fact.name}", columns=columns)
    # Not counted but compared: its values are then read as numbers.
    taken = compile_part(engine, replace(part, aggregate=Aggregate.MAX), table, relation, reach=None)
    view = tables.derived_name(tables.part_values_table(fact.name), metric.metric)
    values = compile_query("part_values", key=fact.key.column, apart=None, parts=[taken], fact=relation)
    engine.create_view(view, values)
    timed = wide.by_day and "at" in fact.source.columns
    statement = compile_query(
        "quantile_events",
        key=fact.key.column,
        unit=fact.key.column if into == tables.QUANTILE_VALUES else Sql("unit"),
        slices=slices,
        part=taken.name,
        values=identifier(view),
        window=reach_of([part.window]) if timed else None,
    )
    engine.create_table(into, statement)


def _levels(sums: Sums, wide: WideTable, variants: Variants, *, by_day: bool) -> Iterator[_Level]:
    """All rows that a metric has in the moments, level by level."""
    names = ("experiment", "variant", "slice_name", "slice_value", "period")
    keys: dict[str, ObjectArray] = {name: text_or_none(sums.rows[name]) for name in names}
    arms = zip(keys["experiment"], keys["variant"], strict=True)
    kept = np.array([is_analysed(variants, *arm) for arm in arms], dtype=bool)
    level = sums.rows["level"]

    def cells(where: npt.NDArray[np.bool_]) -> Mapping[str, ObjectArray]:
        return {name: column[kept & where] for name, column in keys.items()}

    yield _Level(cells=cells(np.asarray(level == "whole", dtype=bool)))
    for name in wide.slices:
        of_slice = np.asarray((level == "slice") & (keys["slice_name"] == name), dtype=bool)
        yield _Level(cells=cells(of_slice), slice=tables.slice_column(name))
    if by_day:
        known = np.array([period is not None for period in keys["period"]], dtype=bool)
        yield _Level(cells=cells(np.asarray(level == "period", dtype=bool) & known), by_day=True)


# --- order statistics -------------------------------------------------------------------------------------------------


def _moments_of(
    engine: Engine, metric: MetricColumns, part: UnitPart, level: _Level, *, several: bool
) -> Moments:
    """The rows of one level. several: whether what was randomised may have more than one value."""
    n, value, variance = (np.full(len(level), x) for x in (0.0, np.nan, np.nan))
    if len(level):
        cells = _Cells(engine, level, clustered=several)
        n, value, variance = cells.estimate(float(metric.fraction or 0.0), part)
    columns: dict[str, FloatArray | ObjectArray] = dict(level.cells)
    columns["metric"] = np.full(len(level), metric.metric, dtype=object)
    return make_rows(len(level), columns | {"n": n, "mean": value, "variance": n * variance})


class _Cells:
    """The values of the cells of one level, in order."""

    def __init__(self, engine: Engine, level: _Level, *, clustered: bool) -> None:
        self._engine, self._count, self._clustered = engine, len(level), clustered
        engine.put_table(
            tables.QUANTILE_CELLS,
            {
                "cell": Given(type="DOUBLE", values=[float(cell) for cell in range(len(level))]),
                "experiment": Given(type="VARCHAR", values=level.cells["experiment"].tolist()),
                "variant": Given(type="VARCHAR", values=level.cells["variant"].tolist()),
                "part": Given(type="VARCHAR", values=level.parts),
            },
        )
        ranks = compile_query("quantile_ranks", clustered=clustered, slice=level.slice, by_day=level.by_day)
        engine.create_table(tables.QUANTILE_RANKS, ranks)

    def estimate(self, fraction: float, part: UnitPart) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Units with a value, the quantile, and its variance (NaN where no bounds can be given)."""
        sizes = self._fetch(compile_query("quantile_sizes"))
        with_values = np.nan_to_num(sizes["events"]) > 0
        if not np.isfinite([sizes[side][with_values] for side in ("smallest", "largest")]).all():
            raise _not_finite(part)
        events = np.where(with_values, sizes["events"], np.nan)
        place = place_of(events, fraction)
        at_low, at_high = self._values_at(place)
        units, sd = self._spread(at_low)
        low, high = self._bounds(events, fraction, sd)
        value = place.value(at_low, at_high)
        return units, value, quantile_variance(value, low, high, fraction=fraction, sd=sd)

    def _values_at(self, place: Place) -> tuple[FloatArray, FloatArray]:
        """The values at both ranks."""
        self._put(tables.QUANTILE_PLACES, {"low": place.low, "high": place.high})
        found = self._fetch(compile_query("quantile_places"))
        return found["at_low"], found["at_high"]

    def _spread(self, point: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Units, and how the share of events about the point varies.

        Of events below it and of events up to it the share that varies more: where many are equal, one of both may be
        all events, or none, and vary not at all.
        """
        self._put(tables.QUANTILE_POINTS, {"point": point})
        found = self._fetch(compile_query("quantile_counts", clustered=self._clustered))
        units = np.nan_to_num(found["units"])
        both = [
            share_sd(
                EventCounts(
                    units=units,
                    events=found["events"],
                    counted=found[side],
                    events_squared=found["events_squared"],
                    counted_squared=found[f"{side}_squared"],
                    events_counted=found[f"events_{side}"],
                )
            )
            for side in ("below", "up_to")
        ]
        return units, np.maximum(*both)

    def _bounds(self, events: FloatArray, fraction: float, sd: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The 95 % bounds of the quantile."""
        below, above = outer_places(events, fraction, sd)
        low_from, low_to = self._values_at(below)
        high_from, high_to = self._values_at(above)
        self._put(tables.QUANTILE_BOUNDS, {"low": low_from, "high": high_to})
        found = self._fetch(compile_query("quantile_beside"))
        low = widened(below.value(low_from, low_to), low_from, found["before"], found["at_low"])
        high = widened(above.value(high_from, high_to), high_to, found["after"], found["at_high"])
        return low, high

    def _put(self, name: str, columns: Mapping[str, FloatArray]) -> None:
        """Make a table of what is known of the cells; those of which it is not are left out."""
        known = np.flatnonzero(np.isfinite(list(columns.values())).all(axis=0))
        given = {title: column[known] for title, column in columns.items()}
        self._engine.put_table(
            name,
            {
                title: Given(type="DOUBLE", values=[float(x) for x in column])
                for title, column in {"cell": known, **given}.items()
            },
        )

    def _fetch(self, statement: Statement) -> dict[str, FloatArray]:
        """The columns of a query by cell, NaN for cells that it has no row of."""
        rows = self._engine.fetch(statement)
        cells = np.asarray(rows["cell"], dtype=np.intp)
        found = {}
        for name, column in rows.items():
            found[name] = np.full(self._count, np.nan)
            found[name][cells] = np.asarray(column, dtype=np.float64)
        return found


def _not_finite(part: UnitPart) -> DataError:
    return not_finite(f"{part.key}.value", part.value, remedy=REMEDY)
