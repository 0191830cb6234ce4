"""How metrics of the same units go together: one covariance matrix of all of them per arm, from one exact pass.

Two effects of one experiment are measured on the same units, so that their errors are correlated; a regression of one
on the other that forgets it finds a slope where there is none. ``cross_rows.py`` says what a row of them holds. Where
units are without a value, a pair is added up over the units that have both, and scaled so that the matrix over ``n``
is still the covariance of the means.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement, product
from typing import TypeAlias

import numpy as np

from abgap.engine.exact import centred
from abgap.engine.protocol import Engine, text_or_none
from abgap.online import tables
from abgap.online.cross_rows import Entry, entries_name
from abgap.online.experiments import Variants, is_analysed
from abgap.online.joint import as_lists
from abgap.online.moments import concatenate, make_rows
from abgap.online.plan import MetricColumns, Plan, ValueColumn
from abgap.online.sums import Sums, sum_units
from abgap.online.wide import Progress, WideTable
from abgap.records import Kind, Moments
from abgap.records.moments import FloatArray, ObjectArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One metric of a pair: its columns as they are added up for this pair, the value first, covariates last."""

    metric: MetricColumns
    columns: tuple[str, ...]


_Pairs: TypeAlias = Mapping[tuple[str, str], tuple[_Side, _Side]]


def sum_cross_moments(
    engine: Engine,
    sums: Sums,
    wide: WideTable,
    metrics: Collection[str],
    variants: Variants,
    *,
    progress: Progress,
) -> Moments:
    """One row per arm with the cross moments of ``metrics``; quantiles, which no sum tells, are left out.

    sums: of the same units, which say how metrics are made and which of them some units are without. No row without
    two metrics.
    """
    chosen = [m for m in sums.plan.metrics if m.metric in metrics and m.kind is not Kind.QUANTILE]
    if len(chosen) < 2:
        return make_rows(0, {})
    planner = _Planner(sums, chosen)
    own = replace(wide, cells=tables.CROSS_CELLS, slices=(), by_day=False)
    found = sum_units(engine, planner.plan(), own, progress=progress)
    return _Reader(found, planner.pairs, variants).rows([metric.metric for metric in chosen])


class _Planner:
    """Collects what is added up for all pairs of metrics, and under which names."""

    def __init__(self, sums: Sums, metrics: Sequence[MetricColumns]) -> None:
        self._plan = sums.plan
        self._known = {column.name: column for column in sums.plan.columns}
        self._with_gaps = {metric.metric for metric in metrics if _has_gaps(sums, metric)}
        self._columns: dict[str, ValueColumn] = {}
        self._products: dict[tuple[str, str], None] = {}
        self.pairs: dict[tuple[str, str], tuple[_Side, _Side]] = {}
        for one, other in combinations_with_replacement(metrics, 2):
            sides = self._side(one, one, other), self._side(other, one, other)
            self.pairs[one.metric, other.metric] = sides
            for left, right in product(sides[0].columns, sides[1].columns):
                if (right, left) not in self._products:
                    self._products[left, right] = None

    def plan(self) -> Plan:
        """One pass for all of them."""
        # The second moment of every column shows whether its digits are enough.
        products = self._products | {(name, name): None for name in self._columns}
        parts = {part for c in self._columns.values() for part in (c.part, *c.guards)}
        return replace(
            self._plan,
            parts=tuple(part for part in self._plan.parts if part.name in parts),
            columns=tuple(self._columns.values()),
            metrics=(),
            funnels=(),
            products=tuple(products),
        )

    def _side(self, metric: MetricColumns, one: MetricColumns, other: MetricColumns) -> _Side:
        """The columns of ``metric`` among the units that have both metrics."""
        columns = [self._known[name] for name in (*metric.measured(), *metric.covariates)]
        if self._with_gaps & {one.metric, other.metric}:
            guards = tuple(dict.fromkeys([*self._presence(one), *self._presence(other)]))
            among = f"among {tables.column_name(one.metric)} and {tables.column_name(other.metric)}"
            columns = [
                # Columns that some units are without are counted.
                replace(c, name=tables.derived_name(c.name, among), guards=guards, matures=True)
                for c in columns
            ]
        self._columns |= {column.name: column for column in columns}
        return _Side(metric=metric, columns=tuple(column.name for column in columns))

    def _presence(self, metric: MetricColumns) -> list[str]:
        """The parts that a unit must have to count in a metric."""
        measured = [self._known[name] for name in metric.measured()]
        return [part for column in measured for part in (column.part, *column.guards)]


def _has_gaps(sums: Sums, metric: MetricColumns) -> bool:
    """Whether some unit is without the metric."""
    whole = sums.is_whole
    units = sums.rows["units"][whole]
    return any(not np.array_equal(sums.known(column)[whole], units) for column in metric.measured())


