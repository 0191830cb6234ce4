"""Errors of offline gains that rest on the same queries, against the differences query by query."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from abgap.gap.portfolio.data import PortfolioData
from abgap.offline.gain_pairs import Crossed, crossed_contests
from abgap.offline.sums import Against, ValueSums
from abgap.pipeline.analysis import open_analysis
from abgap.study.load import load_study

Array = npt.NDArray[np.float64]
# Experiment, treatment and its model; control always runs "old". Both experiments of "new 'a'" have the same gain.
ARMS = {
    ("e1", "B"): "new 'a'",
    ("e1", "C"): "b",
    ("e2", "B"): "new 'a'",
    ("e3", "B"): "c",
    ("e4", "B"): "d",
    ("e5", "B"): "e",
}
# Of "c" only half of the queries are known, and "d" saw others.
QUERIES = {
    "old": range(600),
    "new 'a'": range(300),
    "b": range(300),
    "c": range(150, 300),
    "d": range(300, 600),
    "e": range(0),
}
METRICS = ("ndcg", "loss")
EXPERIMENTS = ("e1", "e2", "e3", "e4", "e5")


@cache
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    easy = rng.normal(0, 0.1, 600)
    rows = []
    for lift, (model, queries) in enumerate(QUERIES.items()):
        own = rng.normal(0.02 * lift, 0.1, 600)
        values = {"ndcg": 0.5 + easy + own, "loss": 0.4 - easy - 0.5 * own + rng.normal(0, 0.05, 600)}
        rows += [
            {"model": model, "metric": metric, "query": f"q{q}", "value": values[metric][q]}
            for metric in METRICS
            for q in queries
        ]
    return pd.DataFrame(rows)


def study() -> str:
    experiments = []
    for name in EXPERIMENTS:
        models = {"A": "old"} | {arm: model for (e, arm), model in ARMS.items() if e == name}
        listed = ", ".join(f'{arm} = "{model}"' for arm, model in models.items())
        experiments.append(f'[experiments.{name}]\ncontrol = "A"\nmodels = {{ {listed} }}\n')
    return (
        '[study]\nname = "p"\n'
        '[unit_values]\npath = "users.csv"\n'
        'columns = { experiment = "test", unit = "user", variant = "arm" }\n'
        + "".join(experiments)
        + '[metrics.revenue]\nkind = "mean"\nvalue = "revenue"\ndirection = "up"\n'
        + '[metrics.orders]\nkind = "mean"\nvalue = "sqrt(revenue)"\ndirection = "up"\n'
        + '[offline]\nexamples = "shared"\n'
        + '[offline.scores]\npath = "scores.csv"\n'
        + 'columns = { model = "model", metric = "metric", query = "query", value = "value" }\n'
        + '[offline_metrics.loss]\ndirection = "down"\n'
        + '[gap]\noffline = ["ndcg", "loss"]\nbusiness = ["revenue", "orders"]\n'
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PortfolioData:
    folder: Path = tmp_path_factory.mktemp("gains")
    rng = np.random.default_rng(2)
    arms = [*ARMS, *((e, "A") for e in EXPERIMENTS)]
    users = [{"test": e, "arm": arm, "revenue": x} for e, arm in arms for x in rng.gamma(1, 5, 50)]
    pd.DataFrame(users).assign(user=[f"u{i}" for i in range(len(users))]).to_csv(folder / "users.csv")
    scores().to_csv(folder / "scores.csv", index=False)
    (folder / "abgap.toml").write_text(study(), encoding="utf-8")
    with open_analysis(load_study(folder / "abgap.toml"), progress=lambda _: None) as analysis:
        return analysis.portfolio.data


@cache
def gains(model: str) -> pd.DataFrame:
    """Differences to the baseline by query, turned so that up is good."""
    wide = scores().pivot_table(index="query", columns=["model", "metric"], values="value")
    return pd.DataFrame(
        {m: sign * (wide[model, m] - wide["old", m]) for m, sign in (("ndcg", 1.0), ("loss", -1.0))}
    ).dropna()


def correlation(one: pd.Series, other: pd.Series) -> float:
    """Of two means over queries that overlap."""
    both = pd.concat([one, other], axis=1, join="inner").to_numpy()
    if len(both) < 2:
        return 0.0
    shared = np.cov(both.T)[0, 1] * len(both) / (len(one) * len(other))
    return float(shared / np.sqrt(one.var() / len(one) * other.var() / len(other)))


def models(data: PortfolioData) -> list[str]:
    keys = zip(data.effects.experiment, data.treatment, strict=True)
    return [ARMS[data.names[at], str(arm)] for at, arm in keys]


def test_metrics_of_one_arm_err_together(data: PortfolioData) -> None:
    found, errors = data.effects.covariances, data.effects.errors
    for arm, model in enumerate(models(data)):
        if model == "e":
            assert np.isnan(found[arm, :2]).all()
            continue
        by_query = gains(model)
        wanted = correlation(by_query["ndcg"], by_query["loss"])
        assert abs(wanted) > 0.3
        assert found[arm, 0, 1] == pytest.approx(wanted * errors[arm, 0] * errors[arm, 1], rel=1e-9)
        assert found[arm, 1, 0] == found[arm, 0, 1]
        assert not found[arm, :2, 2:].any()


def test_arms_over_the_same_queries_err_together_in_one_experiment_and_in_several(
    data: PortfolioData,
) -> None:
    names, errors = models(data), data.effects.errors
    seen = set()
    for (one, other), shared in zip(data.effects.pairs, data.effects.shared, strict=True):
        assert one < other
        seen.add((names[one], names[other]))
        for a, row in enumerate(METRICS):
            for b, column in enumerate(METRICS):
                wanted = correlation(gains(names[one])[row], gains(names[other])[column])
                scale = errors[one, a] * errors[other, b]
                assert shared[a, b] == pytest.approx(wanted * scale, rel=1e-9, abs=1e-15)
        one_control = data.effects.experiment[one] == data.effects.experiment[other]
        assert (shared[2:, 2:] > 0.0).all() if one_control else not shared[2:, 2:].any()
        assert not shared[:2, 2:].any()
        assert not shared[2:, :2].any()
    assert seen == {
        ("new 'a'", "b"),
        ("new 'a'", "new 'a'"),
        ("b", "new 'a'"),
        ("new 'a'", "c"),
        ("b", "c"),
    }


def test_the_whole_covariance_is_one(data: PortfolioData) -> None:
    known = data.effects.take(data.effects.with_errors)
    assert len(known) == 5
    assert np.linalg.eigvalsh(known.dense()).min() > -1e-15


def sums(shared: int) -> tuple[ValueSums, ...]:
    whole = ValueSums(
        slice_name=None,
        slice_value=None,
        evaluated=shared,
        shared=shared,
        candidate=1.0,
        base=0.5,
        difference=0.5,
        square=1.0,
    )
    return (whole,)


@pytest.mark.parametrize(
    ("examples", "pairs"), [(100, 66), (700_000, 36), (4_000_000, 6), (40_000_000, 0)], ids=str
)
def test_the_more_examples_the_fewer_contests_are_paired(examples: int, pairs: int) -> None:
    contests = [Against(model=f"m{i}", baseline="old", metric=m) for i in range(6) for m in METRICS]
    others = [
        Against(model="m0", baseline=None, metric="ndcg"),
        Against(model="m0", baseline="old", metric="other"),
        Against(model="never launched", baseline="old", metric="ndcg"),
    ]
    wanted = Crossed(ran=[(f"m{i}", "old") for i in range(6)], metrics=METRICS)
    found = crossed_contests([*contests, *others], [sums(examples)] * 15, wanted)
    assert len(found) == pairs
    assert all(first < second < 12 for first, second in found)
