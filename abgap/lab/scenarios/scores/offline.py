"""The test set of one experiment of the world "scores": one value per model, metric and query.

A query is easy or hard for every model alike; each model then has its own luck with it. So the luck of two candidates
over one baseline is independent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from abgap.lab.scenarios.scores.plan import Plan
from abgap.lab.scenarios.visits import Floats, Mask

NDCG, PURCHASE_NDCG, DIVERSITY = "ndcg@10", "purchase_ndcg@10", "diversity@10"
QUERY_SPREAD = 0.06
LABEL_SPREAD = 0.05
TWIN_SPREAD = 0.5
"""Of one query's difference by purchases beside that by clicks, as a part of the latter's own."""
DIVERSITY_LEVEL, DIVERSITY_SPREAD = 0.6, 0.06
CANDIDATE_STEP = 0.015
"""By how much candidates that were not launched are worse than the next."""
DECIMALS = 6
# Of models that are alike: the standard deviation of their true gains, in standard errors of a measured one.
_ALIKE = 0.25
# What a gain that is noise has to look like to be launched, in standard errors.
_LEAST_LUCK = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The names of the models of one experiment. claimed: what the gain was claimed against, None when the live one."""

    live: str
    new: str
    claimed: str | None
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSet:
    """Values per query, by model and metric. new_market, misspelt: of the queries.

    claimed_gain: of the new model, as measured. true_gain: what it is in truth over queries like these.
    """

    values: Mapping[tuple[str, str], Floats]
    new_market: Mask
    misspelt: Mask
    claimed_gain: float
    true_gain: float


def draw_test_set(rng: np.random.Generator, plan: Plan, models: Models) -> TestSet:
    """The values of every model."""
    n = plan.queries
    new_market = rng.random(n) < plan.test_new_market
    misspelt = rng.random(n) < plan.test_typos
    live = plan.level + rng.normal(0.0, QUERY_SPREAD, n)
    gains = plan.old_market_gain - plan.market_loss * new_market - plan.typo_loss * misspelt
    luck, true_gain = _luck(rng, plan, gains)
    values: dict[tuple[str, str], Floats] = {(models.live, NDCG): live, (models.new, NDCG): live + luck}
    if models.claimed is not None:
        values[models.live, NDCG] = live + plan.baseline_loss + rng.normal(0.0, plan.spread, n)
        values[models.claimed, NDCG] = live
    values |= _candidates(rng, plan, models, live)
    if plan.candidates_alike:
        true_gain += _launch_the_luckiest(rng, plan, values, models)
    diversity = DIVERSITY_LEVEL + rng.normal(0.0, DIVERSITY_SPREAD, n)
    values |= _by_purchases(rng, plan, values, models)
    values |= {
        (models.live, DIVERSITY): diversity,
        (models.new, DIVERSITY): diversity - plan.diversity_loss + rng.normal(0.0, plan.spread, n),
    }
    rounded: dict[tuple[str, str], Floats] = {
        key: each.clip(0.0, 1.0).round(DECIMALS) for key, each in values.items()
    }
    against = models.live if models.claimed is None else models.claimed
    return TestSet(
        values=rounded,
        new_market=new_market,
        misspelt=misspelt,
        claimed_gain=float(np.mean(rounded[models.new, NDCG] - rounded[against, NDCG])),
        true_gain=true_gain,
    )


def _luck(rng: np.random.Generator, plan: Plan, gains: Floats) -> tuple[Floats, float]:
    """The differences to the live model, and their true mean; of a lucky model they are positive, and noise."""
    if not plan.lucky:
        return gains + rng.normal(0.0, plan.spread, plan.queries), float(np.mean(gains))
    while True:
        found = rng.normal(0.0, plan.spread, plan.queries)
        if found.mean() > _LEAST_LUCK * found.std(ddof=1) / np.sqrt(plan.queries):
            return found, 0.0


def _candidates(
    rng: np.random.Generator, plan: Plan, models: Models, live: Floats
) -> dict[tuple[str, str], Floats]:
    """Models that were not launched: each a step worse than the one before, or all as good as the one that was."""
    steps = np.arange(1, len(models.others) + 1) * (0.0 if plan.candidates_alike else CANDIDATE_STEP)
    return {
        (name, NDCG): live + plan.gain - step + rng.normal(0.0, plan.spread, plan.queries)
        for name, step in zip(models.others, steps, strict=True)
    }


def _launch_the_luckiest(
    rng: np.random.Generator, plan: Plan, values: dict[tuple[str, str], Floats], models: Models
) -> float:
    """Give every model a gain of its own; the one that looks best takes the new one's place. Returns its own gain."""
    tried = [models.new, *models.others]
    own = rng.normal(0.0, _ALIKE * plan.spread / np.sqrt(plan.queries), len(tried))
    for name, more in zip(tried, own, strict=True):
        values[name, NDCG] = values[name, NDCG] + more
    best = max(range(len(tried)), key=lambda place: float(np.mean(values[tried[place], NDCG])))
    launched, lucky = (models.new, NDCG), (tried[best], NDCG)
    values[launched], values[lucky] = values[lucky], values[launched]
    return float(own[best])


def _by_purchases(
    rng: np.random.Generator, plan: Plan, values: Mapping[tuple[str, str], Floats], models: Models
) -> dict[tuple[str, str], Floats]:
    """The same rankings by other labels: differences go along with those by clicks, less what clicks pretend."""
    bought = rng.normal(0.0, LABEL_SPREAD, plan.queries)
    own = rng.normal(0.0, TWIN_SPREAD * plan.spread, plan.queries)
    found = {
        (name, PURCHASE_NDCG): values[name, NDCG] + bought
        for name in (models.live, models.claimed)
        if name is not None
    }
    return {**found, (models.new, PURCHASE_NDCG): values[models.new, NDCG] + bought - plan.twin_loss + own}
