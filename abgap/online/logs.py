"""From logs to the wide table: first exposures, one scan per fact table, one row per experiment and unit.

First exposure wins; units in two variants are left out and counted; units without events stay, with 0. Each
fact table is read once for what it holds (rows that cannot be used, the range of summed values) and once
for all parts of all metrics of all experiments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.duckdb import Columns, DuckDBEngine
from abgap.engine.exact import EXACT, Grid, make_grid
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.plan import SECONDS_PER_DAY, Plan, UnitPart, Window
from abgap.online.values import not_a_number
from abgap.online.views import Views
from abgap.online.wide import FactIntake, Progress, WideTable, whole
from abgap.records import Aggregate
from abgap.sources.columns import Table, is_integer, is_number
from abgap.sources.expressions import scalar
from abgap.sources.sql import Sql, identifier, literal
from abgap.study.model import Exposures, Study


def units_from_logs(
    engine: DuckDBEngine, study: Study, exposures: Exposures, plan: Plan, views: Views, progress: Progress
) -> WideTable:
    """Build ``unit_outcomes`` from the opened ``views``.

    Raises DataError when a column is missing or has the wrong type, or when summed values are not finite.
    """
    timed = "at" in exposures.columns
    wide = WideTable(relations=views.relations, slices=tuple(exposures.slices), by_day=timed)
    progress("reading exposures")
    wide.exposure_counts = engine.fetch(compile_query("exposure_counts", params={"timed": timed}))
    slices = [identifier(name) for name in wide.slices]
    enrolments = compile_query("enrolments", params={"timed": timed}, slices=slices)
    engine.create_table(tables.ENROLMENTS, enrolments)
    wide.enrolment_counts = engine.fetch(compile_query("enrolment_counts"))
    engine.create_view(tables.FIRST_EXPOSURES, compile_query("first_exposures", slices=slices))
    integer_parts: set[str] = set()
    for fact in plan.facts():
        progress(f"reading {fact}")
        _aggregate_fact(engine, study, plan, fact, wide, integer_parts)
    progress("one row per unit")
    engine.create_table(tables.UNIT_OUTCOMES, _wide_statement(study, plan, wide, slices, integer_parts))
    wide.integer_parts = frozenset(integer_parts)
    return wide


def _aggregate_fact(
    engine: DuckDBEngine, study: Study, plan: Plan, fact: str, wide: WideTable, integer_parts: set[str]
) -> None:
    """Scan one fact table: first for what it holds, then for the parts of every unit."""
    columns = Table(key=f"facts.{fact}", columns=engine.describe(identifier(fact)))
    timed = "at" in study.facts[fact].columns and wide.by_day
    parts = [_compiled_part(engine, part, columns, fact, timed=timed) for part in plan.parts_of(fact)]
    intake, ranges = _intake(engine, fact, parts, timed="at" in study.facts[fact].columns)
    wide.intakes = (*wide.intakes, intake)
    for part in parts:
        grid = _part_grid(part, ranges, intake.row_count)
        part |= {"high": grid.high, "low": grid.low}
        if part["integer"]:
            integer_parts.add(part["plain_name"])
    reach = _reach([part.window for part in plan.parts_of(fact)]) if timed else None
    statement = compile_query("unit_parts", parts=parts, fact=identifier(fact), reach=reach)
    engine.create_table(tables.unit_parts_table(fact), statement)


def _compiled_part(
    engine: DuckDBEngine, part: UnitPart, table: Table, fact: str, *, timed: bool
) -> dict[str, Any]:
    names = table.column_names()
    where = (
        Sql("TRUE")
        if part.where is None
        else scalar(part.where, columns=names, where=f"{part.key}.where", table=fact)
    )
    value = literal(1)
    value_type = "INTEGER"
    if part.value is not None:
        value = scalar(part.value, columns=names, where=f"{part.key}.value", table=fact)
        value_type = engine.type_of(value, identifier(fact))
    aggregate = part.aggregate or Aggregate.COUNT
    counts = aggregate in {Aggregate.COUNT, Aggregate.COUNT_DISTINCT}
    if value_type == "BOOLEAN" and not counts:
        value, value_type = Sql(f"CAST({value} AS INTEGER)"), "INTEGER"
    if not counts and not is_number(value_type):
        raise not_a_number(engine, f"{part.key}.value", str(part.value), value, value_type, identifier(fact))
    return {
        "plain_name": part.name,
        "name": identifier(part.name),
        "where": where,
        "value": value if counts or is_integer(value_type) else Sql(f"CAST({value} AS DOUBLE)"),
        "aggregate": aggregate.value,
        "window": _window(part.window) if timed else None,
        "summed": aggregate in {Aggregate.SUM, Aggregate.MEAN},
        "integer": counts or (is_integer(value_type) and aggregate is not Aggregate.MEAN),
        "integer_values": is_integer(value_type),
        "counts": counts,
    }


def _window(window: Window) -> Sql:
    if window.lookback_days is not None:
        seconds = round(window.lookback_days * SECONDS_PER_DAY)
        return Sql(f"e.at < x.exposed_at AND e.at >= x.exposed_at - INTERVAL '{seconds}' SECOND")
    if window.days is not None:
        seconds = round(window.days * SECONDS_PER_DAY)
        return Sql(f"e.at >= x.exposed_at AND e.at < x.exposed_at + INTERVAL '{seconds}' SECOND")
    return Sql("e.at >= x.exposed_at AND e.at < x.ends_at")


def _reach(windows: Sequence[Window]) -> Sql:
    """The union of all windows: events outside of it need not be joined."""
    back = max((w.lookback_days or 0.0) for w in windows)
    start = (
        "x.exposed_at" if back == 0 else f"x.exposed_at - INTERVAL '{round(back * SECONDS_PER_DAY)}' SECOND"
    )
    forward = [w for w in windows if w.lookback_days is None]
    ends = [
        f"x.exposed_at + INTERVAL '{round(w.days * SECONDS_PER_DAY)}' SECOND"
        for w in forward
        if w.days is not None
    ]
    ends += ["x.ends_at"] if any(w.days is None for w in forward) else []
    ends = sorted(set(ends)) or ["x.exposed_at"]
    until = ends[0] if len(ends) == 1 else f"greatest({', '.join(ends)})"
    return Sql(f"e.at >= {start} AND e.at < {until}")


def _intake(
    engine: DuckDBEngine, fact: str, parts: list[dict[str, Any]], *, timed: bool
) -> tuple[FactIntake, Columns]:
    summed = [part for part in parts if not part["counts"]]
    context = [
        part | {role: identifier(f"{role} {part['plain_name']}") for role in ("min", "max", "not_finite")}
        for part in summed
    ]
    found = engine.fetch(compile_query("fact_intake", parts=context, fact=identifier(fact)))
    for part in summed:
        bad = found[f"not_finite {part['plain_name']}"][0]
        if bad > 0:
            raise DataError(
                f"facts.{fact}: {int(bad)} of the values that {part['plain_name']!r} sums are NaN or infinite; mend the "
                'data, or leave them out with `where = "isfinite(...)"`'
            )
    count = {key: whole(found[key][0]) for key in ("row_count", "no_unit", "no_time")}
    intake = FactIntake(
        fact=fact,
        row_count=count["row_count"],
        no_unit=count["no_unit"],
        no_time=count["no_time"] if timed else 0,
        timed=timed,
        first_at=found["first_at"][0],
        last_at=found["last_at"][0],
    )
    return intake, found


def _part_grid(part: Mapping[str, Any], ranges: Columns, row_count: int) -> Grid:
    if not part["summed"] or part["integer_values"]:
        return EXACT
    low, high = (ranges[f"{side} {part['plain_name']}"][0] for side in ("min", "max"))
    if low is None or low != low:
        return EXACT
    return make_grid(max(abs(float(low)), abs(float(high))), row_count, integer=False)


def _wide_statement(
    study: Study, plan: Plan, wide: WideTable, slices: Sequence[Sql], integer_parts: set[str]
) -> Statement:
    aliases = {fact: Sql(f"f{position}") for position, fact in enumerate(plan.facts(), start=1)}
    parts = []
    for part in plan.parts:
        name = identifier(part.name)
        if part.from_units:
            parts.append(
                {"name": name, "keep_null": True, "occurred": False, "value": _unit_column(study, part, wide)}
            )
            continue
        alias = aliases[str(part.fact)]
        keep = part.pre_period
        value = (
            Sql(f"CASE WHEN {alias}.{name} > 0 THEN 1 WHEN {alias}.{name} = 0 THEN 0 END")
            if part.occurred
            else Sql(f"{alias}.{name}")
        )
        parts.append(
            {
                "name": name,
                "source": alias,
                "keep_null": keep,
                "occurred": part.occurred and not keep,
                "value": value,
            }
        )
    facts = [
        {"table": identifier(tables.unit_parts_table(fact)), "alias": alias}
        for fact, alias in aliases.items()
    ]
    with_units = any(part.from_units for part in plan.parts)
    return compile_query("unit_outcomes", slices=slices, parts=parts, facts=facts, with_units=with_units)


def _unit_column(study: Study, part: UnitPart, wide: WideTable) -> Sql:
    if study.units is None:
        raise DataError(
            f"{part.key}: column {part.value!r} is looked for in [units], which the study does not declare"
        )
    table = wide.relations["units"].table
    name = str(part.value)
    if name not in study.units.columns:
        name = table.find(name, where=part.key)
        if not is_number(table.columns[name]):
            raise DataError(f"{part.key}: column {name!r} is {table.columns[name]}, a number is needed")
    return Sql(f"CAST(u.{identifier(name)} AS DOUBLE)")
