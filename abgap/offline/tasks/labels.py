"""Predicted labels of many classes made into contests, out of how often each label was given to each class.

Everything is a function of three counts a class, so two models are compared from counts by bucket. Where classes are
very many, buckets are made fewer, so that the counts stay a few megabytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine
from abgap.offline.contest import Contest
from abgap.offline.tasks.contests import Lazies, Procedure, contests_of
from abgap.offline.tasks.examples import example_key, read_truths
from abgap.offline.tasks.metric import TaskMetric, wanted_metrics
from abgap.offline.tasks.sums import (
    ModelSums,
    PairSums,
    Part,
    SliceColumn,
    blocks,
    bucket_of,
    part_of,
    put_pairs,
)
from abgap.records import ConfusionMatrix
from abgap.records.moments import FloatArray
from abgap.records.order import natural_order
from abgap.sources.sql import Sql, identifier
from abgap.stats.class_counts import CLASS_SCORES, by_share_counts, majority_counts
from abgap.stats.score_of_sums import ScoreOfSums, mean_of
from abgap.study.model import Study

_TABLE = "task_keys"
_DEFINITIONS = {
    "accuracy": "share of examples with the right label",
    "balanced_accuracy": "mean recall of the classes that are there",
    "macro_precision": "plain mean over classes of precision, 0 for a class that is never predicted",
    "macro_recall": "plain mean over classes of recall",
    "macro_f1": "plain mean over classes of F1",
    "weighted_precision": "mean over classes of precision, weighted by how often the class is there",
    "weighted_recall": "mean over classes of recall, weighted by how often the class is there",
    "weighted_f1": "mean over classes of F1, weighted by how often the class is there",
    "micro_f1": "F1 of all decisions together: the accuracy, as every example has one label",
}
_DEFAULT = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "micro_f1",
    "macro_precision",
    "macro_recall",
)
# Their value of an example is whether the label is right.
_SHARES = ("accuracy", "micro_f1", "weighted_recall")
MOST_SHOWN = 30
"""Classes of a confusion matrix that have rows of their own; the rest are one."""
OTHER = "(other classes)"
# Counts by bucket of one model: a megabyte.
_COUNTS = 2**17


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelResults:
    """What was found of labels: the contests, and the confusion matrix of every model."""

    contests: tuple[Contest, ...]
    confusions: tuple[ConfusionMatrix, ...]


def label_contests(
    engine: Engine,
    study: Study,
    slices: Sequence[str],
    procedure: Procedure,
) -> LabelResults:
    """Every metric of every model of the view ``predictions``, and of every pair.

    slices: their names; the view has them as numbered columns.
    """
    columns = SliceColumn.numbered(slices)
    source = study.offline.predictions
    with_series = source is not None and "series" in source.columns
    truths = read_truths(engine, "task_labels", columns, with_series=with_series)
    engine.create_view(
        _TABLE, compile_query("task_keys", example=example_key(with_series=with_series), slices=columns)
    )
    rows = engine.fetch(compile_query("class_models", table=identifier(_TABLE), slices=columns))
    classes = _Classes.of(rows)
    models = [
        classes.model_sums(rows, block) for block in blocks(rows, ("model", "slice_name", "slice_value"))
    ]
    metrics = _metrics(study, classes)
    return LabelResults(
        contests=tuple(
            contests_of(
                models,
                _pairs(engine, columns, procedure.pairs, classes, int(truths["examples"])),
                metrics,
                procedure,
                _lazies(models, metrics, classes),
            )
        ),
        confusions=tuple(
            classes.confusion(rows, block)
            for block in blocks(rows, ("model", "slice_name", "slice_value"))
            if part_of(rows, block.start) == (None, None)
        ),
    )


def _metrics(study: Study, classes: _Classes) -> list[TaskMetric]:
    known = {
        name: TaskMetric(
            name=name,
            base=name,
            score=mean_of(_RIGHT) if name in _SHARES else classes.score(name),
            definition=definition,
            undefined="there are no examples",
        )
        for name, definition in _DEFINITIONS.items()
    }
    return wanted_metrics(study, known, _DEFAULT)


_RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Classes:
    """All labels that are there or predicted, in natural order. Terms are called by number: a label can be anything."""

    labels: tuple[str, ...]

    @classmethod
    def of(cls, rows: Columns) -> _Classes:
        found = {str(label) for name in ("actual", "predicted") for label in rows[name]}
        return cls(labels=tuple(sorted(found, key=natural_order)))

    @property
    def terms(self) -> tuple[str, ...]:
        return tuple(
            f"{what} {i}" for what in ("hits", "predicted", "actual") for i in range(len(self.labels))
        )

    def score(self, name: str) -> ScoreOfSums:
        return ScoreOfSums(terms=self.terms, of=_of_counts(name, len(self.labels)))

    def codes(self, column: npt.NDArray[np.object_]) -> npt.NDArray[np.intp]:
        place = {label: i for i, label in enumerate(self.labels)}
        return np.array([place[str(label)] for label in column], dtype=np.intp)

    def model_sums(self, rows: Columns, block: slice) -> ModelSums:
        actual, predicted = (self.codes(rows[name][block]) for name in ("actual", "predicted"))
        n = rows["n"][block]
        counts = self.counts(actual, predicted, n, np.zeros(len(n), dtype=np.intp), 1)[0]
        sums = dict(zip(self.terms, counts.tolist(), strict=True))
        sums[_RIGHT] = float(n[actual == predicted].sum())
        return ModelSums(
            model=str(rows["model"][block.start]), part=part_of(rows, block.start), n=int(n.sum()), sums=sums
        )

    def counts(
        self,
        actual: npt.NDArray[np.intp],
        predicted: npt.NDArray[np.intp],
        n: FloatArray,
        buckets: npt.NDArray[np.intp],
        size: int,
    ) -> FloatArray:
        """Hits, predicted and actual counts of every class by bucket: (buckets, 3 x classes)."""
        k = len(self.labels)
        right = actual == predicted
        parts = ((actual[right], buckets[right], n[right]), (predicted, buckets, n), (actual, buckets, n))
        return np.hstack(
            [
                np.bincount(bucket * k + code, weights=weight, minlength=size * k).reshape(size, k)
                for code, bucket, weight in parts
            ]
        )

    def confusion(self, rows: Columns, block: slice) -> ConfusionMatrix:
        """How often which class was called what; the classes that are met most have their own rows and columns."""
        actual, predicted = (self.codes(rows[name][block]) for name in ("actual", "predicted"))
        n = rows["n"][block]
        k = len(self.labels)
        met = np.bincount(actual, weights=n, minlength=k) + np.bincount(predicted, weights=n, minlength=k)
        shown = sorted(np.argsort(-met, kind="stable")[:MOST_SHOWN].tolist())
        place = np.full(k, len(shown), dtype=np.intp)
        place[shown] = np.arange(len(shown))
        size = len(shown) + (k > len(shown))
        cells = np.bincount(place[actual] * size + place[predicted], weights=n, minlength=size * size)
        return ConfusionMatrix(
            model=str(rows["model"][block.start]),
            classes=(*(self.labels[i] for i in shown), *([OTHER] if size > len(shown) else [])),
            counts=tuple(tuple(int(cell) for cell in row) for row in cells.reshape(size, size)),
            other=k - len(shown),
        )


def _of_counts(name: str, k: int) -> Callable[[FloatArray], FloatArray]:
    score = CLASS_SCORES[name]
    return lambda sums: score(sums[..., :k], sums[..., k : 2 * k], sums[..., 2 * k : 3 * k])


def _lazies(models: Sequence[ModelSums], metrics: Sequence[TaskMetric], classes: _Classes) -> Lazies:
    """Always the largest class, and labels drawn by the shares of the classes (expected counts), for every part."""
    k = len(classes.labels)
    found: dict[tuple[str, Part], Mapping[str, float]] = {}
    for sums in models:
        actual = np.array([sums.sums[term] for term in classes.terms[2 * k :]])
        lazy = {"majority class": majority_counts(actual), "random by class shares": by_share_counts(actual)}
        for metric in metrics:
            score = CLASS_SCORES[metric.base]
            found[metric.name, sums.part] = {name: float(score(*counts)) for name, counts in lazy.items()}
    return found


def _pairs(
    engine: Engine,
    slices: tuple[SliceColumn, ...],
    pairs: Sequence[tuple[str, str]],
    classes: _Classes,
    examples: int,
) -> list[PairSums]:
    if not pairs:
        return []
    put_pairs(engine, pairs)
    bucket = bucket_of(Sql("m.example"), examples)
    rows = engine.fetch(compile_query("class_pairs", table=identifier(_TABLE), bucket=bucket, slices=slices))
    keys = ("model", "baseline", "slice_name", "slice_value")
    return [_pair(rows, block, classes) for block in blocks(rows, keys)]


def _pair(rows: Columns, block: slice, classes: _Classes) -> PairSums:
    n = rows["n"][block]
    _, buckets = np.unique(rows["bucket"][block].astype(str), return_inverse=True)
    size = max(min(int(buckets.max()) + 1, _COUNTS // (3 * len(classes.labels))), 64)
    buckets = buckets % size
    size = min(size, int(buckets.max()) + 1)
    actual, candidate, base = (
        classes.codes(rows[c][block]) for c in ("actual", "predicted", "base_predicted")
    )
    sides = []
    for said in (candidate, base):
        counts = classes.counts(actual, said, n, buckets, size)
        columns = dict(zip(classes.terms, counts.T, strict=True))
        columns[_RIGHT] = np.bincount(buckets, weights=n * (actual == said), minlength=size)
        sides.append(columns)
    apart = (actual == candidate) != (actual == base)
    return PairSums(
        model=str(rows["model"][block.start]),
        baseline=str(rows["baseline"][block.start]),
        part=part_of(rows, block.start),
        n=np.asarray(np.bincount(buckets, weights=n, minlength=size), dtype=np.float64),
        candidate=sides[0],
        base=sides[1],
        squares={_RIGHT: float(n[apart].sum())},
    )
