"""The offline gain that belongs to a treatment arm: its model over the control's, in one offline metric.

Matched by model and baseline, never by position. What is missing is said; two arms with one model have a gain
of exactly zero, whatever the test set says.
"""

from __future__ import annotations

from dataclasses import dataclass

from abgap.gap.inputs import EvidenceIndex, ExperimentFacts
from abgap.records import Direction, Estimable, Interval, NotEstimable, OfflineRow, Reason

SAME_MODEL = "same model"
_BARE = {Reason.NO_INTERVAL_GIVEN, Reason.NO_VARIANCE_GIVEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineSide:
    """The offline side of a pair, turned so that up is good. face_value: the gain when it has no interval."""

    gain: Estimable
    direction: Direction
    face_value: float | None = None


def offline_side(
    facts: ExperimentFacts,
    treatment: str,
    metric: str,
    index: EvidenceIndex,
    *,
    direction: Direction,
    level: float,
) -> OfflineSide:
    """The gain of the arm's model, or what is missing to know it. direction: as the study declares it."""
    if facts.same_model(treatment):
        zero = Interval(estimate=0.0, low=0.0, high=0.0, level=level, method=SAME_MODEL)
        return OfflineSide(gain=zero, direction=direction)
    model, baseline = facts.models.get(treatment), facts.models.get(facts.control)
    if model is None or baseline is None:
        variant = treatment if model is None else facts.control
        detail = f"the study does not say which model ran in variant '{variant}'"
        missing = NotEstimable(reason=Reason.NOT_DECLARED, detail=detail)
        return OfflineSide(gain=missing, direction=direction)
    row = index.offline(model, metric).get(baseline)
    if row is None:
        detail = f"no offline result in '{metric}' compares model '{model}' with '{baseline}'"
        missing = NotEstimable(reason=Reason.NOT_MATCHED, detail=detail)
        return OfflineSide(gain=missing, direction=direction)
    return _turned(row)


def _turned(row: OfflineRow) -> OfflineSide:
    gain = row.improvement
    bare = not isinstance(gain, Interval) and gain.reason in _BARE
    return OfflineSide(gain=gain, direction=row.direction, face_value=row.bare_improvement if bare else None)
