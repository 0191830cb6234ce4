"""One fact table made into one number per unit and metric part.

The table is read twice: for what it holds (rows that cannot be used, the time it covers, the range of summed
values, which fixes the grid of the exact sums), and for all parts of all metrics of all experiments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import Grid, exact_sum, make_grid
from abgap.engine.protocol import Engine, Row, reading
from abgap.engine.values import Value, blamed, condition_of, not_finite, number_of, refuse_size
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.plan import SECONDS_PER_DAY, UnitPart, Window
from abgap.online.wide import BelowZero, FactIntake, whole
from abgap.records import Aggregate
from abgap.sources.columns import Table
from abgap.sources.expressions import scalar
from abgap.sources.sql import Sql, identifier, literal

_COUNTS = frozenset({Aggregate.COUNT, Aggregate.COUNT_DISTINCT})
_SUMS = frozenset({Aggregate.SUM, Aggregate.MEAN})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSql:
    """A unit part on its way into SQL, as the templates read it.

    where: which events count, None for all. value: per event. window: at which times events count, None at
    all. total: the exact sum of the value, once its range is known. whole: whether every value is a whole number.
    """

    part: UnitPart
    aggregate: Aggregate
    name: Sql
    where: Sql | None
    value: Sql
    window: Sql | None
    whole: bool
    total: Sql | None = None
    low: Sql
    high: Sql
    below_zero: Sql
    not_finite: Sql

    @property
    def chosen(self) -> Sql:
        """The value of an event that counts."""
        return self.value if self.where is None else Sql(f"case when {self.where} then {self.value} end")

    @property
    def is_count(self) -> bool:
        """Whether events are counted, and not their values added up or compared."""
        return self.aggregate in _COUNTS

    @property
    def gives_whole_numbers(self) -> bool:
        """Whether the number per unit is a whole one."""
        return self.is_count or (self.whole and self.aggregate is not Aggregate.MEAN)


def aggregate_fact(
    engine: Engine, fact: str, parts: Sequence[UnitPart], *, timed: bool
) -> tuple[FactIntake, frozenset[str]]:
    """Make the table of unit parts of one fact table; what it holds, and which parts are whole numbers.

    timed: whether windows apply: both exposures and events have a time. Raises DataError when a column is
    missing or has the wrong type, or when summed values are not finite.
    """
    relation = identifier(fact)
    table = Table(key=f"facts.{fact}", columns=engine.describe(relation))
    compiled = [_compiled(engine, part, table, relation, timed=timed) for part in parts]
    measured = [part for part in compiled if not part.is_count]
    values = identifier(tables.part_values_table(fact))
    reach = _reach([part.window for part in parts]) if timed else None
    with reading(f"facts.{fact}"):
        try:
            statement = compile_query("part_values", parts=compiled, fact=relation)
            engine.create_view(tables.part_values_table(fact), statement)
            held = engine.fetch_row(compile_query("fact_intake", parts=measured, values=values))
            ready = [_with_total(part, _grid(part, held)) for part in compiled]
            statement = compile_query("unit_parts", parts=ready, values=values, reach=reach)
            engine.create_table(tables.unit_parts_table(fact), statement)
        except DataError as error:
            culprit = blamed(engine, ((part.part.key, part.chosen) for part in compiled), relation)
            if culprit is None:
                raise
            raise culprit from error
    ((with_events,),) = engine.rows(f"SELECT count(*) FROM {identifier(tables.unit_parts_table(fact))}")
    whole_numbers = frozenset(part.part.name for part in compiled if part.gives_whole_numbers)
    below_zero = {part.part.name: found for part in measured if (found := _below_zero(part, held))}
    intake = _intake(fact, held, below_zero, timed=timed, with_events=int(with_events))
    return intake, whole_numbers


def _compiled(engine: Engine, part: UnitPart, table: Table, relation: Sql, *, timed: bool) -> PartSql:
    where = None
    if part.where is not None:
        where = condition_of(engine, part.where, table, relation, where=f"{part.key}.where")
    aggregate = part.aggregate or Aggregate.COUNT
    value = _value(engine, part, aggregate, table, relation)
    return PartSql(
        part=part,
        aggregate=aggregate,
        name=identifier(part.name),
        where=where,
        value=value.sql if aggregate in _COUNTS or value.whole else Sql(f"cast({value.sql} as double)"),
        window=_window(part.window) if timed else None,
        whole=value.whole,
        low=identifier(tables.derived_name(part.name, "smallest")),
        high=identifier(tables.derived_name(part.name, "largest")),
        below_zero=identifier(tables.derived_name(part.name, "below zero")),
        not_finite=identifier(tables.derived_name(part.name, "not finite")),
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


def _grid(part: PartSql, held: Row) -> Grid:
    """The grid of the part's exact sum over events."""
    if part.is_count:
        return Grid()
    where = f"{part.part.key}.value"
    if whole(held[tables.derived_name(part.part.name, "not finite")]):
        remedy = 'mend the data, or leave them out with `where = "isfinite(...)"`'
        raise not_finite(where, part.part.value, remedy=remedy)
    bounds = [held[tables.derived_name(part.part.name, side)] for side in ("smallest", "largest")]
    largest = max((abs(float(bound)) for bound in bounds if bound is not None), default=0.0)
    refuse_size(where, part.part.value, largest)
    if part.whole or part.aggregate not in _SUMS:
        return Grid()
    # Three parts, because one unit's value may be very much smaller than the largest of all events.
    return make_grid(largest, whole(held["row_count"]), integer=False, parts=3)


