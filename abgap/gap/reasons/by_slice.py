"""Lifts by slice with the weight of each slice in the whole, for the reasons that take a lift apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.combining import weighted_sum
from abgap.records import Estimate, Interval, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceLift:
    """The lift of one slice, up is good. weight: its share of control's value, at which lifts make the whole lift."""

    estimate: Estimate
    lift: Interval
    weight: float

    @property
    def value(self) -> str:
        """The slice in words."""
        return "not known" if self.estimate.slice_value is None else self.estimate.slice_value


def slice_lifts(case: Case) -> dict[str, tuple[SliceLift, ...]]:
    """The slices of the business metric by name, those whose lift can be told; weights add up to 1 over these.

    Empty for quantiles, whose slices do not make up the whole.
    """
    by_name: dict[str, list[tuple[Estimate, Interval, float]]] = {}
    for estimate in case.evidence.slices(case.experiment, case.treatment, case.business_metric):
        value, lift = estimate.value_control, estimate.lift
        size = _size(case, estimate)
        if (
            isinstance(lift, Interval)
            and value is not None
            and value > 0.0
            and size is not None
            and estimate.slice_name is not None
        ):
            turned = lift if estimate.direction.sign > 0 else lift.flipped()
            by_name.setdefault(estimate.slice_name, []).append((estimate, turned, value * size))
    return {name: _weighed(found) for name, found in by_name.items()}


def has_parts(case: Case) -> bool:
    """Whether slices make up the whole: not those of a quantile."""
    return case.estimate is None or case.estimate.kind is not Kind.QUANTILE


def _size(case: Case, estimate: Estimate) -> float | None:
    """Units of both arms: the treatment does not change who is in a slice, and both together vary less.

    Of a ratio times what a unit of control adds to its denominator; None where that is not known, and for quantiles.
    """
    units = float(estimate.n_control + estimate.n_treatment)
    if estimate.kind is Kind.QUANTILE:
        return None
    if estimate.kind is not Kind.RATIO:
        return units
    key = (estimate.experiment, estimate.metric, estimate.slice_name, estimate.slice_value)
    per_unit = case.evidence.denominators.get(key)
    return None if per_unit is None else units * per_unit


def _weighed(found: Sequence[tuple[Estimate, Interval, float]]) -> tuple[SliceLift, ...]:
    total = sum(value for _, _, value in found)
    return tuple(
        SliceLift(estimate=estimate, lift=lift, weight=value / total) for estimate, lift, value in found
    )


def weight_of(slices: Iterable[SliceLift]) -> float:
    """What slices weigh together."""
    return sum(one.weight for one in slices)


def joint_lift(slices: Sequence[SliceLift]) -> Interval:
    """The lift of several slices together; at least one."""
    total = weight_of(slices)
    return weighted_sum((one.weight / total, one.lift) for one in slices)
