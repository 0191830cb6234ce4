"""The column mapping of a source made into SQL: ids become text, timestamps become naive UTC.

Types are the engine's own names (``VARCHAR``, ``TIMESTAMP WITH TIME ZONE``, ...). A mapped column that is
not in the table, or that has a type it cannot have, is an error that names where, what was seen and what to
do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abgap.errors import DataError
from abgap.sources.expressions import missing_column, scalar
from abgap.sources.sql import Sql, identifier, literal
from abgap.study.model import ColumnSpec, ConstantColumn, ExpressionColumn, Source

_SIZES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_INTEGERS = frozenset({*_SIZES, *(f"U{size}" for size in _SIZES)})
_FRACTIONS = frozenset({"FLOAT", "DOUBLE", "DECIMAL"})
_NAIVE = frozenset({"TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATETIME", "DATE"})
# A time of day followed by a letter or a sign: Z, +02, UTC, Europe/Berlin.
_ZONE_IN_TEXT = ":[0-9]{2}.*[A-Za-z+-]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as the mapping sees it: its key in the study, a name for messages, and its columns by type."""

    key: str
    columns: Mapping[str, str]

    def column_names(self) -> list[str]:
        """All column names, in the table's order."""
        return list(self.columns)

    def find(self, name: str, *, where: str) -> str:
        """The column's name as the table spells it; raises DataError when there is none."""
        folded = {column.lower(): column for column in self.columns}
        if name.lower() not in folded:
            raise missing_column(name, columns=self.column_names(), where=where, table=self.key)
        return folded[name.lower()]

    def type_of(self, value: Sql) -> str | None:
        """The type of a plain column; None for any other expression, which only the engine can tell the type of."""
        return next((kind for name, kind in self.columns.items() if identifier(name) == value), None)


def _base(column_type: str) -> str:
    return column_type.split("(", maxsplit=1)[0].upper()


def is_number(column_type: str) -> bool:
    """Whether values of the type can be added up."""
    return _base(column_type) in _INTEGERS | _FRACTIONS


def is_integer(column_type: str) -> bool:
    """Whether the type holds whole numbers only, booleans among them."""
    return _base(column_type) in _INTEGERS | {"BOOLEAN"}


def mapped(spec: ColumnSpec, table: Table, *, role: str) -> Sql:
    """The SQL of one mapped column: a name, a constant or an expression."""
    where = f"{table.key}.columns.{role}"
    match spec:
        case ConstantColumn(value=value):
            return literal(value)
        case ExpressionColumn(expr=expr):
            return scalar(expr, columns=table.column_names(), where=where, table=table.key)
        case str():
            return identifier(table.find(spec, where=where))
        case _:
            raise TypeError(f"not a column: {spec!r}")


def mapped_text(source: Source, table: Table, role: str) -> Sql:
    """The id or name that the source maps to ``role``, as text; null when nothing is mapped."""
    match source.columns.get(role):
        case None:
            return Sql("cast(null as varchar)")
        case str(name):
            return text_of(table.find(name, where=f"{table.key}.columns.{role}"), table)
        case spec:
            return as_text(mapped(spec, table, role=role))


def text_of(column: str, table: Table) -> Sql:
    """A column of the table as text, so that 7 and '7' are the same unit, and so is a 7 that is stored as 7.0."""
    name = identifier(column)
    if _base(table.columns[column]) not in _FRACTIONS:
        return as_text(name)
    return Sql(
        f"case when {name} = floor({name}) then cast(try_cast({name} as hugeint) as varchar) else {as_text(name)} end"
    )


def as_text(expression: Sql) -> Sql:
    """An id or a name: always text."""
    return Sql(f"cast({expression} as varchar)")


def plain_names(source: Source, *roles: str) -> list[str]:
    """The plain column names that the mapping gives to ``roles``: ids and names, read as text."""
    return [name for role in roles if isinstance(name := source.columns.get(role), str)]


def as_utc(expression: Sql, column_type: str, *, where: str, timezone: str) -> Sql:
    """A point in time as naive UTC; timestamps without a zone are read in the study's ``timezone``.

    A local time that a clock change skips or repeats is read as standard time.
    """
    base = column_type.upper()
    if base.endswith("WITH TIME ZONE") or base == "TIMESTAMPTZ":
        return Sql(f"({expression} at time zone 'UTC')")
    if base in _NAIVE:
        return _from_local(Sql(f"cast({expression} as timestamp)"), timezone)
    if base == "VARCHAR":
        # Text that is no timestamp becomes null, and rows without a time are counted aloud.
        zoned = f"try_cast({expression} as timestamptz) at time zone 'UTC'"
        local = _from_local(Sql(f"try_cast({expression} as timestamp)"), timezone)
        has_zone = f"regexp_matches({expression}, {literal(_ZONE_IN_TEXT)})"
        return Sql(f"case when {has_zone} then {zoned} else {local} end")
    hint = (
        '{ expr = "epoch_ms(...)" } for milliseconds, { expr = "make_timestamp(...)" } for microseconds'
        if is_number(column_type)
        else "write it as 2026-03-02 10:15:00 or with a zone"
    )
    raise DataError(f"{where}: a timestamp is needed, the column is {column_type}; {hint}")


def _from_local(naive: Sql, timezone: str) -> Sql:
    if timezone == "UTC":
        return naive
    return Sql(f"({naive} at time zone {literal(timezone)} at time zone 'UTC')")


def local_day(at: Sql, timezone: str) -> Sql:
    """The calendar day, in the study's ``timezone``, of a point in time given as naive UTC."""
    local = at if timezone == "UTC" else Sql(f"({at} at time zone 'UTC' at time zone {literal(timezone)})")
    return Sql(f"cast({local} as date)")
