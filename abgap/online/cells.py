"""The statement of the one pass over units: value columns, their centres, and the grids of their exact sums.

What is added up is ``column - centre`` (``centres.py``), on a grid that makes the order of rows irrelevant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.exact import MOST_PARTS, Grid, SumColumn, exact_sum, make_grid
from abgap.online import tables
from abgap.online.centres import Centres
from abgap.online.plan import Plan, ValueColumn
from abgap.online.wide import WideTable
from abgap.sources.sql import Sql, identifier, literal


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnSql:
    """A value column as the templates read it.

    value: the number per unit, capped and guarded. centre: what is subtracted, None for nothing. raw: what tells
    whether a unit has a value, where that is not the value itself. counted: what is counted for
    ``known``, None when every unit has a value. is_cut: 1 where the cap cut it.
    """

    name: Sql
    value: Sql
    centre: Sql | None
    raw: Sql | None
    raw_name: Sql
    counted: Sql | None
    known: Sql
    is_cut: Sql | None
    cut: Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The statement of one pass, and the statement that rolls its result up.

    resolution: per sum the power of two that its terms are rounded to, 0 where none is.
    """

    statement: Statement
    rollup: Statement
    resolution: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sum:
    grid: Grid
    columns: Sequence[SumColumn]


def compile_cells(
    plan: Plan,
    wide: WideTable,
    centres: Centres,
    row_count: int,
    *,
    counted: frozenset[str],
    parts: int,
) -> Cells:
    """The pass over ``unit_outcomes``.

    counted: columns of which units with a value are counted. parts: of every sum that is not exact already.
    """
    columns = [column_sql(column, centres, counted=column.name in counted) for column in plan.columns]
    sums = _sums(plan, centres, row_count, parts)
    slices = [tables.slice_column(name) for name in wide.slices]
    keys = [Sql("experiment"), Sql("variant"), *([Sql("day")] if wide.by_day else [])]
    statement = compile_query(
        "cells",
        units=identifier(wide.source),
        keys=[*keys, *slices, *([] if wide.draw is None else [wide.draw])],
        columns=columns,
        sums=[column for of_one in sums.values() for column in of_one.columns],
        capped=any(column.is_cut for column in columns),
        by_arm=centres.of_arms is not None,
        # Engines group by a constant as by any other column, which costs a tenth of the pass.
        only_experiment=wide.only_experiment,
    )
    return Cells(
        statement=statement,
        rollup=_rollup(wide, columns, sums.values()),
        resolution={name: of_one.grid.finest for name, of_one in sums.items()},
    )


def column_sql(column: ValueColumn, centres: Centres, *, counted: bool) -> ColumnSql:
    """The column as the templates read it. counted: whether units with a value are counted."""
    name, part = identifier(column.name), Sql(f"cast(o.{identifier(column.part)} as double)")
    threshold = f"c.{identifier(column.name)}"
    # Not above the cap, but to be refused: NaN and infinity have to reach the sums.
    is_above = f"{part} > {threshold} and isfinite({part})"
    value = (
        part if column.cap_fraction is None else Sql(f"case when {is_above} then {threshold} else {part} end")
    )
    raw = _guarded(column, part) if column.pre_period else None
    value = _guarded(column, Sql(f"coalesce({value}, 0)") if column.pre_period else value)
    raw_name = identifier(tables.derived_name(column.name, "raw"))
    return ColumnSql(
        name=name,
        value=value,
        centre=_centre(column.name, centres),
        raw=raw,
        raw_name=raw_name,
        counted=(name if raw is None else raw_name) if counted else None,
        known=identifier(tables.known_name(column.name)),
        is_cut=None if column.cap_fraction is None else Sql(f"case when {is_above} then 1 else 0 end"),
        cut=identifier(tables.cut_name(column.name)),
    )


def _centre(column: str, centres: Centres) -> Sql | None:
    if centres.of_arms is not None:
        return Sql(f"m.{identifier(column)}")
    shift = centres.common[column]
    return None if shift == 0.0 else literal(shift)


# Of the largest product: with very many rows grids are coarser, and spread is what is left of sums of products.
_COARSEST = 2.0**-50


def _guarded(column: ValueColumn, value: Sql) -> Sql:
    """The value where all guards of the column are known."""
    known = " and ".join(f"o.{identifier(guard)} is not null" for guard in column.guards)
    return Sql(f"case when {known} then {value} end") if known else value


def _sums(plan: Plan, centres: Centres, row_count: int, parts: int) -> dict[str, _Sum]:
    """The sums of all columns and products, by name."""
    found = {}
    for left, right in [*((column.name, None) for column in plan.columns), *plan.products]:
        size, value = centres.sizes[left], identifier(left)
        if right is not None:
            size, value = size * centres.sizes[right], Sql(f"{value} * {identifier(right)}")
        grid = make_grid(size.largest, row_count, integer=size.whole, parts=parts)
        if right is not None and grid.finest > _COARSEST * size.largest:
            grid = make_grid(size.largest, row_count, integer=size.whole, parts=min(parts + 1, MOST_PARTS))
        name = tables.sum_name(left, right)
        found[name] = _Sum(grid=grid, columns=exact_sum(name, value, grid))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A slice in the rollup: its column, and its name as a value."""

    column: Sql
    label: Sql


def _rollup(wide: WideTable, columns: Sequence[ColumnSql], sums: Iterable[_Sum]) -> Statement:
    names = [Sql("units")]
    for column in columns:
        names += [column.known] if column.counted else []
        names += [column.cut] if column.is_cut else []
    names += [part.name for of_one in sums for part in of_one.columns]
    slices = [Slice(column=tables.slice_column(name), label=literal(name)) for name in wide.slices]
    return compile_query(
        "rollup",
        cells=identifier(wide.cells),
        sums=names,
        slices=slices,
        by_day=wide.by_day,
        draw=wide.draw,
    )
