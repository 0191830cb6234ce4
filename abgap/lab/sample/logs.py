"""What the users of one experiment leave behind: visits, clicks, orders, exposures and search requests.

Visits of a user come at nearly regular intervals, as shopping does. The planted effects begin with the first
visit inside the experiment, which is the exposure. Everything is numpy over all users at once.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from abgap.lab.sample.models import MODELS
from abgap.lab.sample.plant import PlantedExperiment
from abgap.lab.sample.population import (
    ORDER_PER_CLICK,
    RESULTS_PER_SESSION,
    Codes,
    Floats,
    Ints,
    Mask,
    Population,
    multipliers,
    stream,
)
from abgap.lab.sample.truth import PRE_PERIOD_DAYS, TELEMETRY_SHARE

DAY_SECONDS = 86_400
JITTER = 0.35
"""How far a visit strays from its regular time, in intervals."""
ORDER_VALUE_SPREAD = 0.20
"""Standard deviation of the log of one user's order values."""
SHORTEST_STAY = 0.5
"""Intervals between the first visit and the end that count at least, where a change of pace is shared out."""
LATENCY_SPREAD = 0.30
EXPOSURE_TO_VISIT_SECONDS = 1
"""An exposure is logged just before the visit it belongs to."""
HOUR_WEIGHTS = (2, 1, 1, 1, 1, 2, 4, 6, 7, 8, 9, 9, 9, 8, 8, 8, 9, 11, 13, 14, 13, 10, 6, 4)

EVENT_NAMES = ("session", "click", "purchase")
SESSION, CLICK, PURCHASE = range(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Visits, ordered by user and time. user: position in the population. second: since the first day."""

    user: Ints
    second: Ints
    live: Mask


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Rows of the event log. user -1: not known. amount_eur: NaN but for purchases."""

    user: Ints
    second: Ints
    kind: Codes
    session: Ints
    amount_eur: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposures:
    """Rows of the exposure log. variant: position in the experiment's arms, -1 for one nobody declared."""

    user: Ints
    second: Ints
    variant: Codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """Search requests of the users with telemetry. model: position among the experiment's arms."""

    user: Ints
    second: Ints
    latency_ms: Ints
    model: Codes


def first_day(experiment: PlantedExperiment) -> dt.date:
    """The day from which all seconds are counted."""
    return experiment.start - dt.timedelta(days=PRE_PERIOD_DAYS)


def sessions(experiment: PlantedExperiment, people: Population, *, seed: int) -> Sessions:
    """When each user visits, from the pre-period to the experiment's end."""
    rng = stream(seed, experiment.name, "sessions")
    lift = multipliers(experiment, people, "sessions_per_user")
    horizon = float(PRE_PERIOD_DAYS + experiment.duration_days)
    user, day = _regular_visits(people, horizon * max(1.0, 2.0 * lift.max() - 1.0), rng)
    user, day = _at_pace(user, day, lift, people, horizon)
    second = np.floor(day).astype(np.int64) * DAY_SECONDS + _second_of_day(len(day), rng)
    order = np.argsort(user << 32 | second, kind="stable")
    second = second[order]
    return Sessions(user=user[order], second=second, live=second >= PRE_PERIOD_DAYS * DAY_SECONDS)


def events(experiment: PlantedExperiment, people: Population, visits: Sessions, *, seed: int) -> Events:
    """One row per visit, per click and per order; a session's rows follow each other within minutes."""
    rng = stream(seed, experiment.name, "events")
    clicks = _clicks(experiment, people, visits, rng)
    ordered = _ordered(experiment, people, visits, clicks, rng)
    rows = 1 + clicks + ordered
    session = np.repeat(np.arange(len(rows)), rows)
    first_row = np.cumsum(rows) - rows
    step = np.arange(len(session)) - first_row[session]
    kind = np.full(len(session), CLICK, dtype=np.int8)
    kind[first_row] = SESSION
    kind[(first_row + rows - 1)[ordered]] = PURCHASE
    amount = np.full(len(session), np.nan)
    amount[kind == PURCHASE] = _order_values(experiment, people, visits, ordered, rng)
    user = visits.user[session]
    return Events(
        user=user,
        second=visits.second[session] + EXPOSURE_TO_VISIT_SECONDS + people.pace_seconds[user] * step,
        kind=kind,
        session=session,
        amount_eur=amount,
    )


def exposures(experiment: PlantedExperiment, people: Population, visits: Sessions, *, seed: int) -> Exposures:
    """The first visit of every user; an arm that loses users loses rather the less active ones."""
    rng = stream(seed, experiment.name, "exposures")
    live = np.flatnonzero(visits.live)
    user, first = np.unique(visits.user[live], return_index=True)
    lost_share = np.array([arm.lost_share for arm in experiment.arms.values()])[people.arm[user]]
    inactivity = people.interval_days[user] / people.interval_days[user].mean()
    seen = rng.random(len(user)) >= lost_share * inactivity
    user = user[seen]
    return Exposures(user=user, second=visits.second[live[first[seen]]], variant=people.arm[user])


def requests(experiment: PlantedExperiment, people: Population, visits: Sessions, *, seed: int) -> Requests:
    """One search request per visit inside the experiment, for a share of the users."""
    rng = stream(seed, experiment.name, "requests")
    watched = rng.random(len(people)) < TELEMETRY_SHARE
    chosen = np.flatnonzero(visits.live & watched[visits.user])
    user = visits.user[chosen]
    medians = np.array([MODELS[arm.model].latency_p50_ms for arm in experiment.arms.values()], dtype=float)
    noise = rng.lognormal(0.0, LATENCY_SPREAD, len(user))
    return Requests(
        user=user,
        second=visits.second[chosen] + EXPOSURE_TO_VISIT_SECONDS,
        latency_ms=np.rint(medians[people.arm[user]] * noise).astype(np.int64),
        model=people.arm[user],
    )


def _regular_visits(people: Population, horizon: float, rng: np.random.Generator) -> tuple[Ints, Floats]:
    counts = np.ceil(horizon / people.interval_days).astype(np.int64) + 1
    user = np.repeat(np.arange(len(people)), counts)
    place = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)
    stray = rng.uniform(-JITTER, JITTER, len(user))
    day = (place + rng.random(len(people))[user] + stray) * people.interval_days[user]
    kept = (day >= people.arrival_day[user]) & (day < horizon)
    return user[kept], day[kept]


