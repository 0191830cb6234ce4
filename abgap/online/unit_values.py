"""From a table that has one row per unit already to the wide table: canonical names, nothing is copied."""

from __future__ import annotations

from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Relation, reading
from abgap.engine.values import Value, mapped_time, number_of
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.plan import Plan, UnitPart
from abgap.online.views import slice_columns
from abgap.online.wide import Progress, WideTable, whole
from abgap.records.words import plural
from abgap.sources.columns import local_day, mapped_text, plain_names
from abgap.sources.sql import Named, identifier
from abgap.study.model import ConstantColumn, Study, UnitValues


def units_from_values(
    engine: Engine, study: Study, source: UnitValues, plan: Plan, directory: Path, progress: Progress
) -> WideTable:
    """Build ``unit_outcomes`` over the source.

    Raises DataError when a column is missing or has the wrong type, or when units repeat.
    """
    progress("opening unit_values")
    text = [*plain_names(source, "experiment", "unit", "variant", "cluster"), *source.slices]
    relation = engine.open_source("unit_values", source, directory, text=text)
    values = {part.name: _value(engine, part, relation) for part in plan.parts}
    is_one_experiment = isinstance(source.columns.get("experiment"), ConstantColumn)
    wide = WideTable(
        relations={"unit_values": relation},
        slices=tuple(source.slices),
        by_day="at" in source.columns,
        has_units="unit" in source.columns,
        may_miss_values=True,
        integer_parts=frozenset(name for name, value in values.items() if value.whole),
        source=tables.MEMBER_OUTCOMES if study.is_clustered else tables.UNIT_OUTCOMES,
        only_experiment=mapped_text(source, relation.table, "experiment") if is_one_experiment else None,
    )
    _name_columns(engine, study, source, relation, values, wide.source)
    if wide.has_units and source.unique == "check":
        progress("checking that units do not repeat")
        wide.without_unit = _check_units(engine, wide.source)
        if wide.without_unit:
            _name_columns(engine, study, source, relation, values, wide.source, with_unit_only=True)
    return wide


def _value(engine: Engine, part: UnitPart, relation: Relation) -> Value:
    where = part.key if part.pre_period else f"{part.key}.value"
    return number_of(engine, str(part.value), relation.table, relation.sql, where=where)


def _name_columns(
    engine: Engine,
    study: Study,
    source: UnitValues,
    relation: Relation,
    values: dict[str, Value],
    name: str,
    *,
    with_unit_only: bool = False,
) -> None:
    """Make the view ``name``."""
    at = mapped_time(engine, source, relation, study.study.timezone)
    cluster = mapped_text(source, relation.table, "cluster") if study.is_clustered else None
    statement = compile_query(
        "unit_values",
        source=relation.sql,
        experiment=mapped_text(source, relation.table, "experiment"),
        variant=mapped_text(source, relation.table, "variant"),
        unit=mapped_text(source, relation.table, "unit"),
        day=local_day(at, study.study.timezone),
        slices=slice_columns(relation.table, source.slices),
        # No cast here: on parquet a bare column's range comes from the files' statistics, without a scan.
        parts=[Named(name=identifier(name), value=value.sql) for name, value in values.items()],
        cluster=None if cluster is None else Named(name=tables.cluster_column(), value=cluster),
        with_unit_only=with_unit_only,
    )
    engine.create_view(name, statement)


def _check_units(engine: Engine, name: str) -> int:
    """Rows without a unit, which are left out. Raises DataError when a unit stands in several rows."""
    with reading("unit_values"):
        found = engine.fetch_row(compile_query("repeated_units", units=identifier(name)))
    repeated, across = whole(found["repeated_units"]), whole(found["in_two_variants"])
    if repeated:
        mixed = f", {across} of them in more than one variant" if across else ""
        raise DataError(
            f"unit_values: there is more than one row for {plural(repeated, 'unit')}{mixed}, "
            f"e.g. {found['example']!r}; one row per unit is needed: use [exposures] and [facts] for rows that repeat, "
            "or leave `unit` out if every row is a unit"
        )
    return whole(found["without_unit"])
