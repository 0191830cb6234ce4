"""The wide table, one row per experiment and analysed unit, and what was counted on the way to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from abgap.engine.duckdb import Columns
from abgap.engine.loading import Relation


class Progress(Protocol):
    """Told what is being done now."""

    def __call__(self, message: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FactIntake:
    """What one fact table holds. last_at: latest event (UTC) as text, None when it has no time."""

    fact: str
    row_count: int
    no_unit: int
    no_time: int
    timed: bool
    first_at: str | None
    last_at: str | None


@dataclass(slots=True, kw_only=True)
class WideTable:
    """What the units stage leaves behind: relations by source key, and the counts for the data checks.

    slices: names usable as columns of ``unit_outcomes``. by_day: whether exposures carry a time.
    exposure_counts, enrolment_counts: results of the queries of those names (logs only).
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


def whole(number: float) -> int:
    """A count out of the engine; sums over no rows are null and mean none."""
    return 0 if number != number else int(number)  # noqa: PLR0124 - NaN is the only number that differs from itself
