"""From a table that has one row per unit already to the wide table: canonical names, nothing is copied."""

from __future__ import annotations

from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.loading import Relation, open_source
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.plan import Plan, UnitPart
from abgap.online.values import not_a_number
from abgap.online.views import plain_names, slice_column, time_column
from abgap.online.wide import Progress, WideTable, whole
from abgap.sources.columns import as_text, is_integer, is_number, mapped
from abgap.sources.expressions import scalar
from abgap.sources.sql import Sql, identifier, literal
from abgap.study.model import Study, UnitValues


def units_from_values(
    engine: DuckDBEngine, study: Study, source: UnitValues, plan: Plan, directory: Path, progress: Progress
) -> WideTable:
    """Build ``unit_outcomes`` over the source.

    Raises DataError when a column is missing or has the wrong type, or when units repeat.
    """
    progress("opening unit_values")
    relation = open_source(
        engine, "unit_values", source, directory, text=plain_names(source, "experiment", "unit", "variant")
    )
    wide = WideTable(relations={"unit_values": relation}, slices=tuple(source.slices), may_miss_values=True)
    table = relation.table
    wide.has_units = "unit" in source.columns
    wide.by_day = "at" in source.columns
    integer_parts: set[str] = set()
    parts = [_unit_value(engine, part, relation, integer_parts) for part in plan.parts]
    wide.integer_parts = frozenset(integer_parts)
    at = time_column(engine, source, relation, study.study.timezone)
    statement = compile_query(
        "unit_values",
        source=relation.sql,
        experiment=as_text(mapped(source.columns["experiment"], table, role="experiment")),
        variant=as_text(mapped(source.columns["variant"], table, role="variant")),
        unit=as_text(mapped(source.columns["unit"], table, role="unit")) if wide.has_units else literal(None),
        day=Sql(f"CAST({at} AS DATE)"),
        slices=[slice_column(table, name) for name in source.slices],
        parts=parts,
    )
    engine.create_view(tables.UNIT_OUTCOMES, statement)
    if wide.has_units and source.unique == "check":
        progress("checking that units do not repeat")
        _refuse_repeats(engine)
    return wide


def _unit_value(
    engine: DuckDBEngine, part: UnitPart, relation: Relation, integer_parts: set[str]
) -> dict[str, Sql]:
    key = part.key if part.pre_period else f"{part.key}.value"
    value = scalar(
        str(part.value), columns=relation.table.column_names(), where=key, table=relation.table.key
    )
    found = engine.type_of(value, relation.sql)
    if found == "BOOLEAN":
        value, found = Sql(f"CAST({value} AS INTEGER)"), "INTEGER"
    if not is_number(found):
        raise not_a_number(engine, key, str(part.value), value, found, relation.sql)
    if is_integer(found):
        integer_parts.add(part.name)
    # No cast here: on parquet a bare column's range comes from the files' statistics, without a scan.
    return {"name": identifier(part.name), "value": value}


def _refuse_repeats(engine: DuckDBEngine) -> None:
    found = engine.fetch(compile_query("repeated_units"))
    repeated, across = whole(found["repeated_units"][0]), whole(found["in_two_variants"][0])
    if repeated:
        mixed = f", {across} of them in more than one variant" if across else ""
        raise DataError(
            f"unit_values: {repeated} units stand in more than one row{mixed}, e.g. {found['example'][0]!r}; one row per unit "
            "is needed: use [exposures] and [facts] for rows that repeat, or leave `unit` out if every row is a unit"
        )
