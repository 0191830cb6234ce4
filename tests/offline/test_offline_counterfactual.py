"""Logged decisions in the engine: every estimate against plain Python over the same rows, and refusals in words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.counterfactual import make_counterfactuals, next_action, position_rates
from abgap.offline.judged_policies import read_counterfactual
from abgap.offline.policies import UNIFORM
from abgap.records import Interval, NotEstimable, Reason
from abgap.records.counterfactual import Counterfactual, OffPolicyEstimate, PositionRate
from abgap.study.load import check_study

Judge = Callable[..., "Judged"]
EVIL = '\'; drop table "x"; --<script>'
COLUMNS = ("request", "context", "action", "position", "logger", "reward", "propensity")


class Judged(dict[str, Counterfactual]):
    """Policies by name, and what was earned by position."""

    positions: tuple[PositionRate, ...] = ()


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Write a log and policies, and judge."""

    def judged(log: pd.DataFrame, policies: pd.DataFrame | None = None, **more: Any) -> Judged:
        log.to_parquet(tmp_path / "log.parquet", index=False)
        mapped = {name: name for name in COLUMNS if name in log.columns}
        offline: dict[str, Any] = {"logged": {"path": "log.parquet", "columns": mapped, **more}}
        if policies is not None:
            policies.to_parquet(tmp_path / "policies.parquet", index=False)
            columns = {name: name for name in policies.columns}
            offline["policies"] = {"path": "policies.parquet", "columns": columns}
        study = check_study({"offline": offline})
        with DuckDBEngine(directory=tmp_path) as engine:
            found = read_counterfactual(engine, study.offline, tmp_path)
        assert found is not None
        assert study.offline.logged is not None
        result = Judged(
            {c.policy: c for c in make_counterfactuals(found, clip=study.offline.logged.clip, alpha=0.05)}
        )
        result.positions = position_rates(found.log, 0.05)
        return result

    return judged


def estimate(found: Counterfactual, name: str) -> OffPolicyEstimate:
    return next(e for e in found.estimates if e.name == name)


def value(found: Counterfactual, name: str) -> float:
    got = estimate(found, name).value
    assert isinstance(got, Interval)
    return got.estimate


def reason(found: Counterfactual, name: str = "snips") -> NotEstimable:
    got = estimate(found, name).value
    assert isinstance(got, NotEstimable)
    return got


