"""The online logs of a scenario: users who are exposed to one of two arms, and their visits before and after it.

A user visits once a day, for four days from exposure on and once before; what a visit brings scatters around a level
of the user's own. So a few thousand users tell a lift of ten percent from one of five, a lift of every single day is
known, and what users spent before says half of what they spend after. The planted lifts multiply; the true lift of
revenue is the mean over the users, for who a user is does not depend on the arm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from abgap.stats.streams import named_stream

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Names = npt.NDArray[np.str_]
Mask = npt.NDArray[np.bool_]

ARMS = ("A", "B")
DAY_SECONDS = 86_400
START = np.datetime64("2026-03-02T00:00:00", "s")
ENROLMENT_DAYS = 3
WINDOW_DAYS = 4
RUN_DAYS = ENROLMENT_DAYS + WINDOW_DAYS
LOG_DAYS = RUN_DAYS + 2
"""Days after the start on which the log ends, so that all windows are known to be over."""

MEAN_SPEND = 10.0
"""Of a visit, on average over users, in EUR."""
LEVEL_SHAPE = 8.0
"""Of the gamma distribution of users' levels: a coefficient of variation of .35."""
VISIT_SHAPE = 40.0
"""The same of the visits of one user: .16."""
LATENCY_SHAPE = 12.0
CLICKS = 2.0
LATENCY_MS = 250.0
USERS_PER_EXPERIMENT = 1_000_000
"""Room for ids, so that no two experiments share a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """The users of one experiment, as columns of one length.

    number: of the experiment, from 1 on. treated: who is in the second arm. exposed: seconds since ``START``. level:
    what a visit brings on average before exposure. slices: what was known of them then, by name.
    """

    experiment: str
    number: int
    treated: Mask
    exposed: Ints
    level: Floats
    slices: Mapping[str, Names]

    def __len__(self) -> int:
        return len(self.treated)

    @property
    def ids(self) -> Ints:
        """Their ids in the logs."""
        return self.number * USERS_PER_EXPERIMENT + np.arange(1, len(self) + 1)

    def where(self, name: str, value: str) -> Mask:
        """Who is in a slice."""
        return np.equal(self.slices[name], value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Visits of users of one experiment, as columns. user: position among them. second: since ``START``."""

    user: Ints
    second: Ints
    spend: Floats
    clicks: Ints
    latency_ms: Floats

    def keep(self, rows: Mask) -> Visits:
        """Some of them."""
        return Visits(
            user=self.user[rows],
            second=self.second[rows],
            spend=self.spend[rows],
            clicks=self.clicks[rows],
            latency_ms=self.latency_ms[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What visits after exposure are like, beside those before it.

    Every field but the last is of treated users; the others have the same length, and nothing changes for them. lift:
    of what a visit brings, for every user and day since exposure. clicks_lift: the same of clicks, for every user.
    latency_ms: mean of a visit. season: what visits after exposure are multiplied by in both arms.
    """

    lift: Floats
    clicks_lift: Floats
    latency_ms: Floats
    season: Floats | float = 1.0


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """Random numbers for a named purpose, so that adding one leaves all others as they were."""
    return np.random.Generator(named_stream(seed, "/".join(map(str, purpose))))


def draw_users(
    rng: np.random.Generator,
    experiment: str,
    number: int,
    *,
    count: int,
    slices: Mapping[str, Mapping[str, float]],
) -> Users:
    """Users that chance divides evenly. slices: the shares of the values of each."""
    return Users(
        experiment=experiment,
        number=number,
        treated=rng.permutation(count) < count // 2,
        exposed=rng.integers(0, ENROLMENT_DAYS * DAY_SECONDS, count),
        level=MEAN_SPEND * rng.gamma(LEVEL_SHAPE, 1.0 / LEVEL_SHAPE, count),
        slices={name: _chosen(rng, shares, count) for name, shares in slices.items()},
    )


def draw_visits(rng: np.random.Generator, users: Users, behaviour: Behaviour) -> Visits:
    """One visit before exposure and one on every day of the window after it."""
    count, treated = len(users), users.treated
    shape = (count, 1 + WINDOW_DAYS)
    after = np.arange(WINDOW_DAYS) * DAY_SECONDS + rng.integers(60, DAY_SECONDS // 8, (count, WINDOW_DAYS))
    before = -rng.integers(DAY_SECONDS // 4, 2 * DAY_SECONDS, (count, 1))
    mean = np.ones(shape)
    mean[:, 1:] = np.where(treated[:, None], 1.0 + behaviour.lift, 1.0) * _column(behaviour.season, count)
    clicks = np.full(shape, CLICKS)
    clicks[:, 1:] *= np.where(treated, 1.0 + behaviour.clicks_lift, 1.0)[:, None]
    latency = np.full(shape, LATENCY_MS)
    latency[:, 1:] = np.where(treated, behaviour.latency_ms, LATENCY_MS)[:, None]
    spend = users.level[:, None] * mean * rng.gamma(VISIT_SHAPE, 1.0 / VISIT_SHAPE, shape)
    return Visits(
        user=np.repeat(np.arange(count), shape[1]),
        second=(users.exposed[:, None] + np.hstack([before, after])).ravel(),
        spend=np.round(spend, 2).ravel(),
        clicks=rng.poisson(clicks).ravel(),
        latency_ms=np.round(latency * rng.gamma(LATENCY_SHAPE, 1.0 / LATENCY_SHAPE, shape), 1).ravel(),
    )


def adjusted_lift(users: Users, visits: Visits, among: Mask | None = None) -> float:
    """The lift of revenue per user as it comes out: difference of means with what was spent before taken out.

    Pooled regression on one covariate, as abgap does it by default; what it lies off the true lift is chance.
    among: who counts, by default all.
    """
    window = (visits.second >= users.exposed[visits.user]).astype(np.intp)
    spent = np.zeros((2, len(users)))
    np.add.at(spent, (window, visits.user), visits.spend)
    counts = np.ones(len(users), dtype=np.bool_) if among is None else among
    before, after = spent
    treated, control = users.treated & counts, ~users.treated & counts
    cross = sum(np.cov(before[arm], after[arm]) * (arm.sum() - 1) for arm in (treated, control))
    theta = cross[0, 1] / cross[0, 0]
    moved = after[treated].mean() - after[control].mean()
    moved -= theta * (before[treated].mean() - before[control].mean())
    return float(moved / after[control].mean())


def exposure_table(groups: Sequence[Users]) -> pa.Table:
    """experiment, user_id, variant, ts, and the slices."""
    names = list(groups[0].slices)
    columns = {
        "experiment": _words([users.experiment for users in groups], [len(users) for users in groups]),
        "user_id": pa.array(np.concatenate([users.ids for users in groups])),
        "variant": pa.array(list(ARMS)).take(
            pa.array(np.concatenate([users.treated for users in groups]).astype(np.int8))
        ),
        "ts": _moments(np.concatenate([users.exposed for users in groups])),
    }
    for name in names:
        columns[name] = pa.array(np.concatenate([users.slices[name] for users in groups]))
    return pa.table(columns)


def visit_table(groups: Sequence[tuple[Users, Visits]]) -> pa.Table:
    """user_id, ts, spend, clicks, latency_ms; and the last visit of somebody who takes no part."""
    last = LOG_DAYS * DAY_SECONDS
    return pa.table(
        {
            "user_id": pa.array(np.concatenate([[0], *(users.ids[each.user] for users, each in groups)])),
            "ts": _moments(np.concatenate([[last], *(each.second for _, each in groups)])),
            "spend": pa.array(np.concatenate([[0.0], *(each.spend for _, each in groups)])),
            "clicks": pa.array(np.concatenate([[0], *(each.clicks for _, each in groups)])),
            "latency_ms": pa.array(np.concatenate([[LATENCY_MS], *(each.latency_ms for _, each in groups)])),
        }
    )


def _column(value: Floats | float, count: int) -> Floats:
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (count,))[:, None]


def _chosen(rng: np.random.Generator, shares: Mapping[str, float], count: int) -> Names:
    chosen = np.searchsorted(np.cumsum(list(shares.values()))[:-1], rng.random(count), side="right")
    return np.array(list(shares))[chosen]


def _words(words: Sequence[str], lengths: Sequence[int]) -> pa.Array:
    return pa.array(list(words)).take(pa.array(np.repeat(np.arange(len(words)), lengths)))


def _moments(second: Ints) -> pa.Array:
    return pa.array((START + second.astype("timedelta64[s]")).astype("datetime64[ms]"))
