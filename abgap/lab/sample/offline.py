"""Offline scores of the sample data: one value per model, metric and test query.

A query is easy or hard for every model alike, which is what a paired comparison lives from; each model then
has its own luck with it. The mean over the queries is met exactly, by shifting all values on the logit scale.
Purchase labels exist for a part of the queries only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from abgap.lab.sample.models import MODELS, MRR, PURCHASE_NDCG
from abgap.lab.sample.population import Floats, Ints, stream

QUERIES = 2_000
QUERIES_WITH_PURCHASES = 1_400
DIFFICULTY_SPREAD = 1.1
MODEL_SPREAD = 0.35
LABEL_SPREAD = 0.5
CUTOFF = 10
DECIMALS = 6
SHIFT_LIMIT = 12.0
BISECTIONS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The values of one model and metric, over the queries at ``query``."""

    model: str
    metric: str
    query: Ints
    value: Floats


def scores(*, seed: int) -> Iterator[Scores]:
    """The scores of every evaluated model, metric by metric."""
    rng = stream(seed, "offline")
    difficulty = rng.normal(0.0, DIFFICULTY_SPREAD, QUERIES)
    labels = rng.normal(0.0, LABEL_SPREAD, QUERIES)
    bought = np.sort(rng.permutation(QUERIES)[:QUERIES_WITH_PURCHASES])
    for name, model in MODELS.items():
        luck = stream(seed, "offline", name).normal(0.0, MODEL_SPREAD, (QUERIES, 2))
        for metric, mean in model.scores.items():
            query = bought if metric == PURCHASE_NDCG else np.arange(QUERIES)
            raw = difficulty + (labels + luck[:, 1] if metric == PURCHASE_NDCG else luck[:, 0])
            turn = _reciprocal_rank if metric == MRR else _as_is
            yield Scores(model=name, metric=metric, query=query, value=_with_mean(raw[query], mean, turn))


def _reciprocal_rank(quality: Floats) -> Floats:
    """One over the place of the first relevant result, 0 beyond the cut-off."""
    place = np.floor(1.0 / quality)
    return np.where(place > CUTOFF, 0.0, 1.0 / place)


def _with_mean(raw: Floats, mean: float, turn: Callable[[Floats], Floats]) -> Floats:
    """Values in [0, 1] whose mean is the wanted one; for reciprocal ranks as near as whole places allow."""
    low, high = -SHIFT_LIMIT, SHIFT_LIMIT
    for _ in range(BISECTIONS):
        middle = (low + high) / 2.0
        if turn(expit(raw + middle)).mean() < mean:
            low = middle
        else:
            high = middle
    return np.round(turn(expit(raw + high)), DECIMALS)


def _as_is(quality: Floats) -> Floats:
    return quality
