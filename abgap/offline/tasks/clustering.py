"""Clusterings of one set of examples held against one another: silhouette, Davies-Bouldin and Calinski-Harabasz.

There is no truth: a model is better when its clusters lie closer together and further apart. The silhouette of an
example is scikit-learn's and is compared example by example; the two indices have draws of examples. Clusters of two
models have nothing in common but examples, so their results cannot be exchanged, and the indices have no p-value. The
lazy solution cuts the examples at random into as many clusters as the first model has.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Relation, reading, text_or_none
from abgap.engine.values import number_of
from abgap.errors import DataError
from abgap.offline.contest import Contest
from abgap.offline.tasks.contests import Procedure
from abgap.offline.tasks.examples import KEY
from abgap.offline.tasks.extras import optional
from abgap.offline.tasks.given_terms import GivenRow, given_contests
from abgap.offline.tasks.metric import TaskMetric, wanted_metrics
from abgap.offline.tasks.weighted import WeightedMetric, weighted_contests
from abgap.records.moments import FloatArray
from abgap.records.words import count, plural
from abgap.sources.columns import mapped_text, text_of
from abgap.sources.sql import Named, Sql, identifier
from abgap.stats.clusters import calinski_harabasz, davies_bouldin
from abgap.stats.score_of_sums import mean_unless
from abgap.study.model import Predictions, Study

LAZY = "random clusters"
MOST_EXAMPLES = 50_000
"""The silhouette takes the distances of all pairs; beyond this a sample has to be brought."""
_DEFINITIONS = {
    "silhouette": "mean over examples of (b - a) / max(a, b): Euclidean mean distances to the own cluster and the next",
    "davies_bouldin": "mean over clusters of the worst (spread + spread) / distance of centres, Euclidean",
    "calinski_harabasz": "variance between clusters over variance within them, each by its degrees of freedom",
}
_INDICES: Mapping[str, Callable[[FloatArray, npt.NDArray[np.intp], FloatArray], FloatArray]] = {
    "davies_bouldin": davies_bouldin,
    "calinski_harabasz": calinski_harabasz,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """The clusters of one model. points: (examples, features). labels: from 0 on."""

    examples: tuple[str, ...]
    points: FloatArray
    labels: npt.NDArray[np.intp]
    slices: tuple[tuple[str | None, ...], ...]


def clustering_contests(
    engine: Engine, study: Study, source: Predictions, relation: Relation, procedure: Procedure
) -> list[Contest]:
    """Every metric of every model, and of every pair. relation: the opened source.

    Raises EngineError without scikit-learn, and DataError when models have different examples or features.
    """
    known = {
        name: TaskMetric(
            name=name,
            base=name,
            score=mean_unless("silhouette", "undefined"),
            definition=text,
            undefined="there have to be at least two clusters, and more examples than clusters",
        )
        for name, text in _DEFINITIONS.items()
    }
    metrics = wanted_metrics(study, known, tuple(known))
    models = _read(engine, source, relation)
    lazy = {LAZY: _random(next(iter(models.values())))}
    slices = list(source.slices)
    contests: list[Contest] = []
    shapes = [metric for metric in metrics if metric.base == "silhouette"]
    if shapes:
        rows = {name: _silhouettes(name, found) for name, found in (models | lazy).items()}
        of_models = [row for name in models for row in rows[name]]
        contests += given_contests(engine, of_models, rows[LAZY], slices, shapes, procedure)
    for metric in metrics:
        if metric.base in _INDICES:
            contests += _index(metric, models | lazy, list(models), slices, procedure)
    return contests


def _read(engine: Engine, source: Predictions, relation: Relation) -> dict[str, Clustering]:
    table = relation.table
    where = f"{KEY}.features"
    columns = [
        Named(
            name=identifier(f"feature {i}"),
            value=Sql(f"cast({number_of(engine, name, table, relation.sql, where=where).sql} as double)"),
        )
        for i, name in enumerate(source.features)
    ]
    columns += [
        Named(name=identifier(f"slice {i}"), value=text_of(table.find(name, where=f"{KEY}.slices"), table))
        for i, name in enumerate(source.slices)
    ]
    model, example, label = (mapped_text(source, table, role) for role in ("model", "example", "y_pred"))
    statement = compile_query(
        "cluster_rows", source=relation.sql, model=model, example=example, label=label, columns=columns
    )
    with reading(KEY):
        rows = engine.fetch(statement)
    points = np.column_stack([rows[f"feature {i}"] for i in range(len(source.features))])
    unusable = int((~np.isfinite(points)).any(axis=1).sum())
    if unusable:
        raise DataError(
            f"{where}: {plural(unusable, 'row')} without a feature, or with NaN or infinity in one; fill it, or take "
            "the rows out"
        )
    slices = list(zip(*(text_or_none(rows[f"slice {i}"]) for i in range(len(source.slices))), strict=True))
    models = rows["model"]
    found = {}
    for name in sorted({str(m) for m in models}):
        chosen = np.flatnonzero(models == name)
        _, labels = np.unique(rows["label"][chosen].astype(str), return_inverse=True)
        found[name] = Clustering(
            examples=tuple(str(e) for e in rows["example"][chosen]),
            points=points[chosen],
            labels=labels.astype(np.intp),
            slices=tuple(slices[i] if slices else () for i in chosen),
        )
    _refuse_other_points(found)
    return found


def _refuse_other_points(models: Mapping[str, Clustering]) -> None:
    first = next(iter(models.values()), None)
    if first is None:
        raise DataError(f"{KEY}: no row has a cluster; map the column of the clusters to y_pred")
    if len(first.examples) > MOST_EXAMPLES:
        raise DataError(
            f"{KEY}: {count(len(first.examples))} examples are too many for distances between all of them; bring a "
            f'sample of at most {count(MOST_EXAMPLES)}, chosen with query = "SELECT ..."'
        )
    for name, found in models.items():
        if found.examples != first.examples:
            raise DataError(
                f"{KEY}: model {name!r} clustered {count(len(found.examples))} examples and another model "
                f"{count(len(first.examples))} or different ones; all models have to cluster the same examples"
            )
        other = (found.points != first.points).any(axis=1)
        if np.any(other):
            raise DataError(
                f"{KEY}.features: {plural(int(other.sum()), 'example')} with other features under another model, e.g. "
                f"{found.examples[int(np.argmax(other))]!r}; all models have to be judged by the same features"
            )


def _random(found: Clustering) -> Clustering:
    """As many clusters as the model has, drawn by a hash of the example."""
    k = int(found.labels.max(initial=0)) + 1
    drawn = [
        int(hashlib.md5(e.encode(), usedforsecurity=False).hexdigest()[:8], 16) % k for e in found.examples
    ]
    _, labels = np.unique(np.array(drawn, dtype=np.intp), return_inverse=True)
    return Clustering(
        examples=found.examples, points=found.points, labels=labels.astype(np.intp), slices=found.slices
    )


def _can_be_judged(found: Clustering) -> bool:
    return 2 <= len(set(found.labels.tolist())) < len(found.labels)


def _silhouettes(model: str, found: Clustering) -> list[GivenRow]:
    library = optional("sklearn.metrics", task="clustering")
    usable = _can_be_judged(found)
    n = len(found.examples)
    values = library.silhouette_samples(found.points, found.labels) if usable else np.zeros(n)
    return [
        GivenRow(
            model=model,
            example=example,
            slices=found.slices[i],
            terms={"silhouette": float(values[i]), "undefined": 0.0 if usable else 1.0},
        )
        for i, example in enumerate(found.examples)
    ]


def _index(
    metric: TaskMetric,
    models: Mapping[str, Clustering],
    names: Sequence[str],
    slices: Sequence[str],
    procedure: Procedure,
) -> list[Contest]:
    index = _INDICES[metric.base]
    n = len(next(iter(models.values())).examples)

    def value(together: Sequence[str], weights: FloatArray) -> FloatArray:
        """One model at a time: only one of them has weights, unless results were exchanged."""
        blocks = [weights[:, i * n : (i + 1) * n] for i in range(len(together))]
        parts = [_of_one(index, models[name], block) for name, block in zip(together, blocks, strict=True)]
        return np.asarray(np.sum(parts, axis=0), dtype=np.float64)

    first = models[names[0]]
    weighted = WeightedMetric(
        metric=metric, value=value, examples=first.examples, slices=first.slices, exchangeable=False
    )
    return weighted_contests(weighted, names, [LAZY], slices, procedure)


def _of_one(
    index: Callable[[FloatArray, npt.NDArray[np.intp], FloatArray], FloatArray],
    found: Clustering,
    weights: FloatArray,
) -> FloatArray:
    """The index of a model for every draw; 0 for draws that are of another model."""
    mine = weights.any(axis=1)
    values = np.zeros(len(weights))
    if mine.any():
        values[mine] = index(found.points, found.labels, weights[mine])
    return values
