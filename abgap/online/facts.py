"""One fact table made into one number per unit and metric part.

First what it holds (``intake.py``), for the range of summed values fixes the grid of the exact sums; then one scan for
all parts of all metrics of all experiments.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import Grid, make_grid
from abgap.engine.protocol import Engine, reading
from abgap.engine.values import blamed, not_finite
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.increments import Keeper, Shape, make_partials
from abgap.online.intake import FactSource, Held, looked_at, read_intake
from abgap.online.part_sql import PartSql, compile_part, counted_apart, lookback_of, reach_of, with_totals
from abgap.online.plan import UnitPart
from abgap.online.unit_key import NUMBER
from abgap.online.wide import Bounds, FactIntake, bounds_of, whole
from abgap.sources.columns import Table
from abgap.sources.sql import Named, Sql, identifier

# Of the largest number per unit: finer than this, grids leave all digits.
_FINE = 2.0**-53
REMEDY = 'mend the data, or leave them out with `where = "isfinite(...)"`'


@dataclass(frozen=True, slots=True, kw_only=True)
class FactParts:
    """What a fact table was made into.

    whole_numbers: parts that are whole numbers. bounds: the smallest and largest number per unit of every part, 0 for
    units without one unless the part is known only of some.
    """

    intake: FactIntake
    whole_numbers: frozenset[str]
    bounds: dict[str, Bounds]


def aggregate_fact(
    engine: Engine,
    fact: FactSource,
    parts: Sequence[UnitPart],
    *,
    timed: bool,
    units: int,
    keeper: Keeper | None = None,
) -> FactParts:
    """Make the table of unit parts of one fact table.

    timed: whether windows apply: both exposures and events have a time. units: analysed units of all experiments.
    keeper: where partial aggregates of earlier runs are, None to read all files.
    Raises DataError when a column is missing or has the wrong type, or when summed values are not finite.
    """
    relation = identifier(fact.name)
    columns = {name: kind for name, kind in engine.describe(relation).items() if name != NUMBER}
    table = Table(key=f"facts.{fact.name}", columns=columns)
    windows = [part.window for part in parts]
    reach = reach_of(windows) if timed else None
    compiled = [compile_part(engine, part, table, relation, reach=reach) for part in parts]
    if keeper is not None:
        keeper.watch(fact.relation.files)
    with reading(table.key):
        try:
            held = _prepare(engine, fact, compiled)
            scan = _Scan(timed=timed, reach=reach, lookback=lookback_of(windows), keeper=keeper)
            with_events, seen = _add_up(engine, fact, compiled, held, scan)
            coarse = [part for part in compiled if _is_coarse(part, held, seen)]
            if coarse:
                held = looked_at(engine, fact, coarse, held)
                with_events, seen = _add_up(engine, fact, compiled, held, scan)
        except DataError as error:
            culprit = blamed(engine, ((part.part.key, part.chosen) for part in compiled), relation)
            if culprit is None:
                raise
            raise culprit from error
    return FactParts(
        intake=_intake(fact.name, held, timed=timed, with_events=with_events),
        whole_numbers=frozenset(part.part.name for part in compiled if part.gives_whole_numbers),
        bounds={part.part.name: _of_all_units(part.part, seen[part.part.name], units) for part in compiled},
    )


def _prepare(engine: Engine, fact: FactSource, parts: Sequence[PartSql]) -> Held:
    """Make the view of the values that parts take; what is known of them."""
    relation, apart = identifier(fact.name), _apart(parts)
    statement = compile_query("part_values", key=fact.key.column, apart=apart, parts=parts, fact=relation)
    engine.create_view(tables.part_values_table(fact.title), statement)
    return read_intake(engine, fact, [part for part in parts if not part.is_count])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """Which events are joined. reach: None for all. lookback: how long before exposure some of them may be."""

    timed: bool
    reach: Sql | None
    lookback: Sql | None
    keeper: Keeper | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """A part over units that have events: its range, and how many units have a number."""

    bounds: Bounds
    known: int


def _add_up(
    engine: Engine, fact: FactSource, parts: Sequence[PartSql], held: Held, scan: _Scan
) -> tuple[int, dict[str, _Seen]]:
    """Make the table of unit parts; its rows, and every part in them. Raises DataError when one is not finite."""
    found = _apart(parts)
    apart = None if found is None else found.name
    grids = {part.part.name: _grid(part, held) for part in parts if part.is_sum}
    ready = with_totals(parts, grids, apart=apart)
    partials = tables.unit_partials_table(fact.title)
    shape: dict[str, Any] = {"only": fact.only, "key": fact.key.column, "apart": apart, "parts": ready}
    values = identifier(tables.part_values_table(fact.title))
    events = {"values": values, "reach": scan.reach, **shape}
    statement, of_all = (
        compile_query("unit_partials", params=None, exposures=identifier(exposures), **events)
        for exposures in (tables.FIRST_EXPOSURES, tables.ALL_EXPOSURES)
    )
    grouped = Shape(parts=ready, apart=apart, timed=scan.timed, lookback=scan.lookback)
    is_of_files = make_partials(engine, fact, statement, of_all, grouped, held, scan.keeper)
    total = compile_query("unit_parts", params=None, partials=identifier(partials), **shape)
    try:
        engine.create_table(tables.unit_parts_table(fact.title), total)
    except DataError:
        if not is_of_files:
            raise
        # Somebody has cleared the cache meanwhile: that costs time and nothing else.
        engine.create_view(partials, statement)
        engine.create_table(tables.unit_parts_table(fact.title), total)
    return _seen(engine, fact, parts)


def _apart(parts: Sequence[PartSql]) -> Named | None:
    """The value that events are grouped by, and its column."""
    value = counted_apart(parts)
    if value is None:
        return None
    first = next(part for part in parts if part.value == value)
    return Named(name=first.column("value"), value=value)


def _grid(part: PartSql, held: Held) -> Grid:
    """The grid of the part's exact sum over events."""
    if part.whole:
        return Grid()
    # Three parts, because one unit's value may be very much smaller than the largest of all events.
    # Bounds are rounded up, so that a few more events usually leave the grid as it is: what earlier runs added up
    # on it can then be added to.
    largest = held.bounds[part.part.name].largest * part.largest_weight
    rows = max(held.row_count, 1)
    return make_grid(_power_above(largest, 1), int(_power_above(rows, 4)), integer=False, parts=3)


