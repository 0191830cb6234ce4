"""Data files that are made once: written beside their final name, renamed when whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 500_000


def made_once(path: Path, make: Callable[[Path], None]) -> Path:
    """``path``, made by ``make`` when it is not there: an interrupted run leaves nothing that looks whole."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    if partial.is_dir():
        shutil.rmtree(partial)
    make(partial)
    partial.replace(path)
    return path


def write_parquet(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables of one schema one after the other into one file."""
    writer: pq.ParquetWriter | None = None
    try:
        for table in tables:
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table, row_group_size=ROW_GROUP)
    finally:
        if writer is not None:
            writer.close()
