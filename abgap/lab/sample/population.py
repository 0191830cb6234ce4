"""The customers of the sample shop: who they are and how they would shop if nobody experimented.

A grocery shop, because its customers come often and their past tells a lot about their future: that is what
makes a lift of one percent measurable on a few ten thousand users, and what a pre-period covariate lives
from. Every user takes part in one experiment only.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.lab.sample.plant import PlantedExperiment
from abgap.lab.sample.truth import EXPERIMENTS, PRE_PERIOD_DAYS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

DEVICES = ("desktop", "mobile", "tablet")
DEVICE_SHARES = (0.30, 0.62, 0.08)
CLICK_PROBABILITY = (0.74, 0.68, 0.70)
"""Of each of the two results a session looks at, by device."""

COUNTRIES = ("DE", "FR", "NL", "PL")
COUNTRY_SHARES = (0.42, 0.26, 0.17, 0.15)
BASKET_EUR = (41.0, 39.0, 44.0, 27.0)

RESULTS_PER_SESSION = 2
ORDER_PER_CLICK = 0.46
SESSIONS_PER_WEEK = 2.2
RATE_SPREAD = 0.38
"""Standard deviation of the log of users' visit rates."""
BASKET_SPREAD = 0.32
"""The same of their usual baskets."""
PACE_SECONDS = (20, 90)
NEW_USER_RATE = 0.6
ARRIVAL_SPAN = 0.75
"""New users arrive evenly over this part of an experiment."""

ID_RANGE = 9_999_991
"""A prime: multiplying by a constant modulo it gives every user an id of his own, in no visible order."""
ID_STEP = 3_141_593

SMALLEST_POPULATION = 240
"""Users an experiment keeps however small the scale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The users of one experiment, as columns of one length, ordered by id.

    arm, device, country: positions in the experiment's variants, DEVICES and COUNTRIES. interval_days:
    between two visits. arrival_day: days since the first day of the logs. basket_eur: usual order value.
    pace_seconds: between two clicks of a visit.
    """

    ids: Ints
    arm: Codes
    device: Codes
    country: Codes
    new_user: Mask
    interval_days: Floats
    arrival_day: Floats
    basket_eur: Floats
    click_probability: Floats
    pace_seconds: Ints

    def __len__(self) -> int:
        return len(self.ids)


def stream(seed: int, *names: str) -> np.random.Generator:
    """A random generator for every named purpose, so that adding one leaves the others as they were."""
    return np.random.default_rng([seed, *(zlib.crc32(name.encode()) for name in names)])


def size(experiment: PlantedExperiment, scale: float) -> int:
    """Users of the experiment at the given scale."""
    return min(experiment.users, max(SMALLEST_POPULATION, round(experiment.users * scale)))


def draw(experiment: PlantedExperiment, *, seed: int, scale: float = 1.0) -> Population:
    """The users of one experiment, randomised to its arms by their shares."""
    rng = stream(seed, experiment.name, "population")
    n = size(experiment, scale)
    device = _choose(rng, DEVICE_SHARES, n)
    country = _choose(rng, COUNTRY_SHARES, n)
    new_user = rng.random(n) < experiment.new_user_share
    rate = SESSIONS_PER_WEEK * rng.lognormal(-(RATE_SPREAD**2) / 2, RATE_SPREAD, n)
    arrival = PRE_PERIOD_DAYS + rng.random(n) * ARRIVAL_SPAN * experiment.duration_days
    return Population(
        ids=_ids(experiment, n),
        arm=_choose(rng, tuple(arm.share for arm in experiment.arms.values()), n),
        device=device,
        country=country,
        new_user=new_user,
        interval_days=7.0 / np.where(new_user, NEW_USER_RATE * rate, rate),
        arrival_day=np.where(new_user, arrival, 0.0),
        basket_eur=np.asarray(BASKET_EUR)[country] * rng.lognormal(-(BASKET_SPREAD**2) / 2, BASKET_SPREAD, n),
        click_probability=np.asarray(CLICK_PROBABILITY)[device],
        pace_seconds=rng.integers(*PACE_SECONDS, n),
    )


def slice_mask(people: Population, name: str, value: str) -> Mask:
    """The users of one slice."""
    if name == "device":
        return np.equal(people.device, DEVICES.index(value))
    if name == "country":
        return np.equal(people.country, COUNTRIES.index(value))
    return np.equal(people.new_user, value == "true")


def multipliers(experiment: PlantedExperiment, people: Population, stage: str) -> Floats:
    """The planted multiplier of one stage for every user, by arm and slice."""
    result = np.ones(len(people))
    for position, arm in enumerate(experiment.arms.values()):
        inside = people.arm == position
        result[inside] = getattr(arm.effects, stage)
        for (name, value), effects in arm.in_slices.items():
            result[inside & slice_mask(people, name, value)] = getattr(effects, stage)
    return result


def _choose(rng: np.random.Generator, shares: tuple[float, ...], n: int) -> Codes:
    edges = np.cumsum(shares)[:-1]
    return np.searchsorted(edges, rng.random(n), side="right").astype(np.int8)


def _ids(experiment: PlantedExperiment, n: int) -> Ints:
    before = sum(other.users for other in EXPERIMENTS[: EXPERIMENTS.index(experiment)])
    positions = np.arange(before + 1, before + 1 + n, dtype=np.int64)
    return np.sort(positions * ID_STEP % ID_RANGE)
