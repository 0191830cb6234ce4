"""The wide table, one row per experiment and analysed unit, and what was counted on the way to it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from abgap.engine.protocol import Columns, Relation, Row
from abgap.online import tables
from abgap.sources.sql import Sql


class Progress(Protocol):
    """Told what is being done now."""

    def __call__(self, message: str) -> None:
        """Take note of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BelowZero:
    """Values below zero: in how many events, and the smallest of them."""

    events: int
    smallest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Values lie in [low, high]; None when there is no value."""

    low: float | None
    high: float | None

    @property
    def largest(self) -> float:
        """The largest absolute value, 0 when there is none."""
        return max(abs(self.low or 0.0), abs(self.high or 0.0))


def bounds_of(found: Row, part: str) -> Bounds:
    """The smallest and largest value of a part, out of a row of a query that asks for both."""
    low, high = (found[tables.derived_name(part, side)] for side in ("smallest", "largest"))
    # A DECIMAL comes as its own type.
    return Bounds(low=None if low is None else float(low), high=None if high is None else float(high))


@dataclass(frozen=True, slots=True, kw_only=True)
class FactIntake:
    """What one fact table holds.

    timed: whether windows apply to it. first_at, last_at: first and last event (UTC) as text, None when it has
    no time. with_events: analysed units that have an event in reach of any window, over all experiments.
    below_zero: parts that sum or compare negative values, event by event.
    """

    fact: str
    row_count: int
    no_unit: int
    no_time: int
    timed: bool
    first_at: str | None
    last_at: str | None
    with_events: int
    below_zero: Mapping[str, BelowZero] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class WideTable:
    """What the units stage leaves behind: relations by source key, and the counts for the data checks.

    slices: as the study names them. by_day: whether exposures carry a time. has_units: whether units have ids.
    may_miss_values: whether a unit may be without a value. integer_parts: parts that are whole numbers.
    exposure_counts, enrolment_counts: results of the queries of those names (logs only). intakes: one per fact
    table that is read. row_count, bounds: rows of ``unit_outcomes``, and the range of every part in them, where both
    are known without reading it. without_unit: rows left out because they have no id (ready-made tables only).
    only_experiment: the experiment of all rows, where the study says that it is one. source, cells: the tables that
    units are added up from and into. draw: the column that tells draws of the same units apart, where there are any.
    cluster_counts: the result of the query of that name, where clusters were randomised.
    """

    relations: dict[str, Relation] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    by_day: bool = False
    has_units: bool = True
    may_miss_values: bool = False
    integer_parts: frozenset[str] = frozenset()
    exposure_counts: Columns | None = None
    enrolment_counts: Columns | None = None
    intakes: tuple[FactIntake, ...] = ()
    row_count: int | None = None
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    without_unit: int = 0
    only_experiment: Sql | None = None
    source: str = tables.UNIT_OUTCOMES
    cells: str = tables.CELLS
    draw: Sql | None = None
    cluster_counts: Columns | None = None

    @property
    def of_members(self) -> bool:
        """Whether its units are still to be added up to clusters."""
        return self.source == tables.MEMBER_OUTCOMES


def whole(number: float | None) -> int:
    """A count out of the engine; sums over no rows are null and mean none."""
    return 0 if number is None or math.isnan(number) else int(number)


def data_until(wide: WideTable | None) -> dt.datetime | None:
    """The last event (UTC) of fact tables with a time, else the last exposure; None when nothing has a time."""
    if wide is None:
        return None
    events = _latest(intake.last_at for intake in wide.intakes if intake.timed)
    if events is not None or wide.enrolment_counts is None or not wide.by_day:
        return events
    return _latest(wide.enrolment_counts["last_at"])


def _latest(moments: Iterable[object]) -> dt.datetime | None:
    return max((at for at in map(_moment, moments) if at is not None), default=None)


def _moment(text: object) -> dt.datetime | None:
    try:
        return dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:  # infinity, and years that are no dates here
        return None
