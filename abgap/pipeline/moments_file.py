"""The moments table as a file, written by the engine: it is loaded anyway, other writers would have to be imported.

Numbers go in as columns, names and lists as places in a list of the distinct ones: thousands of experiments
have few distinct names, and the engine takes Python objects one by one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Engine
from abgap.records import Moments
from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS, SCHEMA_VERSION, UNTIL
from abgap.sources.sql import Sql, comma_list, identifier, literal

# No study's own tables are called so.
_TABLE = identifier("moments to write")
_COLUMNS = "columns of moments to write"
_TYPES = (
    dict.fromkeys(KEYS, "VARCHAR")
    | {"fold": "BIGINT"}
    | dict.fromkeys(FLOAT_COLUMNS, "DOUBLE")
    | dict.fromkeys(LIST_COLUMNS, "DOUBLE[]")
)


def write_moments(moments: Moments, path: Path, engine: Engine, until: dt.datetime | None = None) -> None:
    """Write parquet, or CSV when the name says so, with ``engine`` if it is a DuckDB, else with one of our own.

    until: how far (UTC) the logs reach. Undefined numbers are null; parquet carries the schema version as
    ``abgap_moments_version`` and ``until`` as ``abgap_data_until``. CSV has no lists, and an empty column of it has no
    type: both are left out, which means null.
    """
    as_csv = path.suffix == ".csv"
    columns = [*KEYS, *FLOAT_COLUMNS, *LIST_COLUMNS]
    if as_csv:
        columns = [c for c in columns if c not in LIST_COLUMNS and not _is_empty(getattr(moments, c))]
    opened = nullcontext(engine) if isinstance(engine, DuckDBEngine) else DuckDBEngine(directory=path.parent)
    with opened as writer:
        _load(writer, moments, columns)
        names = comma_list(identifier(column) for column in columns)
        form = "FORMAT csv, HEADER" if as_csv else f"FORMAT parquet, KV_METADATA {{{_notes(until)}}}"
        writer.run(f"COPY (SELECT {names} FROM {_TABLE} ORDER BY position) TO {literal(str(path))} ({form})")


def _notes(until: dt.datetime | None) -> Sql:
    notes = {"abgap_moments_version": SCHEMA_VERSION} | ({} if until is None else {UNTIL: until.isoformat()})
    return comma_list(Sql(f"{key}: {literal(value)}") for key, value in notes.items())


def lost_in_csv(moments: Moments) -> list[str]:
    """The columns that are not empty and that CSV leaves out."""
    return [column for column in LIST_COLUMNS if not _is_empty(getattr(moments, column))]


def _is_empty(column: npt.NDArray[Any]) -> bool:
    return all(value is None or value != value for value in column)  # noqa: PLR0124 - only NaN differs from itself


def _load(engine: DuckDBEngine, moments: Moments, columns: list[str]) -> None:
    """Make the table in the engine, with each row's ``position``."""
    arrays: dict[str, npt.NDArray[Any]] = {"position": np.arange(len(moments))}
    distinct: dict[str, list[Any]] = {}
    for name in columns:
        values = getattr(moments, name)
        if name in FLOAT_COLUMNS:
            arrays[name] = np.asarray(values, dtype=np.float64)
        else:
            arrays[name], distinct[name] = _places([_defined(value) for value in values.tolist()])
    engine.connection.register(_COLUMNS, arrays)
    selected = [Sql("position")]
    for name in columns:
        column, kind = identifier(name), _TYPES[name]
        if name in distinct:
            selected.append(Sql(f"list_extract(${name}::{kind}[], {column}) AS {column}"))
        else:
            selected.append(Sql(f"CASE WHEN isnan({column}) THEN NULL ELSE {column} END AS {column}"))
    engine.run(
        f"CREATE TEMP TABLE {_TABLE} AS SELECT {comma_list(selected)} FROM {identifier(_COLUMNS)}", distinct
    )


def _defined(value: Hashable) -> Hashable:
    """A name as it is; a list with an undefined number in it is undefined."""
    return None if isinstance(value, tuple) and any(number != number for number in value) else value  # noqa: PLR0124 - NaN


def _places(values: list[Hashable]) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """For each value its place in the list of distinct ones, from 1 on; 0 for None."""
    places: dict[Hashable, int] = {}
    found = [0 if value is None else places.setdefault(value, len(places) + 1) for value in values]
    return np.array(found, dtype=np.int64), list(places)
