"""The canonical views: sources of any shape under the names and types that every query relies on.

Ids and names are text, times are naive UTC, the study's mapping is applied and quoted here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Relation, reading
from abgap.engine.values import mapped_time
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.unit_key import NUMBER, UnitKey, common_key
from abgap.online.wide import whole
from abgap.records.words import plural
from abgap.sources.columns import Table, mapped, mapped_text, plain_names, text_of
from abgap.sources.sql import Named, identifier
from abgap.study.model import Exposures, Source, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """The opened sources by their key in the study, e.g. ``exposures`` or ``facts.events``.

    key: what tells units apart in the views of exposures and fact tables. directory: what paths are relative to.
    """

    relations: dict[str, Relation] = field(default_factory=dict)
    key: UnitKey = field(default_factory=UnitKey)
    directory: Path = field(default_factory=Path)


def open_views(engine: Engine, study: Study, directory: Path) -> Views:
    """Open all sources under their canonical names, without reading more than their columns."""
    sources = _opened(engine, study, directory)
    relations = {key: relation for key, (_, relation) in sources.items()}
    views = Views(relations=relations, key=common_key(sources.values()), directory=directory)
    if study.exposures is not None:
        _view_exposures(engine, study, study.exposures, views)
    for name, fact in study.facts.items():
        _view_fact(engine, study, name, fact, views)
    if study.units is not None:
        _open_units(engine, study.units, directory, views)
    return views


def _opened(engine: Engine, study: Study, directory: Path) -> dict[str, tuple[Source, Relation]]:
    """Exposures and fact tables, opened as they are."""
    found: dict[str, tuple[Source, Relation]] = {}
    if study.exposures is not None:
        names = plain_names(study.exposures, "experiment", "unit", "variant")
        text = [*names, *study.exposures.slices]
        opened = engine.open_source("exposures", study.exposures, directory, text=text)
        found["exposures"] = (study.exposures, opened)
    for name, fact in study.facts.items():
        key = f"facts.{name}"
        found[key] = (fact, engine.open_source(key, fact, directory, text=plain_names(fact, "unit")))
    return found


def _view_exposures(engine: Engine, study: Study, exposures: Exposures, views: Views) -> None:
    relation = views.relations["exposures"]
    statement = compile_query(
        "exposures",
        source=relation.sql,
        experiment=mapped_text(exposures, relation.table, "experiment"),
        unit=mapped_text(exposures, relation.table, "unit"),
        number=_numbered(exposures, relation, views.key),
        variant=mapped_text(exposures, relation.table, "variant"),
        at=mapped_time(engine, exposures, relation, study.study.timezone),
        slices=slice_columns(relation.table, exposures.slices),
    )
    engine.create_view(tables.EXPOSURES, statement)


def _numbered(source: Source, relation: Relation, key: UnitKey) -> Named | None:
    number = key.number_in(source, relation)
    return None if number is None else Named(name=key.column, value=number)


def slice_columns(table: Table, names: Sequence[str]) -> list[Named]:
    """The slices of a study, as text; null where a unit's value is not known."""
    where = f"{table.key}.slices"
    return [
        Named(name=tables.slice_column(name), value=text_of(table.find(name, where=where), table))
        for name in names
    ]


def _view_fact(engine: Engine, study: Study, name: str, fact: Source, views: Views) -> None:
    relation = views.relations[f"facts.{name}"]
    statement = compile_query(
        "fact",
        unit=mapped_text(fact, relation.table, "unit"),
        number=_numbered(fact, relation, views.key),
        at=mapped_time(engine, fact, relation, study.study.timezone),
        others=_other_columns(fact, relation.table, taken=("unit", "at", NUMBER)),
        source=relation.sql,
    )
    engine.create_view(name, statement)


def _other_columns(source: Source, table: Table, *, taken: Sequence[str]) -> list[Named]:
    """Extra mapped columns first, then the source's own, each name once."""
    used = set(taken)
    columns = []
    extra = [(name, spec) for name, spec in source.columns.items() if name.lower() not in used]
    for name, spec in (*extra, *((name, name) for name in table.columns)):
        if name.lower() not in used:
            columns.append(Named(name=identifier(name), value=mapped(spec, table, role=name)))
            used.add(name.lower())
    return columns


def _open_units(engine: Engine, units: Source, directory: Path, views: Views) -> None:
    relation = engine.open_source("units", units, directory, text=plain_names(units, "unit"))
    views.relations["units"] = relation
    unit = mapped_text(units, relation.table, "unit")
    others = _other_columns(units, relation.table, taken=("unit",))
    engine.create_view(tables.UNITS, compile_query("units", unit=unit, others=others, source=relation.sql))
    with reading("units"):
        found = engine.fetch_row(compile_query("repeated_ids"))
    if repeated := whole(found["repeated_units"]):
        raise DataError(
            f"units: there is more than one row for {plural(repeated, 'unit')}, e.g. {found['example']!r}; "
            "one row per unit is needed"
        )
