"""What estimates need to know of a metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from abgap.online.codes import Coded, coded
from abgap.records import Direction, Kind, Role
from abgap.records.moments import ObjectArray


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTraits:
    """What estimates need to know of a metric. cumulative: whether it is followed by day.

    stratify_by: the slice name by which comparisons over all units are post-stratified. quantile: which one, where it
    is one.
    """

    name: str
    kind: Kind
    role: Role
    direction: Direction
    smallest_worthwhile_lift: float | None
    non_inferiority_margin: float | None
    cumulative: bool
    stratify_by: str | None = None
    quantile: float | None = None


# Those of every comparison: few metrics, many comparisons.
TraitColumn: TypeAlias = Coded[MetricTraits]


def traits_of(metric: ObjectArray, known: Mapping[str, MetricTraits]) -> TraitColumn:
    """The traits of a column of metrics, all of which are known."""
    return coded(metric).each(lambda name: known[name])
