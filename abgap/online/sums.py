"""Adds up the wide table: one pass for all metrics, slices and days, into exact sums that roll up without another scan.

Small questions come first: the range of each part (it fixes the grid of the exact sums) and the thresholds of
capped metrics. A second pass is needed only when a table with missing values has units with a part of a
metric, when the values of an arm lie so far from the common centre that their squares lose digits, or when a few
values are so large that the grid made for them is too coarse for the others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import sum_of
from abgap.engine.protocol import Columns, Engine
from abgap.online import tables
from abgap.online.cells import compile_cells
from abgap.online.centres import Centres, arm_centres, common_centres
from abgap.online.plan import Plan, with_guards
from abgap.online.ranges import Arm, Range, no_share, not_finite_part, part_ranges
from abgap.online.wide import Progress, WideTable
from abgap.records.moments import FloatArray
from abgap.sources.sql import Named, Sql, comma_list, identifier, literal

# A squared mean this many times the variance costs three of sixteen digits; more is not accepted.
_CROWDED = 1000.0
# Squares may be rounded by this share of the mean square; nine digits are promised.
_COARSE = 1e-10
# Parts of every sum in a second pass that is made for the digits.
_THOROUGH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The sums of every row of the rollup.

    plan: as used, with guards. rows: columns of the rollup query, numbers as float64. centres: what was
    subtracted before adding up, per column and row. counted: columns whose units with a value are counted.
    resolution: what the terms of each sum were rounded to. smallest: the smallest value of each part.
    caps: per capped column and experiment the value it is cut at.
    """

    plan: Plan
    rows: Columns
    centres: Mapping[str, FloatArray]
    counted: frozenset[str]
    resolution: Mapping[str, float]
    smallest: Mapping[str, float]
    caps: Mapping[tuple[str, str], float]

    def total(self, left: str, right: str | None = None) -> FloatArray:
        """The sum of a column, or of the product of two."""
        return sum_of(self.rows, tables.sum_name(left, right))

    def known(self, column: str) -> FloatArray:
        """Units with a value of the column."""
        n: FloatArray = self.rows[tables.known_name(column) if column in self.counted else "units"]
        return n

    @property
    def is_whole(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """The rows of whole arms."""
        return np.asarray(self.rows["level"] == "whole", dtype=np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What all passes share."""

    engine: Engine
    wide: WideTable
    row_count: int
    ranges: Mapping[str, Range]
    caps: Mapping[tuple[str, str], float]


def sum_units(engine: Engine, plan: Plan, wide: WideTable, *, progress: Progress) -> Sums:
    """Add up ``unit_outcomes``.

    Raises DataError when a value is NaN or infinite, or when a share is not made of 0 and 1.
    """
    row_count, ranges = part_ranges(engine, plan, wide)
    caps = make_caps(engine, plan, wide)
    work = _Work(engine=engine, wide=wide, row_count=row_count, ranges=ranges, caps=caps)
    progress("adding up")
    sums = _add_up(work, plan, common_centres(plan, ranges))
    _refuse_not_finite(sums)
    _refuse_no_shares(sums)
    incomplete = _incomplete(sums)
    if incomplete:
        plan = with_guards(plan, incomplete)
        # Guarded columns have names of their own, and so have their caps.
        work = replace(work, caps=make_caps(engine, plan, wide))
        sums = _add_up(work, plan, common_centres(plan, ranges))
    if _is_crowded(sums):
        return _add_up(work, plan, arm_centres(engine, plan, wide, _arm_means(sums)), parts=_THOROUGH)
    if _is_coarse(sums):
        return _add_up(work, plan, common_centres(plan, ranges), parts=_THOROUGH)
    return sums


def make_caps(engine: Engine, plan: Plan, wide: WideTable) -> dict[tuple[str, str], float]:
    """Make the table of the values that capped columns are cut at, and return them, by column and experiment."""
    capped = {column.name: column for column in plan.columns if column.cap_fraction is not None}
    if not capped:
        return {}
    thresholds = [
        Named(
            name=identifier(name),
            value=Sql(f"quantile_cont(cast(o.{identifier(c.part)} as double), {literal(c.cap_fraction)})"),
        )
        for name, c in capped.items()
    ]
    engine.create_table(
        tables.CAPS, compile_query("caps", units=identifier(wide.source), thresholds=thresholds)
    )
    rows = engine.rows(f"SELECT experiment, {comma_list(t.name for t in thresholds)} FROM {tables.CAPS}")
    return {
        (name, experiment): float(cap)
        for experiment, *found in rows
        for name, cap in zip(capped, found, strict=True)
        if cap is not None
    }


def _add_up(work: _Work, plan: Plan, centres: Centres, *, parts: int = 2) -> Sums:
    """One pass over the units. parts: of every sum."""
    counted = frozenset(
        c.name for c in plan.columns if work.wide.may_miss_values or c.pre_period or c.matures
    )
    cells = compile_cells(plan, work.wide, centres, work.row_count, counted=counted, parts=parts)
    work.engine.create_table(work.wide.cells, cells.statement)
    rows = work.engine.fetch(cells.rollup)
    arms = list(zip(rows["experiment"], rows["variant"], strict=True))
    return Sums(
        plan=plan,
        rows=rows,
        centres={column.name: centres.in_rows(column.name, arms) for column in plan.columns},
        counted=counted,
        resolution=cells.resolution,
        smallest={name: found.low for name, found in work.ranges.items()},
        caps=work.caps,
    )


def sum_splits(
    engine: Engine, plan: Plan, wide: WideTable, drawn: WideTable, known: Sums, experiment: str
) -> Sums:
    """Add up the units of one experiment as they are drawn into arms, in one pass over ``drawn.source``.

    plan: a part of the one used before. wide, known: the units themselves and their sums, which say where values lie.
    """
    row_count, ranges = part_ranges(engine, plan, wide)
    caps = make_caps(engine, plan, wide)
    work = _Work(engine=engine, wide=drawn, row_count=row_count, ranges=ranges, caps=caps)
    return _add_up(work, plan, common_centres(plan, ranges, known=_crowded_means(known, experiment)))


def sum_beside(engine: Engine, plan: Plan, wide: WideTable, beside: WideTable) -> Sums:
    """Add up units with more columns than their own, in one pass over ``beside.source``.

    wide: the units themselves, which say what values are capped at.
    """
    row_count, ranges = part_ranges(engine, plan, beside)
    caps = make_caps(engine, plan, wide)
    work = _Work(engine=engine, wide=beside, row_count=row_count, ranges=ranges, caps=caps)
    return _add_up(work, plan, common_centres(plan, ranges), parts=_THOROUGH)


def _crowded_means(sums: Sums, experiment: str) -> dict[str, float]:
    """The mean over all arms of every column whose values lie far from zero beside their spread."""
    whole = sums.is_whole
    here = sums.rows["experiment"][whole] == experiment
    found: dict[str, float] = {}
    for name, *numbers in _arm_squares(sums):
        n, mean, squares = (of_arms[here] for of_arms in numbers)
        own = sums.centres[name][whole][here] + mean
        units = max(float(n.sum()), 1.0)
        pooled = float((n * own).sum()) / units
        spread = float((n * (squares - mean**2 + (own - pooled) ** 2)).sum()) / units
        if pooled**2 > _CROWDED * spread:
            found[name] = pooled
    return found


def _means(sums: Sums, column: str) -> FloatArray:
    """The mean of what was added up, 0 where there is nothing."""
    return sums.total(column) / np.maximum(sums.known(column), 1.0)


def _arm_means(sums: Sums) -> dict[Arm, dict[str, float]]:
    """The mean of every column in every arm."""
    rows = np.flatnonzero(sums.is_whole)
    means = {c.name: sums.centres[c.name] + _means(sums, c.name) for c in sums.plan.columns}
    return {
        (sums.rows["experiment"][row], sums.rows["variant"][row]): {
            name: float(mean[row]) for name, mean in means.items()
        }
        for row in rows
    }


def _is_crowded(sums: Sums) -> bool:
    """Whether the values of an arm lie so close together, and so far from the centre, that digits are lost."""
    return any(
        bool(np.any((n > 1) & ((squares - mean**2) * _CROWDED < mean**2)))
        for _, n, mean, squares in _arm_squares(sums)
    )


def _is_coarse(sums: Sums) -> bool:
    """Whether the usual values of an arm are so small beside the largest one that rounding to its grid tells."""
    return any(
        bool(np.any((mean != 0.0) & (sums.resolution[tables.sum_name(name, name)] > _COARSE * squares)))
        for name, _, mean, squares in _arm_squares(sums)
    )


def _arm_squares(sums: Sums) -> Iterator[tuple[str, FloatArray, FloatArray, FloatArray]]:
    """Per column with a second moment: its name, and by arm the units, the mean and the mean square."""
    whole = sums.is_whole
    for name in [left for left, right in sums.plan.products if left == right]:
        n = sums.known(name)[whole]
        yield name, n, _means(sums, name)[whole], sums.total(name, name)[whole] / np.maximum(n, 1.0)


def _refuse_not_finite(sums: Sums) -> None:
    for column in sums.plan.columns:
        total = np.asarray(sums.rows[tables.sum_name(column.name)], dtype=np.float64)
        if ((sums.known(column.name) > 0) & ~np.isfinite(total)).any():
            raise not_finite_part(sums.plan, column.part)


def _refuse_no_shares(sums: Sums) -> None:
    """Values in [0, 1] are all 0 or 1 exactly when their sum is the sum of their squares."""
    parts = {part.name: part for part in sums.plan.parts}
    for metric in sums.plan.metrics:
        part = parts.get(metric.value)
        if not metric.kind.is_share or part is None or part.fact is not None:
            continue
        values, squares = sums.total(metric.value), sums.total(metric.value, metric.value)
        centres = sums.centres[metric.value]
        if np.any(values != squares) or not np.isin(centres, (0.0, 1.0)).all():
            raise no_share(part, "values between them")


def _incomplete(sums: Sums) -> list[str]:
    """Metrics and funnels of several columns of which some units have only a part."""
    units = sums.rows["units"]

    def has_gaps(columns: tuple[str, ...]) -> bool:
        return any(not np.array_equal(sums.known(column), units) for column in columns)

    # What only units of an age have, they have together.
    mature = {column.name for column in sums.plan.columns if column.matures}
    metrics = [
        m.metric
        for m in sums.plan.metrics
        if len(m.used()) > 1 and not mature.issuperset(m.measured()) and has_gaps(m.measured())
    ]
    return metrics + [name for name, stages in sums.plan.funnels if has_gaps(stages)]