def make_log(n: int = 3_000, *, seed: int = 5, positions: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Decisions of a logger that prefers the first action, and a policy that prefers the last; by context."""
    rng = np.random.default_rng(seed)
    actions, contexts = [f"a{i}" for i in range(4)] + [EVIL], ["new", "old", "it's"]
    logging = {c: rng.dirichlet(np.full(5, 4.0)) for c in contexts}
    target = {c: rng.dirichlet(np.full(5, 4.0)) for c in contexts}
    context = rng.choice(contexts, n)
    action = np.array([rng.choice(5, p=logging[c]) for c in context])
    position = rng.integers(1, positions + 1, n)
    clicks = 0.1 + 0.1 * action + 0.05 * (context == "new") - 0.03 * position
    log = pd.DataFrame(
        {
            "request": [f"r{i // 2}" for i in range(n)],
            "context": context,
            "action": [actions[a] for a in action],
            "position": position,
            "reward": (rng.random(n) < clicks) * 1.5,
            "propensity": [logging[c][a] for c, a in zip(context, action, strict=True)],
        }
    )
    rows = [(EVIL, c, actions[a], target[c][a]) for c in contexts for a in range(5)]
    return log, pd.DataFrame(rows, columns=["policy", "context", "action", "probability"])


def fold(name: str) -> int:
    return int(hashlib.md5(name.encode()).hexdigest()[:8], 16) % 10  # noqa: S324 - a fold, no secret


def by_hand(log: pd.DataFrame, policies: pd.DataFrame, *, by: str) -> Mapping[str, float]:
    """IPS, SNIPS and DR, row by row. by: the column that folds come from, and standard errors are made over."""
    log = log.assign(fold=log[by].map(fold))
    chance: dict[tuple[str, str], float] = {
        (context, action): float(p)
        for context, action, p in zip(policies.context, policies.action, policies.probability, strict=True)
    }
    log["w"] = [chance[c, a] for c, a in zip(log.context, log.action, strict=True)] / log.propensity

    def expected(f: int, position: Any, action: str) -> float:
        others = log[(log.fold != f) & (log.position == position)]
        seen = others[others.action == action]
        return float(seen.reward.mean() if len(seen) else others.reward.mean())

    q = {
        (f, p, a): expected(f, p, a)
        for f in range(10)
        for p in log.position.unique()
        for a in log.action.unique()
    }
    own = np.array([q[f, p, a] for f, p, a in zip(log.fold, log.position, log.action, strict=True)])
    by_policy = np.array(
        [
            sum(chance[c, a] * q[f, p, a] for a in log.action.unique())
            for f, p, c in zip(log.fold, log.position, log.context, strict=True)
        ]
    )
    log["wr"] = log.w * log.reward
    log["dr"] = by_policy + log.w * (log.reward - own)
    found: dict[str, float] = {"ips": log.wr.mean(), "snips": log.wr.sum() / log.w.sum(), "dr": log.dr.mean()}
    for name, top, bottom in (("ips", log.wr, 1.0), ("snips", log.wr, log.w), ("dr", log.dr, 1.0)):
        rest = (
            (top - found[name] * bottom).groupby(log["request"]).sum()
            if by == "request"
            else top - found[name] * bottom
        )
        size = len(log) if name != "snips" else log.w.sum()
        bessel = 1.0 if name == "snips" else len(rest) / (len(rest) - 1)
        found[f"{name} se"] = float(np.sqrt((rest**2).sum() * bessel) / size)
    found["ess"] = float(log.w.sum() ** 2 / (log.w**2).sum())
    return found


@pytest.mark.parametrize("by", ["request", "context"])
def test_every_estimate_is_what_plain_python_makes_of_the_rows(judge: Judge, by: str) -> None:
    log, policies = make_log()
    if by == "context":
        log = log.drop(columns="request")
    theirs = by_hand(log, policies, by=by)
    found = judge(log, policies)[EVIL]
    for name in ("ips", "snips", "dr"):
        assert value(found, name) == pytest.approx(theirs[name], rel=1e-9)
        assert estimate(found, name).standard_error == pytest.approx(theirs[f"{name} se"], rel=1e-9)
    assert found.weights is not None
    assert found.weights.effective_sample == pytest.approx(theirs["ess"], rel=1e-9)
    assert (found.decisions, found.skipped, found.units) == (3_000, 0, 1_500 if by == "request" else 3_000)


def test_the_order_of_rows_does_not_change_a_bit(judge: Judge) -> None:
    log, policies = make_log()
    assert judge(log, policies) == judge(log.sample(frac=1.0, random_state=2), policies.iloc[::-1])


def test_uniform_is_over_the_actions_seen_in_each_position(judge: Judge) -> None:
    log, _ = make_log(4_000)
    log = log[~((log.position == 2) & (log.action == "a1"))].reset_index(drop=True)
    w = log.position.map({1: 1 / 5, 2: 1 / 4}) / log.propensity
    found = judge(log)["uniform"]
    assert value(found, "snips") == pytest.approx(float((w * log.reward).sum() / w.sum()), rel=1e-9)
    assert found.weights is not None
    assert found.weights.unsupported == 0.0


def test_a_policy_without_probabilities_chooses_one_action(judge: Judge) -> None:
    log, _ = make_log(4_000)
    top = pd.DataFrame({"policy": "best", "context": ["new", "old", "it's"], "action": ["a3", EVIL, "a2"]})
    chosen = log.context.map(dict(zip(top.context, top.action, strict=True))) == log.action
    w = chosen / log.propensity
    found = judge(log, top)["best"]
    assert value(found, "ips") == pytest.approx(float((w * log.reward).mean()), rel=1e-9)


def test_several_loggers_that_are_known_are_pooled_by_their_shares(judge: Judge) -> None:
    rng = np.random.default_rng(8)
    chances = {
        "A": np.array([0.7, 0.2, 0.1]),
        "B": np.array([0.1, 0.3, 0.6]),
        "goal": np.array([0.3, 0.4, 0.3]),
    }
    logger = np.repeat(["A", "B"], [1_000, 3_000])
    action = np.array([rng.choice(3, p=chances[name]) for name in logger])
    log = pd.DataFrame(
        {
            "request": np.arange(4_000),
            "logger": logger,
            "action": action,
            "reward": (rng.random(4_000) < 0.1 + 0.2 * action).astype(float),
            "propensity": [chances[name][a] for name, a in zip(logger, action, strict=True)],
        }
    )
    policies = pd.DataFrame(
        [(name, a, p) for name, ps in chances.items() for a, p in enumerate(ps)],
        columns=["policy", "action", "probability"],
    )
    mixture = 0.25 * chances["A"] + 0.75 * chances["B"]
    found = judge(log, policies)
    w = (chances["goal"] / mixture)[action]
    assert value(found["goal"], "ips") == pytest.approx(float((w * log.reward).mean()), rel=1e-9)
    assert found["goal"].loggers == {"A": 0.25, "B": 0.75}
    assert "balance heuristic" in estimate(found["goal"], "ips").definition
    # Without one of the loggers among the policies, each decision is weighed by its own propensity.
    alone = judge(log, policies[policies.policy != "A"])["goal"]
    w = chances["goal"][action] / log.propensity
    assert value(alone, "ips") == pytest.approx(float((w * log.reward).mean()), rel=1e-9)
    assert "balance" not in estimate(alone, "ips").definition
    # What none of the loggers ever chooses cannot have been chosen.
    unknown = judge(log.assign(action=log.action.where(log.index > 0, 9)), policies)["goal"]
    assert reason(unknown).reason is Reason.BAD_PROPENSITIES
    assert "1 of 4,000 decisions have an action that none of the logging policies chooses" in unknown.sentence
    together, apart = (estimate(c, "ips").standard_error for c in (found["goal"], alone))
    assert together is not None
    assert apart is not None
    assert together < apart


@pytest.mark.data
@pytest.mark.parametrize("campaign", ["all", "men"])
def test_the_open_bandit_log_tells_what_the_uniform_policy_earned(
    judge: Judge, data_dir: Path, campaign: str
) -> None:
    folder = data_dir / "obd_small"
    reference = json.loads((folder / "reference.json").read_text(encoding="utf-8"))[campaign]
    theirs = reference["ope_uniform_from_bts"]
    # Every decision stands alone, as in the reference; time stamps serve as folds.
    names = {"item_id": "action", "click": "reward", "propensity_score": "propensity", "timestamp": "context"}
    log = pd.read_parquet(folder / f"bts_{campaign}.parquet", columns=list(names)).rename(columns=names)
    uniform = judge(log)["uniform"]
    assert uniform.weights is not None
    ours = {
        "ipw": value(uniform, "ips"),
        "ipw_se": estimate(uniform, "ips").standard_error,
        "snipw": value(uniform, "snips"),
        "snipw_se_delta": estimate(uniform, "snips").standard_error,
        "ipw_clip10": value(uniform, "clipped_ips"),
        "ess": uniform.weights.effective_sample,
        "max_weight": uniform.weights.max_weight,
        "mean_weight": uniform.weights.mean_weight,
    }
    assert ours == pytest.approx({name: theirs[name] for name in ours}, rel=1e-9)
    for name in ("ips", "snips", "dr"):
        spread = estimate(uniform, name).standard_error
        assert spread is not None
        away = value(uniform, name) - theirs["target_on_policy_random_ctr"]
        assert abs(away / np.hypot(spread, theirs["target_se"])) < 1.96, name
    log["position"] = pd.read_parquet(folder / f"bts_{campaign}.parquet", columns=["position"]).position
    rates = {rate.position: rate.value for rate in judge(log).positions}
    for position, share in reference["position_ctr"]["bts"].items():
        rate = rates[position]
        assert isinstance(rate, Interval)
        assert rate.method == "wilson"
        assert rate.estimate == pytest.approx(share, rel=1e-9)


def test_positions_without_binary_rewards_have_normal_intervals(judge: Judge) -> None:
    log, _ = make_log()
    log["reward"] = np.random.default_rng(1).normal(3, 1, len(log))
    first = judge(log).positions[0]
    rewards = log.loc[log.position == 1, "reward"].to_numpy()
    error = rewards.std(ddof=1) / np.sqrt(len(rewards))
    assert isinstance(first.value, Interval)
    assert first.value.low == pytest.approx(rewards.mean() - 1.959963984540054 * error, rel=1e-9)


def test_without_ids_there_is_no_doubly_robust_estimate_and_the_rest_stands(judge: Judge) -> None:
    log, _ = make_log()
    found = judge(log.drop(columns=["request", "context"]))["uniform"]
    assert reason(found, "dr").reason is Reason.NOT_DECLARED
    assert isinstance(estimate(found, "ips").value, Interval)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ({"propensity": None}, "1 of 3,000 decisions have no propensity"),
        ({"propensity": 0.0}, "1 propensities are not above 0 and at most 1"),
        ({"propensity": 1.5}, "1 propensities are not above 0 and at most 1"),
        ({"propensity": float("inf")}, "1 propensities are not above 0 and at most 1"),
    ],
)
def test_propensities_that_cannot_be_are_the_reason_why_nothing_is_told(
    judge: Judge, broken: Mapping[str, Any], said: str
) -> None:
    log, policies = make_log()
    log.loc[17, list(broken)] = list(broken.values())
    found = judge(log, policies)[EVIL]
    assert {reason(found, e.name).reason for e in found.estimates} == {Reason.BAD_PROPENSITIES}
    assert reason(found).detail == said
    assert said in found.sentence


def test_a_log_without_propensities_is_told_so(judge: Judge) -> None:
    log, policies = make_log()
    found = judge(log.drop(columns="propensity"), policies)["uniform"]
    assert reason(found).detail == "3,000 of 3,000 decisions have no propensity"


def test_small_effective_samples_are_refused(judge: Judge) -> None:
    log, policies = make_log(120)
    assert reason(judge(log, policies)[EVIL]).reason is Reason.SMALL_EFFECTIVE_SAMPLE


def test_weights_that_do_not_average_one_are_refused(judge: Judge) -> None:
    log, policies = make_log()
    found = judge(log.assign(propensity=log.propensity / 2), policies)[EVIL]
    assert reason(found).reason is Reason.WEIGHTS_OFF
    assert "should average 1" in found.sentence


def test_what_was_never_logged_is_counted(judge: Judge) -> None:
    log, policies = make_log()
    moved = policies.assign(action=policies.action.replace("a2", "never"))
    share = policies[policies.action == "a2"].set_index("context").probability
    found = judge(log, moved)[EVIL]
    assert found.weights is not None
    assert found.weights.unsupported == pytest.approx(log.context.map(share).mean(), rel=1e-9)


def test_contexts_that_a_policy_does_not_know_are_left_out_and_counted(judge: Judge) -> None:
    log, policies = make_log()
    found = judge(log, policies[policies.context != "old"])[EVIL]
    assert found.skipped == int((log.context == "old").sum())
    other = judge(
        log,
        policies.assign(context="elsewhere").drop_duplicates(["policy", "action"]).assign(probability=0.2),
    )
    assert reason(other[EVIL]).reason is Reason.NOT_MATCHED


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda log: log.assign(action=log.action.where(log.index > 1)),
            "2 of 3,000 decisions have no action",
        ),
        (
            lambda log: log.assign(reward=log.reward.where(log.index > 0)),
            "1 of 3,000 decisions have no reward",
        ),
        (
            lambda log: log.assign(request=log.request.where(log.index > 0)),
            "1 of 3,000 decisions have no request",
        ),
        (
            lambda log: log.assign(reward=log.reward.where(log.index > 0, np.inf)),
            "1 rewards are NaN or infinite",
        ),
        (lambda log: log.iloc[:0], "there is no decision"),
    ],
)
def test_decisions_that_say_nothing_are_an_error(
    judge: Judge, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    log, _ = make_log()
    with pytest.raises(DataError, match=said):
        judge(change(log))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda p: p.assign(probability=p.probability * 0.9),
            "add up to 0.9 in a context; they have to add up to 1",
        ),
        (lambda p: p.assign(probability=-p.probability), "15 probabilities that are not in"),
        (lambda p: pd.concat([p, p.iloc[:2]]), "repeats 2 rows of one action in one context"),
        (lambda p: p.assign(policy=p.policy.where(p.index > 0)), "a row has no policy"),
        (lambda p: p.assign(action=p.action.where(p.index > 0)), "1 row without an action"),
    ],
)
def test_policies_that_are_none_are_an_error(
    judge: Judge, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    log, policies = make_log()
    with pytest.raises(DataError, match=said):
        judge(log, change(policies))


def test_a_change_that_is_established_is_said_and_one_that_is_not_is_not(judge: Judge) -> None:
    log, policies = make_log(20_000)
    better = policies.assign(probability=policies.action.map({EVIL: 0.6}).fillna(0.1))
    found = judge(log, better)[EVIL]
    assert "more by" in found.sentence
    assert found.next_action.startswith("Worth an A/B test")
    same = (
        policies.merge(
            log.groupby(["context", "action"]).propensity.first().reset_index(), on=["context", "action"]
        )
        .drop(columns="probability")
        .rename(columns={"propensity": "probability"})
    )
    again = judge(log, same)[EVIL]
    gain = estimate(again, "ips").gain
    assert isinstance(gain, NotEstimable)
    assert gain.reason is Reason.ZERO_VARIANCE
    assert replace(again, sentence="").policy == EVIL


def test_chance_that_does_better_is_no_candidate_but_a_question_about_what_is_live() -> None:
    better = Interval(estimate=0.2, low=0.1, high=0.3, level=0.95, method="snips")
    found = OffPolicyEstimate(name="snips", definition="", value=better, standard_error=0.05, gain=better)
    assert next_action(UNIFORM, found).startswith("Look into the policy that is live")
    assert next_action("candidate", found).startswith("Worth an A/B test")
