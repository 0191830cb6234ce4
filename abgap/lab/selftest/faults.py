"""Planted faults: the same logs with one mistake each that logs and joins are known for, and what notices it.

A fault is *caught* when a data check that passes without it warns or fails; logs are *immune* to it when the comparison
is the same to the last bit, because what was added does not count by construction. One fault nothing can see, and it
is here for honesty: events of one arm that are lost look like an effect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from abgap.lab.selftest.runs import Run, run_shops
from abgap.lab.selftest.shop import (
    DAY,
    ENROLMENT_DAYS,
    RUN_DAYS,
    WINDOW_DAYS,
    Exposures,
    Mask,
    Shop,
    joined,
    open_shop,
    orders_at,
)
from abgap.online.wide import Progress
from abgap.records import Status
from abgap.records.selftest import FaultFate, PlantedFault, PlantedFaults
from abgap.study import model

SEED = 20260304
USERS, LIFT = 6_000, 0.10
EXPERIMENT, METRIC = "shop", "orders_per_user"
"""The metric has no covariate, which faults before exposure would change."""

Plant = Callable[[Shop, np.random.Generator], Shop]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A mistake. check: the data check that has to notice it, None where no check does; then ``fate`` is expected."""

    name: str
    planted: str
    plant: Plant
    check: str | None = None
    fate: FaultFate = FaultFate.CAUGHT


def judge_faults(engine: model.Engine, *, progress: Progress) -> PlantedFaults:
    """Analyse the shop without a fault, then with each of them."""
    progress("analysing logs without a fault")
    shop = open_shop(np.random.default_rng(SEED), users=USERS, lift=LIFT)
    clean = run_shops({EXPERIMENT: shop}, engine, progress=_silent)
    found = []
    for number, fault in enumerate(FAULTS):
        progress(f"analysing logs with a fault: {fault.name}")
        faulty = fault.plant(shop, np.random.default_rng([SEED, number]))
        found.append(_judged(fault, clean, run_shops({EXPERIMENT: faulty}, engine, progress=_silent)))
    return PlantedFaults(
        users=USERS,
        metric=METRIC,
        true_lift=LIFT,
        lift=clean.estimate(EXPERIMENT, METRIC).lift,
        false_alarms=tuple(sorted(_noticed(clean))),
        faults=tuple(found),
    )


def _judged(fault: Fault, clean: Run, faulty: Run) -> PlantedFault:
    noticed = {name: text for name, text in _noticed(faulty).items() if name not in _noticed(clean)}
    estimates = [run.estimate(EXPERIMENT, METRIC) for run in (clean, faulty)]
    same = estimates[0].difference == estimates[1].difference and estimates[0].lift == estimates[1].lift
    fate = FaultFate.CAUGHT if noticed else FaultFate.IMMUNE if same else FaultFate.NOT_SEEN
    expected = fault.check in noticed if fault.check is not None else fate is fault.fate
    return PlantedFault(
        name=fault.name,
        planted=fault.planted,
        fate=fate,
        expected=expected,
        caught_by=tuple(sorted(noticed, key=lambda name: (name != fault.check, name))),
        sentence=next((text for name, text in noticed.items() if name == fault.check), None),
        lift=estimates[1].lift,
    )


def _noticed(run: Run) -> Mapping[str, str]:
    """The checks that are not content, with their sentences."""
    return {c.name: c.sentence for c in run.checks if c.status in {Status.WARN, Status.FAIL}}


def _silent(message: str) -> None:
    """One line for each fault is enough."""


# --- what is planted ------------------------------------------------------------------------------------------------


def _some(rng: np.random.Generator, count: int, share: float) -> Mask:
    return rng.random(count) < share


def _with(shop: Shop, more: Exposures) -> Shop:
    old = shop.exposures
    return shop.with_exposures(
        Exposures(
            user=np.concatenate((old.user, more.user)),
            second=np.concatenate((old.second, more.second)),
            arm=np.concatenate((old.arm, more.arm)),
        )
    )


def _duplicate_events(shop: Shop, rng: np.random.Generator) -> Shop:
    twice = np.flatnonzero(_some(rng, len(shop.events.user), 0.03))
    return shop.with_events(joined([shop.events, shop.events.take(twice)]))


def _double_exposure(shop: Shop, rng: np.random.Generator) -> Shop:
    chosen = shop.exposures.take(np.flatnonzero(_some(rng, USERS, 0.05)))
    return _with(shop, replace(chosen, second=chosen.second + DAY, arm=(1 - chosen.arm).astype(np.int8)))


def _repeated_exposures(shop: Shop, rng: np.random.Generator) -> Shop:
    chosen = shop.exposures.take(np.flatnonzero(_some(rng, USERS, 0.2)))
    return _with(shop, replace(chosen, second=chosen.second + rng.integers(0, DAY, len(chosen.user))))


