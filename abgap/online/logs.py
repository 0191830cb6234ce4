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
from abgap.online.increments import Keeper
from abgap.online.intake import fact_source
from abgap.online.part_sql import is_over
from abgap.online.plan import Plan, UnitPart
from abgap.online.unit_key import UnitKey
from abgap.online.views import Views
from abgap.online.wide import Bounds, Progress, WideTable
from abgap.sources.columns import Table, is_number, local_day
from abgap.sources.sql import Named, Sql, identifier, literal
from abgap.study.model import Exposures, Study


def units_from_logs(
    engine: Engine,
    study: Study,
    exposures: Exposures,
    plan: Plan,
    views: Views,
    progress: Progress,
    *,
    keeper: Keeper | None = None,
) -> WideTable:
    """Build ``unit_outcomes`` from the opened ``views``. keeper: of what earlier runs added up.

    Raises DataError when a column is missing or has the wrong type, or when summed values are not finite.
    """
    wide = WideTable(
        relations=views.relations,
        slices=tuple(exposures.slices),
        by_day="at" in exposures.columns,
        source=tables.MEMBER_OUTCOMES if study.is_clustered else tables.UNIT_OUTCOMES,
    )
    wide.only_experiment = _only_experiment(engine)
    slices = [tables.slice_column(name) for name in wide.slices]
    progress("reading exposures")
    with reading("exposures"):
        _enrol(engine, study, wide, slices, views.key)
    add_up_events(engine, study, plan, views, wide, progress, keeper=keeper)
    return wide


def add_up_events(
    engine: Engine,
    study: Study,
    plan: Plan,
    views: Views,
    wide: WideTable,
    progress: Progress,
    *,
    keeper: Keeper | None = None,
    purpose: str | None = None,
) -> None:
    """Make the wide table of the enrolled units, and fill in what is known of it.

    purpose: what its parts are made for, None for the metrics.
    """
    counts = wide.enrolment_counts
    units = 0 if counts is None else int(counts["units"].sum() - counts["mixed_units"].sum())
    bounds: dict[str, Bounds] = {}
    for fact in plan.facts():
        progress(f"reading {fact}")
        found = aggregate_fact(
            engine,
            fact_source(study, views, fact, wide.only_experiment, purpose=purpose),
            plan.parts_of(fact),
            timed=wide.by_day and "at" in study.facts[fact].columns,
            units=units,
            keeper=keeper,
        )
        wide.intakes = (*wide.intakes, found.intake)
        wide.integer_parts |= found.whole_numbers
        bounds |= found.bounds
    if all(part.name in bounds for part in plan.parts):
        wide.row_count, wide.bounds = units, bounds
    names = {fact: fact_source(study, views, fact, purpose=purpose).title for fact in plan.facts()}
    engine.create_view(wide.source, _wide_statement(engine, plan, wide, names, views.key))


def _enrol(engine: Engine, study: Study, wide: WideTable, slices: Sequence[Sql], key: UnitKey) -> None:
    """Find the first exposure of every unit in every experiment."""
    timed, no_unit = {"timed": wide.by_day}, key.is_missing
    wide.exposure_counts = engine.fetch(compile_query("exposure_counts", params=timed, no_unit=no_unit))
    only = wide.only_experiment
    statement = compile_query(
        "enrolments", params=timed, only=only, key=key.column, no_unit=no_unit, slices=slices
    )
    engine.create_table(tables.ENROLMENTS, statement)
    wide.enrolment_counts = engine.fetch(compile_query("enrolment_counts"))
    day = local_day(Sql("first.at"), study.study.timezone)
    number = key.column if key.is_number else None
    statement = compile_query("first_exposures", only=only, number=number, slices=slices, day=day)
    engine.create_view(tables.FIRST_EXPOSURES, statement)


def _only_experiment(engine: Engine) -> Sql | None:
    """The name of the experiment, when it is the only one: what is the same for all units need not be compared."""
    found = engine.rows(f"SELECT experiment FROM {tables.EXPERIMENTS}")
    return literal(found[0][0]) if len(found) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _FactTable:
    """The unit parts of one fact table, and their short name in the statement."""

    table: Sql
    alias: Sql


def _wide_statement(
    engine: Engine, plan: Plan, wide: WideTable, names: Mapping[str, str], key: UnitKey
) -> Statement:
    """The statement of the wide table. names: what the tables of each fact table's parts are called after."""
    last_at = {intake.fact: intake.last_at for intake in wide.intakes}
    aliases = {fact: Sql(f"f{position}") for position, fact in enumerate(plan.facts(), start=1)}
    from_units = [part for part in plan.parts if part.from_units]
    units = Table(key="units", columns=engine.describe(identifier(tables.UNITS)) if from_units else {})
    return compile_query(
        "unit_outcomes",
        key=key.column,
        slices=[tables.slice_column(name) for name in wide.slices],
        parts=[
            Named(name=identifier(p.name), value=_known_value(p, _part_value(p, aliases, units), last_at))
            for p in plan.parts
        ],
        facts=[
            _FactTable(table=identifier(tables.unit_parts_table(names[fact])), alias=alias)
            for fact, alias in aliases.items()
        ],
        cluster=tables.cluster_column() if wide.of_members else None,
        with_units=bool(from_units) or wide.of_members,
    )


def _known_value(part: UnitPart, value: Sql, last_at: Mapping[str, str | None]) -> Sql:
    """The value, of units that are old enough to have one."""
    if not part.matures:
        return value
    return Sql(f"case when {is_over(part.window, last_at[str(part.fact)])} then {value} end")


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
