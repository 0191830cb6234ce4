"""The A/B tests of the KPI-trap experiment: customers order, models hold orders, money comes in or not.

An order that is held is lost. An order that passes is paid; when it was fraud the money goes back, the goods are gone
and there is a fee. So every model's effect follows from its decisions alone, and the truth is what it does to very many
orders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from abgap.lab.kpi_trap.cases import Cases, arriving
from abgap.lab.kpi_trap.training import Logistic
from abgap.lab.kpi_trap.variants import BASELINE, THRESHOLD
from abgap.lab.sample.population import Floats, Ints, Mask, stream

CONTROL, TREATMENT = "A", "B"
EXPERIMENTS = {
    "chasing_accuracy": (BASELINE, "accuracy-weighting"),
    "chasing_recall": (BASELINE, "recall-weighting"),
}
"""Models of control and treatment."""

START, DAYS, ENROLMENT_DAYS = np.datetime64("2026-03-02T00:00:00", "s"), 28, 14
WINDOW_DAYS = 14
USERS = 20_000
CHANCES, LIKELY = 8, 0.75
"""Orders of a customer in a window: so many chances, each taken with this probability times his own rate."""
RATE_SPREAD = 0.1
AMOUNT, AMOUNT_SPREAD = 40.0, 0.3
FRAUD_AMOUNT = 100.0
CHARGEBACK = 2.8
"""What a chargeback takes, in multiples of the order: the money, the goods and the fee."""

FALSE_ALARM_COST = AMOUNT
MISS_COST = FRAUD_AMOUNT * (CHARGEBACK - 1.0)

_DAY = 86_400
_VERY_MANY = 1_000_000
EVENTS = ("order", "held", "chargeback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Orders with what becomes of them. amount: (n,). held: by the model of the arm."""

    cases: Cases
    amount: Floats
    held: Mask


def true_lift(control: Logistic, treatment: Logistic, *, seed: int) -> float:
    """Relative change in net revenue over very many orders, from control's model to the treatment's."""
    cases = arriving(stream(seed, "kpi trap", "truth"), _VERY_MANY)
    worth = np.where(cases.fraud == 1.0, -MISS_COST, AMOUNT)
    passed = [(model.probabilities(cases.features) < THRESHOLD) @ worth for model in (control, treatment)]
    return float(passed[1] / passed[0] - 1.0)


def exposure_table(*, seed: int) -> pa.Table:
    """experiment, user, variant, ts: one row per customer."""
    parts = []
    for name in EXPERIMENTS:
        arm, second = _enrolled(name, seed=seed)
        parts.append(
            pa.table(
                {
                    "experiment": pa.array([name] * USERS),
                    "user": _ids(name, np.arange(USERS)),
                    "variant": pa.array([CONTROL, TREATMENT]).take(pa.array(arm)),
                    "ts": pa.array(START + second.astype("timedelta64[s]")),
                }
            )
        )
    return pa.concat_tables(parts)


def event_table(models: dict[str, Logistic], *, seed: int) -> pa.Table:
    """user, ts, event, amount, market: orders that passed, orders that were held, chargebacks (below zero)."""
    return pa.concat_tables([_events(name, models, seed=seed) for name in EXPERIMENTS])


def _enrolled(name: str, *, seed: int) -> tuple[Ints, Ints]:
    """Arm and second of exposure of every customer."""
    rng = stream(seed, "kpi trap", name, "customers")
    return rng.permutation(USERS) % 2, rng.integers(0, ENROLMENT_DAYS * _DAY, USERS)


def _events(name: str, models: dict[str, Logistic], *, seed: int) -> pa.Table:
    arm, exposed = _enrolled(name, seed=seed)
    rng = stream(seed, "kpi trap", name, "orders")
    rate = np.clip(rng.normal(1.0, RATE_SPREAD, USERS) * LIKELY, 0.0, 1.0)
    user = np.repeat(np.arange(USERS), rng.binomial(CHANCES, rate))
    second = exposed[user] + rng.integers(1, WINDOW_DAYS * _DAY, len(user))
    arrived = _arrived(rng, [models[served] for served in EXPERIMENTS[name]], arm[user])
    back = ~arrived.held & (arrived.cases.fraud == 1.0)
    kind = np.concatenate([arrived.held.astype(np.int64), np.full(int(back.sum()), 2)])
    rows = np.concatenate([np.arange(len(user)), np.flatnonzero(back)])
    amount = np.where(kind == 2, -CHARGEBACK, 1.0) * arrived.amount[rows]
    order = np.lexsort((kind, second[rows]))
    return pa.table(
        {
            "user": _ids(name, user[rows][order]),
            "ts": pa.array(START + second[rows][order].astype("timedelta64[s]")),
            "event": pa.array(EVENTS).take(pa.array(kind[order])),
            "amount": pa.array(np.round(amount[order], 2)),
            "market": pa.array(arrived.cases.markets).take(pa.array(rows[order])),
        }
    )


def _arrived(rng: np.random.Generator, models: list[Logistic], arm: Ints) -> Arrived:
    """Orders of customers of these arms. models: of control and treatment."""
    cases = arriving(rng, len(arm))
    typical = np.where(cases.fraud == 1.0, FRAUD_AMOUNT, AMOUNT)
    spread = rng.normal(-(AMOUNT_SPREAD**2) / 2.0, AMOUNT_SPREAD, len(arm))
    held = np.stack([model.probabilities(cases.features) >= THRESHOLD for model in models])
    return Arrived(
        cases=cases, amount=typical * np.exp(spread), held=held[arm, np.arange(len(arm))].astype(bool)
    )


def _ids(experiment: str, user: Ints) -> pa.Array:
    names = pa.array([f"{experiment}-{number}" for number in range(USERS)])
    return names.take(pa.array(user))