def _at_pace(
    user: Ints, day: Floats, sessions_lift: Floats, people: Population, horizon: float
) -> tuple[Ints, Floats]:
    """Visits after the first one inside the experiment follow each other faster or slower.

    The first visit cannot be changed, it is the exposure; so the others change a little more than the planted
    multiplier of all visits. A user with r intervals left after the first visit makes r + 1/2 visits on
    average.
    """
    inside = np.flatnonzero(day >= PRE_PERIOD_DAYS)
    start = np.full(len(people), horizon)
    np.minimum.at(start, user[inside], day[inside])
    intervals_left = np.maximum((horizon - start) / people.interval_days, SHORTEST_STAY)
    pace = sessions_lift + (sessions_lift - 1.0) * 0.5 / intervals_left
    begun = start[user]
    paced = np.where(day > begun, begun + (day - begun) / pace[user], day)
    kept = paced < horizon
    return user[kept], paced[kept]


def _second_of_day(n: int, rng: np.random.Generator) -> Ints:
    edges = np.concatenate(([0.0], np.cumsum(HOUR_WEIGHTS))) / sum(HOUR_WEIGHTS)
    hour = np.interp(rng.random(n), edges, np.arange(25.0))
    second: Ints = (hour * 3600.0).astype(np.int64)
    return second


def _effect(experiment: PlantedExperiment, people: Population, visits: Sessions, stage: str) -> Floats:
    return np.where(visits.live, multipliers(experiment, people, stage)[visits.user], 1.0)


def _clicks(
    experiment: PlantedExperiment, people: Population, visits: Sessions, rng: np.random.Generator
) -> Ints:
    chance = people.click_probability[visits.user]
    chance = chance * _effect(experiment, people, visits, "clicks_per_session")
    clicks = np.zeros(len(chance), dtype=np.int64)
    for _ in range(RESULTS_PER_SESSION):
        clicks += rng.random(len(chance)) < chance
    return clicks


def _ordered(
    experiment: PlantedExperiment,
    people: Population,
    visits: Sessions,
    clicks: Ints,
    rng: np.random.Generator,
) -> Mask:
    """At most one order per visit, its chance in proportion to the clicks, so that orders per click holds."""
    chance = clicks * ORDER_PER_CLICK * _effect(experiment, people, visits, "orders_per_click")
    return rng.random(len(chance)) < chance


def _order_values(
    experiment: PlantedExperiment,
    people: Population,
    visits: Sessions,
    ordered: Mask,
    rng: np.random.Generator,
) -> Floats:
    usual = people.basket_eur[visits.user[ordered]]
    effect = _effect(experiment, people, visits, "revenue_per_order")[ordered]
    noise = rng.lognormal(-(ORDER_VALUE_SPREAD**2) / 2, ORDER_VALUE_SPREAD, len(usual))
    return np.round(usual * effect * noise, 2)
