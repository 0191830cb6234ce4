"""The canonical views: sources of any shape under the names and types that every query relies on.

Ids and names are text, times are naive UTC, the study's mapping is applied and quoted here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.loading import Relation, open_source
from abgap.errors import DataError
from abgap.online import tables
from abgap.sources.columns import Table, as_text, as_utc, mapped
from abgap.sources.sql import Sql, identifier
from abgap.study.model import Exposures, Source, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """The opened sources by their key in the study, e.g. ``exposures`` or ``facts.events``."""

    relations: dict[str, Relation] = field(default_factory=dict)


def open_views(engine: DuckDBEngine, study: Study, directory: Path) -> Views:
    """Open all sources under their canonical names, without reading more than their columns."""
    views = Views()
    if study.exposures is not None:
        _open_exposures(engine, study, study.exposures, directory, views)
    for name, fact in study.facts.items():
        _open_fact(engine, study, name, fact, directory, views)
    if study.units is not None:
        _open_units(engine, study.units, directory, views)
    return views


def _open_exposures(
    engine: DuckDBEngine, study: Study, exposures: Exposures, directory: Path, views: Views
) -> None:
    relation = open_source(
        engine,
        "exposures",
        exposures,
        directory,
        text=plain_names(exposures, "experiment", "unit", "variant"),
    )
    views.relations["exposures"] = relation
    table = relation.table
    context = {
        role: as_text(mapped(exposures.columns[role], table, role=role))
        for role in ("experiment", "unit", "variant")
    }
    slices = [slice_column(table, name) for name in exposures.slices]
    at = time_column(engine, exposures, relation, study.study.timezone)
    engine.create_view(
        tables.EXPOSURES, compile_query("exposures", source=relation.sql, at=at, slices=slices, **context)
    )


def slice_column(table: Table, name: str) -> dict[str, Sql]:
    column = table.find(name, where=f"{table.key}.slices")
    return {"name": identifier(name), "value": as_text(identifier(column))}


def time_column(engine: DuckDBEngine, source: Source, relation: Relation, timezone: str) -> Sql:
    if "at" not in source.columns:
        return Sql("CAST(NULL AS TIMESTAMP)")
    at = mapped(source.columns["at"], relation.table, role="at")
    found = engine.type_of(at, relation.sql)
    return as_utc(at, found, where=f"{relation.table.key}.columns.at", timezone=timezone)


def plain_names(source: Source, *roles: str) -> list[str]:
    """The plain column names that the mapping gives to ``roles``: ids and names, read as text."""
    return [name for role in roles if isinstance(name := source.columns.get(role), str)]


def _open_fact(
    engine: DuckDBEngine, study: Study, name: str, fact: Source, directory: Path, views: Views
) -> None:
    key = f"facts.{name}"
    relation = open_source(engine, key, fact, directory, text=plain_names(fact, "unit"))
    views.relations[key] = relation
    unit = as_text(mapped(fact.columns["unit"], relation.table, role="unit"))
    at = time_column(engine, fact, relation, study.study.timezone)
    others = _other_columns(fact, relation.table, taken=("unit", "at"))
    engine.create_view(name, compile_query("fact", unit=unit, at=at, others=others, source=relation.sql))


def _other_columns(source: Source, table: Table, *, taken: Sequence[str]) -> list[dict[str, Sql]]:
    """Extra mapped columns first, then the source's own, each name once."""
    used = set(taken)
    columns = []
    for name, spec in source.columns.items():
        if name.lower() not in used:
            columns.append({"name": identifier(name), "value": mapped(spec, table, role=name)})
            used.add(name.lower())
    for name in table.columns:
        if name.lower() not in used:
            columns.append({"name": identifier(name), "value": identifier(name)})
            used.add(name.lower())
    return columns


def _open_units(engine: DuckDBEngine, units: Source, directory: Path, views: Views) -> None:
    relation = open_source(engine, "units", units, directory, text=plain_names(units, "unit"))
    views.relations["units"] = relation
    unit = as_text(mapped(units.columns["unit"], relation.table, role="unit"))
    others = _other_columns(units, relation.table, taken=("unit",))
    engine.create_view(tables.UNITS, compile_query("units", unit=unit, others=others, source=relation.sql))
    repeated = engine.rows(
        f"SELECT count(*), min(unit) FROM (SELECT unit FROM {identifier(tables.UNITS)} GROUP BY unit HAVING count(*) > 1)"
    )[0]
    if repeated[0]:
        raise DataError(
            f"units: {repeated[0]} units stand in more than one row, e.g. {repeated[1]!r}; one row per unit is needed"
        )
