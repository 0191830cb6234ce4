"""What parquet files say about themselves: rows, missing values and ranges of columns, without reading a row.

Ranges bound the values; they need not know of NaN. A file that says too little makes all of it unknown, and the
rows have to be read.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abgap.sources.sql import Sql, comma_list, literal

if TYPE_CHECKING:
    from abgap.engine.duckdb import DuckDBEngine
    from abgap.engine.protocol import Relation

_NUMBERS = dict.fromkeys(
    ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"), "try_cast({} as double)"
)
_TIMES = {
    "TIMESTAMP": "try_cast({} as timestamp)",
    "TIMESTAMP_NS": "cast(try_cast({} as timestamp_ns) as timestamp)",
    "TIMESTAMP WITH TIME ZONE": "try_cast({} as timestamptz) at time zone 'UTC'",
}
_AS_READ = _NUMBERS | _TIMES | {"VARCHAR": "{}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStatistics:
    """A column over all files. low, high: numbers, or text; None where it has no value."""

    nulls: int
    low: float | str | None
    high: float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """All files of a source together."""

    rows: int
    columns: Mapping[str, ColumnStatistics]


def parquet_statistics(engine: DuckDBEngine, relation: Relation, columns: Sequence[str]) -> Statistics | None:
    """The statistics of these columns; None when they are not known of each of them in every part of every file."""
    types = [relation.table.columns[column] for column in columns]
    if not relation.is_parquet or not set(types) <= set(_AS_READ):
        return None
    places = comma_list(literal(glob.escape(str(path))) for path in relation.files)
    ((rows,),) = engine.rows(f"SELECT sum(num_rows) FROM parquet_file_metadata([{places}])")
    wanted = [_of(column, kind) for column, kind in zip(columns, types, strict=True)]
    (found,) = engine.rows(f"SELECT {comma_list(wanted)} FROM parquet_metadata([{places}])")
    parts = [found[i : i + 5] for i in range(0, len(found), 5)]
    # A file may lack a column that others have.
    if any(seen != rows or not complete for seen, complete, *_ in parts):
        return None
    known = (ColumnStatistics(nulls=int(nulls), low=low, high=high) for _, _, nulls, low, high in parts)
    return Statistics(rows=int(rows), columns=dict(zip(columns, known, strict=True)))


def _of(column: str, kind: str) -> Sql:
    """Rows, whether all is known, nulls, smallest and largest value of one column."""
    mine = f"FILTER (path_in_schema = {literal(column)})"
    low, high = (_AS_READ[kind].format(f"stats_{side}_value") for side in ("min", "max"))
    empty = "stats_null_count = row_group_num_rows"
    bounded = f"{low} IS NOT NULL AND {high} IS NOT NULL"
    # Times come as text, in UTC; texts of years beyond 9999 have another order than they.
    shown = "cast({} as varchar)" if kind in _TIMES else "{}"
    smallest, largest = shown.format(f"min({low}) {mine}"), shown.format(f"max({high}) {mine}")
    return Sql(
        f"sum(row_group_num_rows) {mine}, "
        f"bool_and(row_group_num_rows = 0 OR (stats_null_count IS NOT NULL AND ({empty} OR ({bounded})))) {mine}, "
        f"coalesce(sum(stats_null_count) {mine}, 0), {smallest}, {largest}"
    )
