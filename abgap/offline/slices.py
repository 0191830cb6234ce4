"""Slices of queries: columns of [offline.scores] that are the same in all rows of a query, and of [offline.queries].

Whatever is measured per query is broken down by the same table of slices, wherever the values come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, reading
from abgap.errors import DataError
from abgap.records import words
from abgap.sources.columns import Table, text_of
from abgap.sources.sql import Named, Sql, identifier, literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """One slice as statements read it. name: the study's. label: that as SQL text. table, column: where it stands."""

    name: str
    label: Sql
    table: Sql
    column: Sql


def slice_name(name: str) -> Sql:
    """The column of a slice, which cannot be taken for one of ours."""
    return identifier(f"slice: {name}")


def slice_columns(table: Table, names: Sequence[str]) -> list[Named]:
    """The slices of a source as text; null where they are not known."""
    where = f"{table.key}.slices"
    return [
        Named(name=slice_name(name), value=text_of(table.find(name, where=where), table)) for name in names
    ]


def tables_of(slices: Sequence[Slice]) -> list[Sql]:
    """The tables that the slices stand in, each once."""
    return list(dict.fromkeys(each.table for each in slices))


def keep_slices(
    engine: Engine, key: str, names: Sequence[str], *, source: str, example: str, made: str
) -> tuple[Slice, ...]:
    """Put the slices of every example of the view ``source`` into the table ``made``, one row for each.

    key: of the source in the study. example: the column of its ids. Raises DataError when rows of one example disagree.
    """
    if not names:
        return ()
    table, column = identifier(made), identifier(example)
    slices = tuple(
        Slice(name=name, label=literal(name), table=table, column=slice_name(name)) for name in names
    )
    _refuse_conflicts(engine, key, slices, source, column)
    columns = [each.column for each in slices]
    statement = compile_query("offline_slices", example=column, slices=columns, table=identifier(source))
    with reading(key):
        engine.create_table(made, statement)
    return slices


def _refuse_conflicts(engine: Engine, key: str, slices: Sequence[Slice], source: str, column: Sql) -> None:
    statement = compile_query(
        "offline_slice_conflicts", example=column, slices=slices, table=identifier(source)
    )
    with reading(key):
        found = engine.fetch(statement)
    for name, conflicts, example in zip(
        found["slice_name"], found["conflicts"], found["example"], strict=True
    ):
        if conflicts:
            raise DataError(
                f"{key}.slices: {words.plural(conflicts, 'query')} {words.have(conflicts)} several values of "
                f"{name!r}, the first is {example!r}; a slice has to be the same in all rows of a query"
            )
