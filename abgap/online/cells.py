"""The statement of the one pass over units: value columns, their centres, and the grids of their exact sums.

What is added up is ``column - centre``: with a centre near the values nothing is lost to cancellation. A
centre is one number for all units, or (``centres``) one per arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.exact import ExactSum, exact_sum, make_grid
from abgap.online import tables
from abgap.online.plan import Plan, ValueColumn
from abgap.online.ranges import Range, column_range
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
    """The statement of one pass, and the statement that rolls its result up."""

    statement: Statement
    rollup: Statement


def compile_cells(
    plan: Plan,
    wide: WideTable,
    ranges: Mapping[str, Range],
    row_count: int,
    *,
    shifts: Mapping[str, float],
    counted: frozenset[str],
    by_arm: bool,
) -> Cells:
    """The pass over ``unit_outcomes``.

    shifts: the centre of each column; by_arm: take the centres from the table of that name instead.
    counted: columns of which units with a value are counted.
    """
    columns = [
        _column(c, None if by_arm else shifts[c.name], counted=c.name in counted) for c in plan.columns
    ]
    terms = _terms(plan, ranges, row_count, shifts=None if by_arm else shifts)
    slices = [tables.slice_column(name) for name in wide.slices]
    keys = [Sql("experiment"), Sql("variant"), *([Sql("day")] if wide.by_day else [])]
    statement = compile_query(
        "cells",
        keys=[*keys, *slices],
        columns=columns,
        terms=terms,
        capped=any(column.is_cut for column in columns),
        by_arm=by_arm,
    )
    return Cells(statement=statement, rollup=_rollup(wide, columns, terms))


def _column(column: ValueColumn, shift: float | None, *, counted: bool) -> ColumnSql:
    """A column; shift None: its centre comes from the table of centres."""
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
        centre=Sql(f"m.{name}") if shift is None else literal(shift) if shift else None,
        raw=raw,
        raw_name=raw_name,
        counted=(name if raw is None else raw_name) if counted else None,
        known=identifier(tables.known_name(column.name)),
        is_cut=None if column.cap_fraction is None else Sql(f"case when {is_above} then 1 else 0 end"),
        cut=identifier(tables.cut_name(column.name)),
    )


def _guarded(column: ValueColumn, value: Sql) -> Sql:
    """The value where all guards of the column are known."""
    known = " and ".join(f"o.{identifier(guard)} is not null" for guard in column.guards)
    return Sql(f"case when {known} then {value} end") if known else value


def _terms(
    plan: Plan, ranges: Mapping[str, Range], row_count: int, *, shifts: Mapping[str, float] | None
) -> list[ExactSum]:
    """The sums of all columns and products. shifts None: centres differ by arm, and lie within the range."""
    sizes = {}
    for column in plan.columns:
        found = column_range(column, ranges)
        if shifts is None:
            sizes[column.name] = (found.high - found.low, False)
        else:
            shift = shifts[column.name]
            sizes[column.name] = (found.farthest_from(shift), found.integer and shift.is_integer())

    def term(left: str, right: str | None = None) -> ExactSum:
        (largest, integer), value = sizes[left], identifier(left)
        if right is not None:
            other, other_integer = sizes[right]
            largest, integer = largest * other, integer and other_integer
            value = Sql(f"{value} * {identifier(right)}")
        grid = make_grid(largest, row_count, integer=integer)
        return exact_sum(tables.sum_name(left, right), value, grid)

    return [*(term(column.name) for column in plan.columns), *(term(*pair) for pair in plan.products)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slice:
    """A slice in the rollup: its column, and its name as a value."""

    column: Sql
    label: Sql


def _rollup(wide: WideTable, columns: Sequence[ColumnSql], terms: Sequence[ExactSum]) -> Statement:
    sums = [Sql("units")]
    for column in columns:
        sums += [column.known] if column.counted else []
        sums += [column.cut] if column.is_cut else []
    sums += [name for term in terms for name in term.names]
    slices = [_Slice(column=tables.slice_column(name), label=literal(name)) for name in wide.slices]
    return compile_query("rollup", sums=sums, slices=slices, by_day=wide.by_day)
