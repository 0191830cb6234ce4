"""Metrics that are no function of sums, but have a value for any weights of examples: drawn by weights all the same.

One example of one model is a unit; a draw gives each a weight. Where examples are many they are drawn in groups, by
hashes of their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.offline.contest import Contest
from abgap.offline.tasks.contests import WHOLE, Compared, Drawn, Procedure, Tested, alone, compared
from abgap.offline.tasks.metric import TaskMetric
from abgap.offline.tasks.sums import Part
from abgap.records.moments import FloatArray
from abgap.records.order import natural_order
from abgap.stats.arrays import finite_or_none
from abgap.stats.paired_resampling import PairedSums, bootstrap_gains, exchange_p_values

MOST_GROUPS = 256
DRAWS = 999


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightedMetric:
    """A metric over the same examples for all models.

    value: of models together, for weights (draws, models x examples), model after model: (draws,). examples: their ids.
    slices: of every example the value of each slice. exchangeable: whether the results of an example may be exchanged
    between models, so that a p-value can be had.
    """

    metric: TaskMetric
    value: Callable[[Sequence[str], FloatArray], FloatArray]
    examples: Sequence[str]
    slices: Sequence[tuple[str | None, ...]]
    exchangeable: bool = True


def weighted_contests(
    weighted: WeightedMetric,
    models: Sequence[str],
    lazies: Sequence[str],
    slices: Sequence[str],
    procedure: Procedure,
) -> list[Contest]:
    """One contest per model that stands alone and part, and one per pair and part. lazies: lazy models, by name."""
    found = []
    for part, chosen in _parts(weighted, slices):
        values = {
            name: finite_or_none(float(weighted.value([name], chosen[None, :])[0]))
            for name in (*models, *lazies)
        }
        of_lazies = {
            (weighted.metric.name, part): {name: v for name in lazies if (v := values[name]) is not None}
        }
        n = int(chosen.sum())
        found += [
            alone(model, part, n, weighted.metric, values[model], of_lazies)
            for model in models
            if model in procedure.alone
        ]
        for model, baseline in procedure.pairs:
            if model in values and baseline in values:
                who = Compared(model=model, baseline=baseline, part=part, shared=n, evaluated=(n, n))
                drawn = _draw(weighted, model, baseline, chosen, procedure)
                tested = Tested(gain=drawn.bootstrap, p_value=drawn.p_value)
                both = (values[model], values[baseline])
                found.append(compared(who, weighted.metric, both, tested, drawn, of_lazies))
    return found


def _parts(weighted: WeightedMetric, slices: Sequence[str]) -> list[tuple[Part, FloatArray]]:
    """All examples, then every value of each slice, with 1 for the examples that are in it."""
    found: list[tuple[Part, FloatArray]] = [(WHOLE, np.ones(len(weighted.examples)))]
    for i, name in enumerate(slices):
        column = [values[i] for values in weighted.slices]
        found += [
            ((name, value), np.array([v == value for v in column], dtype=np.float64))
            for value in sorted(set(column), key=lambda v: (v is None, natural_order(v or "")))
        ]
    return found


def _draw(
    weighted: WeightedMetric, model: str, baseline: str, chosen: FloatArray, procedure: Procedure
) -> Drawn:
    """Groups of examples are the buckets, and their weights the sums: the identity, once for each model."""
    groups = _groups(weighted.examples, chosen)
    size = int(groups.max(initial=-1)) + 1
    used = groups >= 0

    def value(sums: FloatArray) -> FloatArray:
        weights = np.atleast_2d(sums)
        spread = np.zeros((len(weights), 2 * len(groups)))
        for i in range(2):
            block = spread[:, i * len(groups) : (i + 1) * len(groups)]
            block[:, used] = weights[:, i * size : (i + 1) * size][:, groups[used]]
        return weighted.value([model, baseline], spread).reshape(np.shape(sums)[:-1])

    one, none = np.eye(size), np.zeros((size, size))
    pair = PairedSums(candidate=np.hstack([one, none]), baseline=np.hstack([none, one]), metric=value)
    (bootstrap,) = bootstrap_gains(
        [pair], alpha=procedure.terms.alpha, seed=procedure.terms.seed, draws=DRAWS
    )
    p_values = (
        exchange_p_values([pair], seed=procedure.terms.seed, draws=DRAWS) if weighted.exchangeable else [None]
    )
    return Drawn.of(bootstrap, p_values[0])


def _groups(examples: Sequence[str], chosen: FloatArray) -> npt.NDArray[np.intp]:
    """The group of every example that is chosen, -1 for the others."""
    places = np.flatnonzero(chosen)
    found = np.full(len(examples), -1, dtype=np.intp)
    if len(places) <= MOST_GROUPS:
        found[places] = np.arange(len(places))
    else:
        for i in places.tolist():
            digest = hashlib.md5(examples[i].encode(), usedforsecurity=False).hexdigest()
            found[i] = int(digest[:8], 16) % MOST_GROUPS
        _, found[places] = np.unique(found[places], return_inverse=True)
    return found
