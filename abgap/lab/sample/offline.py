"""Offline scores of the sample data: one value per model, metric and test query.

A query is easy or hard for every model alike, which is what a paired comparison lives from; each model then
has its own luck with it. The mean over the queries is met exactly, by shifting all values on the logit scale.
Purchase labels exist for a part of the queries only. Most test queries were typed on a desktop, unlike live ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from abgap.lab.sample.models import MODELS, MRR, NDCG, PURCHASE_NDCG
from abgap.lab.sample.population import DEVICES, Codes, Floats, Ints, stream

QUERIES = 2_000
QUERIES_WITH_PURCHASES = 1_400
DIFFICULTY_SPREAD = 1.1
MODEL_SPREAD = 0.35
LABEL_SPREAD = 0.5
TEST_DEVICE_SHARES = (0.62, 0.35, 0.03)
"""Of the test queries, by device: collected at desks, live traffic is the other way round."""
TILT = {NDCG: 1.0, MRR: 0.4, PURCHASE_NDCG: 0.7}
"""How much of a model's tilt towards desktop queries shows in each metric."""
DESKTOP = DEVICES.index("desktop")
CUTOFF = 10
DECIMALS = 6
SHIFT_LIMIT = 12.0
BISECTIONS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The values of one model and metric, over the queries at ``query``. device: positions in DEVICES."""

    model: str
    metric: str
    query: Ints
    value: Floats
    device: Codes


def scores(*, seed: int) -> Iterator[Scores]:
    """The scores of every evaluated model, metric by metric."""
    rng = stream(seed, "offline")
    difficulty = rng.normal(0.0, DIFFICULTY_SPREAD, QUERIES)
    labels = rng.normal(0.0, LABEL_SPREAD, QUERIES)
    bought = np.sort(rng.permutation(QUERIES)[:QUERIES_WITH_PURCHASES])
    device = (
        stream(seed, "offline devices").choice(len(DEVICES), QUERIES, p=TEST_DEVICE_SHARES).astype(np.int8)
    )
    for name, model in MODELS.items():
        luck = stream(seed, "offline", name).normal(0.0, MODEL_SPREAD, (QUERIES, 2))
        for metric, mean in model.scores.items():
            query = bought if metric == PURCHASE_NDCG else np.arange(QUERIES)
            tilt = TILT[metric] * model.desktop_tilt * (device == DESKTOP)
            raw = difficulty + tilt + (labels + luck[:, 1] if metric == PURCHASE_NDCG else luck[:, 0])
            turn = _reciprocal_rank if metric == MRR else _as_is
            value = _with_mean(raw[query], mean, turn)
            yield Scores(model=name, metric=metric, query=query, value=value, device=device[query])


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
