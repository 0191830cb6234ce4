"""What the scores of a binary model are worth over all thresholds: records of results.json for curves."""

from __future__ import annotations

from dataclasses import dataclass

from abgap.records.numbers import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdPoint:
    """Decisions when every score of at least ``threshold`` is called positive; None calls nobody."""

    threshold: float | None
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Examples whose probability lies in [low, high): their mean probability, and the share that is positive.

    The last bin includes its upper end. Bins without examples are left out.
    """

    low: float
    high: float
    n: int
    mean_probability: float
    positives: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionCurves:
    """The threshold curve and the calibration curve of a binary model, over all its examples.

    declared: decisions at the threshold of the study; points: some 200 thresholds from high to low. cheapest: where
    errors cost least on these examples, None without ``error_costs``. cost: of errors per example there, None likewise.
    calibration: empty when scores are no probabilities.
    """

    model: str
    n: int
    positives: int
    declared: ThresholdPoint
    points: tuple[ThresholdPoint, ...]
    cheapest: ThresholdPoint | None
    cost: float | None
    calibration: tuple[CalibrationBin, ...]
