"""Planted effects: experiments with a known lift, analysed from their logs, and how often the intervals hold it."""

from __future__ import annotations

import numpy as np

from abgap.lab.selftest.runs import Run, run_shops
from abgap.lab.selftest.shop import open_shop, true_lifts
from abgap.online.wide import Progress
from abgap.records import Interval
from abgap.records.selftest import PlantedEffects, RecoveredLift
from abgap.stats.uniformity import binomial_cdf, binomial_interval
from abgap.study import model

SEED = 20260302
USERS, LIFT = 3_000, 0.12
DOUBT = 0.001
"""Coverage is doubted when chance alone would make it so low in one of so many self-tests."""


def recover_effects(count: int, engine: model.Engine, *, progress: Progress) -> PlantedEffects:
    """Plant the same lift in ``count`` experiments with users of their own, all in one pair of logs."""
    progress("simulating planted effects")
    shops = {
        f"planted-{number}": open_shop(np.random.default_rng([SEED, number]), users=USERS, lift=LIFT)
        for number in range(count)
    }
    run = run_shops(shops, engine, progress=progress)
    metrics = tuple(_recovered(run, list(shops), metric, truth) for metric, truth in true_lifts(LIFT).items())
    return PlantedEffects(experiments=count, users=USERS, metrics=metrics)


def _recovered(run: Run, experiments: list[str], metric: str, truth: float) -> RecoveredLift:
    estimates = [run.estimate(experiment, metric) for experiment in experiments]
    lifts = [e.lift for e in estimates if isinstance(e.lift, Interval)]
    count, covered = len(estimates), sum(lift.low <= truth <= lift.high for lift in lifts)
    low, high = binomial_interval(covered, count, 0.95)
    level = lifts[0].level if lifts else 0.95
    return RecoveredLift(
        metric=metric,
        true_lift=truth,
        mean_lift=float(np.mean([lift.estimate for lift in lifts])) if lifts else None,
        covered=covered,
        coverage=Interval(estimate=covered / count, low=low, high=high, level=0.95, method="clopper-pearson"),
        detected=sum(lift.excludes_zero() for lift in lifts),
        ok=binomial_cdf(covered, count, level) >= DOUBT,
    )
