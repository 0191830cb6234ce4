"""Sums of what units add to offline gains times what they add to metrics: one exact pass over the units of both.

The two are columns of the same row here: a unit of an experiment that asked queries of the test set. Of every contest
and arm the products add up to what errors of the gain and of the arm's mean have in common.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine
from abgap.online import tables
from abgap.online.plan import MetricColumns, Plan, UnitPart, ValueColumn, Window
from abgap.online.sums import Sums, sum_beside
from abgap.online.wide import WideTable
from abgap.records import Kind
from abgap.records.moments import FloatArray
from abgap.sources.sql import identifier


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitShare:
    """What the units of an arm add to a gain and to a metric.

    units: how many asked queries of the contest. products: of the metric's (linearised) value and of its covariates,
    the sum over these units of influence times distance from the arm's mean.
    """

    contest: int
    experiment: str
    variant: str
    metric: str
    units: int
    products: tuple[float, ...]


def sum_unit_shares(
    engine: Engine, sums: Sums, wide: WideTable, metrics: Collection[str], *, contest: str, influence: str
) -> Iterator[UnitShare]:
    """Add up every metric beside every contest of ``offline_unit_gains``; quantiles, which no sum tells, are left out.

    sums: of the same units. contest, influence: the columns of that table.
    """
    chosen = [m for m in sums.plan.metrics if m.metric in metrics and m.kind is not Kind.QUANTILE]
    engine.create_view(
        tables.UNITS_BESIDE_GAINS,
        compile_query(
            "units_beside_gains",
            units=identifier(wide.source),
            contest=identifier(contest),
            influence=identifier(influence),
        ),
    )
    beside = replace(
        wide,
        source=tables.UNITS_BESIDE_GAINS,
        cells=tables.GAIN_CELLS,
        slices=(),
        by_day=False,
        row_count=None,
        bounds={},
        draw=identifier(contest),
    )
    found = sum_beside(engine, _plan(sums.plan, chosen, influence), wide, beside)
    arms = zip(sums.rows["experiment"], sums.rows["variant"], sums.is_whole, strict=True)
    whole = {(e, v): row for row, (e, v, is_whole) in enumerate(arms) if is_whole}
    keys = zip(found.rows["experiment"], found.rows["variant"], found.rows[contest], strict=True)
    for at, (experiment, variant, place) in enumerate(keys):
        row = whole[experiment, variant]
        for metric in chosen:
            beside_gain = _among(influence, metric)
            units = int(found.known(beside_gain)[at])
            products = _products(sums, row, found, at, metric, beside_gain)
            if units and np.isfinite(products).all():
                yield UnitShare(
                    contest=int(place), experiment=experiment, variant=variant, metric=metric.metric,
                    units=units, products=tuple(float(product) for product in products),
                )  # fmt: skip


def _plan(plan: Plan, chosen: Collection[MetricColumns], influence: str) -> Plan:
    """The columns of the metrics, and the influence among the units that have each of them."""
    known = {column.name: column for column in plan.columns}
    columns: dict[str, ValueColumn] = {}
    products: dict[tuple[str, str], None] = {}
    for metric in chosen:
        measured = [known[name] for name in metric.measured()]
        guards = tuple(dict.fromkeys(part for column in measured for part in (column.part, *column.guards)))
        name = _among(influence, metric)
        # Like what was before exposure it is centred at nothing, and counted.
        columns[name] = ValueColumn(name=name, part=influence, guards=guards, pre_period=True)
        for column in (*metric.measured(), *metric.covariates):
            columns[column] = known[column]
            products[name, column] = None
    parts = {part for column in columns.values() for part in (column.part, *column.guards)}
    added = UnitPart(
        name=influence,
        key="offline.queries",
        fact=None,
        where=None,
        value=None,
        aggregate=None,
        window=Window(),
    )
    return replace(
        plan,
        parts=(*(part for part in plan.parts if part.name in parts), added),
        columns=tuple(columns.values()),
        metrics=(),
        funnels=(),
        products=tuple(products),
    )


def _among(influence: str, metric: MetricColumns) -> str:
    return tables.derived_name(influence, f"among {tables.column_name(metric.metric)}")


def _products(
    sums: Sums, row: int, found: Sums, at: int, metric: MetricColumns, beside_gain: str
) -> FloatArray:
    """Products of the influence with the value and with the covariates, each less its mean in the arm."""
    columns = (*metric.measured(), *metric.covariates)
    n = float(sums.known(metric.value)[row])
    means = [sums.centres[c][row] + sums.total(c)[row] / max(n, 1.0) for c in columns]
    influence = found.total(beside_gain)[at]
    products = np.array(
        [
            found.total(beside_gain, column)[at] + (found.centres[column][at] - mean) * influence
            for column, mean in zip(columns, means, strict=True)
        ]
    )
    if metric.denominator is None:
        return products
    if means[1] == 0.0:
        return np.full(len(products) - 1, np.nan)
    ratio = means[0] / means[1]
    return np.concatenate([[(products[0] - ratio * products[1]) / means[1]], products[2:]])