def _power_above(number: float, bits: int) -> float:
    """The smallest power of ``2 ** bits`` that is not below ``number``; 0 for 0."""
    if number == 0.0:
        return 0.0
    mantissa, exponent = math.frexp(number)
    exponent -= mantissa == 0.5
    return math.ldexp(1.0, -(-exponent // bits) * bits)


def _intake(fact: str, held: Held, *, timed: bool, with_events: int) -> FactIntake:
    return FactIntake(
        fact=fact,
        row_count=held.row_count,
        no_unit=held.no_unit,
        no_time=held.no_time if timed else 0,
        timed=timed,
        first_at=held.first_at,
        last_at=held.last_at,
        with_events=with_events,
        below_zero=held.below_zero,
    )


def _seen(engine: Engine, fact: FactSource, parts: Sequence[PartSql]) -> tuple[int, dict[str, _Seen]]:
    table = identifier(tables.unit_parts_table(fact.title))
    found = engine.fetch_row(compile_query("unit_ranges", parts=parts, table=table))
    seen = {}
    for part in parts:
        name = part.part.name
        bounds = bounds_of(found, name)
        if not (math.isfinite(bounds.low or 0.0) and math.isfinite(bounds.high or 0.0)):
            raise not_finite(f"{part.part.key}.value", part.part.value, remedy=REMEDY)
        seen[name] = _Seen(bounds=bounds, known=whole(found[tables.known_name(name)]))
    return whole(found["row_count"]), seen


def _is_coarse(part: PartSql, held: Held, seen: Mapping[str, _Seen]) -> bool:
    """Whether events that do not count have values so large that the grid made for them is coarse for those that do."""
    if not part.is_sum or part.where is None or seen[part.part.name].known == 0:
        return False
    return _grid(part, held).finest > _FINE * seen[part.part.name].bounds.largest


def _of_all_units(part: UnitPart, seen: _Seen, units: int) -> Bounds:
    """The range with the zeros of units that have no event."""
    bounds = seen.bounds
    if part.occurred and seen.known:
        bounds = Bounds(low=1.0, high=1.0)
    if part.pre_period or seen.known == units:
        return bounds
    return Bounds(low=min(bounds.low or 0.0, 0.0), high=max(bounds.high or 0.0, 0.0))
