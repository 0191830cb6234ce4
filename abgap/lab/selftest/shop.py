"""Made-up logs of a small shop: who saw which variant when, who visited, and who ordered for how much.

Users differ: each has a rate of his own, gamma distributed, that governs visits and orders before and after exposure;
the planted lift multiplies the rate of orders alone. So the true lift of every metric is known exactly, and last weeks'
orders say something about the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from abgap.records.moments import FloatArray

DAY = 86_400
START = np.datetime64("2026-03-02T00:00:00", "s")
ENROLMENT_DAYS, WINDOW_DAYS = 14, 14
RUN_DAYS = ENROLMENT_DAYS + WINDOW_DAYS
ORDERS, VISITS_PER_ORDER = 1.5, 2.0
"""Orders of a user in a window, on average, and visits for each of them."""
SHAPE = 2.0
"""Of the gamma distribution of users' rates."""
VALUE, VALUE_SHAPE = 30.0, 4.0

VISIT, ORDER = 0, 1
Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposures:
    """Rows of the exposure log. user: position, second: since START, arm: position in ``arms``."""

    user: Ints
    second: Ints
    arm: Codes

    def take(self, rows: npt.NDArray[np.intp]) -> Exposures:
        """Some of the rows, in that order."""
        return Exposures(user=self.user[rows], second=self.second[rows], arm=self.arm[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """Rows of the event log. user -1: has no id. amount: 0 but for orders."""

    user: Ints
    second: Ints
    kind: Codes
    amount: FloatArray

    def take(self, rows: npt.NDArray[np.intp]) -> Events:
        """Some of the rows, in that order."""
        return Events(
            user=self.user[rows], second=self.second[rows], kind=self.kind[rows], amount=self.amount[rows]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """The logs of one experiment. rate: of every user. arm: that every user is in. prefix: of ids in the event log."""

    rate: FloatArray
    arm: Codes
    exposed: Ints
    exposures: Exposures
    events: Events
    arms: tuple[str, ...] = ("A", "B")
    id_prefix: str = ""

    def with_exposures(self, exposures: Exposures) -> Shop:
        """The shop with another exposure log."""
        return replace(self, exposures=exposures)

    def with_events(self, events: Events) -> Shop:
        """The shop with another event log."""
        return replace(self, events=events)


def true_lifts(lift: float) -> Mapping[str, float]:
    """The lift of every metric of the study when orders are multiplied by ``1 + lift``; exact in expectation.

    Orders of a user are negative binomial, so nobody orders with probability ``(1 + m / k)^-k``.
    """

    def buys(orders: float) -> float:
        return float(1.0 - (1.0 + orders / SHAPE) ** -SHAPE)

    return {
        "revenue_per_user": lift,
        "orders_per_user": lift,
        "conversion": buys(ORDERS * (1.0 + lift)) / buys(ORDERS) - 1.0,
        "orders_per_visit": lift,
        "visits_per_user": 0.0,
    }


def open_shop(rng: np.random.Generator, *, users: int, lift: float) -> Shop:
    """Users that chance divides evenly, and what they do from a window before exposure to a window after it."""
    rate = rng.gamma(SHAPE, ORDERS / SHAPE, users)
    arm = rng.integers(0, 2, users).astype(np.int8)
    exposed = rng.integers(0, ENROLMENT_DAYS * DAY, users)
    after = rate * np.where(arm == 1, 1.0 + lift, 1.0)
    parts = [
        _happened(rng, exposed, rng.poisson(rate), kind=ORDER, before=True),
        _happened(rng, exposed, rng.poisson(after), kind=ORDER, before=False),
        _happened(rng, exposed, rng.poisson(VISITS_PER_ORDER * rate), kind=VISIT, before=False),
        _last_visit(),
    ]
    return Shop(
        rate=rate,
        arm=arm,
        exposed=exposed,
        exposures=Exposures(user=np.arange(users), second=exposed, arm=arm),
        events=joined(parts),
    )


def _last_visit() -> Events:
    """A visit of the first user after the end: the log goes on, so that all windows are known to be over."""
    return Events(
        user=np.zeros(1, dtype=np.int64),
        second=np.array([(RUN_DAYS + 1) * DAY]),
        kind=np.full(1, VISIT, dtype=np.int8),
        amount=np.zeros(1),
    )


def joined(parts: list[Events]) -> Events:
    """Several event logs as one."""
    return Events(
        user=np.concatenate([part.user for part in parts]),
        second=np.concatenate([part.second for part in parts]),
        kind=np.concatenate([part.kind for part in parts]),
        amount=np.concatenate([part.amount for part in parts]),
    )


def orders_at(rng: np.random.Generator, user: Ints, second: Ints) -> Events:
    """Orders of users at given times."""
    amount = np.round(rng.gamma(VALUE_SHAPE, VALUE / VALUE_SHAPE, len(user)), 2)
    return Events(user=user, second=second, kind=np.full(len(user), ORDER, dtype=np.int8), amount=amount)


def _happened(rng: np.random.Generator, exposed: Ints, times: Ints, *, kind: int, before: bool) -> Events:
    user = np.repeat(np.arange(len(exposed)), times)
    offset = rng.integers(1, WINDOW_DAYS * DAY, len(user))
    second = exposed[user] - offset if before else exposed[user] + offset
    found = orders_at(rng, user, second)
    if kind == ORDER:
        return found
    return replace(found, kind=np.full(len(user), kind, dtype=np.int8), amount=np.zeros(len(user)))


def exposure_table(shops: Mapping[str, Shop]) -> pa.Table:
    """experiment, user, variant, ts."""
    parts = [
        pa.table(
            {
                "experiment": pa.array([name] * len(shop.exposures.user)),
                "user": _ids(name, shop.exposures.user, ""),
                "variant": pa.array(shop.arms).take(pa.array(shop.exposures.arm)),
                "ts": pa.array(START + shop.exposures.second.astype("timedelta64[s]")),
            }
        )
        for name, shop in shops.items()
    ]
    return pa.concat_tables(parts)


def event_table(shops: Mapping[str, Shop]) -> pa.Table:
    """user, ts, event, amount; an event without a user has no id."""
    parts = [
        pa.table(
            {
                "user": _ids(name, shop.events.user, shop.id_prefix),
                "ts": pa.array(START + shop.events.second.astype("timedelta64[s]")),
                "event": pa.array(["visit", "order"]).take(pa.array(shop.events.kind)),
                "amount": pa.array(shop.events.amount, mask=shop.events.kind != ORDER),
            }
        )
        for name, shop in shops.items()
    ]
    return pa.concat_tables(parts)


def _ids(experiment: str, user: Ints, prefix: str) -> pa.Array:
    names = pa.array([f"{prefix}{experiment}-{number}" for number in range(int(user.max(initial=0)) + 1)])
    return names.take(pa.array(user, mask=user < 0))
