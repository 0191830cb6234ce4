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
from abgap.records import Kind, Moments
from abgap.study.model import Study

DAY = "day"
NOT_KNOWN = "not known"
# Retention knows units that are old enough, a quantile those that have a value.
_OF_SOME_UNITS = {Kind.RETENTION, Kind.QUANTILE}


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


def count_arms(moments: Moments, study: Study) -> dict[str, ArmCounts]:
    """Units per experiment and arm out of moments: the largest n any metric has there; folds count for nothing.

    Days are those of the study's metrics that count every unit. Where none of them has days, retention and quantiles
    stand for them, the n of quantiles as what each day adds: their rows by day hold all units up to that day.
    """
    columns = (
        moments.experiment,
        moments.variant,
        moments.metric,
        moments.slice_name,
        moments.slice_value,
        moments.period,
        moments.n,
    )
    rows = [tuple(row) for fold, *row in zip(moments.fold, *columns, strict=True) if fold is None]
    by_day = [row for row in rows if isinstance(row[5], str)]
    kept = [row for row in rows if not isinstance(row[5], str)] + _days_of_units(by_day, study)
    return _counted(((e, v, *part, n) for e, v, _, *part, n in kept), "imported_moments")


def _days_of_units(by_day: list[tuple[Any, ...]], study: Study) -> list[tuple[Any, ...]]:
    """The rows by day that say how many units came on a day, in each experiment."""
    kinds = {name: metric.kind for name, metric in study.metrics.items()}
    complete = {name for name, kind in kinds.items() if kind not in _OF_SOME_UNITS} | set(study.funnels)
    counted = [row for row in by_day if row[2] in complete]
    known = {row[0] for row in counted}
    rest = [row for row in by_day if row[0] not in known]
    matured = [row for row in rest if kinds.get(row[2]) is Kind.RETENTION]
    return counted + matured + _added([row for row in rest if kinds.get(row[2]) is Kind.QUANTILE])


def _added(cumulated: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """What each day adds to rows that hold everything up to their day."""
    so_far: dict[tuple[Any, ...], float] = {}
    found = []
    for *keys, period, n in sorted(cumulated, key=lambda row: str(row[5])):
        metric = tuple(keys)
        found.append((*keys, period, max(n - so_far.get(metric, 0.0), 0.0)))
        so_far[metric] = n
    return found


def _counted(rows: Iterable[Sequence[Any]], query: str) -> dict[str, ArmCounts]:
    largest: dict[tuple[Any, ...], float] = {}
    for *key, n in rows:
        arm = tuple(key)
        if n > largest.get(arm, -1):
            largest[arm] = n
    found: dict[str, _Counter] = {}
    for (experiment, variant, *part), n in largest.items():
        found.setdefault(experiment, _Counter()).add(_part(*part), variant, int(n))
    return {name: ArmCounts(whole=c.whole, parts=c.parts, query=query) for name, c in found.items()}


def _part(slice_name: object, slice_value: object, period: object) -> tuple[str, str] | None:
    """Which slice or day a row is of; a column that is null throughout arrives as NaN."""
    if isinstance(period, str):
        return DAY, period
    if isinstance(slice_name, str):
        return slice_name, slice_value if isinstance(slice_value, str) else NOT_KNOWN
    return None
