"""The error for a value that is no number."""

from __future__ import annotations

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.sources.sql import Sql


def not_a_number(
    engine: DuckDBEngine, key: str, text: str, value: Sql, value_type: str, relation: Sql
) -> DataError:
    example = engine.rows(f"SELECT min({value}) FROM {relation} WHERE TRY_CAST({value} AS DOUBLE) IS NULL")[
        0
    ][0]
    seen = f", e.g. {str(example)[:60]!r}" if example is not None else ""
    return DataError(
        f"{key}: {text!r} is {value_type}, a number is needed{seen}; mend the data, or write "
        f"try_cast({text} as double) to take what is no number as missing"
    )
