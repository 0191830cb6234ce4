"""What one fact table holds: rows that cannot be used, the time it covers, and bounds of the values that are added up.

The bounds fix the grids of the exact sums; wider ones than need be only make the grids a little coarser. So they may be
those of whole columns, which parquet files state about themselves, without a scan. Only where a column has negative,
huge or infinite values are the events that count looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.exact import has_usable_size
from abgap.engine.protocol import Engine, Relation, Row
from abgap.engine.statistics import Statistics
from abgap.engine.values import refuse_size
from abgap.online import tables
from abgap.online.part_sql import PartSql
from abgap.online.unit_key import UnitKey
from abgap.online.views import Views
from abgap.online.wide import BelowZero, Bounds, bounds_of, whole
from abgap.sources.columns import is_number
from abgap.sources.sql import Sql, identifier
from abgap.study.model import Source, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSource:
    """A fact table and where it comes from.

    only: the experiment, when one is declared. utc: whether its times without a zone are UTC. directory: of the study.
    purpose: what its parts are made for, where that is not the metrics themselves.
    """

    name: str
    source: Source
    relation: Relation
    key: UnitKey
    only: Sql | None
    utc: bool
    directory: Path
    purpose: str | None = None

    @property
    def title(self) -> str:
        """What the tables of its parts are called after."""
        return self.name if self.purpose is None else tables.derived_name(self.name, self.purpose)

    def column(self, name: str) -> str | None:
        """The column of the files that is called ``name`` in the table; None when it is made of others."""
        spec = {key.lower(): spec for key, spec in self.source.columns.items()}.get(name.lower(), name)
        columns = {column.lower(): column for column in self.relation.table.columns}
        return columns.get(spec.lower()) if isinstance(spec, str) else None

    @property
    def utc_time(self) -> str | None:
        """The column of the files that holds the time, in UTC; None when there is none, or when it is made into UTC."""
        at = self.column("at") if "at" in self.source.columns else None
        kind = None if at is None else self.relation.table.columns[at]
        is_utc = kind == "TIMESTAMP WITH TIME ZONE" or (kind in {"TIMESTAMP", "TIMESTAMP_NS"} and self.utc)
        return at if is_utc else None


def fact_source(
    study: Study, views: Views, name: str, only: Sql | None = None, *, purpose: str | None = None
) -> FactSource:
    """The fact table of this name. only: the experiment, when one is declared. purpose: of its parts."""
    return FactSource(
        name=name,
        source=study.facts[name],
        relation=views.relations[f"facts.{name}"],
        key=views.key,
        only=only,
        utc=study.study.timezone == "UTC",
        directory=views.directory,
        purpose=purpose,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a fact table holds. bounds: of every value that is added up or compared, by part; finite."""

    row_count: int
    no_unit: int
    no_time: int
    first_at: str | None
    last_at: str | None
    bounds: Mapping[str, Bounds]
    below_zero: Mapping[str, BelowZero]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Value:
    """What is bounded for a part: a column as it is, or the value of the events that count."""

    value: Sql
    low: Sql
    high: Sql


def read_intake(engine: Engine, fact: FactSource, parts: Sequence[PartSql]) -> Held:
    """What the fact table holds; ``parts`` are those that add up or compare values.

    Raises DataError when the largest value is too large or too small to be squared.
    """
    columns = {part.part.name: _plain_column(fact, part) for part in parts}
    statement = compile_query(
        "fact_intake",
        no_unit=fact.key.is_missing,
        values=[_value(part, columns[part.part.name]) for part in parts],
        fact=identifier(fact.name),
    )
    found = _from_statistics(engine, fact, statement, columns)
    held = _held(engine.fetch_row(statement), parts) if found is None else found
    unclear = [part for part in parts if not _is_clear(held.bounds[part.part.name])]
    return looked_at(engine, fact, unclear, held) if unclear else held


def looked_at(engine: Engine, fact: FactSource, parts: Sequence[PartSql], held: Held) -> Held:
    """With the bounds of finite values of events that count, and the values below zero among them."""
    values = identifier(tables.part_values_table(fact.title))
    found = engine.fetch_row(compile_query("value_intake", parts=parts, values=values))
    bounds, below_zero = dict(held.bounds), {}
    for part in parts:
        name = part.part.name
        bounds[name] = bounds_of(found, name)
        refuse_size(f"{part.part.key}.value", part.part.value, bounds[name].largest)
        events = whole(found[tables.derived_name(name, "below zero")])
        if events:
            below_zero[name] = BelowZero(events=events, smallest=float(bounds[name].low or 0.0))
    return replace(held, bounds=bounds, below_zero={**held.below_zero, **below_zero})


def _plain_column(fact: FactSource, part: PartSql) -> str | None:
    """The column of the files that a part's value is; None when it is an expression."""
    name = part.part.value
    column = None if name is None else fact.column(name.strip())
    return column if column is not None and is_number(fact.relation.table.columns[column]) else None


def _value(part: PartSql, column: str | None) -> _Value:
    # An expression may fail on events that the filter keeps away from it.
    return _Value(value=part.chosen if column is None else part.value, low=part.low, high=part.high)


def _held(found: Row, parts: Sequence[PartSql]) -> Held:
    return Held(
        row_count=whole(found["row_count"]),
        no_unit=whole(found["no_unit"]),
        no_time=whole(found["no_time"]),
        first_at=_text(found["first_at"]),
        last_at=_text(found["last_at"]),
        bounds={part.part.name: bounds_of(found, part.part.name) for part in parts},
        below_zero={},
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _is_clear(bounds: Bounds) -> bool:
    """Whether nothing is below zero, and the bounds do for a grid."""
    low, high = bounds.low or 0.0, bounds.high or 0.0
    return low >= 0 and math.isfinite(high) and has_usable_size(high)


# --- statistics of parquet files --------------------------------------------------------------------------------------


def _from_statistics(
    engine: Engine, fact: FactSource, statement: Statement, columns: Mapping[str, str | None]
) -> Held | None:
    """What the files say about themselves, where that answers ``statement``; else None."""
    unit, at = fact.column("unit"), fact.utc_time
    table = fact.relation.table
    if (
        unit is None
        or None in columns.values()
        or not (fact.key.is_number or table.columns[unit] == "VARCHAR")
    ):
        return None
    if "at" in fact.source.columns and at is None:
        return None
    wanted = {unit, *(column for column in columns.values() if column), *([at] if at else [])}
    found = engine.statistics(fact.relation, sorted(wanted))
    if found is None or found.columns[unit].low == "":
        return None
    # Not run, but answered: whoever doubts the answer can run it.
    engine.record.add(statement)
    return _stated(found, unit, at, columns)


def _stated(found: Statistics, unit: str, at: str | None, columns: Mapping[str, str | None]) -> Held:
    times = None if at is None else found.columns[at]
    values = {name: found.columns[str(column)] for name, column in columns.items()}
    return Held(
        row_count=found.rows,
        no_unit=found.columns[unit].nulls,
        no_time=found.rows if times is None else times.nulls,
        first_at=None if times is None else _text(times.low),
        last_at=None if times is None else _text(times.high),
        bounds={
            name: Bounds(
                low=None if of_one.low is None else float(of_one.low),
                high=None if of_one.high is None else float(of_one.high),
            )
            for name, of_one in values.items()
        },
        below_zero={},
    )
