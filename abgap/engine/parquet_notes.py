"""What the footer of a parquet file says beside its columns. Whichever engine reads the rows, DuckDB reads this."""

from __future__ import annotations

from pathlib import Path

import duckdb

_OLD_TIMES = "SELECT name FROM parquet_schema($path) WHERE type = 'INT96'"
_NOTE = "SELECT decode(value) FROM parquet_kv_metadata($path) WHERE decode(key) = $key"


def parquet_note(path: Path, key: str) -> str | None:
    """The note called ``key``; None when there is none, or when the file is no parquet file that can be read."""
    with duckdb.connect(":memory:") as connection:
        try:
            found = connection.execute(_NOTE, {"path": str(path), "key": key}).fetchone()
        except duckdb.Error:
            return None
    return None if found is None else str(found[0])


def int96_columns(path: Path) -> frozenset[str]:
    """Columns of times in the form of 96 bits, which Spark used to write and which has no zone."""
    with duckdb.connect(":memory:") as connection:
        try:
            found = connection.execute(_OLD_TIMES, {"path": str(path)}).fetchall()
        except duckdb.Error:
            return frozenset()
    return frozenset(str(name) for (name,) in found)
