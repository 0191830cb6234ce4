"""Adds up the wide table: one pass for all metrics, slices and days, into exact sums that roll up without another scan.

Small questions come first: the range of each part (it fixes the grid of the exact sums) and the thresholds of
capped metrics. A second pass is needed only when a table with missing values has units with a part of a
metric, or when the values of an arm lie so far from the common centre that their squares would lose digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.duckdb import Columns, DuckDBEngine
from abgap.engine.exact import shift_for, sum_parts
from abgap.online import tables
from abgap.online.cells import compile_cells
from abgap.online.plan import Plan, with_guards
from abgap.online.ranges import Range, column_range, no_share, not_finite_part, part_ranges
from abgap.online.wide import Progress, WideTable
from abgap.records import Kind
from abgap.records.moments import FloatArray
from abgap.sources.sql import Named, Sql, comma_list, identifier, literal

# A squared mean this many times the variance costs three of sixteen digits; more is not accepted.
_CROWDED = 1000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sums of every row of the rollup.

    plan: as used, with guards. rows: columns of the rollup query, numbers as float64. centres: what was
    subtracted before adding up, per column and row. counted: columns whose units with a value are counted.
    smallest: the smallest value of each part. caps: per capped column and experiment the value it is cut at.
    """

    plan: Plan
    rows: Columns
    centres: Mapping[str, FloatArray]
    counted: frozenset[str]
    smallest: Mapping[str, float]
    caps: Mapping[tuple[str, str], float]

    def total(self, left: str, right: str | None = None) -> tuple[FloatArray, FloatArray]:
        """High and low part of the sum of a column, or of the product of two."""
        return sum_parts(self.rows, tables.sum_name(left, right))

    def known(self, column: str) -> FloatArray:
        """Units with a value of the column."""
        n: FloatArray = self.rows[tables.known_name(column) if column in self.counted else "units"]
        return n

    @property
    def is_whole(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """The rows of whole arms."""
        return np.asarray(self.rows["level"] == "whole", dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What all passes share."""

    engine: DuckDBEngine
    wide: WideTable
    row_count: int
    ranges: Mapping[str, Range]
    caps: Mapping[tuple[str, str], float]


def sum_units(engine: DuckDBEngine, plan: Plan, wide: WideTable, *, progress: Progress) -> Sums:
    """Add up ``unit_outcomes``.

    Raises DataError when a value is NaN or infinite, or when a share is not made of 0 and 1.
    """
    row_count, ranges = part_ranges(engine, plan, wide)
    caps = _cap(engine, plan)
    work = _Work(engine=engine, wide=wide, row_count=row_count, ranges=ranges, caps=caps)
    progress("adding up")
    sums = _add_up(work, plan)
    _refuse_not_finite(sums)
    _refuse_no_shares(sums)
    incomplete = _incomplete(sums)
    if incomplete:
        sums = _add_up(work, with_guards(plan, incomplete))
    return _add_up(work, sums.plan, around=sums) if _is_crowded(sums) else sums


def _cap(engine: DuckDBEngine, plan: Plan) -> dict[tuple[str, str], float]:
    capped = {column.name: column for column in plan.columns if column.cap_fraction is not None}
    if not capped:
        return {}
    thresholds = [
        Named(
            name=identifier(name),
            value=Sql(f"quantile_cont(cast(o.{identifier(c.part)} as double), {literal(c.cap_fraction)})"),
        )
        for name, c in capped.items()
    ]
    engine.create_table(tables.CAPS, compile_query("caps", thresholds=thresholds))
    rows = engine.rows(f"SELECT experiment, {comma_list(t.name for t in thresholds)} FROM {tables.CAPS}")
    return {
        (name, experiment): float(cap)
        for experiment, *found in rows
        for name, cap in zip(capped, found, strict=True)
        if cap is not None
    }


def _add_up(work: _Work, plan: Plan, *, around: Sums | None = None) -> Sums:
    """One pass. around: the sums of an earlier pass, whose means become the centres of the arms."""
    bounds = {c.name: column_range(c, work.ranges) for c in plan.columns}
    shifts = {name: shift_for(found.low, found.high) for name, found in bounds.items()}
    counted = frozenset(c.name for c in plan.columns if work.wide.may_miss_values or c.pre_period)
    arms = {} if around is None else _centre_on_means(work.engine, around)
    cells = compile_cells(
        plan,
        work.wide,
        work.ranges,
        work.row_count,
        shifts=shifts,
        counted=counted,
        by_arm=around is not None,
    )
    work.engine.create_table(tables.CELLS, cells.statement)
    rows = work.engine.fetch(cells.rollup)
    keys = list(zip(rows["experiment"], rows["variant"], strict=True))
    centres = {
        name: np.array([arms.get(key, {}).get(name, shift) for key in keys], dtype=np.float64)
        for name, shift in shifts.items()
    }
    smallest = {name: found.low for name, found in work.ranges.items()}
    return Sums(plan=plan, rows=rows, centres=centres, counted=counted, smallest=smallest, caps=work.caps)


def _means(sums: Sums, column: str) -> FloatArray:
    """The mean of what was added up, 0 where there is nothing."""
    high, low = sums.total(column)
    mean: FloatArray = (high + low) / np.maximum(sums.known(column), 1.0)
    return mean


def _centre_on_means(engine: DuckDBEngine, sums: Sums) -> dict[tuple[object, object], dict[str, float]]:
    """Make the table of centres: the mean of every column in every arm; the same by arm."""
    rows = np.flatnonzero(sums.is_whole)
    names = [column.name for column in sums.plan.columns]
    means = {name: (sums.centres[name] + _means(sums, name))[rows] for name in names}
    keys = {key: sums.rows[key][rows].tolist() for key in ("experiment", "variant")}
    lists: dict[str, list[object]] = keys | {f"c{i}": means[name].tolist() for i, name in enumerate(names)}
    columns = [f"unnest(${key})::VARCHAR AS {key}" for key in keys]
    columns += [f"unnest($c{i})::DOUBLE AS {identifier(name)}" for i, name in enumerate(names)]
    engine.run(f"CREATE OR REPLACE TEMP TABLE {tables.CENTRES} AS SELECT {', '.join(columns)}", lists)
    return {
        (keys["experiment"][i], keys["variant"][i]): {name: float(means[name][i]) for name in names}
        for i in range(len(rows))
    }


def _is_crowded(sums: Sums) -> bool:
    """Whether the values of an arm lie so close together, and so far from the centre, that digits are lost."""
    whole = sums.is_whole
    for name in [left for left, right in sums.plan.products if left == right]:
        n, mean = sums.known(name)[whole], _means(sums, name)[whole]
        high, low = (part[whole] for part in sums.total(name, name))
        spread = (high + low) / np.maximum(n, 1.0) - mean**2
        if np.any((n > 1) & (spread * _CROWDED < mean**2)):
            return True
    return False


def _refuse_not_finite(sums: Sums) -> None:
    for column in sums.plan.columns:
        total = np.asarray(sums.rows[tables.sum_name(column.name)], dtype=np.float64)
        if ((sums.known(column.name) > 0) & ~np.isfinite(total)).any():
            raise not_finite_part(sums.plan, column.part)


def _refuse_no_shares(sums: Sums) -> None:
    """Values in [0, 1] are all 0 or 1 exactly when their sum is the sum of their squares."""
    parts = {part.name: part for part in sums.plan.parts}
    for metric in sums.plan.metrics:
        part = parts.get(metric.value)
        if metric.kind is not Kind.PROPORTION or part is None or part.fact is not None:
            continue
        values, squares = (np.add(*sums.total(*of)) for of in ((metric.value,), (metric.value, metric.value)))
        centres = sums.centres[metric.value]
        if np.any(values != squares) or not np.isin(centres, (0.0, 1.0)).all():
            raise no_share(part, "values between them")


def _incomplete(sums: Sums) -> list[str]:
    """Metrics and funnels of several columns of which some units have only a part."""
    units = sums.rows["units"]

    def has_gaps(columns: tuple[str, ...]) -> bool:
        return any(not np.array_equal(sums.known(column), units) for column in columns)

    metrics = [m.metric for m in sums.plan.metrics if len(m.used()) > 1 and has_gaps(m.measured())]
    return metrics + [name for name, stages in sums.plan.funnels if has_gaps(stages)]
