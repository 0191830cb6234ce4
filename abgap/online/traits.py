"""What estimates need to know of a metric."""

from __future__ import annotations

from dataclasses import dataclass

from abgap.records import Direction, Kind, Role


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
