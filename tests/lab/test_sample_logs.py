"""The generated logs hold what was planted, and enough users to find it again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from abgap.lab.sample import faults, logs, population
from abgap.lab.sample.expectation import true_lifts
from abgap.lab.sample.generation import SEED
from abgap.lab.sample.models import MODELS
from abgap.lab.sample.plant import Arm, PlantedExperiment
from abgap.lab.sample.truth import (
    DUPLICATE_EXPOSURES_SHARE,
    EXCHANGE_RATE,
    EXPERIMENTS,
    PRE_PERIOD_DAYS,
    SMALLEST_WORTHWHILE_LIFT,
)
from abgap.records import VerdictName

Floats = npt.NDArray[np.float64]

BY_NAME = {experiment.name: experiment for experiment in EXPERIMENTS}
DAY = logs.DAY_SECONDS
OFFLINE_STANDARD_ERROR = 0.002


@dataclass(frozen=True)
class Users:
    """What an analyst would sum up per exposed user: events after the exposure, revenue before it."""

    arm: npt.NDArray[np.int8]
    revenue: Floats
    before: Floats
    sessions: Floats
    clicks: Floats
    orders: Floats


@cache
def users_of(experiment_name: str) -> Users:
    experiment = BY_NAME[experiment_name]
    people = population.draw(experiment, seed=SEED)
    visits = logs.sessions(experiment, people, seed=SEED)
    rows = logs.events(experiment, people, visits, seed=SEED)
    seen = logs.exposures(experiment, people, visits, seed=SEED)
    exposed_at = np.full(len(people), np.iinfo(np.int64).max)
    exposed_at[seen.user] = seen.second
    after = rows.second >= exposed_at[rows.user]
    history = ~after & (rows.second >= exposed_at[rows.user] - PRE_PERIOD_DAYS * DAY)

    def total(chosen: npt.NDArray[np.bool_], worth: Floats | None = None) -> Floats:
        weights = None if worth is None else worth[chosen]
        return np.bincount(rows.user[chosen], weights, minlength=len(people))[seen.user].astype(float)

    bought = rows.kind == logs.PURCHASE
    return Users(
        arm=seen.variant,
        revenue=total(after & bought, rows.amount_eur),
        before=total(history & bought, rows.amount_eur),
        sessions=total(after & (rows.kind == logs.SESSION)),
        clicks=total(after & (rows.kind == logs.CLICK)),
        orders=total(after & bought),
    )


def ratio_lift(users: Users, position: int, top: Floats, bottom: Floats) -> tuple[float, float]:
    """Lift of a ratio of totals and its standard error, by the delta method."""
    values, variances = [], []
    for arm in (0, position):
        inside = users.arm == arm
        value = top[inside].sum() / bottom[inside].sum()
        residual = top[inside] - value * bottom[inside]
        values.append(value)
        variances.append(residual.var() / inside.sum() / bottom[inside].mean() ** 2 / value**2)
    return values[1] / values[0] - 1.0, float(np.sqrt(sum(variances)))


def revenue_error(users: Users, position: int) -> float:
    """Standard error of the lift of revenue per user after adjusting for the revenue before."""
    theta = np.cov(users.before, users.revenue)[0, 1] / users.before.var()
    adjusted = users.revenue - theta * (users.before - users.before.mean())
    parts = [adjusted[users.arm == arm] for arm in (0, position)]
    return float(np.sqrt(sum(part.var() / len(part) / users.revenue.mean() ** 2 for part in parts)))


CASES = [
    pytest.param(experiment, position, id=f"{experiment.name}-{variant}")
    for experiment in EXPERIMENTS
    for position, variant in enumerate(experiment.arms)
    if position > 0
]


@pytest.mark.parametrize(("experiment", "position"), CASES)
def test_planted_lifts_are_realised(experiment: PlantedExperiment, position: int) -> None:
    users = users_of(experiment.name)
    wanted = true_lifts(experiment, list(experiment.arms.values())[position])
    one = np.ones(len(users.arm))
    found = {
        "sessions_per_user": ratio_lift(users, position, users.sessions, one),
        "clicks_per_session": ratio_lift(users, position, users.clicks, users.sessions),
        "orders_per_click": ratio_lift(users, position, users.orders, users.clicks),
        "revenue_per_order": ratio_lift(users, position, users.revenue, users.orders),
        "revenue_per_session": ratio_lift(users, position, users.revenue, users.sessions),
    }
    if experiment.name == "typo_tolerance":
        # The users it lost are those who come rarely: their absence is no effect.
        del found["sessions_per_user"]
    for stage, (lift, error) in found.items():
        assert abs(lift - wanted[stage]) < 3.3 * error, stage


@pytest.mark.parametrize(("experiment", "position"), CASES)
def test_the_planted_verdict_holds_in_95_of_100_seeds(experiment: PlantedExperiment, position: int) -> None:
    arm = list(experiment.arms.values())[position]
    chance = chance_of_verdict(experiment, arm, revenue_error(users_of(experiment.name), position))
    assert chance > 0.94 if arm.verdict is VerdictName.INCONCLUSIVE else chance >= 0.949


def chance_of_verdict(experiment: PlantedExperiment, arm: Arm, error: float) -> float:
    """Probability of the verdict over seeds: the estimate is normal around the truth."""
    lift = true_lifts(experiment, arm)["revenue_per_user"]
    reach = float(norm.isf(0.025 / len(experiment.treatments)))
    gain = MODELS[arm.model].scores["ndcg@10"] - MODELS[experiment.control.model].scores["ndcg@10"]
    above = float(norm.cdf(lift / error - reach))
    below = float(norm.cdf(-lift / error - reach))
    missing = float(np.hypot(error, EXCHANGE_RATE * OFFLINE_STANDARD_ERROR))
    short = float(norm.cdf((EXCHANGE_RATE * gain - lift) / missing - reach))
    flat = float(
        norm.cdf((SMALLEST_WORTHWHILE_LIFT - lift) / error - reach)
        - norm.cdf((-SMALLEST_WORTHWHILE_LIFT - lift) / error + reach)
    )
    chances = {
        VerdictName.UNTRUSTWORTHY: srm_power(experiment, arm),
        VerdictName.NO_OFFLINE_GAIN: 1.0 - above - below,
        VerdictName.INCONCLUSIVE: 1.0 - above - below,
        VerdictName.MISSED_BY_OFFLINE: above,
        VerdictName.TRANSLATED: above - short,
        VerdictName.FELL_SHORT: above + short - 1.0,
        VerdictName.REVERSED: below,
        VerdictName.LOSS_CONFIRMED: below,
        VerdictName.DID_NOT_MOVE: flat,
    }
    assert arm.verdict is not None
    return chances[arm.verdict]


def srm_power(experiment: PlantedExperiment, arm: Arm) -> float:
    """Chance that the lost users show at p < .001 against the declared split."""
    planned = experiment.users * arm.share
    deviation = planned * arm.lost_share / np.sqrt(experiment.users)
    return float(norm.cdf(deviation - norm.isf(0.0005)))


def test_the_past_explains_about_half_of_the_revenue() -> None:
    for name in ("search_v2", "synonyms", "cross_encoder"):
        users = users_of(name)
        removed = np.corrcoef(users.before, users.revenue)[0, 1] ** 2
        assert 0.4 < removed < 0.6


def test_slices_hold_their_own_planted_effect() -> None:
    experiment = BY_NAME["personal_ranking"]
    people = population.draw(experiment, seed=SEED)
    clicks = population.multipliers(experiment, people, "clicks_per_session")
    treated = people.arm == 1
    assert set(clicks[treated & people.new_user]) == {0.95}
    assert set(clicks[treated & ~people.new_user]) == {1.02}
    assert set(clicks[~treated]) == {1.0}


def test_exposure_comes_with_the_first_visit_inside_and_events_stay_in_time() -> None:
    experiment = BY_NAME["synonyms"]
    people = population.draw(experiment, seed=SEED)
    visits = logs.sessions(experiment, people, seed=SEED)
    rows = logs.events(experiment, people, visits, seed=SEED)
    seen = logs.exposures(experiment, people, visits, seed=SEED)
    begin = PRE_PERIOD_DAYS * DAY
    end = begin + experiment.duration_days * DAY
    assert len(np.unique(seen.user)) == len(seen.user)
    assert seen.second.min() >= begin
    assert seen.second.max() < end
    assert rows.second.min() >= 0
    # A visit just before midnight of the last day may end after it.
    assert rows.second.max() < end + 3 * 90
    inside = rows.second > begin
    first_inside = np.full(len(people), np.iinfo(np.int64).max)
    np.minimum.at(first_inside, rows.user[inside], rows.second[inside])
    exposed_first = seen.second + logs.EXPOSURE_TO_VISIT_SECONDS
    assert (first_inside[seen.user] <= exposed_first).all()
    assert (np.diff(visits.second)[np.diff(visits.user) == 0] >= 0).all()


def test_new_users_have_no_past_and_the_others_do() -> None:
    experiment = BY_NAME["synonyms"]
    people = population.draw(experiment, seed=SEED)
    visits = logs.sessions(experiment, people, seed=SEED)
    past = np.bincount(visits.user[~visits.live], minlength=len(people))
    assert past[people.new_user].max() == 0
    assert (past[~people.new_user] > 0).mean() > 0.95


def test_no_user_takes_part_in_two_experiments() -> None:
    ids = np.concatenate([population.draw(experiment, seed=SEED).ids for experiment in EXPERIMENTS])
    assert len(np.unique(ids)) == len(ids)


def test_live_requests_have_the_models_latency() -> None:
    experiment = BY_NAME["search_v2"]
    people = population.draw(experiment, seed=SEED, scale=0.2)
    asked = logs.requests(experiment, people, logs.sessions(experiment, people, seed=SEED), seed=SEED)
    for position, median in ((0, 250.0), (1, 300.0)):
        assert np.median(asked.latency_ms[asked.model == position]) == pytest.approx(median, rel=0.02)


def clean_and_faulty(name: str) -> tuple[logs.Exposures, logs.Exposures]:
    experiment = BY_NAME[name]
    people = population.draw(experiment, seed=SEED)
    clean = logs.exposures(experiment, people, logs.sessions(experiment, people, seed=SEED), seed=SEED)
    return clean, faults.in_exposures(experiment, clean, seed=SEED)


def variants_per_user(rows: logs.Exposures) -> dict[int, set[int]]:
    seen: dict[int, set[int]] = {}
    for user, variant in zip(rows.user.tolist(), rows.variant.tolist(), strict=True):
        seen.setdefault(user, set()).add(variant)
    return seen


def test_two_in_a_hundred_exposures_come_twice_and_change_nobody() -> None:
    clean, faulty = clean_and_faulty("synonyms")
    assert len(faulty.user) == round(len(clean.user) * (1 + DUPLICATE_EXPOSURES_SHARE))
    assert variants_per_user(faulty) == variants_per_user(clean)
    assert (np.diff(faulty.second) >= 0).all()


def test_two_in_a_thousand_users_are_seen_in_two_variants() -> None:
    clean, faulty = clean_and_faulty("personal_ranking")
    mixed = [user for user, variants in variants_per_user(faulty).items() if len(variants) == 2]
    assert len(mixed) == round(0.002 * len(clean.user))


def test_a_few_rows_name_a_variant_that_nobody_declared() -> None:
    _, faulty = clean_and_faulty("embedding_refresh")
    unknown = {user for user, variants in variants_per_user(faulty).items() if variants == {faults.UNKNOWN}}
    assert len(unknown) == BY_NAME["embedding_refresh"].faults.unknown_variant_rows


def test_a_few_events_have_no_user() -> None:
    experiment = BY_NAME["typo_tolerance"]
    people = population.draw(experiment, seed=SEED, scale=0.05)
    visits = logs.sessions(experiment, people, seed=SEED)
    clean = logs.events(experiment, people, visits, seed=SEED)
    faulty = faults.in_events(experiment, clean, seed=SEED)
    assert (faulty.user == faults.UNKNOWN).sum() == experiment.faults.events_without_user
    assert len(faulty.user) == len(clean.user) + experiment.faults.events_without_user


def test_a_broken_split_loses_the_planned_share() -> None:
    clean, _ = clean_and_faulty("typo_tolerance")
    counts = np.bincount(clean.variant)
    assert counts[1] / counts[0] == pytest.approx(0.9, abs=0.03)
