"""The examples behind predictions, each once: whether models agree on their truth, and how they are told apart.

An example of a series is another one than that of the same name in another series.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine
from abgap.errors import DataError
from abgap.offline.tasks.sums import SliceColumn
from abgap.records.words import plural
from abgap.sources.sql import Sql

KEY = "offline.predictions"


def example_key(*, with_series: bool) -> Sql:
    """An example's id, with that of its series; lengths keep ``a|bc`` and ``ab|c`` apart."""
    if not with_series:
        return Sql("example")
    series = "coalesce(series, '')"
    return Sql(f"cast(length({series}) as varchar) || ':' || {series} || ':' || example")


def read_truths(
    engine: Engine, summary: str, slices: tuple[SliceColumn, ...], *, with_series: bool
) -> Mapping[str, Any]:
    """Make the table of targets, and sum it up by the query ``summary``.

    Raises DataError when two models were given different truths for an example.
    """
    statement = compile_query("task_targets", example=example_key(with_series=with_series), slices=slices)
    engine.create_table("task_targets", statement)
    found = engine.fetch_row(compile_query(summary))
    if found["conflicts"]:
        raise several_truths(str(found["conflict"]), count=int(found["conflicts"]))
    return found


def several_truths(example: str, *, count: int = 1) -> DataError:
    """The error for models that were held against different truths."""
    return DataError(
        f"{KEY}: different models have different truths for {plural(count, 'example')}, e.g. {example!r}; all of them "
        "must be held against the same one"
    )
