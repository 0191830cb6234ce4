"""Adds up the wide table: one pass for all metrics, slices and days, into exact sums that roll up without
another scan.

Three small questions come first: the range of each part (it fixes the grid of the exact sums), the
thresholds of capped metrics, and whether a table with missing values needs some metrics counted over
complete units only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.duckdb import Columns, DuckDBEngine
from abgap.engine.exact import make_grid, shift_for
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.plan import Plan, ValueColumn, with_guards
from abgap.online.wide import Progress, WideTable
from abgap.sources.sql import Sql, comma_list, identifier, literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sums of every row of the rollup. plan: as used, with guards. shifts: what was subtracted per
    column.

    rows: columns of the rollup query, numbers as float64. counted: columns whose units with a value are
    counted. smallest: the smallest value of each part.
    """

    plan: Plan
    rows: Columns
    shifts: Mapping[str, float]
    counted: frozenset[str]
    smallest: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Range:
    low: float
    high: float
    integer: bool

    def shifted(self, shift: float) -> float:
        """The largest absolute value after the shift."""
        return max(abs(self.low - shift), abs(self.high - shift))


def sum_units(engine: DuckDBEngine, plan: Plan, wide: WideTable, *, progress: Progress) -> Sums:
    """Add up ``unit_outcomes``. Raises DataError when a value is NaN or infinite."""
    row_count, ranges = _ranges(engine, plan, wide)
    _cap(engine, plan)
    progress("adding up")
    sums = _add_up(engine, plan, wide, ranges, row_count)
    incomplete = _incomplete_metrics(sums)
    if incomplete:
        sums = _add_up(engine, with_guards(plan, incomplete), wide, ranges, row_count)
    _refuse_not_finite(sums)
    return sums


def _ranges(engine: DuckDBEngine, plan: Plan, wide: WideTable) -> tuple[int, dict[str, _Range]]:
    names = list(dict.fromkeys(column.part for column in plan.columns))
    context = [
        {"name": identifier(n), "min": identifier(f"min {n}"), "max": identifier(f"max {n}")} for n in names
    ]
    found = engine.fetch(compile_query("ranges", columns=context))
    ranges = {}
    for name in names:
        low, high = (_number(found[f"{side} {name}"][0]) for side in ("min", "max"))
        for bound in (low, high):
            if bound is not None and not math.isfinite(bound):
                raise _not_finite(name, plan)
        ranges[name] = _Range(low=low or 0.0, high=high or 0.0, integer=name in wide.integer_parts)
    return int(found["row_count"][0]), ranges


def _number(value: object) -> float | None:
    """A bound as the engine gave it: null (no value at all) has no bound; a NaN in the data stays one."""
    return None if value is None else float(value)  # type: ignore[arg-type]


def _not_finite(part: str, plan: Plan) -> DataError:
    key = next(p.key for p in plan.parts if p.name == part)
    return DataError(
        f"{key}: the column holds NaN or infinite values; mend the data, or take them as missing with "
        "`case when isfinite(column) then column end`"
    )


def _refuse_not_finite(sums: Sums) -> None:
    # The statistics of a parquet file need not know of NaN: the sums do.
    for column in sums.plan.columns:
        total = sums.rows[tables.sum_name(column.name)]
        counted = (
            sums.rows["units"]
            if column.name not in sums.counted
            else sums.rows[tables.known_name(column.name)]
        )
        bad = (counted > 0) & ~np.isfinite(np.asarray(total, dtype=np.float64))
        if bad.any():
            raise _not_finite(column.part, sums.plan)


def _cap(engine: DuckDBEngine, plan: Plan) -> None:
    capped = [
        {"part": identifier(c.part), "fraction": literal(c.cap_fraction), "name": identifier(f"cap {c.name}")}
        for c in plan.columns
        if c.cap_fraction is not None
    ]
    if capped:
        engine.create_table(tables.CAPS, compile_query("caps", capped=capped))


