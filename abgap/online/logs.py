"""From logs to the wide table: first exposures, one scan per fact table, one row per experiment and unit.

First exposure wins; units in two variants are left out and counted; units without events stay, with 0. How
a fact table becomes numbers per unit is ``facts.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.protocol import Engine, reading
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.facts import aggregate_fact
from abgap.online.plan import Plan, UnitPart
from abgap.online.views import Views
from abgap.online.wide import Progress, WideTable
from abgap.sources.columns import Table, is_number, local_day
from abgap.sources.sql import Named, Sql, identifier
from abgap.study.model import Exposures, Study


def units_from_logs(
    engine: Engine, study: Study, exposures: Exposures, plan: Plan, views: Views, progress: Progress
) -> WideTable:
    """Build ``unit_outcomes`` from the opened ``views``.

    Raises DataError when a column is missing or has the wrong type, or when summed values are not finite.
    """
    wide = WideTable(
        relations=views.relations, slices=tuple(exposures.slices), by_day="at" in exposures.columns
    )
    slices = [tables.slice_column(name) for name in wide.slices]
    progress("reading exposures")
    with reading("exposures"):
        _enrol(engine, study, wide, slices)
    for fact in plan.facts():
        progress(f"reading {fact}")
        timed = wide.by_day and "at" in study.facts[fact].columns
        intake, whole_numbers = aggregate_fact(engine, fact, plan.parts_of(fact), timed=timed)
        wide.intakes = (*wide.intakes, intake)
        wide.integer_parts |= whole_numbers
    progress("one row per unit")
    engine.create_table(tables.UNIT_OUTCOMES, _wide_statement(engine, plan, slices))
    return wide


def _enrol(engine: Engine, study: Study, wide: WideTable, slices: Sequence[Sql]) -> None:
    """Find the first exposure of every unit in every experiment."""
    timed = {"timed": wide.by_day}
    wide.exposure_counts = engine.fetch(compile_query("exposure_counts", params=timed))
    engine.create_table(tables.ENROLMENTS, compile_query("enrolments", params=timed, slices=slices))
    wide.enrolment_counts = engine.fetch(compile_query("enrolment_counts"))
    day = local_day(Sql("first.at"), study.study.timezone)
    engine.create_view(tables.FIRST_EXPOSURES, compile_query("first_exposures", slices=slices, day=day))


@dataclass(frozen=True, slots=True, kw_only=True)
class _FactTable:
    """The unit parts of one fact table, and their short name in the statement."""

    table: Sql
    alias: Sql


def _wide_statement(engine: Engine, plan: Plan, slices: Sequence[Sql]) -> Statement:
    aliases = {fact: Sql(f"f{position}") for position, fact in enumerate(plan.facts(), start=1)}
    from_units = [part for part in plan.parts if part.from_units]
    units = Table(key="units", columns=engine.describe(identifier(tables.UNITS)) if from_units else {})
    return compile_query(
        "unit_outcomes",
        slices=slices,
        parts=[Named(name=identifier(p.name), value=_part_value(p, aliases, units)) for p in plan.parts],
        facts=[_FactTable(table=identifier(tables.unit_parts_table(f)), alias=a) for f, a in aliases.items()],
        with_units=bool(from_units),
    )


def _part_value(part: UnitPart, aliases: Mapping[str, Sql], units: Table) -> Sql:
    if part.from_units:
        return _covariate_of_units(part, units)
    value = f"{aliases[str(part.fact)]}.{identifier(part.name)}"
    if part.occurred:
        return Sql(f"case when {value} > 0 then 1 {'' if part.pre_period else 'else 0 '}end")
    # Nothing before exposure may mean that nothing is known; nothing after it means that nothing happened.
    return Sql(value) if part.pre_period else Sql(f"coalesce({value}, 0)")


def _covariate_of_units(part: UnitPart, units: Table) -> Sql:
    name = units.find(str(part.value), where=part.key)
    if not is_number(units.columns[name]):
        raise DataError(
            f"{part.key}: column {name!r} of units is {units.columns[name]}, a number is needed; "
            "name another column, or mend this one with an expression under [units] columns"
        )
    return Sql(f"cast(u.{identifier(name)} as double)")
