"""Average precision of detections that were matched with true boxes, as COCO defines it, for many weights of images.

Detections of a class are put in order of their scores; precision is made to fall (the best from a recall on), and read
at 101 recalls from 0 to 1. That is averaged over classes that are there, and over the thresholds of overlap. Images
have weights, so that the same matches give the value of every draw of a bootstrap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray

RECALLS = np.linspace(0.0, 1.0, 101)
# Numbers that are worked on at a time.
_CHUNK = 2**21


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMatches:
    """One class. unit, score: of every detection, units being images of a model. matched: (thresholds, detections).

    boxes: true boxes of every unit.
    """

    unit: npt.NDArray[np.intp]
    score: FloatArray
    matched: npt.NDArray[np.bool_]
    boxes: FloatArray


def mean_average_precision(classes: list[ClassMatches], weights: FloatArray) -> FloatArray:
    """The mean over classes and thresholds for weights of units (draws, units); NaN where no class is there."""
    draws = len(weights)
    total, there = np.zeros(draws), np.zeros(draws)
    for found in classes:
        size = max(_CHUNK // max(len(found.unit), 1), 1)
        order = np.argsort(-found.score, kind="stable")
        for start in range(0, draws, size):
            rows = slice(start, start + size)
            boxes = weights[rows] @ found.boxes
            values = _average_precision(found, order, weights[rows], boxes)
            total[rows] += np.where(boxes > 0, values, 0.0)
            there[rows] += boxes > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(total / there)


def _average_precision(
    found: ClassMatches, order: npt.NDArray[np.intp], weights: FloatArray, boxes: FloatArray
) -> FloatArray:
    """Mean over thresholds, of one class: (draws,)."""
    each = weights[:, found.unit[order]]
    if each.shape[1] == 0:
        return np.zeros(len(weights))
    called = np.cumsum(each, axis=1)
    values = np.zeros(len(weights))
    for matched in found.matched:
        right = np.cumsum(np.where(matched[order], each, 0.0), axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(called > 0, right / called, 0.0)
            recall = np.where(boxes[:, None] > 0, right / boxes[:, None], 0.0)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        reached = np.searchsorted(RECALLS, recall.ravel(), side="right").reshape(recall.shape)
        steps = np.diff(reached, axis=1, prepend=0)
        values += (best * steps).sum(axis=1) / len(RECALLS)
    return values / len(found.matched)
