"""Predicted boxes held against true ones: mean average precision as COCO has it, and how well boxes fit.

Matching is pycocotools': detections in order of their scores, at most 100 an image and class, each to the free true box
of its class that it overlaps most. Mean average precision is no sum over images, but the matches of an image do not
depend on the others, so draws of images are weights of matches (``stats/detection.py``).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abgap.engine.protocol import Engine
from abgap.errors import DataError
from abgap.offline.contest import Contest
from abgap.offline.tasks.contests import Procedure
from abgap.offline.tasks.examples import KEY
from abgap.offline.tasks.extras import optional
from abgap.offline.tasks.given_terms import GivenRow, given_contests
from abgap.offline.tasks.images import BOX, ImageRows, read_images
from abgap.offline.tasks.metric import TaskMetric, wanted_metrics
from abgap.offline.tasks.weighted import WeightedMetric, weighted_contests
from abgap.records.moments import FloatArray
from abgap.records.order import natural_order
from abgap.records.words import plural
from abgap.stats.detection import ClassMatches, mean_average_precision
from abgap.stats.score_of_sums import mean_of
from abgap.study.model import Annotations, Predictions, Study

TRUTH = "offline.annotations"
THRESHOLDS = np.linspace(0.5, 0.95, 10)
MOST_BOXES = 100
LAZY_NONE, LAZY_HULL = "no box", "one box around everything"
_DEFINITIONS = {
    "detection_map": "mean over classes and over IoU thresholds .50, .55, ..., .95 of the average precision (COCO)",
    "detection_map_50": "mean over classes of the average precision at an IoU of .50 (COCO)",
    "iou": (
        "mean over images of the IoU of each true box with the best box of its class, 0 without one; an image without "
        "objects counts 1 when nothing is predicted there, 0 otherwise"
    ),
}
_MAPS = {"detection_map": slice(None), "detection_map_50": slice(0, 1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """Boxes as (left, top, width, height), with the places of their image and class; scores 1 for true ones."""

    image: npt.NDArray[np.intp]
    kind: npt.NDArray[np.intp]
    box: FloatArray
    score: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """Everything that was read: images and classes in order, the true boxes, and those of every model."""

    images: tuple[str, ...]
    classes: tuple[str, ...]
    slices: tuple[tuple[str | None, ...], ...]
    truth: Boxes
    models: dict[str, Boxes]


def read_detections(
    engine: Engine, source: Predictions, annotations: Annotations, directory: Path
) -> tuple[ImageRows, ImageRows]:
    """The rows of [offline.predictions] and of [offline.annotations]."""
    said = read_images(engine, KEY, source, directory, numbers=(*BOX, "y_score"))
    return said, read_images(engine, TRUTH, annotations, directory, numbers=BOX)


def detection_contests(
    engine: Engine,
    study: Study,
    rows: tuple[ImageRows, ImageRows],
    slices: Sequence[str],
    procedure: Procedure,
) -> list[Contest]:
    """Every metric of every model, and of every pair. Raises DataError for boxes that are none or images unknown."""
    found = _arrange(*rows)
    metrics = wanted_metrics(study, _known(), tuple(_DEFINITIONS))
    lazy = _lazies(found)
    contests: list[Contest] = []
    fits = [metric for metric in metrics if metric.base == "iou"]
    if fits:
        lazy_rows = [row for name, boxes in lazy.items() for row in _fits(name, boxes, found)]
        of_models = [row for name, boxes in found.models.items() for row in _fits(name, boxes, found)]
        contests += given_contests(engine, of_models, lazy_rows, slices, fits, procedure)
    for metric in metrics:
        if metric.base in _MAPS:
            contests += _maps(found, lazy, metric, slices, procedure)
    return contests


def _known() -> dict[str, TaskMetric]:
    return {
        name: TaskMetric(
            name=name, base=name, score=mean_of("iou"), definition=text, undefined="there is no true box"
        )
        for name, text in _DEFINITIONS.items()
    }


def _arrange(said: ImageRows, truth: ImageRows) -> Detections:
    images = {str(image): i for i, image in enumerate(sorted(set(truth.images), key=natural_order))}
    unknown = [str(image) for image in said.images if image not in images]
    if unknown:
        raise DataError(
            f"{KEY}: {plural(len(unknown), 'box')} of images that are not in [{TRUTH}], e.g. {unknown[0]!r}; an image "
            "without any object has one row there, without a box"
        )
    kinds = sorted({str(kind) for rows in (said, truth) for kind in rows.classes}, key=natural_order)
    classes = {kind: i for i, kind in enumerate(kinds)}
    first = {str(image): row for row, image in reversed(list(enumerate(truth.images)))}
    names = [str(model) for model in said.models]
    return Detections(
        images=tuple(images),
        classes=tuple(classes),
        slices=tuple(truth.slices_of(first[image]) for image in images),
        truth=_boxes(truth, np.arange(len(truth)), images, classes),
        models={
            name: _boxes(said, np.flatnonzero([n == name for n in names]), images, classes)
            for name in sorted(set(names), key=natural_order)
        },
    )


def _boxes(
    rows: ImageRows, chosen: npt.NDArray[Any], images: dict[str, int], classes: dict[str, int]
) -> Boxes:
    corners = np.column_stack([rows.numbers[name] for name in BOX])[chosen].reshape(-1, len(BOX))
    scores = rows.numbers.get("y_score", np.ones(len(rows)))[chosen]
    empty = np.isnan(corners).all(axis=1)
    size = corners[:, 2:] - corners[:, :2]
    wrong = ~empty & ~((size > 0).all(axis=1) & np.isfinite(scores))
    if np.any(wrong):
        image = rows.images[chosen[int(np.argmax(wrong))]]
        raise DataError(
            f"{rows.key}: image {image!r} has a box without an extent or without a score; x_max has to be above x_min, "
            "y_max above y_min, and every predicted box needs a y_score"
        )
    kept = chosen[~empty]
    return Boxes(
        image=np.array([images[str(rows.images[i])] for i in kept], dtype=np.intp),
        kind=np.array([classes[str(rows.classes[i])] for i in kept], dtype=np.intp),
        box=np.hstack([corners[:, :2], size])[~empty],
        score=scores[~empty],
    )


def _lazies(found: Detections) -> dict[str, Boxes]:
    """No box at all; and in every image one of the largest class, around all that anybody marked anywhere."""
    none = Boxes(
        image=np.zeros(0, dtype=np.intp),
        kind=np.zeros(0, dtype=np.intp),
        box=np.zeros((0, 4)),
        score=np.zeros(0),
    )
    if not len(found.truth.kind):
        return {LAZY_NONE: none}
    everything = np.vstack([boxes.box for boxes in (found.truth, *found.models.values())])
    low, high = everything[:, :2].min(axis=0), (everything[:, :2] + everything[:, 2:]).max(axis=0)
    n = len(found.images)
    largest = int(np.argmax(np.bincount(found.truth.kind)))
    hull = Boxes(
        image=np.arange(n),
        kind=np.full(n, largest, dtype=np.intp),
        box=np.tile(np.concatenate([low, high - low]), (n, 1)),
        score=np.ones(n),
    )
    return {LAZY_NONE: none, LAZY_HULL: hull}


def _fits(model: str, boxes: Boxes, found: Detections) -> list[GivenRow]:
    """How well the true boxes of each image are met."""
    overlap = optional("pycocotools.mask", task="detection").iou
    truth = found.truth
    n = len(found.images)
    best = np.zeros(len(truth.kind))
    for image, kind in {(int(i), int(k)) for i, k in zip(truth.image, truth.kind, strict=True)}:
        true, said = ((b.image == image) & (b.kind == kind) for b in (truth, boxes))
        if said.any():
            grid = overlap(boxes.box[said], truth.box[true], [0] * int(true.sum()))
            best[true] = np.asarray(grid).max(axis=0)
    objects = np.bincount(truth.image, minlength=n)
    empty = np.bincount(boxes.image, minlength=n) == 0
    values = np.where(
        objects > 0, np.bincount(truth.image, weights=best, minlength=n) / np.maximum(objects, 1), empty
    )
    return [
        GivenRow(model=model, example=image, slices=found.slices[i], terms={"iou": float(values[i])})
        for i, image in enumerate(found.images)
    ]


def _maps(
    found: Detections,
    lazy: dict[str, Boxes],
    metric: TaskMetric,
    slices: Sequence[str],
    procedure: Procedure,
) -> list[Contest]:
    thresholds = THRESHOLDS[_MAPS[metric.base]]
    n = len(found.images)
    matches = {
        name: match(boxes, found, thresholds) for name, boxes in (*found.models.items(), *lazy.items())
    }

    def value(models: Sequence[str], weights: FloatArray) -> FloatArray:
        joined = [_joined([matches[model][k] for model in models], n) for k in range(len(found.classes))]
        return mean_average_precision(joined, weights)

    return weighted_contests(
        WeightedMetric(metric=metric, value=value, examples=found.images, slices=found.slices),
        list(found.models),
        list(lazy),
        slices,
        procedure,
    )


def _joined(parts: Sequence[ClassMatches], n: int) -> ClassMatches:
    """One class of several models, whose images are different units."""
    return ClassMatches(
        unit=np.concatenate([part.unit + i * n for i, part in enumerate(parts)]),
        score=np.concatenate([part.score for part in parts]),
        matched=np.hstack([part.matched for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
    )


def match(boxes: Boxes, found: Detections, thresholds: FloatArray) -> list[ClassMatches]:
    """Detections matched with true boxes, class by class."""
    evaluated = _evaluate(boxes, found, thresholds)
    n = len(found.images)
    classes = []
    for kind in range(len(found.classes)):
        images = evaluated[kind * n : (kind + 1) * n]
        there = [(i, image) for i, image in enumerate(images) if image is not None]
        units = [np.full(len(image["dtScores"]), i, dtype=np.intp) for i, image in there]
        classes.append(
            ClassMatches(
                unit=np.concatenate([np.zeros(0, dtype=np.intp), *units]),
                score=np.concatenate(
                    [np.zeros(0), *(np.array(image["dtScores"], dtype=np.float64) for _, image in there)]
                ),
                matched=np.hstack(
                    [
                        np.zeros((len(thresholds), 0), dtype=np.bool_),
                        *(
                            np.asarray(image["dtMatches"], dtype=np.float64).reshape(len(thresholds), -1) > 0
                            for _, image in there
                        ),
                    ]
                ),
                boxes=np.bincount(found.truth.image[found.truth.kind == kind], minlength=n).astype(
                    np.float64
                ),
            )
        )
    return classes


def _evaluate(boxes: Boxes, found: Detections, thresholds: FloatArray) -> list[dict[str, Any] | None]:
    """What pycocotools finds for every class and image, in this order. It prints what it does: that is kept quiet."""
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = optional("pycocotools.cocoeval", task="detection").COCOeval(
            _as_coco(found.truth, found), _as_coco(boxes, found), "bbox"
        )
        params = evaluation.params
        params.iouThrs, params.maxDets = thresholds, [MOST_BOXES]
        params.areaRng, params.areaRngLbl = [[0.0, np.inf]], ["all"]
        params.imgIds = list(range(1, len(found.images) + 1))
        params.catIds = list(range(1, len(found.classes) + 1))
        evaluation.evaluate()
    return list(evaluation.evalImgs)


def _as_coco(boxes: Boxes, found: Detections) -> Any:
    """The boxes as pycocotools takes them; ids count from 1, because it takes 0 for no match."""
    coco = optional("pycocotools.coco", task="detection").COCO()
    coco.dataset = {
        "images": [{"id": i + 1} for i in range(len(found.images))],
        "categories": [{"id": k + 1} for k in range(len(found.classes))],
        "annotations": [
            {
                "id": i + 1,
                "image_id": int(boxes.image[i]) + 1,
                "category_id": int(boxes.kind[i]) + 1,
                "bbox": boxes.box[i].tolist(),
                "area": float(boxes.box[i, 2] * boxes.box[i, 3]),
                "score": float(boxes.score[i]),
                "iscrowd": 0,
            }
            for i in range(len(boxes.kind))
        ],
    }
    coco.createIndex()
    return coco
