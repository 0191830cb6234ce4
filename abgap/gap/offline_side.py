"""The offline gain that belongs to a treatment arm: its model over the control's, in one offline metric.

Matched by model and baseline, never by position, else one that came ready for the arm. What is missing is said; two
arms with one model have a gain of exactly zero, whatever the test set says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abgap.gap.expected import critical
from abgap.gap.given_gains import GivenGains
from abgap.gap.inputs import EvidenceIndex, ExperimentFacts
from abgap.records import Direction, Estimable, Interval, NotEstimable, OfflineRow, Reason
from abgap.stats.tails import t_quantile

SAME_MODEL = "same model"
_BARE = {Reason.NO_INTERVAL_GIVEN, Reason.NO_VARIANCE_GIVEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineSide:
    """The offline side of a pair, turned so that up is good.

    face_value: the gain when it has no interval. error: its standard error, None where there is none.
    """

    gain: Estimable
    direction: Direction
    face_value: float | None = None
    error: float | None = None


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
    given = index.gains.row(facts.name, treatment, metric)
    if given is not None and (model is None or baseline not in index.offline(model, metric)):
        return _ready_made(index.gains, given, metric, direction=direction, level=level)
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


def _ready_made(
    gains: GivenGains, row: int, metric: str, *, direction: Direction, level: float
) -> OfflineSide:
    """A gain that came for this arm, with its interval: Welch's, or a normal one without degrees of freedom."""
    gain, error, df = float(gains.gain[row]), float(gains.error[row]), float(gains.df[row])
    if math.isnan(error):
        detail = f"the gain in '{metric}' came without a standard error"
        bare = NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail=detail)
        return OfflineSide(gain=bare, direction=direction, face_value=gain)
    method = "welch" if math.isfinite(df) else "normal"
    reach = float(t_quantile((1.0 + level) / 2.0, df)) * error
    interval = Interval(estimate=gain, low=gain - reach, high=gain + reach, level=level, method=method)
    return OfflineSide(gain=interval, direction=direction, error=error)


def _turned(row: OfflineRow) -> OfflineSide:
    gain = row.improvement
    bare = not isinstance(gain, Interval) and gain.reason in _BARE
    return OfflineSide(
        gain=gain,
        direction=row.direction,
        face_value=row.bare_improvement if bare else None,
        error=_error(gain, row) if isinstance(gain, Interval) else None,
    )


def _error(gain: Interval, row: OfflineRow) -> float:
    """The standard error behind an interval: of Student's t where examples were paired, else of the normal."""
    half, tail = (gain.high - gain.low) / 2.0, (1.0 + gain.level) / 2.0
    if gain.method == "paired-t" and row.n is not None:
        return half / float(t_quantile(tail, row.n - 1.0))
    return half / critical(gain.level)
