"""Looks at a SELECT that a user wrote before it runs: is it one, does it only read, and what does it read?

The engine's own parser answers, so that nothing is judged by a reading that differs from what would run.
"""

from __future__ import annotations

import glob
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from abgap.engine.duckdb import DuckDBEngine, first_line
from abgap.sources.sql import literal

# Since DuckDB 2 a common table expression may change data: WITH x AS (DELETE ...) SELECT ...
_CHANGES_DATA = "_QUERY_NODE"
# Table functions that read what their arguments say; query() is none of them, it runs any text.
_TABLE_FUNCTIONS = frozenset(
    {
        "generate_series",
        "glob",
        "json_each",
        "json_tree",
        "parquet_file_metadata",
        "parquet_metadata",
        "parquet_scan",
        "parquet_schema",
        "range",
        "read_csv",
        "read_csv_auto",
        "read_json",
        "read_json_auto",
        "read_ndjson",
        "read_ndjson_auto",
        "read_parquet",
        "read_text",
        "sniff_csv",
        "unnest",
    }
)


def select_problem(engine: DuckDBEngine, sql: str) -> str | None:
    """Why ``sql`` is not exactly one SELECT that only reads, in words, or None when it is."""
    if "\0" in sql:
        return "it holds a NUL character"
    try:
        statements = engine.connection.extract_statements(sql)
    except duckdb.Error as error:
        return first_line(error)
    if len(statements) != 1:
        return f"it holds {len(statements)} statements, one is needed"
    if statements[0].type != duckdb.StatementType.SELECT:
        return f"it is {_with_article(statements[0].type.name)} statement, only SELECT is allowed"
    tree = _tree(engine, sql)
    if tree.get("error"):
        return "it cannot be taken apart, so nobody knows whether it only reads"
    for node in _nodes(tree):
        kind = _kind(node)
        if kind.endswith(_CHANGES_DATA):
            return f"it holds {_with_article(kind.removesuffix(_CHANGES_DATA))}, only SELECT is allowed"
        if kind == "TABLE_FUNCTION" and (name := _function_name(node)) not in _TABLE_FUNCTIONS:
            known = ", ".join(sorted(_TABLE_FUNCTIONS))
            return f"it reads from the table function {name!r}, which is not allowed; allowed are {known}"
    return None


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'AEIOU' else 'a'} {word}"


def tables_of(engine: DuckDBEngine, select: str) -> frozenset[str]:
    """The tables (or files) that a SELECT names, as it spells them."""
    return frozenset(
        str(node["table_name"]) for node in _nodes(_tree(engine, select)) if _kind(node) == "BASE_TABLE"
    )


def files_read_by(engine: DuckDBEngine, select: str, directory: Path) -> tuple[Path, ...]:
    """The local files that a SELECT names, as tables or as arguments of table functions, each once."""
    places = set(tables_of(engine, select))
    for node in _nodes(_tree(engine, select)):
        if _kind(node) == "TABLE_FUNCTION":
            places |= {str(inner["text"]) for inner in _nodes(node) if inner.get("kind") == "STRING"}
    hits = (hit for place in places if place for hit in _glob(place, directory))
    return tuple(sorted({directory / hit for hit in hits if (directory / hit).is_file()}))


def _glob(place: str, directory: Path) -> list[str]:
    try:
        return glob.glob(place, root_dir=directory, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns
    except (OSError, ValueError):
        return []


def _tree(engine: DuckDBEngine, sql: str) -> Any:
    """The engine's syntax tree of one SELECT."""
    ((text,),) = engine.rows(f"SELECT json_serialize_sql({literal(sql)})")
    return json.loads(str(text))


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree; a loop and no recursion, because a user decides how deep it is."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _kind(node: dict[str, Any]) -> str:
    return str(node.get("type", ""))


def _function_name(node: dict[str, Any]) -> str:
    return str(node.get("function", {}).get("function_name", "")).lower()
