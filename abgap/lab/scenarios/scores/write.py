"""Experiments of the world "scores" written as one study, and what was planted in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from abgap.lab.scenarios.base import PlantedTruth
from abgap.lab.scenarios.folder import STUDY, write_parquet
from abgap.lab.scenarios.scores.offline import NDCG, Models, TestSet, draw_test_set
from abgap.lab.scenarios.scores.online import MARKET, NEW, OLD, Logs, draw_logs, exposed, mix_loss
from abgap.lab.scenarios.scores.plan import RATE, Fault, Plan
from abgap.lab.scenarios.scores.study import CLEAN, MISSPELT, SPELLING, study_text
from abgap.lab.scenarios.text import REVENUE
from abgap.lab.scenarios.visits import ARMS, adjusted_lift, exposure_table, generator, visit_table

QUERIES_PER_EXPERIMENT = 1_000_000
MANY_USERS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One experiment to be made. reasons: planted ones; None for one that is there for the sake of the others."""

    name: str
    plan: Plan
    reasons: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    planned: Planned
    models: Models
    tests: TestSet
    logs: Logs


def write_study(
    directory: Path, planned: Sequence[Planned], *, name: str, story: str, seed: int
) -> tuple[PlantedTruth, ...]:
    """Write the study, and give the truth of the experiments that have one."""
    made = [_draw(each, number, name, seed) for number, each in enumerate(planned, start=1)]
    logs, offline = directory / "logs", directory / "offline"
    write_parquet(_exposures(made), logs / "exposures.parquet")
    write_parquet(
        visit_table([(each.logs.users, each.logs.visits) for each in made]), logs / "visits.parquet"
    )
    write_parquet(_scores(made), offline / "scores.parquet")
    text = study_text(
        name,
        story,
        seed,
        {each.planned.name: each.models for each in made},
        live_typos=planned[0].plan.live_typos,
    )
    (directory / STUDY).write_text(text, encoding="utf-8")
    return tuple(_truth(each) for each in made if each.planned.reasons is not None)


def _draw(planned: Planned, number: int, name: str, seed: int) -> _Made:
    plan, rng = planned.plan, generator(seed, name, number)
    models = _models(planned)
    tests = draw_test_set(rng, plan, models)
    drawn = plan.lucky or plan.candidates_alike
    logs = draw_logs(rng, planned.name, number, plan, gain=tests.true_gain if drawn else None)
    return _Made(planned=planned, models=models, tests=tests, logs=logs)


def _models(planned: Planned) -> Models:
    name, plan = planned.name, planned.plan
    return Models(
        live=f"{name} live",
        new=f"{name} new",
        claimed=f"{name} last year" if plan.baseline_loss else None,
        others=tuple(f"{name} idea {i}" for i in range(1, plan.candidates + 1)),
    )


def _truth(made: _Made) -> PlantedTruth:
    planned, plan = made.planned, made.planned.plan
    drawn = plan.lucky or plan.candidates_alike
    expected = RATE * made.tests.claimed_gain if drawn else plan.claimed_lift
    true_lift = RATE * made.tests.true_gain if drawn else plan.claimed_lift - sum(plan.lost.values())
    amounts: dict[str, float | None] = {
        **plan.lost,
        "winners_curse": expected - true_lift,
        "offline_noise": expected - true_lift,
        "underpowered": true_lift - adjusted_lift(made.logs.users, made.logs.visits),
    }
    if plan.fault is not None:
        amounts["data_faults"] = _hidden(replace(plan, level=0.0))
    if plan.mixed:
        amounts["heterogeneity"] = mix_loss(plan)
    return PlantedTruth(
        experiment=planned.name,
        treatment=ARMS[1],
        offline_metric=NDCG,
        business_metric=REVENUE,
        expected=expected,
        true_lift=true_lift,
        reasons={reason: amounts.get(reason) for reason in planned.reasons or ()},
    )


@cache
def _hidden(plan: Plan) -> float:
    """What of the lift is gone because exposures are missing, among very many users."""
    logs = draw_logs(generator(0, "hidden"), "", 1, replace(plan, users=MANY_USERS))
    among = exposed(logs.users, plan)
    return adjusted_lift(logs.users, logs.visits) - adjusted_lift(logs.users, logs.visits, among)


def _exposures(made: Sequence[_Made]) -> pa.Table:
    table = exposure_table([each.logs.users for each in made])
    if all(each.planned.plan.fault is not Fault.LOST_BUYERS for each in made):
        return table
    return table.filter(
        pa.array(np.concatenate([exposed(each.logs.users, each.planned.plan) for each in made]))
    )


def _scores(made: Sequence[_Made]) -> pa.Table:
    """model, metric, query, value, market, spelling."""
    parts = [_score_part(number, each.tests) for number, each in enumerate(made, start=1)]
    return pa.concat_tables(parts).combine_chunks()


def _score_part(number: int, tests: TestSet) -> pa.Table:
    keys, n = list(tests.values), len(tests.new_market)
    query = number * QUERIES_PER_EXPERIMENT + np.arange(1, n + 1)
    names = np.repeat(np.arange(len(keys)), n)
    return pa.table(
        {
            "model": pa.array([model for model, _ in keys]).take(pa.array(names)),
            "metric": pa.array([metric for _, metric in keys]).take(pa.array(names)),
            "query": pa.array(np.tile(query, len(keys))),
            "value": pa.array(np.concatenate(list(tests.values.values()))),
            MARKET: pa.array(np.tile(np.where(tests.new_market, NEW, OLD), len(keys))),
            SPELLING: pa.array(np.tile(np.where(tests.misspelt, MISSPELT, CLEAN), len(keys))),
        }
    )
