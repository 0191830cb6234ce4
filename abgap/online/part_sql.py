"""Unit parts on their way into SQL: which events count, what is taken from them, and how that is added up per unit.

A part's number is made of partial aggregates. Where different values are counted, events are grouped by unit and value
first, which makes the count of different values a plain count of rows; the other aggregates are then merged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from abgap.engine.exact import Grid, exact_sum
from abgap.engine.protocol import Engine
from abgap.engine.values import Value, condition_of, number_of
from abgap.online import tables
from abgap.online.plan import SECONDS_PER_DAY, UnitPart, Window
from abgap.records import Aggregate
from abgap.sources.columns import Table
from abgap.sources.expressions import scalar
from abgap.sources.sql import Sql, identifier, literal

_COUNTS = frozenset({Aggregate.COUNT, Aggregate.COUNT_DISTINCT})
_SUMS = frozenset({Aggregate.SUM, Aggregate.MEAN})
_NO_WEIGHT = Sql("")


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """An aggregate over events: its column, and the aggregate that makes one of several of them."""

    name: Sql
    value: Sql
    merged: Sql


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSql:
    """A unit part as the templates read it.

    where: which events count, None for all. value: per event. window: at which times events count, None when all that
    are joined do. times_weight: what a value is multiplied by, empty for nothing. whole: whether every value is a whole
    number. partials, total: what is aggregated, and the part's number made of it, once the range of values is known.
    """

    part: UnitPart
    aggregate: Aggregate
    name: Sql
    where: Sql | None
    value: Sql
    window: Sql | None
    whole: bool
    times_weight: Sql = _NO_WEIGHT
    partials: tuple[Partial, ...] = ()
    total: Sql | None = None

    @property
    def chosen(self) -> Sql:
        """The value of an event that counts."""
        return self.value if self.where is None else Sql(f"case when {self.where} then {self.value} end")

    @property
    def largest_weight(self) -> float:
        """The largest number that a value is multiplied by."""
        return float(max((self.part.window.days or 0.0) - 1.0, 1.0) ** self.part.day_power)

    @property
    def is_count(self) -> bool:
        """Whether events are counted, and not their values added up or compared."""
        return self.aggregate in _COUNTS

    @property
    def is_sum(self) -> bool:
        """Whether values are added up."""
        return self.aggregate in _SUMS

    @property
    def gives_whole_numbers(self) -> bool:
        """Whether the number per unit is a whole one."""
        return self.is_count or (self.whole and self.aggregate is not Aggregate.MEAN)

    def column(self, what: str) -> Sql:
        """The name of a column that is made of this part, quoted."""
        return identifier(tables.derived_name(self.part.name, what))

    @property
    def low(self) -> Sql:
        """The column of the smallest value."""
        return self.column("smallest")

    @property
    def high(self) -> Sql:
        """The column of the largest value."""
        return self.column("largest")

    @property
    def known(self) -> Sql:
        """The column that counts units with a number."""
        return identifier(tables.known_name(self.part.name))

    @property
    def below_zero(self) -> Sql:
        """The column that counts values below zero."""
        return self.column("below zero")


def compile_part(
    engine: Engine, part: UnitPart, table: Table, relation: Sql, *, reach: Sql | None
) -> PartSql:
    """The part over the fact table ``relation``. reach: which events are joined, None for all."""
    where = None
    if part.where is not None:
        where = condition_of(engine, part.where, table, relation, where=f"{part.key}.where")
    aggregate = part.aggregate or Aggregate.COUNT
    value = _value(engine, part, aggregate, table, relation)
    window = None if reach is None else _window(part.window)
    return PartSql(
        part=part,
        aggregate=aggregate,
        name=identifier(part.name),
        where=where,
        value=value.sql if aggregate in _COUNTS or value.whole else Sql(f"cast({value.sql} as double)"),
        window=None if window == reach else window,
        whole=value.whole,
        times_weight=_day_weight(part.window, part.day_power) if part.day_power else _NO_WEIGHT,
    )


def _value(engine: Engine, part: UnitPart, aggregate: Aggregate, table: Table, relation: Sql) -> Value:
    where = f"{part.key}.value"
    if part.value is None:
        return Value(sql=literal(1), whole=True)
    if aggregate in _COUNTS:
        value = scalar(part.value, columns=table.column_names(), where=where, table=table.key)
        engine.type_of(value, relation, where=where)
        return Value(sql=value, whole=True)
    return number_of(engine, part.value, table, relation, where=where)


def counted_apart(parts: Iterable[PartSql]) -> Sql | None:
    """The value whose different values are counted; None when there is none, or more than one."""
    values = {str(part.value) for part in parts if part.aggregate is Aggregate.COUNT_DISTINCT}
    return Sql(values.pop()) if len(values) == 1 else None


def with_totals(parts: Sequence[PartSql], grids: Mapping[str, Grid], *, apart: Sql | None) -> list[PartSql]:
    """The parts with their aggregates.

    grids: of exact sums, by part. apart: the column that events are grouped by first, None for none.
    """
    return [_with_total(part, grids.get(part.part.name, Grid()), apart) for part in parts]


def _with_total(part: PartSql, grid: Grid, apart: Sql | None) -> PartSql:
    if apart is not None and part.aggregate is Aggregate.COUNT_DISTINCT:
        return _counted_apart(part, apart)
    partials = _partials(part, grid)
    found = [partial.name if apart is None else partial.merged for partial in partials]
    return replace(part, partials=tuple(partials), total=_total(part, found))


def _counted_apart(part: PartSql, apart: Sql) -> PartSql:
    """The count of different values where each has a row: of all of them, or of those with an event that counts."""
    if part.where is None and part.window is None:
        return replace(part, total=Sql(f"nullif(count({apart}), 0)"))
    count = _count(part)
    total = Sql(f"nullif(count(case when {count.name} > 0 then 1 end), 0)")
    return replace(part, partials=(count,), total=total)


def _partials(part: PartSql, grid: Grid) -> list[Partial]:
    match part.aggregate:
        case Aggregate.SUM | Aggregate.MEAN:
            # The finest part first: the total is rounded once, when the largest is added.
            columns = reversed(exact_sum(tables.sum_name(part.part.name), part.name, grid))
            found = [_partial("sum", c.name, c.value) for c in columns]
            if part.whole:
                found = [replace(f, merged=Sql(f"cast({f.merged} as hugeint)")) for f in found]
            return found if part.aggregate is Aggregate.SUM else [*found, _count(part)]
        case Aggregate.COUNT:
            return [_count(part)]
        case Aggregate.COUNT_DISTINCT:
            return [replace(_count(part), value=Sql(f"count(distinct {part.name})"))]
        case _:
            return [_partial(side, part.column(side), Sql(f"{side}({part.name})")) for side in ("min", "max")]


def _partial(aggregate: str, name: Sql, value: Sql) -> Partial:
    return Partial(name=name, value=value, merged=Sql(f"{aggregate}({name})"))


def _count(part: PartSql) -> Partial:
    name = part.column("count")
    return Partial(name=name, value=Sql(f"count({part.name})"), merged=Sql(f"cast(sum({name}) as bigint)"))


def _total(part: PartSql, found: Sequence[Sql]) -> Sql:
    match part.aggregate:
        case Aggregate.SUM:
            return Sql(f"cast({' + '.join(map(str, found))} as double)")
        case Aggregate.MEAN:
            *sums, count = map(str, found)
            return Sql(f"cast({' + '.join(sums)} as double) / nullif({count}, 0)")
        case Aggregate.COUNT | Aggregate.COUNT_DISTINCT:
            return Sql(f"nullif({found[0]}, 0)")
        case _:
            return _extreme(part, *found)


def _extreme(part: PartSql, low: Sql, high: Sql) -> Sql:
    """The smallest or largest value; where any value is NaN or infinite, that one, so that it is noticed."""
    wanted, other = (low, high) if part.aggregate is Aggregate.MIN else (high, low)
    if part.whole:
        return wanted
    return Sql(f"case when isfinite({other}) then {wanted} else {other} end")


# --- windows --------------------------------------------------------------------------------------------------------


def _seconds(days: float) -> str:
    return f"interval '{max(round(days * SECONDS_PER_DAY), 1)}' second"


def _window(window: Window) -> Sql:
    """Which events count: from exposure on, before the window's end; or before exposure only."""
    if window.lookback_days is not None:
        return Sql(f"e.at >= x.exposed_at - {_seconds(window.lookback_days)} and e.at < x.exposed_at")
    if window.days is not None:
        start = f" + {_seconds(window.from_days)}" if window.from_days else ""
        return Sql(f"e.at >= x.exposed_at{start} and e.at < x.exposed_at + {_seconds(window.days)}")
    return Sql("e.at >= x.exposed_at and e.at < x.ends_at")


