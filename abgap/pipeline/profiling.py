"""Looks at files for ``abgap init``: columns, types, and a few values of each."""

from __future__ import annotations

from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Relation
from abgap.sources.columns import is_integer, is_number
from abgap.sources.sql import identifier
from abgap.study.model import Source
from abgap.study.profiles import ColumnProfile, ColumnType, TableProfile


def profile_files(paths: list[str], directory: Path) -> list[TableProfile]:
    """One profile per path, glob or folder. Raises DataError when one cannot be read."""
    with DuckDBEngine(directory=directory) as engine:
        return [_profile(engine, path, directory) for path in paths]


def _profile(engine: DuckDBEngine, path: str, directory: Path) -> TableProfile:
    relation = engine.open_source(path, Source(path=path), directory)
    (rows,) = engine.rows(f"SELECT count(*) FROM {relation.sql}")[0]
    columns = tuple(_column(engine, relation, name, kind) for name, kind in relation.table.columns.items())
    return TableProfile(path=path, columns=columns, rows=int(rows))


def _column(engine: DuckDBEngine, relation: Relation, name: str, kind: str) -> ColumnProfile:
    column = identifier(name)
    found = engine.fetch(compile_query("profile_column", column=column, source=relation.sql))
    low, high = (_bound(found[side][0], _type(kind)) for side in ("smallest", "largest"))
    examples = found["examples"][0]
    return ColumnProfile(
        name=name,
        type=_type(kind),
        distinct=int(found["distinct_values"][0]),
        examples=() if examples is None else tuple(str(e) for e in examples),
        minimum=low,
        maximum=high,
    )


def _bound(value: str | None, kind: ColumnType) -> str | float | None:
    """The smallest or largest value: a number of numbers, text of timestamps, nothing of the rest."""
    if value is None or kind in {"text", "boolean"}:
        return None
    return value if kind == "timestamp" else float(value)


def _type(kind: str) -> ColumnType:
    if kind == "BOOLEAN":
        return "boolean"
    if kind.startswith(("TIMESTAMP", "DATE")):
        return "timestamp"
    if is_integer(kind):
        return "integer"
    return "number" if is_number(kind) else "text"
