"""Rows of a query as a table, CSV, JSON or parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from abgap.cli.common import atomic_write

MOST_ROWS_ON_SCREEN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A query's result: column names, and one tuple per row."""

    names: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


def write_rows(found: Rows, output: str, out: Path | None) -> None:
    """Print the rows on stdout, or write them to ``out``."""
    if output == "parquet" and out is not None:
        _write_parquet(found, out)
        return
    text = {"csv": _csv, "json": _json, "table": _table}[output](found)
    if out is None:
        click.echo(text, nl=False)
    else:
        with atomic_write(out) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _csv(found: Rows) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(found.names)
    writer.writerows(found.rows)
    return stream.getvalue()


def _json(found: Rows) -> str:
    objects = [dict(zip(found.names, row, strict=True)) for row in found.rows]
    return json.dumps(objects, ensure_ascii=False, indent=1, default=str) + "\n"


def _table(found: Rows) -> str:
    from rich.table import Table  # noqa: PLC0415 - not needed for data formats
    from rich.text import Text  # noqa: PLC0415

    from abgap.cli.terminal import console, one_line  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for position, name in enumerate(found.names):
        numeric = all(isinstance(row[position], int | float | None) for row in found.rows)
        table.add_column(Text(one_line(name)), justify="right" if numeric else "left", overflow="fold")
    for row in found.rows[:MOST_ROWS_ON_SCREEN]:
        table.add_row(*(Text(one_line("NULL" if value is None else str(value))) for value in row))
    out = console()
    with out.capture() as captured:
        out.print(table)
    if len(found.rows) > MOST_ROWS_ON_SCREEN:
        click.echo(
            f"the first {MOST_ROWS_ON_SCREEN} of {len(found.rows)} rows; use --format csv for all", err=True
        )
    return captured.get()


def _write_parquet(found: Rows, out: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415 - only for parquet
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns = list(zip(*found.rows, strict=True)) or [() for _ in found.names]
    with atomic_write(out) as temporary:
        pq.write_table(pa.table([pa.array(list(c)) for c in columns], names=list(found.names)), temporary)
