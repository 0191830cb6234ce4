"""How many units each arm has, whole and in its parts: the numbers that the split is judged by.

Counted before any metric is looked at: a unit without a value of a metric still belongs to its arm, and an
assignment without metrics can be checked as well. Moments from elsewhere bring no such count; there the
largest n of any metric stands for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from abgap.engine.protocol import text_or_none
from abgap.online.codes import coded, grouped, is_null
from abgap.online.experiments import Variants, is_analysed
from abgap.online.sums import Sums
from abgap.records import Kind, Moments
from abgap.records.moments import FloatArray, ObjectArray
from abgap.stats.arrays import IndexArray
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
    names = ("experiment", "variant", "slice_name", "slice_value", "period")
    keys = [text_or_none(sums.rows[name]) for name in names]
    n = np.asarray(sums.rows["units"], dtype=np.float64)
    analysed = grouped(*map(coded, keys[:2])).where(partial(is_analysed, variants), *keys[:2])
    rows = np.flatnonzero(analysed)
    return _counted(keys, rows, n[rows], "rollup")


def count_arms(moments: Moments, study: Study) -> dict[str, ArmCounts]:
    """Units per experiment and arm out of moments: the largest n any metric has there; folds count for nothing.

    Days are those of the study's metrics that count every unit. Where none of them has days, retention and quantiles
    stand for them, the n of quantiles as what each day adds: their rows by day hold all units up to that day.
    """
    keys = (
        moments.experiment,
        moments.variant,
        moments.slice_name,
        moments.slice_value,
        moments.period,
    )
    of_all, is_day = is_null(moments.fold), ~is_null(moments.period)
    days, n_of_days = _days_of_units(moments, np.flatnonzero(of_all & is_day), study)
    rows = np.flatnonzero(of_all & ~is_day)
    n = np.concatenate([moments.n[rows], n_of_days])
    return _counted(keys, np.concatenate([rows, days]), n, "imported_moments")


def _days_of_units(moments: Moments, by_day: IndexArray, study: Study) -> tuple[IndexArray, FloatArray]:
    """The rows by day that say how many units came on a day, in each experiment, and how many."""
    kinds = {name: metric.kind for name, metric in study.metrics.items()}
    complete = {name for name, kind in kinds.items() if kind not in _OF_SOME_UNITS} | set(study.funnels)
    metric, experiment = coded(moments.metric[by_day]), coded(moments.experiment[by_day])
    counted = metric.where(lambda name: name in complete)
    known = np.zeros(len(experiment.values), dtype=bool)
    known[experiment.codes[counted]] = True
    rest = ~known[experiment.codes]
    matured = rest & metric.where(lambda name: kinds.get(name) is Kind.RETENTION)
    cumulated = rest & metric.where(lambda name: kinds.get(name) is Kind.QUANTILE)
    rows = np.concatenate([by_day[counted], by_day[matured]])
    last, added = _added(moments, by_day[cumulated])
    return np.concatenate([rows, last]), np.concatenate([moments.n[rows], added])


def _added(moments: Moments, rows: IndexArray) -> tuple[IndexArray, FloatArray]:
    """Rows that hold everything up to their day, in order of time, with what each day adds."""
    rows = rows[np.argsort(moments.period[rows].astype(str), kind="stable")]
    arms = (moments.experiment, moments.variant, moments.metric, moments.slice_name, moments.slice_value)
    arm = grouped(*(coded(column[rows]) for column in arms)).of
    order = np.argsort(arm, kind="stable")
    n, new_arm = moments.n[rows[order]], np.diff(arm[order], prepend=-1) != 0
    added = np.empty_like(n)
    added[order] = np.maximum(n - np.where(new_arm, 0.0, np.concatenate([n[:1], n[:-1]])), 0.0)
    return rows, added


def _counted(
    keys: Sequence[ObjectArray], rows: IndexArray, n: FloatArray, query: str
) -> dict[str, ArmCounts]:
    """The largest number of every arm and part. keys: experiment, variant, slice name and value, day."""
    columns = [key[rows] for key in keys]
    groups = grouped(*map(coded, columns))
    largest = np.full(groups.first.size, -1.0)
    np.fmax.at(largest, groups.of, n)
    found: dict[str, _Counter] = {}
    for experiment, variant, *part, units in zip(
        *(column[groups.first] for column in columns), largest.tolist(), strict=True
    ):
        if units >= 0.0:
            found.setdefault(experiment, _Counter()).add(_part(*part), variant, int(units))
    return {name: ArmCounts(whole=c.whole, parts=c.parts, query=query) for name, c in found.items()}


def _part(slice_name: object, slice_value: object, period: object) -> tuple[str, str] | None:
    """Which slice or day a row is of."""
    if isinstance(period, str):
        return DAY, period
    if isinstance(slice_name, str):
        return slice_name, slice_value if isinstance(slice_value, str) else NOT_KNOWN
    return None