class _Reader:
    """Reads the matrices of all arms out of the sums."""

    def __init__(self, sums: Sums, pairs: _Pairs, variants: Variants) -> None:
        arms = zip(sums.rows["experiment"], sums.rows["variant"], strict=True)
        self._keep = sums.is_whole & np.array([is_analysed(variants, *arm) for arm in arms], dtype=bool)
        self._sums, self._pairs = sums, pairs
        self._units: FloatArray = sums.rows["units"][self._keep]

    def rows(self, metrics: Sequence[str]) -> Moments:
        """The rows of the moments table, in the order of arms."""
        sides = [self._pairs[name, name][0] for name in metrics]
        linear = {side.metric.metric: self._linear(side) for side in sides}
        means = np.concatenate([self._entry_means(side) for side in sides], axis=-1)
        blocks = [
            [self._block(a, b, linear) if i <= j else np.zeros(0) for j, b in enumerate(metrics)]
            for i, a in enumerate(metrics)
        ]
        whole = [
            [blocks[i][j] if i <= j else np.swapaxes(blocks[j][i], -1, -2) for j in range(len(metrics))]
            for i in range(len(metrics))
        ]
        labels = [entry for side in sides for entry in _entries(side.metric)]
        return self._as_moments(labels, means, np.block(whole))

    def _block(self, one: str, other: str, linear: Mapping[str, FloatArray]) -> FloatArray:
        """Covariances of the entries of two metrics; over n they are those of their means."""
        first, second = self._pairs[one, other]
        own = self._pairs[one, one][0], self._pairs[other, other][0]
        n_one, n_other = (self._n(side) for side in own)
        n = self._n(first)
        off_one, off_other = self._off(first, own[0]), self._off(second, own[1])
        spread = np.stack(
            [np.stack([self._product(a, b, n) for b in second.columns], axis=-1) for a in first.columns],
            axis=-2,
        )
        spread = spread + n[:, None, None] * off_one[..., :, None] * off_other[..., None, :]
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = np.where(n < 2.0, 0.0, n / np.maximum(n - 1.0, 1.0)) * self._units / (n_one * n_other)
        weight = np.where((n_one < 2.0) | (n_other < 2.0), np.nan, weight)
        found = weight[:, None, None] * (linear[one] @ spread @ np.swapaxes(linear[other], -1, -2))
        return np.asarray(found)

    def _product(self, left: str, right: str, n: FloatArray) -> FloatArray:
        """The sum of products of two columns around their means."""
        pair = (left, right) if tables.sum_name(left, right) in self._sums.rows else (right, left)
        products = self._total(*pair)
        found = centred(products, self._total(left), self._total(right), n)
        return np.asarray(np.maximum(found, 0.0) if left == right else found)

    def _linear(self, side: _Side) -> FloatArray:
        """Entries out of columns, (arms, entries, columns): a ratio by ``(y - r x) / mean x``."""
        covariates = len(side.metric.covariates)
        if side.metric.denominator is None:
            return np.broadcast_to(np.eye(1 + covariates), (len(self._units), 1 + covariates, 1 + covariates))
        found = np.zeros((len(self._units), 1 + covariates, 2 + covariates))
        found[:, 1:, 2:] = np.eye(covariates)
        bottom = self._mean(side.columns[1], self._n(side))
        found[:, 0, 0] = 1.0 / np.where(bottom == 0.0, np.nan, bottom)
        found[:, 0, 1] = -self._entry_means(side)[:, 0] * found[:, 0, 0]
        return found

    def _entry_means(self, side: _Side) -> FloatArray:
        """Means of the entries, (arms, entries)."""
        n = self._n(side)
        means = np.stack([self._mean(column, n) for column in side.columns], axis=-1)
        if side.metric.denominator is None:
            return means
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = means[:, :1] / np.where(means[:, 1:2] == 0.0, np.nan, means[:, 1:2])
        return np.concatenate([ratio, means[:, 2:]], axis=-1)

    def _off(self, among: _Side, own: _Side) -> FloatArray:
        """How far the means among the units of a pair lie off those of all that have the metric."""
        if among.columns == own.columns:
            return np.zeros((len(self._units), len(own.columns)))
        counts = self._n(among), self._n(own)
        columns = zip(among.columns, own.columns, strict=True)
        found = np.stack([self._mean(a, counts[0]) - self._mean(b, counts[1]) for a, b in columns], axis=-1)
        return np.asarray(np.where(counts[0][:, None] > 0.0, found, 0.0))

    def _n(self, side: _Side) -> FloatArray:
        """Units that have the metric. A covariate counts history, a value does not."""
        found: FloatArray = self._sums.known(side.columns[0])[self._keep]
        return found

    def _mean(self, column: str, n: FloatArray) -> FloatArray:
        centre = self._sums.centres[column][self._keep]
        return np.where(n > 0.0, centre + self._total(column) / np.maximum(n, 1.0), np.nan)

    def _total(self, left: str, right: str | None = None) -> FloatArray:
        found: FloatArray = self._sums.total(left, right)[self._keep]
        return found

    def _as_moments(self, entries: Sequence[Entry], means: FloatArray, covariances: FloatArray) -> Moments:
        """Rows with the entries that an arm has; arms without two metrics have none."""
        spread = np.diagonal(covariances, axis1=1, axis2=2)
        defined = np.isfinite(means) & np.isfinite(spread)
        parts = []
        for shape in np.unique(defined, axis=0):
            kept = [entry for entry, there in zip(entries, shape, strict=True) if there]
            if sum(place == 0 for _, place in kept) < 2:
                continue
            rows = np.flatnonzero((defined == shape).all(axis=1))
            at = np.flatnonzero(shape)
            square = covariances[rows[:, None, None], at[:, None], at]
            columns: dict[str, FloatArray | ObjectArray] = {
                name: text_or_none(self._sums.rows[name][self._keep][rows])
                for name in ("experiment", "variant")
            }
            columns |= {
                "metric": np.full(len(rows), entries_name(kept), dtype=object),
                "n": self._units[rows],
                "stage_means": as_lists(means[rows[:, None], at]),
                "stage_covariances": as_lists(square.reshape(len(rows), -1)),
            }
            parts.append(make_rows(len(rows), columns))
        return concatenate(parts)


def _entries(metric: MetricColumns) -> list[Entry]:
    return [(metric.metric, place) for place in range(1 + len(metric.covariates))]