def _add_up(
    engine: DuckDBEngine, plan: Plan, wide: WideTable, ranges: Mapping[str, _Range], row_count: int
) -> Sums:
    shifts = {c.name: shift_for(*_bounds(c, ranges)) for c in plan.columns}
    counted = frozenset(c.name for c in plan.columns if wide.may_miss_values or c.pre_period)
    keys = ["experiment", "variant", *(["day"] if wide.by_day else []), *wide.slices]
    columns = [_column(c, shifts[c.name], guarded=c.name in counted) for c in plan.columns]
    terms = _terms(plan, ranges, shifts, row_count)
    statement = compile_query(
        "cells",
        keys=[identifier(key) for key in keys],
        key_list=comma_list(identifier(key) for key in keys),
        columns=columns,
        capped=any(c.cap_fraction is not None for c in plan.columns),
        terms=terms,
    )
    engine.create_table(tables.CELLS, statement)
    rows = engine.fetch(_rollup(wide, columns, terms))
    smallest = {name: found.low for name, found in ranges.items()}
    return Sums(plan=plan, rows=rows, shifts=shifts, counted=counted, smallest=smallest)


def _bounds(column: ValueColumn, ranges: Mapping[str, _Range]) -> tuple[float, float]:
    found = ranges[column.part]
    # A unit without history counts as 0.
    return (min(found.low, 0.0), max(found.high, 0.0)) if column.pre_period else (found.low, found.high)


def _column(column: ValueColumn, shift: float, *, guarded: bool) -> dict[str, Any]:
    part = Sql(f"CAST(o.{identifier(column.part)} AS DOUBLE)")
    threshold = Sql(f"c.{identifier(f'cap {column.name}')}")
    value = (
        Sql(f"CASE WHEN {part} > {threshold} THEN {threshold} ELSE {part} END")
        if column.cap_fraction
        else part
    )
    if column.pre_period:
        value = Sql(f"coalesce({value}, 0)")
    if column.guards:
        known = " AND ".join(f"o.{identifier(guard)} IS NOT NULL" for guard in column.guards)
        value = Sql(f"CASE WHEN {known} THEN {value} END")
    name = identifier(column.name)
    raw = identifier(f"raw {column.name}") if column.pre_period else None
    return {
        "name": name,
        "value": value,
        "raw": part if raw else None,
        "counted": (raw or name) if guarded else None,
        "known": identifier(tables.known_name(column.name)),
        "cut": identifier(tables.cut_name(column.name)) if column.cap_fraction else None,
        "is_cut": Sql(f"CASE WHEN {part} > {threshold} THEN 1 ELSE 0 END"),
        "shifted": name if shift == 0.0 else Sql(f"{name} - {literal(shift)}"),
    }


def _terms(
    plan: Plan, ranges: Mapping[str, _Range], shifts: Mapping[str, float], row_count: int
) -> list[dict[str, Sql | None]]:
    by_name = {column.name: column for column in plan.columns}

    def size(name: str) -> tuple[float, bool]:
        column = by_name[name]
        low, high = _bounds(column, ranges)
        found = _Range(
            low=low, high=high, integer=ranges[column.part].integer and column.cap_fraction is None
        )
        return found.shifted(shifts[name]), found.integer

    terms = []
    for left, right in [*((name, None) for name in by_name), *plan.products]:
        largest, integer = size(left)
        value = identifier(left)
        if right is not None:
            other, other_integer = size(right)
            largest, integer = largest * other, integer and other_integer
            value = Sql(f"({value} * {identifier(right)})")
        grid = make_grid(largest, row_count, integer=integer)
        name = tables.sum_name(left, right)
        low_name = identifier(tables.low_name(name))
        terms.append(
            {
                "value": value,
                "high": grid.high,
                "low": grid.low,
                "high_name": identifier(name),
                "low_name": low_name,
            }
        )
    return terms


def _rollup(wide: WideTable, columns: Sequence[Mapping[str, Any]], terms: Sequence[Mapping[str, Any]]) -> Any:
    sums = [Sql("units")]
    for column in columns:
        sums += [column["known"]] if column["counted"] else []
        sums += [column["cut"]] if column["cut"] else []
    for term in terms:
        sums += [term["high_name"]] + ([term["low_name"]] if term["high"] else [])
    slices = [{"name": identifier(name), "label": literal(name)} for name in wide.slices]
    return compile_query("rollup", sums=sums, slices=slices, by_day=wide.by_day)


def _incomplete_metrics(sums: Sums) -> list[str]:
    """Metrics of several columns of which some units have only a part."""
    units = sums.rows["units"]
    incomplete = []
    for metric in sums.plan.metrics:
        known = [
            sums.rows[tables.known_name(name)] if name in sums.counted else units
            for name in metric.measured()
        ]
        if len(metric.used()) > 1 and any(not np.array_equal(counts, units) for counts in known):
            incomplete.append(metric.metric)
    return incomplete
