"""How active units are, and on which days: what the checks of tracking, missing days and bots are made of.

One statement over the numbers per unit that are there already, and one scan of each fact table by day.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine
from abgap.online import tables
from abgap.online.plan import Plan, UnitPart, make_plan
from abgap.online.views import Views
from abgap.online.wide import WideTable
from abgap.records import Aggregate
from abgap.sources.columns import local_day
from abgap.sources.sql import Sql, identifier, literal
from abgap.study.model import Study

# Sizes of values: so many to a doubling, as the statement has it.
STEPS = 8
# Units by size, of each arm.
ByArm: TypeAlias = Mapping[str, Mapping[int, int]]
_ADDED_UP = frozenset({Aggregate.SUM, Aggregate.COUNT, Aggregate.COUNT_DISTINCT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What was counted, by experiment.

    sizes: by experiment and part, then by variant: units by size. days: by experiment and fact table, then by variant:
    events by ISO date. facts: of the parts. valued: parts that a metric adds up without a cap, with its name.
    """

    sizes: Mapping[tuple[str, str], ByArm] = field(default_factory=dict)
    days: Mapping[tuple[str, str], Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    valued: Mapping[str, str] = field(default_factory=dict)


def units_of(sizes: ByArm, arms: Iterable[str]) -> int:
    """Units with a value, in these arms."""
    return sum(sum(sizes.get(variant, {}).values()) for variant in arms)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A part as the statement takes it: its value, the column it becomes and its name as text."""

    value: Sql
    name: Sql
    label: Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The unit parts of one fact table, and their short name in the statement."""

    table: Sql
    alias: Sql


def read_activity(engine: Engine, study: Study, views: Views, wide: WideTable) -> Activity:
    """Count units by what they did, and events by day. The tables of ``wide`` must have been made."""
    plan = make_plan(study)
    parts = [part for part in plan.parts if _adds_up(part)]
    days: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
    for fact in plan.facts():
        if wide.by_day and "at" in study.facts[fact].columns:
            days |= _event_days(engine, study, views, fact)
    return Activity(
        sizes=_sizes(engine, views, parts) if parts else {},
        days=days,
        facts={part.name: str(part.fact) for part in parts},
        valued=_valued(plan, parts),
    )


def _adds_up(part: UnitPart) -> bool:
    """Whether a part grows with what a unit did after exposure."""
    return part.fact is not None and not part.pre_period and part.aggregate in _ADDED_UP


def _valued(plan: Plan, parts: Sequence[UnitPart]) -> dict[str, str]:
    """Parts whose size moves a metric: not whether it occurred, nor what a cap cuts, nor an order of values."""
    own = {part.name for part in parts if not part.occurred}
    columns = {column.name: column for column in plan.columns}
    found: dict[str, str] = {}
    for metric in plan.metrics:
        for name in metric.measured() if metric.fraction is None else ():
            if columns[name].cap_fraction is None and columns[name].part in own:
                found.setdefault(columns[name].part, metric.metric)
    return found


def _sizes(
    engine: Engine, views: Views, parts: Sequence[UnitPart]
) -> dict[tuple[str, str], dict[str, dict[int, int]]]:
    facts = list(dict.fromkeys(str(part.fact) for part in parts))
    aliases = {fact: Sql(f"f{position}") for position, fact in enumerate(facts, start=1)}
    statement = compile_query(
        "unit_activity",
        key=views.key.column,
        facts=[
            _Table(table=identifier(tables.unit_parts_table(fact)), alias=alias)
            for fact, alias in aliases.items()
        ],
        parts=[
            _Part(
                value=Sql(f"{aliases[str(part.fact)]}.{identifier(part.name)}"),
                name=identifier(part.name),
                label=literal(part.name),
            )
            for part in parts
        ],
    )
    found: dict[tuple[str, str], dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(dict))
    for experiment, variant, part, size, units in _rows(engine.fetch(statement)):
        found[experiment, part][variant][int(size)] = int(units)
    return {key: dict(arms) for key, arms in found.items()}


def _event_days(
    engine: Engine, study: Study, views: Views, fact: str
) -> dict[tuple[str, str], dict[str, dict[str, int]]]:
    day = local_day(Sql('e."at"'), study.study.timezone)
    statement = compile_query("event_days", fact=identifier(fact), key=views.key.column, day=day)
    found: dict[tuple[str, str], dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for experiment, variant, on, events in _rows(engine.fetch(statement)):
        found[experiment, fact][variant][on] = int(events)
    return {key: dict(arms) for key, arms in found.items()}


def _rows(columns: Columns) -> list[tuple[str, ...]]:
    return list(zip(*columns.values(), strict=True))