def _day_weight(window: Window, power: int) -> Sql:
    """A power of the day since exposure, counted from the middle of the window in steps of two: a whole number."""
    days = int(window.days or 1)
    steps = " ".join(
        f"when e.at < x.exposed_at + {_seconds(day + 1)} then {(2 * day - days + 1) ** power}"
        for day in range(days - 1)
    )
    return Sql(f" * case {steps} else {(days - 1) ** power} end")


def is_over(window: Window, last_at: str | None) -> Sql:
    """Whether a unit's window was over when the data ended. last_at: the last event of the fact table, None for none.

    The last event of a complete experiment comes a little before its end: data that reach into its last day are taken
    to reach up to the end.
    """
    if last_at is None or window.days is None:
        return Sql("false")
    end, until = f"x.exposed_at + {_seconds(window.days)}", f"cast({literal(last_at)} as timestamp)"
    complete = f"x.ends_at <= {until} + interval '1' day"
    within = f" and {end} <= x.ends_at" if window.closed else ""
    return Sql(f"({end} <= {until} or ({complete} and {end} <= x.ends_at)){within}")


def lookback_of(windows: Sequence[Window]) -> Sql | None:
    """How long before exposure events count, as an interval; None when none do."""
    back = max((w.lookback_days for w in windows if w.lookback_days is not None), default=None)
    return None if back is None else Sql(_seconds(back))


def reach_of(windows: Sequence[Window]) -> Sql:
    """The union of all windows: events outside of it need not be joined."""
    back = lookback_of(windows)
    start = "x.exposed_at" if back is None else f"x.exposed_at - {back}"
    forward = [w for w in windows if w.lookback_days is None]
    longest = max((w.days for w in forward if w.days is not None), default=None)
    ends = [] if longest is None else [f"x.exposed_at + {_seconds(longest)}"]
    ends += ["x.ends_at"] if any(w.days is None for w in forward) else []
    until = f"greatest({', '.join(ends)})" if len(ends) > 1 else (ends or ["x.exposed_at"])[0]
    return Sql(f"e.at >= {start} and e.at < {until}")
