"""The users of one experiment of the world "scores", and what they do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from abgap.lab.scenarios.scores.plan import (
    DIVERSITY_RATE,
    ELASTICITY_PER_100_MS,
    HEALTHY_CHANGED,
    LAST_DAY,
    TABLET_SHARE,
    Fault,
    Plan,
)
from abgap.lab.scenarios.visits import (
    LATENCY_MS,
    WINDOW_DAYS,
    Behaviour,
    Floats,
    Mask,
    Users,
    Visits,
    draw_users,
    draw_visits,
)

MARKET, DEVICE, CHANGED, PURPOSE = "market", "device", "list_changed", "purpose"
OLD, NEW = "old", "new"
GIFT = "gift"
GIFT_SHARE, GIFT_FACTOR = 0.4, 2.0
"""Where arms are mixed, gift buyers spend more in the weeks of the experiment, and did not before."""
LOST_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """What happened in one experiment; faults of the logging come after it."""

    users: Users
    visits: Visits


def draw_logs(
    rng: np.random.Generator, experiment: str, number: int, plan: Plan, *, gain: float | None = None
) -> Logs:
    """Users and visits. gain: what the new model has in truth, by default the plan's."""
    users = draw_users(rng, experiment, number, count=plan.users, slices=_shares(plan))
    users = _mixed(rng, users, plan)
    behaviour = Behaviour(
        lift=_lift(users, plan, gain),
        clicks_lift=np.full(len(users), plan.claimed_lift if plan.clicks_lift is None else plan.clicks_lift),
        latency_ms=np.full(len(users), plan.latency_ms),
        season=np.where(users.where(PURPOSE, GIFT), GIFT_FACTOR, 1.0) if plan.mixed else 1.0,
    )
    visits = draw_visits(rng, users, behaviour)
    return Logs(users=users, visits=visits)


def exposed(users: Users, plan: Plan) -> Mask:
    """Whose exposure was logged."""
    if plan.fault is not Fault.LOST_BUYERS:
        return np.ones(len(users), dtype=np.bool_)
    most = np.quantile(users.level[users.treated], 1.0 - LOST_SHARE)
    return ~(users.treated & (users.level > most))


def mix_loss(plan: Plan) -> float:
    """The lift that seems gone because control has more gift buyers, who spend more in either arm."""
    more = (GIFT_FACTOR - 1.0) * plan.mixed / 2.0
    middle = 1.0 + (GIFT_FACTOR - 1.0) * GIFT_SHARE
    return (1.0 + plan.claimed_lift) * (1.0 - (middle - more) / (middle + more))


def _shares(plan: Plan) -> Mapping[str, Mapping[str, float]]:
    return {
        MARKET: {OLD: 1.0 - plan.live_new_market, NEW: plan.live_new_market},
        DEVICE: {"phone": 1.0 - TABLET_SHARE, "tablet": TABLET_SHARE},
        CHANGED: {"true": plan.changed_share, "false": 1.0 - plan.changed_share},
        PURPOSE: {GIFT: GIFT_SHARE, "own": 1.0 - GIFT_SHARE},
    }


def _mixed(rng: np.random.Generator, users: Users, plan: Plan) -> Users:
    """The same users with more gift buyers in control than in treatment."""
    if not plan.mixed:
        return users
    share = GIFT_SHARE + np.where(users.treated, -0.5, 0.5) * plan.mixed
    purpose = np.where(rng.random(len(users)) < share, GIFT, "own")
    return replace(users, slices={**users.slices, PURPOSE: purpose})


def _lift(users: Users, plan: Plan, gain: float | None) -> Floats:
    """The lift of every user and day: what the gain brings for the user, less what is lost on the way."""
    in_market = plan.old_market_gain - plan.typo_loss * plan.live_typos
    own = (
        in_market - plan.market_loss * users.where(MARKET, NEW) if gain is None else np.full(len(users), gain)
    )
    share = 1.0 if plan.diluted else HEALTHY_CHANGED
    brought = plan.rate * (own - plan.twin_loss - plan.baseline_loss) * users.where(CHANGED, "true") / share
    lost = DIVERSITY_RATE * plan.diversity_loss
    lost -= ELASTICITY_PER_100_MS * (plan.latency_ms - LATENCY_MS) / 100.0
    per_user: Floats = brought - lost - plan.tablet_loss * users.where(DEVICE, "tablet")
    days = np.arange(WINDOW_DAYS)
    lift: Floats = per_user[:, None] - plan.day_loss * (LAST_DAY - days if plan.waiting else days)
    return lift
