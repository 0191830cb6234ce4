"""Experiments of the world "lists" written as one study, and what was planted in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from abgap.lab.scenarios.base import PlantedTruth
from abgap.lab.scenarios.folder import STUDY, write_parquet
from abgap.lab.scenarios.lists.draw import CLICKED, Lists, Queries, draw_lists, draw_queries, scores_of
from abgap.lab.scenarios.lists.plan import DEEP, EXAMINED, LENGTH, Plan
from abgap.lab.scenarios.lists.study import CLICK, PURCHASE, study_text
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

QUERIES_PER_EXPERIMENT = 1_000_000
_PICKED_AFTER_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """One experiment. lists, picked: live ones, None where they are not logged."""

    name: str
    plan: Plan
    rankings: pa.Table
    users: Users
    visits: Visits
    lists: pa.Table | None
    picked: pa.Table | None


def write_study(
    directory: Path, plan: Plan, replicates: int, *, name: str, story: str, seed: int
) -> tuple[PlantedTruth, ...]:
    """Write experiments of one plan as one study, and give its truth.

    Their models are judged by the same queries, as those of one company are: a query that a model does not rank would
    count as 0. All else is drawn for each of them.
    """
    tested = draw_queries(generator(seed, name, "queries"), plan, plan.queries, seen=True)
    made = [_draw(f"launch_{i:03d}", i, plan, tested, name, seed) for i in range(1, replicates + 1)]
    logs, offline = directory / "logs", directory / "offline"
    write_parquet(exposure_table([each.users for each in made]), logs / "exposures.parquet")
    write_parquet(visit_table([(each.users, each.visits) for each in made]), logs / "visits.parquet")
    write_parquet(pa.concat_tables([each.rankings for each in made]), offline / "rankings.parquet")
    write_parquet(_judgements(tested), offline / "judgements.parquet")
    if plan.logged:
        lists, picked = [each.lists for each in made], [each.picked for each in made]
        write_parquet(pa.concat_tables(lists), logs / "lists.parquet")
        write_parquet(pa.concat_tables([*picked, _last()]), logs / "picked.parquet")
    models = {each.name: _models(each.name) for each in made}
    text = study_text(name, story, seed, models, plan)
    (directory / STUDY).write_text(text, encoding="utf-8")
    return tuple(_truth(each) for each in made)


def _models(experiment: str) -> tuple[str, str]:
    return f"{experiment} live", f"{experiment} new"


def _draw(name: str, number: int, plan: Plan, tested: Queries, scenario: str, seed: int) -> _Made:
    rng = generator(seed, scenario, number)
    users = draw_users(rng, name, number, count=plan.users, slices={})
    lift = np.full((len(users), WINDOW_DAYS), plan.true_lift)
    latency = np.full(len(users), LATENCY_MS)
    behaviour = Behaviour(lift=lift, clicks_lift=np.zeros(len(users)), latency_ms=latency)
    visits = draw_visits(rng, users, behaviour)
    lists, picked = (
        _live(rng, plan, name, users, visits, number * QUERIES_PER_EXPERIMENT)
        if plan.logged
        else (None, None)
    )
    return _Made(
        name=name,
        plan=plan,
        rankings=_rankings(rng, tested, draw_lists(rng, plan, tested), name),
        users=users,
        visits=visits,
        lists=lists,
        picked=picked,
    )


def _rankings(rng: np.random.Generator, tested: Queries, lists: Lists, name: str) -> pa.Table:
    """model, query, item, score, position, looked_at."""
    n, length = tested.shown.shape
    shown = tested.shown.ravel()
    parts = [
        pa.table(
            {
                "model": pa.array([model] * (n * length)),
                "query": pa.array(np.repeat(_numbers(0, n), length)),
                "item": pa.array(_items(0, n, length).ravel()),
                "score": pa.array(scores_of(rng, places).ravel()),
                "position": pa.array(shown),
                "looked_at": pa.array(np.array(EXAMINED)[shown - 1]),
            }
        )
        for model, places in zip(_models(name), (lists.live, lists.new), strict=True)
    ]
    return pa.concat_tables(parts)


def _judgements(tested: Queries) -> pa.Table:
    """query, item, relevance, label."""
    n = len(tested)
    rows, items = np.arange(n), _items(0, n, tested.length)
    both = np.concatenate([items[:, CLICKED], items[rows, tested.bought]])
    return pa.table(
        {
            "query": pa.array(np.tile(_numbers(0, n), 2)),
            "item": pa.array(both),
            "relevance": pa.array(np.ones(2 * n, dtype=np.int64)),
            "label": pa.array([CLICK] * n + [PURCHASE] * n),
        }
    )


def _live(
    rng: np.random.Generator, plan: Plan, name: str, users: Users, visits: Visits, first: int
) -> tuple[pa.Table, pa.Table]:
    """The lists of the first visits, and what was clicked in them."""
    day = (visits.second - users.exposed[visits.user]) // DAY_SECONDS
    asked = np.flatnonzero(day == 0)[: plan.requests]
    asked = asked[visits.second[asked] >= users.exposed[visits.user[asked]]]
    n = len(asked)
    lists = draw_lists(rng, plan, draw_queries(rng, plan, n, seen=False))
    user, second = visits.user[asked], visits.second[asked]
    treated = users.treated[user][:, None]
    replayed = scores_of(rng, np.where(treated, lists.new, lists.live))
    alike = np.all(lists.served == lists.new, axis=1)[:, None] | ~treated
    served: Floats = np.where(alike, replayed, scores_of(rng, lists.served))
    number = _numbers(first + QUERIES_PER_EXPERIMENT // 2, n)
    items = _items(first + QUERIES_PER_EXPERIMENT // 2, n, LENGTH)
    shown = pa.table(
        {
            "user_id": pa.array(np.repeat(users.ids[user], LENGTH)),
            "ts": _moments(np.repeat(second, LENGTH)),
            "model": pa.array(_models(name)).take(pa.array(np.repeat(treated[:, 0].astype(np.int8), LENGTH))),
            "query": pa.array(np.repeat(number, LENGTH)),
            "item": pa.array(items.ravel()),
            "score": pa.array(served.ravel()),
            "replayed": pa.array(replayed.ravel()),
        }
    )
    return shown, _picked(users.ids[user], second, number, items[:, CLICKED])


def _picked(user: Ints, second: Ints, query: Ints, item: Ints) -> pa.Table:
    return pa.table(
        {
            "user_id": pa.array(user),
            "ts": _moments(second + _PICKED_AFTER_SECONDS),
            "query": pa.array(query),
            "item": pa.array(item),
        }
    )


def _last() -> pa.Table:
    """A click of somebody who takes no part, so that all windows are known to be over."""
    nobody = np.zeros(1, dtype=np.int64)
    return _picked(nobody, np.array([LOG_DAYS * DAY_SECONDS]), nobody, nobody)


def _numbers(first: int, n: int) -> Ints:
    return first + np.arange(1, n + 1)


def _items(first: int, n: int, length: int) -> Ints:
    """Items (n, length), the clicked one first."""
    return first * DEEP + np.arange(n * length).reshape(n, length)


def _moments(second: Ints) -> pa.Array:
    return pa.array((START + second.astype("timedelta64[s]")).astype("datetime64[ms]"))


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
