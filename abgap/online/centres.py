"""What is subtracted from every column before it is added up, so that nothing is lost to cancellation.

Usually one number per column, the point of its range nearest to zero, serves all units. Where the values of an
arm lie close together and far from that, each arm gets its own mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from abgap.engine.exact import shift_for
from abgap.engine.protocol import Engine, Given
from abgap.online import tables
from abgap.online.plan import Plan
from abgap.online.ranges import Arm, Range, arm_ranges, column_range
from abgap.online.wide import WideTable
from abgap.records.moments import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The largest absolute value of a centred column, and whether all its values are whole numbers."""

    largest: float
    whole: bool

    def __mul__(self, other: Size) -> Size:
        return Size(largest=self.largest * other.largest, whole=self.whole and other.whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Centres:
    """The centres of all columns: ``common`` to all units, or ``of_arms``, then in the table of that name."""

    sizes: Mapping[str, Size]
    common: Mapping[str, float]
    of_arms: Mapping[Arm, Mapping[str, float]] | None = None

    def in_rows(self, column: str, arms: Sequence[Arm]) -> FloatArray:
        """The centre of a column in rows of the given arms."""
        if self.of_arms is None:
            return np.full(len(arms), self.common[column])
        return np.array([self.of_arms[arm][column] for arm in arms], dtype=np.float64)


def common_centres(
    plan: Plan, ranges: Mapping[str, Range], *, known: Mapping[str, float] | None = None
) -> Centres:
    """One centre per column. known: better ones than its range tells."""
    sizes, shifts = {}, {}
    for column in plan.columns:
        found = column_range(column, ranges)
        shift = (known or {}).get(column.name, shift_for(found.low, found.high))
        shifts[column.name] = shift
        sizes[column.name] = Size(
            largest=found.farthest_from(shift), whole=found.integer and shift.is_integer()
        )
    return Centres(sizes=sizes, common=shifts)


def arm_centres(
    engine: Engine, plan: Plan, wide: WideTable, means: Mapping[Arm, Mapping[str, float]]
) -> Centres:
    """One centre per column and arm, its mean; makes the table of centres that the pass joins."""
    ranges = arm_ranges(engine, plan, wide)
    sizes = {
        column.name: Size(
            largest=max(
                (
                    column_range(column, of_arm).farthest_from(means[arm][column.name])
                    for arm, of_arm in ranges.items()
                    if arm in means and column.part in of_arm
                ),
                default=0.0,
            ),
            whole=False,
        )
        for column in plan.columns
    }
    _make_table(engine, [column.name for column in plan.columns], means)
    return Centres(sizes=sizes, common={}, of_arms=means)


def _make_table(engine: Engine, columns: Sequence[str], means: Mapping[Arm, Mapping[str, float]]) -> None:
    arms = {
        "experiment": Given(type="VARCHAR", values=[experiment for experiment, _ in means]),
        "variant": Given(type="VARCHAR", values=[variant for _, variant in means]),
    }
    of_arms = {c: Given(type="DOUBLE", values=[of_arm[c] for of_arm in means.values()]) for c in columns}
    engine.put_table(tables.CENTRES, arms | of_arms)
