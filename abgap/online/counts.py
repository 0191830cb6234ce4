"""How many units each arm has, whole and in its parts: the numbers that the split is judged by.

Counted before any metric is looked at: a unit without a value of a metric still belongs to its arm, and an
assignment without metrics can be checked as well. Moments from elsewhere bring no such count; there the
largest n of any metric stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from abgap.online.experiments import Variants, is_analysed
from abgap.online.sums import Sums
from abgap.records import Moments

DAY = "day"
NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCounts:
    """Units of one experiment per variant, whole and in its slices and days.

    whole: variant -> units. parts: (slice name or ``day``, its value) -> variant -> units. query: which of the
    catalogue's queries they come from.
    """

    whole: Mapping[str, int]
    parts: Mapping[tuple[str, str], Mapping[str, int]]
    query: str = "rollup"


@dataclass(slots=True, kw_only=True)
class _Counter:
    """Collects the counts of one experiment; of several for the same arm the largest stays."""

    whole: dict[str, int] = field(default_factory=dict)
    parts: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)

    def add(self, part: tuple[str, str] | None, variant: str, n: int) -> None:
        arms = self.whole if part is None else self.parts.setdefault(part, {})
        arms[variant] = max(arms.get(variant, 0), n)


def count_units(sums: Sums, variants: Variants) -> dict[str, ArmCounts]:
    """Units per experiment and arm out of the engine's rollup."""
    names = ("experiment", "variant", "slice_name", "slice_value", "period", "units")
    rows = zip(*(sums.rows[name] for name in names), strict=True)
    return _counted((row for row in rows if is_analysed(variants, row[0], row[1])), "rollup")


def count_arms(moments: Moments) -> dict[str, ArmCounts]:
    """Units per experiment and arm out of moments: the largest n any metric has there; folds count for nothing."""
    columns = (
        moments.experiment,
        moments.variant,
        moments.slice_name,
        moments.slice_value,
        moments.period,
        moments.n,
    )
    rows = zip(moments.fold, *columns, strict=True)
    return _counted((row for fold, *row in rows if fold is None), "imported_moments")


def _counted(rows: Iterable[Sequence[Any]], query: str) -> dict[str, ArmCounts]:
    found: dict[str, _Counter] = {}
    for experiment, variant, slice_name, slice_value, period, n in rows:
        counter = found.setdefault(experiment, _Counter())
        counter.add(_part(slice_name, slice_value, period), variant, int(n))
    return {name: ArmCounts(whole=c.whole, parts=c.parts, query=query) for name, c in found.items()}


def _part(slice_name: object, slice_value: object, period: object) -> tuple[str, str] | None:
    """Which slice or day a row is of; a column that is null throughout arrives as NaN."""
    if isinstance(period, str):
        return DAY, period
    if isinstance(slice_name, str):
        return slice_name, slice_value if isinstance(slice_value, str) else NOT_KNOWN
    return None
