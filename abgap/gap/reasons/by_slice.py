"""Lifts by slice with the weight of each slice in the whole, for the reasons that take a lift apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.combining import weighted_sum
from abgap.records import Estimate, Interval


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
    """The slices of the business metric by name, those whose lift can be told; weights add up to 1 over these."""
    by_name: dict[str, list[tuple[Estimate, Interval, float]]] = {}
    for estimate in case.evidence.slices(case.experiment, case.treatment, case.business_metric):
        value, lift = estimate.value_control, estimate.lift
        if (
            isinstance(lift, Interval)
            and value is not None
            and value > 0.0
            and estimate.slice_name is not None
        ):
            turned = lift if estimate.direction.sign > 0 else lift.flipped()
            by_name.setdefault(estimate.slice_name, []).append((estimate, turned, value * _size(estimate)))
    return {name: _weighed(found) for name, found in by_name.items()}


def _size(estimate: Estimate) -> float:
    """Units of both arms: the treatment does not change who is in a slice, and both together vary less."""
    return float(estimate.n_control + estimate.n_treatment)


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
