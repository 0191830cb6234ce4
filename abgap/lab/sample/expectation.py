"""What the planted effects come to: the true lift of every metric, where an effect differs by slice.

A ratio of a whole arm is a ratio of totals, so the groups of users are added up stage by stage and divided
last.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.lab.sample.plant import Arm, Effects, PlantedExperiment
from abgap.lab.sample.population import (
    ARRIVAL_SPAN,
    BASKET_EUR,
    CLICK_PROBABILITY,
    COUNTRIES,
    COUNTRY_SHARES,
    DEVICE_SHARES,
    DEVICES,
    NEW_USER_RATE,
    Floats,
)

STAGES = ("sessions_per_user", "clicks_per_session", "orders_per_click", "revenue_per_order")


def true_lifts(experiment: PlantedExperiment, arm: Arm) -> dict[str, float]:
    """Lift of each stage, of revenue per user and of revenue per session, over all users of the experiment.

    Exact in expectation; for new users their shorter stay is taken as its average.
    """
    users, sessions, clicks, orders, revenue = sum(
        (_treated(control, effects) for control, effects in _groups(experiment, arm)), start=np.zeros(5)
    )
    return {
        "sessions_per_user": sessions / users - 1.0,
        "clicks_per_session": clicks / sessions - 1.0,
        "orders_per_click": orders / clicks - 1.0,
        "revenue_per_order": revenue / orders - 1.0,
        "revenue_per_session": revenue / sessions - 1.0,
        "revenue_per_user": revenue / users - 1.0,
    }


def _treated(control: Floats, effects: Effects) -> Floats:
    """Totals (users, sessions, clicks, orders, revenue) after the effects."""
    steps = [1.0, *(getattr(effects, stage) for stage in STAGES)]
    return control * np.cumprod(steps)


def _groups(experiment: PlantedExperiment, arm: Arm) -> Iterator[tuple[Floats, Effects]]:
    """The control's totals, as shares of all, of each group of users with effects of its own."""
    rest = np.ones(5)
    for (name, value), effects in arm.in_slices.items():
        share = _control_share(experiment, name, value)
        rest = rest - share
        yield share, effects
    yield rest, arm.effects


def _control_share(experiment: PlantedExperiment, name: str, value: str) -> Floats:
    """A slice's share of the control's users, sessions, clicks, orders and revenue."""
    if name == "new_user":
        return _new_user_share(experiment.new_user_share, is_new=value == "true")
    if name == "device":
        return _weighted(DEVICES.index(value), DEVICE_SHARES, CLICK_PROBABILITY, from_stage=2)
    return _weighted(COUNTRIES.index(value), COUNTRY_SHARES, BASKET_EUR, from_stage=4)


def _new_user_share(share: float, *, is_new: bool) -> Floats:
    presence = NEW_USER_RATE * (1.0 - ARRIVAL_SPAN / 2.0)
    of_visits = share * presence / (share * presence + 1.0 - share)
    new = np.array([share, of_visits, of_visits, of_visits, of_visits])
    return new if is_new else 1.0 - new


def _weighted(
    position: int, shares: tuple[float, ...], worth: tuple[float, ...], *, from_stage: int
) -> Floats:
    """Share of users up to a stage, and weighted by what the slice is worth from there on."""
    weights = np.asarray(shares) * np.asarray(worth)
    result = np.full(5, shares[position])
    result[from_stage:] = weights[position] / weights.sum()
    return result
