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
from abgap.study.model import ColumnSpec, ConstantColumn, ExpressionColumn

_ZONED = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")
_NAIVE = ("TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S", "DATETIME", "DATE")
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT",
            "FLOAT", "DOUBLE", "DECIMAL")  # fmt: skip


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


def is_number(column_type: str) -> bool:
    """Whether values of the type can be added up."""
    return column_type.split("(", maxsplit=1)[0].upper() in _NUMBERS


def is_integer(column_type: str) -> bool:
    """Whether the type holds whole numbers only, booleans among them."""
    base = column_type.split("(", maxsplit=1)[0].upper()
    return base == "BOOLEAN" or (is_number(column_type) and base not in {"FLOAT", "DOUBLE", "DECIMAL"})


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


def as_text(expression: Sql) -> Sql:
    """An id or a name: always text, so that 7 and '7' are the same unit."""
    return Sql(f"CAST({expression} AS VARCHAR)")


def as_utc(expression: Sql, column_type: str, *, where: str, timezone: str) -> Sql:
    """A point in time as naive UTC; timestamps without a zone are read in the study's ``timezone``."""
    base = column_type.upper()
    if base in _ZONED:
        return Sql(f"({expression} AT TIME ZONE 'UTC')")
    if base in _NAIVE:
        naive = Sql(f"CAST({expression} AS TIMESTAMP)")
        if timezone == "UTC":
            return naive
        return Sql(f"(({naive} AT TIME ZONE {literal(timezone)}) AT TIME ZONE 'UTC')")
    if base == "VARCHAR":
        # Text that is no timestamp becomes null, and rows without a time are counted aloud.
        return as_utc(
            Sql(f"TRY_CAST({expression} AS TIMESTAMP)"), "TIMESTAMP", where=where, timezone=timezone
        )
    hint = (
        '{ expr = "epoch_ms(...)" } for milliseconds, { expr = "make_timestamp(...)" } for microseconds'
        if is_number(column_type)
        else "write it as 2026-03-02 10:15:00 or with a zone"
    )
    raise DataError(f"{where}: a timestamp is needed, the column is {column_type}; {hint}")
