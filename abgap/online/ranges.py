"""The smallest and largest value of every part: they fix the grid and the shift of the exact sums."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Row, reading
from abgap.engine.values import blamed, not_finite, refuse_size
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.plan import Plan, UnitPart, ValueColumn
from abgap.online.wide import Bounds, WideTable, bounds_of
from abgap.sources.sql import Sql, identifier

# Experiment and variant.
Arm: TypeAlias = tuple[object, object]

_REMEDY = "mend the data, or take them as missing with `case when isfinite(column) then column end`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The values of a part or column lie in [low, high]. integer: whether all are whole numbers."""

    low: float
    high: float
    integer: bool

    def farthest_from(self, centre: float) -> float:
        """The largest distance of a value from ``centre``."""
        return max(abs(self.low - centre), abs(self.high - centre))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """What the query calls the smallest and largest value of a part."""

    part: Sql
    low: Sql
    high: Sql


def part_ranges(engine: Engine, plan: Plan, wide: WideTable) -> tuple[int, dict[str, Range]]:
    """Rows of ``unit_outcomes``, and the range of every part in them (0 to 0 where there is no value).

    Raises DataError when a value is NaN, infinite, or too large or small to be squared, and when a share is
    none. The statistics of parquet files, which may answer this, need not know of NaN: the sums are looked at too.
    """
    row_count, bounds = (
        (wide.row_count, wide.bounds) if wide.row_count is not None else _read(engine, plan, wide)
    )
    shares = {metric.value for metric in plan.metrics if metric.kind.is_share}
    ranges = {}
    for part in plan.parts:
        low, high = (_bound(bound) for bound in (bounds[part.name].low, bounds[part.name].high))
        _refuse(part, low, high)
        ranges[part.name] = Range(low=low, high=high, integer=part.name in wide.integer_parts)
        if part.name in shares and not (low >= 0.0 and high <= 1.0):
            raise no_share(part, f"values between {low:g} and {high:g}")
    return row_count, ranges


def _read(engine: Engine, plan: Plan, wide: WideTable) -> tuple[int, Mapping[str, Bounds]]:
    with reading("unit_values" if "unit_values" in wide.relations else tables.UNIT_OUTCOMES):
        found = _found(engine, plan, wide)
    return int(found["row_count"]), {part.name: bounds_of(found, part.name) for part in plan.parts}


def _found(engine: Engine, plan: Plan, wide: WideTable) -> Row:
    try:
        return engine.fetch_row(
            compile_query("ranges", units=identifier(wide.source), parts=_parts(plan), by_arm=False)
        )
    except DataError as error:
        columns = ((part.key, identifier(part.name)) for part in plan.parts)
        culprit = blamed(engine, columns, identifier(wide.source))
        if culprit is None:
            raise
        raise culprit from error


def arm_ranges(engine: Engine, plan: Plan, wide: WideTable) -> dict[Arm, dict[str, Range]]:
    """The range of every part in every arm, where it has a value."""
    rows = engine.fetch(
        compile_query("ranges", units=identifier(wide.source), parts=_parts(plan), by_arm=True)
    )
    arms = list(zip(rows["experiment"], rows["variant"], strict=True))
    found: dict[Arm, dict[str, Range]] = {arm: {} for arm in arms}
    for part in plan.parts:
        bounds = zip(arms, rows[_low(part.name)], rows[_high(part.name)], strict=True)
        for arm, low, high in bounds:
            if not math.isnan(low):
                integer = part.name in wide.integer_parts
                found[arm][part.name] = Range(low=float(low), high=float(high), integer=integer)
    return found


def _parts(plan: Plan) -> list[_Bounds]:
    return [
        _Bounds(part=identifier(p.name), low=identifier(_low(p.name)), high=identifier(_high(p.name)))
        for p in plan.parts
    ]


def column_range(column: ValueColumn, ranges: Mapping[str, Range]) -> Range:
    """The range of a column: of its part, with 0 where a unit without history counts as 0."""
    found = ranges[column.part]
    low, high = (min(found.low, 0.0), max(found.high, 0.0)) if column.pre_period else (found.low, found.high)
    # A cap lies between two values.
    return Range(low=low, high=high, integer=found.integer and column.cap_fraction is None)


def ranges_of_columns(plan: Plan, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """The range of every column."""
    return {column.name: column_range(column, ranges) for column in plan.columns}


def not_finite_part(plan: Plan, part: str) -> DataError:
    """The error for a part with NaN or infinite values."""
    found = next(p for p in plan.parts if p.name == part)
    return not_finite(found.key, found.value, remedy=_REMEDY)


def no_share(part: UnitPart, seen: str) -> DataError:
    """The error for a proportion whose values are not 0 and 1."""
    return DataError(
        f"{part.key}.value: a proportion needs 0 or 1 (or true and false) for every unit, {part.value!r} has {seen}; "
        f'write a condition such as "{part.value} > 0", or use kind = "mean"'
    )


def _refuse(part: UnitPart, low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high)):
        raise not_finite(part.key, part.value, remedy=_REMEDY)
    refuse_size(part.key, part.value, max(abs(low), abs(high)))


def _bound(value: float | None) -> float:
    """A bound; no value at all is bounded by 0."""
    # Statistics of parquet files write a zero as -0.0.
    return 0.0 if value is None else value + 0.0


def _low(part: str) -> str:
    return tables.derived_name(part, "smallest")


def _high(part: str) -> str:
    return tables.derived_name(part, "largest")
