"""Masks held against true masks: intersection over union and Dice, image by image and over all pixels.

Pixels come counted (intersection and union of each class), or as masks in run lengths, which are counted here. An image
where neither truth nor prediction has a class is left out of that class; one that is empty in both altogether has been
got right, and scores 1. Lazy solutions: an empty mask, and the whole image marked, where the size of images is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from abgap.engine.protocol import Engine
from abgap.errors import DataError
from abgap.offline.contest import Contest
from abgap.offline.tasks.contests import Procedure
from abgap.offline.tasks.examples import KEY
from abgap.offline.tasks.given_terms import GivenRow, given_contests
from abgap.offline.tasks.images import ImageRows, read_images
from abgap.offline.tasks.metric import TaskMetric, wanted_metrics
from abgap.records.moments import FloatArray
from abgap.records.order import natural_order
from abgap.stats.score_of_sums import ScoreOfSums, mean_of
from abgap.study.model import Predictions, Study

_DEFINITIONS = {
    "iou": "mean over images of the intersection over union, itself a mean over the classes of the image",
    "dice": "mean over images of 2 intersection / (prediction + truth), itself a mean over the classes of the image",
    "pooled_iou": "mean over classes of the intersection over union of all pixels together",
    "pooled_dice": "mean over classes of 2 intersection / (prediction + truth) of all pixels together",
}
_MASKS, _COUNTS = ("y_true", "y_pred"), ("intersection", "union")
_SIZES = ("true_pixels", "pixels")
LAZY_EMPTY, LAZY_WHOLE = "empty mask", "whole image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """Counted pixels of the rows: both, either, those of the true mask, and of the image; NaN where not known."""

    intersection: FloatArray
    union: FloatArray
    truth: FloatArray
    image: FloatArray


def read_masks(engine: Engine, source: Predictions, directory: Path) -> ImageRows:
    """The rows of [offline.predictions]."""
    masks = "y_pred" in source.columns
    numbers = [role for role in (*(() if masks else _COUNTS), *_SIZES) if role in source.columns]
    return read_images(engine, KEY, source, directory, texts=_MASKS if masks else (), numbers=numbers)


def segmentation_contests(
    engine: Engine, study: Study, rows: ImageRows, slices: Sequence[str], procedure: Procedure
) -> list[Contest]:
    """Every metric of every model, and of every pair. Raises DataError when masks or counts cannot be."""
    _refuse_repeated(rows)
    pixels = _count(rows)
    classes = sorted({str(kind) for kind in rows.classes}, key=natural_order)
    metrics = _metrics(study, classes)
    models = [str(model) for model in rows.models]
    found = _rows(rows, models, pixels.intersection, pixels.union, classes)
    lazy = [
        row
        for name, (intersection, union) in _lazies(pixels).items()
        for row in _rows(rows, [name] * len(rows), intersection, union, classes)
    ]
    return given_contests(engine, found, lazy, slices, metrics, procedure)


def _metrics(study: Study, classes: Sequence[str]) -> list[TaskMetric]:
    k = len(classes)
    terms = tuple(f"{what} {i}" for what in _COUNTS for i in range(k))
    scores = {
        "iou": mean_of("iou"),
        "dice": mean_of("dice"),
        "pooled_iou": ScoreOfSums(terms=terms, of=_pooled(k, _iou)),
        "pooled_dice": ScoreOfSums(terms=terms, of=_pooled(k, _dice)),
    }
    known = {
        name: TaskMetric(
            name=name, base=name, score=score, definition=_DEFINITIONS[name], undefined="no class is there"
        )
        for name, score in scores.items()
    }
    return wanted_metrics(study, known, tuple(known))


def _iou(intersection: FloatArray, union: FloatArray) -> FloatArray:
    return np.asarray(intersection / union)


def _dice(intersection: FloatArray, union: FloatArray) -> FloatArray:
    return np.asarray(2.0 * intersection / (intersection + union))


def _pooled(
    k: int, score: Callable[[FloatArray, FloatArray], FloatArray]
) -> Callable[[FloatArray], FloatArray]:
    def of(sums: FloatArray) -> FloatArray:
        intersection, union = sums[..., :k], sums[..., k : 2 * k]
        there = union > 0
        values = np.where(there, score(intersection, np.where(there, union, 1.0)), 0.0)
        return np.asarray(values.sum(axis=-1) / there.sum(axis=-1))

    return of


def _count(rows: ImageRows) -> Pixels:
    unknown = np.full(len(rows), np.nan)
    image = rows.numbers.get("pixels", unknown)
    if not rows.texts:
        pixels = Pixels(
            intersection=rows.numbers["intersection"],
            union=rows.numbers["union"],
            truth=rows.numbers.get("true_pixels", unknown),
            image=image,
        )
    else:
        pixels = _counted_masks(rows, image)
    _refuse_impossible(rows, pixels)
    return pixels


def _counted_masks(rows: ImageRows, image: FloatArray) -> Pixels:
    both, either, truth = (np.zeros(len(rows)) for _ in range(3))
    for i, (true, said) in enumerate(zip(rows.texts["y_true"], rows.texts["y_pred"], strict=True)):
        masks = [_runs(text, str(rows.images[i])) for text in (true, said)]
        both[i], truth[i] = _shared(*masks), masks[0][:, 1].sum()
        either[i] = truth[i] + masks[1][:, 1].sum() - both[i]
    return Pixels(intersection=both, union=either, truth=truth, image=image)


def _runs(text: str | None, image: str) -> npt.NDArray[np.int64]:
    """A mask as (start, length), in order; nothing for an empty one."""
    words = (text or "").split()
    if not all(word.isascii() and word.isdigit() for word in words) or len(words) % 2:
        raise DataError(
            f"{KEY}: the mask of image {image!r} is no list of run lengths; write 'start length start length ...', "
            "pixels counted from 1"
        )
    runs = np.array(words, dtype=np.int64).reshape(-1, 2)
    runs = runs[np.argsort(runs[:, 0], kind="stable")]
    if np.any(runs[1:, 0] < runs[:-1].sum(axis=1)):
        raise DataError(f"{KEY}: runs of the mask of image {image!r} overlap; a pixel is in a mask once")
    return runs


def _shared(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]) -> float:
    """Pixels in both masks: the runs that begin before a point, less those that end before it, at every border."""
    if not len(first) or not len(second):
        return 0.0
    borders = np.unique(np.concatenate([first[:, 0], first.sum(axis=1), second[:, 0], second.sum(axis=1)]))
    inside = [
        np.searchsorted(runs[:, 0], borders[:-1], side="right")
        > np.searchsorted(runs.sum(axis=1), borders[:-1], side="right")
        for runs in (first, second)
    ]
    return float(np.diff(borders)[inside[0] & inside[1]].sum())


def _refuse_impossible(rows: ImageRows, pixels: Pixels) -> None:
    both, either = pixels.intersection, pixels.union
    checks = (
        (np.isnan(both) | np.isnan(either), "has no counted pixels"),
        ((both < 0) | (both > either), "has an intersection that is negative or larger than its union"),
        (either > pixels.image, "has a union larger than the image"),
        (
            (pixels.truth < both) | (pixels.truth > either),
            "has true pixels that its intersection and union rule out",
        ),
    )
    for wrong, words in checks:
        if np.any(wrong):
            i = int(np.argmax(wrong))
            raise DataError(
                f"{KEY}: image {rows.images[i]!r} of model {rows.models[i]!r} {words}; mend the row, or take it out"
            )


def _refuse_repeated(rows: ImageRows) -> None:
    seen = set()
    for key in zip(rows.models, rows.images, rows.classes, strict=True):
        if key in seen:
            raise DataError(
                f"{KEY}: model {key[0]!r} has more than one row for image {key[1]!r} and class {key[2]!r}; "
                "one is needed"
            )
        seen.add(key)


def _lazies(pixels: Pixels) -> Mapping[str, tuple[FloatArray, FloatArray]]:
    found = {}
    if not np.any(np.isnan(pixels.truth)):
        found[LAZY_EMPTY] = (np.zeros(len(pixels.truth)), pixels.truth)
        if not np.any(np.isnan(pixels.image)):
            found[LAZY_WHOLE] = (pixels.truth, pixels.image)
    return found


def _rows(
    rows: ImageRows,
    models: Sequence[str],
    intersection: FloatArray,
    union: FloatArray,
    classes: Sequence[str],
) -> list[GivenRow]:
    """The terms of each model and image; of lazy predictors, which are the same for all models, those of the first."""
    place = {kind: i for i, kind in enumerate(classes)}
    cells: dict[tuple[str, str], dict[int, tuple[float, float]]] = {}
    first: dict[tuple[str, str], int] = {}
    for i, model in enumerate(models):
        key = (model, str(rows.images[i]))
        first.setdefault(key, i)
        cells.setdefault(key, {}).setdefault(
            place[str(rows.classes[i])], (float(intersection[i]), float(union[i]))
        )
    return [
        GivenRow(
            model=model,
            example=image,
            slices=rows.slices_of(first[model, image]),
            terms=_terms(by_class, len(classes)),
        )
        for (model, image), by_class in cells.items()
    ]


def _terms(by_class: Mapping[int, tuple[float, float]], k: int) -> dict[str, float]:
    found = {f"{what} {i}": 0.0 for what in _COUNTS for i in range(k)}
    for i, (both, either) in by_class.items():
        found[f"intersection {i}"], found[f"union {i}"] = both, either
    there = [(both, either) for both, either in by_class.values() if either > 0]
    found["iou"] = sum(both / either for both, either in there) / len(there) if there else 1.0
    found["dice"] = sum(2 * both / (both + either) for both, either in there) / len(there) if there else 1.0
    return found
