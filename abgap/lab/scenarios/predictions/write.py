"""Experiments of the world "predictions" written as one study, and what was planted in each of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from abgap.lab.scenarios.base import PlantedTruth
from abgap.lab.scenarios.folder import STUDY, write_parquet
from abgap.lab.scenarios.predictions.draw import Drawn, draw, other_noise, own_noise, score
from abgap.lab.scenarios.predictions.plan import Model, Plan
from abgap.lab.scenarios.predictions.study import (
    CLEAN,
    INPUTS,
    MARKET,
    NEW,
    OLD,
    PERTURBED,
    study_text,
)
from abgap.lab.scenarios.text import REVENUE
from abgap.lab.scenarios.visits import (
    ARMS,
    DAY_SECONDS,
    LATENCY_MS,
    LOG_DAYS,
    START,
    WINDOW_DAYS,
    Behaviour,
    Floats,
    Ints,
    Users,
    Visits,
    draw_users,
    draw_visits,
    exposure_table,
    generator,
    visit_table,
)

EXAMPLES_PER_EXPERIMENT = 1_000_000
LEARNT_FROM = 500
"""Training examples that are listed for every model."""
_PREDICTED_DAYS = 2
_TAKEN_AFTER_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """One experiment. asked: rows of the visits that were predicted. request: their numbers."""

    name: str
    number: int
    plan: Plan
    test: pa.Table
    users: Users
    visits: Visits
    live: pa.Table
    taken: pa.Table

    @property
    def models(self) -> tuple[str, str]:
        return _names(self.name)


def write_study(
    directory: Path, plan: Plan, replicates: int, *, name: str, story: str, seed: int
) -> tuple[PlantedTruth, ...]:
    """Write experiments of one plan as one study, and give its truth.

    The first one has the numbers of the story; with all of them so, no replicate would differ from the next.
    """
    plans = [plan, *[replace(plan, exact=False)] * (replicates - 1)]
    made = [_draw(f"launch_{i:03d}", i, plan, name, seed) for i, plan in enumerate(plans, start=1)]
    logs, offline = directory / "logs", directory / "offline"
    write_parquet(exposure_table([each.users for each in made]), logs / "exposures.parquet")
    write_parquet(visit_table([(each.users, each.visits) for each in made]), logs / "visits.parquet")
    write_parquet(pa.concat_tables([*(each.taken for each in made), _last()]), logs / "taken.parquet")
    write_parquet(pa.concat_tables([each.live for each in made]), logs / "predictions.parquet")
    write_parquet(pa.concat_tables([each.test for each in made]), offline / "predictions.parquet")
    write_parquet(pa.concat_tables([_trained_on(each) for each in made]), offline / "trained_on.parquet")
    text = study_text(
        name,
        story,
        seed,
        {each.name: each.models for each in made},
        metric=plan.metric,
        rate=plan.rate,
    )
    (directory / STUDY).write_text(text, encoding="utf-8")
    return tuple(_truth(each) for each in made)


def _names(experiment: str) -> tuple[str, str]:
    return f"{experiment} live", f"{experiment} new"


def _draw(name: str, number: int, plan: Plan, scenario: str, seed: int) -> _Made:
    rng = generator(seed, scenario, number)
    models = dict(zip(_names(name), (plan.control, plan.treatment), strict=True))
    tested = draw(rng, plan.examples, positives=plan.positives, mix=plan.test)
    first = number * EXAMPLES_PER_EXPERIMENT
    test = pa.concat_tables(
        [_tested(rng, tested, each, model, first, exact=plan.exact) for each, model in models.items()]
    )
    users = draw_users(rng, name, number, count=plan.users, slices={})
    nothing = np.zeros(len(users))
    lift = np.full((len(users), WINDOW_DAYS), plan.true_lift)
    behaviour = Behaviour(lift=lift, clicks_lift=nothing, latency_ms=np.full(len(users), LATENCY_MS))
    visits = draw_visits(rng, users, behaviour)
    live, taken = _served(rng, plan, users, visits, models, first)
    return _Made(
        name=name, number=number, plan=plan, test=test, users=users, visits=visits, live=live, taken=taken
    )


def _tested(
    rng: np.random.Generator, tested: Drawn, name: str, model: Model, first: int, *, exact: bool
) -> pa.Table:
    """model, example, taken, score, market, inputs: of the test set."""
    scores = score(model.offline, tested, own_noise(rng, tested), exact=exact)
    return pa.table(
        {
            "model": pa.array([name] * len(tested)),
            "example": pa.array(first + np.arange(1, len(tested) + 1)),
            "taken": pa.array(tested.positive.astype(np.int64)),
            "score": pa.array(_rounded(scores)),
            **_kinds(tested),
        }
    )


def _served(
    rng: np.random.Generator, plan: Plan, users: Users, visits: Visits, models: dict[str, Model], first: int
) -> tuple[pa.Table, pa.Table]:
    """The visits of the first days as they were predicted, and those on which the offer was taken."""
    day = (visits.second - users.exposed[visits.user]) // DAY_SECONDS
    asked = np.flatnonzero((day >= 0) & (day < _PREDICTED_DAYS))
    requests = draw(rng, len(asked), positives=plan.positives, mix=plan.live)
    user, second = visits.user[asked], visits.second[asked]
    number = first + np.arange(1, len(asked) + 1)
    parts = []
    for arm, (name, model) in enumerate(models.items()):
        mine = users.treated[user] == bool(arm)
        served, replayed = _both(rng, model, requests.keep(mine), exact=plan.exact)
        parts.append(
            pa.table(
                {
                    "user_id": pa.array(users.ids[user[mine]]),
                    "ts": _moments(second[mine]),
                    "model": pa.array([name] * int(mine.sum())),
                    "request": pa.array(number[mine]),
                    "score": pa.array(_rounded(served)),
                    "replayed": pa.array(_rounded(replayed)),
                    **_kinds(requests.keep(mine)),
                }
            )
        )
    taken = requests.positive
    return pa.concat_tables(parts), _taken(users.ids[user[taken]], second[taken], number[taken])


def _both(rng: np.random.Generator, model: Model, requests: Drawn, *, exact: bool) -> tuple[Floats, Floats]:
    """As served, and as the offline pipeline says: the same where nothing is wrong."""
    noise = own_noise(rng, requests)
    replayed = score(model.replayed, requests, noise, exact=exact)
    if model.served == model.replayed:
        return replayed, replayed
    return score(model.served, requests, other_noise(rng, noise), exact=exact), replayed


def _kinds(drawn: Drawn) -> dict[str, pa.Array]:
    return {
        MARKET: pa.array(np.where(drawn.new, NEW, OLD)),
        INPUTS: pa.array(np.where(drawn.perturbed, PERTURBED, CLEAN)),
    }


def _taken(user: Ints, second: Ints, request: Ints) -> pa.Table:
    return pa.table(
        {
            "user_id": pa.array(user),
            "ts": _moments(second + _TAKEN_AFTER_SECONDS),
            "request": pa.array(request),
        }
    )


def _last() -> pa.Table:
    """An offer that somebody took who takes no part, so that all windows are known to be over."""
    return _taken(
        np.zeros(1, dtype=np.int64), np.array([LOG_DAYS * DAY_SECONDS]), np.zeros(1, dtype=np.int64)
    )


def _trained_on(made: _Made) -> pa.Table:
    """model, example: none of which is in the test set."""
    models = made.models
    first = made.number * EXAMPLES_PER_EXPERIMENT + EXAMPLES_PER_EXPERIMENT // 2
    return pa.table(
        {
            "model": pa.array(models).take(pa.array(np.repeat(np.arange(len(models)), LEARNT_FROM))),
            "example": pa.array(first + np.tile(np.arange(LEARNT_FROM), len(models))),
        }
    )


def _moments(second: Ints) -> pa.Array:
    return pa.array((START + second.astype("timedelta64[s]")).astype("datetime64[ms]"))


def _rounded(scores: Floats) -> Floats:
    return np.asarray(np.round(scores, 7))


def _truth(made: _Made) -> PlantedTruth:
    return PlantedTruth(
        experiment=made.name,
        treatment=ARMS[1],
        offline_metric=made.plan.metric,
        business_metric=REVENUE,
        expected=made.plan.expected,
        true_lift=made.plan.true_lift,
        reasons=made.plan.amounts,
    )
