"""What a parquet file's writer noted in it. Whichever engine reads the rows, the notes are read here, by DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb

_NOTE = "SELECT decode(value) FROM parquet_kv_metadata($path) WHERE decode(key) = $key"


def parquet_note(path: Path, key: str) -> str | None:
    """The note called ``key``; None when there is none, or when the file is no parquet file that can be read."""
    with duckdb.connect(":memory:") as connection:
        try:
            found = connection.execute(_NOTE, {"path": str(path), "key": key}).fetchone()
        except duckdb.Error:
            return None
    return None if found is None else str(found[0])
