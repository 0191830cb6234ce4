"""Reads [offline.queries]: what is known of each query, whoever ranked it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Relation
from abgap.offline.slices import Slice, keep_slices, slice_columns
from abgap.sources.columns import mapped_text, plain_names
from abgap.study.model import Study

_KEY = "offline.queries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Queries:
    """The slices of queries. relations: the opened source by its key in the study; none when it is not declared."""

    relations: Mapping[str, Relation] = field(default_factory=dict)
    slices: tuple[Slice, ...] = ()


def open_queries(engine: Engine, study: Study, directory: Path) -> Queries:
    """Open the queries, and keep their slices in a table. Raises DataError when rows of one query disagree."""
    source = study.offline.queries
    if source is None:
        return Queries()
    names = [*plain_names(source, "query", "unit"), *source.slices]
    relation = engine.open_source(_KEY, source, directory, text=names)
    statement = compile_query(
        "offline_queries",
        source=relation.sql,
        query=mapped_text(source, relation.table, "query"),
        unit=mapped_text(source, relation.table, "unit"),
        slices=slice_columns(relation.table, source.slices),
    )
    engine.create_view("offline_queries", statement)
    slices = keep_slices(
        engine, _KEY, source.slices, source="offline_queries", example="query", made="offline_query_slices"
    )
    return Queries(relations={_KEY: relation}, slices=slices)