def _late_events(shop: Shop, rng: np.random.Generator) -> Shop:
    """Orders of treatment alone: from the end of a user's window until long after the end of the experiment."""
    user = np.flatnonzero((shop.arm == 1) & _some(rng, USERS, 0.5))
    second = shop.exposed[user] + rng.integers(WINDOW_DAYS * DAY, 3 * RUN_DAYS * DAY, len(user))
    return shop.with_events(joined([shop.events, orders_at(rng, user, second)]))


def _early_events(shop: Shop, rng: np.random.Generator) -> Shop:
    """Orders of treatment alone, in the hour before exposure."""
    user = np.flatnonzero((shop.arm == 1) & _some(rng, USERS, 0.05))
    second = shop.exposed[user] - rng.integers(1, 3_600, len(user))
    return shop.with_events(joined([shop.events, orders_at(rng, user, second)]))


def _missing_ids(shop: Shop, rng: np.random.Generator) -> Shop:
    lost = _some(rng, len(shop.events.user), 0.02)
    return shop.with_events(replace(shop.events, user=np.where(lost, -1, shop.events.user)))


def _other_ids(shop: Shop, _: np.random.Generator) -> Shop:
    return replace(shop, id_prefix="user:")


def _lost_share(shop: Shop, rng: np.random.Generator) -> Shop:
    lost = (shop.exposures.arm == 1) & _some(rng, USERS, 0.15)
    return shop.with_exposures(shop.exposures.take(np.flatnonzero(~lost)))


def _lost_buyers(shop: Shop, _: np.random.Generator) -> Shop:
    """The most active users of treatment, and as many of control at random: the split looks as planned."""
    treated, control = (np.flatnonzero(shop.arm == arm) for arm in (1, 0))
    count = len(treated) // 10
    lost = np.concatenate((treated[np.argsort(shop.rate[treated])[-count:]], control[:count]))
    return shop.with_exposures(shop.exposures.take(np.setdiff1d(np.arange(USERS), lost)))


def _unknown_variant(shop: Shop, rng: np.random.Generator) -> Shop:
    stale = _some(rng, USERS, 0.02)
    arm = np.where(stale, 2, shop.exposures.arm).astype(np.int8)
    return replace(shop.with_exposures(replace(shop.exposures, arm=arm)), arms=("A", "B", "stale"))


def _read_early(shop: Shop, _: np.random.Generator) -> Shop:
    until = ENROLMENT_DAYS * DAY
    return shop.with_events(shop.events.take(np.flatnonzero(shop.events.second < until)))


def _lost_events(shop: Shop, rng: np.random.Generator) -> Shop:
    """Events after exposure, so that nothing from before it tells."""
    events = shop.events
    lost = (shop.arm[events.user] == 1) & (events.second > shop.exposed[events.user])
    return shop.with_events(events.take(np.flatnonzero(~(lost & _some(rng, len(lost), 0.1)))))


FAULTS = (
    Fault(
        name="duplicate events",
        planted="3 % of the events are delivered twice",
        plant=_duplicate_events,
        check="repeated_events",
    ),
    Fault(
        name="double exposure",
        planted="5 % of the users see the other variant a day later",
        plant=_double_exposure,
        check="units_in_two_variants",
    ),
    Fault(
        name="a lost share of one arm",
        planted="15 % of treatment's exposures are not logged",
        plant=_lost_share,
        check="sample_ratio",
    ),
    Fault(
        name="lost buyers",
        planted="a tenth of both arms is not logged, in treatment the most active",
        plant=_lost_buyers,
        check="covariate_balance",
    ),
    Fault(
        name="missing ids",
        planted="2 % of the events have no unit",
        plant=_missing_ids,
        check="unusable_events",
    ),
    Fault(
        name="other ids",
        planted="events write the ids of users in another way",
        plant=_other_ids,
        check="unmatched_events",
    ),
    Fault(
        name="an undeclared variant",
        planted="2 % of the users report a variant that nobody declared",
        plant=_unknown_variant,
        check="exposures_left_out",
    ),
    Fault(
        name="an early reading",
        planted="the log ends when half of the experiment is over",
        plant=_read_early,
        check="read_early",
    ),
    Fault(
        name="late events",
        planted="treatment's users order after their window, and after the end",
        plant=_late_events,
        fate=FaultFate.IMMUNE,
    ),
    Fault(
        name="events before exposure",
        planted="treatment's users order in the hour before exposure",
        plant=_early_events,
        fate=FaultFate.IMMUNE,
    ),
    Fault(
        name="repeated exposures",
        planted="20 % of the users are exposed to the same variant again",
        plant=_repeated_exposures,
        fate=FaultFate.IMMUNE,
    ),
    Fault(
        name="lost events of one arm",
        planted="10 % of treatment's events after exposure are not logged",
        plant=_lost_events,
        fate=FaultFate.NOT_SEEN,
    ),
)