def _below_zero(part: PartSql, held: Row) -> BelowZero | None:
    events = whole(held[tables.derived_name(part.part.name, "below zero")])
    smallest = held[tables.derived_name(part.part.name, "smallest")]
    return BelowZero(events=events, smallest=float(smallest)) if events else None


def _with_total(part: PartSql, grid: Grid) -> PartSql:
    if part.aggregate not in _SUMS:
        return part
    # The finest part first: the total is rounded once, when the largest is added.
    parts = [column.value for column in reversed(exact_sum(part.part.name, part.name, grid))]
    return replace(part, total=Sql(" + ".join(map(str, parts))))


def _intake(
    fact: str, held: Row, below_zero: Mapping[str, BelowZero], *, timed: bool, with_events: int
) -> FactIntake:
    return FactIntake(
        fact=fact,
        row_count=whole(held["row_count"]),
        no_unit=whole(held["no_unit"]),
        no_time=whole(held["no_time"]) if timed else 0,
        timed=timed,
        first_at=_text(held["first_at"]),
        last_at=_text(held["last_at"]),
        with_events=with_events,
        below_zero=below_zero,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)


# --- windows --------------------------------------------------------------------------------------------------------


def _seconds(days: float) -> str:
    return f"interval '{max(round(days * SECONDS_PER_DAY), 1)}' second"


def _window(window: Window) -> Sql:
    """Which events count: from exposure on, before the window's end; or before exposure only."""
    if window.lookback_days is not None:
        return Sql(f"e.at >= x.exposed_at - {_seconds(window.lookback_days)} and e.at < x.exposed_at")
    if window.days is not None:
        return Sql(f"e.at >= x.exposed_at and e.at < x.exposed_at + {_seconds(window.days)}")
    return Sql("e.at >= x.exposed_at and e.at < x.ends_at")


def _reach(windows: Sequence[Window]) -> Sql:
    """The union of all windows: events outside of it need not be joined."""
    back = max((w.lookback_days for w in windows if w.lookback_days is not None), default=None)
    start = "x.exposed_at" if back is None else f"x.exposed_at - {_seconds(back)}"
    forward = [w for w in windows if w.lookback_days is None]
    longest = max((w.days for w in forward if w.days is not None), default=None)
    ends = [] if longest is None else [f"x.exposed_at + {_seconds(longest)}"]
    ends += ["x.ends_at"] if any(w.days is None for w in forward) else []
    until = f"greatest({', '.join(ends)})" if len(ends) > 1 else (ends or ["x.exposed_at"])[0]
    return Sql(f"e.at >= {start} and e.at < {until}")
