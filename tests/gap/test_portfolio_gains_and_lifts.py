"""What errors of gains and lifts have in common where users asked the test set's queries, against raw units."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from abgap.errors import DataError
from abgap.gap.portfolio.data import PortfolioData
from abgap.gap.portfolio.gains_and_lifts import across_notes
from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.cache import Cache
from abgap.study.load import load_study

Array = npt.NDArray[np.float64]
EXPERIMENTS = tuple(f"e{i}" for i in range(6))
ARMS = {(e, arm): f"{arm} of {e}" for e in EXPERIMENTS for arm in ("B", "C")}
METRICS = ("ndcg", "loss")
QUERIES, UNITS = 400, 3_000


@cache
def users() -> pd.DataFrame:
    rng = np.random.default_rng(6)
    busy = rng.gamma(2.0, 1.0, UNITS)
    before = busy * rng.gamma(2.0, 2.0, UNITS)
    return pd.DataFrame(
        {
            "test": rng.choice(EXPERIMENTS, UNITS),
            "user": [f"u{i}" for i in range(UNITS)],
            "arm": rng.choice(["A", "B", "C"], UNITS),
            "before": before,
            "revenue": before + busy * rng.gamma(1.0, 5.0, UNITS),
            "errors": np.where(rng.random(UNITS) < 0.1, np.nan, rng.poisson(1.0 + busy)),
            "orders": rng.poisson(busy).astype(float),
            "visits": 1.0 + rng.poisson(busy),
        }
    )


@cache
def queries() -> pd.DataFrame:
    """Who asked: users of experiments (some of them often), strangers, and nobody knows."""
    rng = np.random.default_rng(7)
    asked = [f"u{i}" for i in rng.integers(0, 900, QUERIES)]
    asked[:20] = ["stranger"] * 20
    asked[20:40] = [""] * 20
    return pd.DataFrame({"query": [f"q{i}" for i in range(QUERIES)], "user": asked})


@cache
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    spent = queries().merge(users(), on="user", how="left")["revenue"].fillna(10.0).to_numpy() / 50.0
    rows = []
    for model in ("old", *ARMS.values()):
        own = rng.normal(0.0 if model == "old" else 0.05, 0.1, QUERIES) + (model != "old") * 0.2 * spent
        for metric, values in (("ndcg", own), ("loss", 1.0 - 0.5 * own + rng.normal(0, 0.05, QUERIES))):
            rows += [
                {"model": model, "metric": metric, "query": f"q{q}", "value": value}
                for q, value in enumerate(values)
            ]
    return pd.DataFrame(rows)


def study(portfolio: str = "") -> str:
    return (
        '[study]\nname = "p"\n[unit_values]\npath = "users.parquet"\n'
        'columns = { experiment = "test", unit = "user", variant = "arm" }\n'
        + "".join(
            f'[experiments.{e}]\ncontrol = "A"\nmodels = {{ A = "old", B = "B of {e}", C = "C of {e}" }}\n'
            for e in EXPERIMENTS
        )
        + '[metrics.revenue]\nkind = "mean"\nvalue = "revenue"\ncovariate = { column = "before" }\n'
        + '[metrics."errors: \'s"]\nkind = "mean"\nvalue = "errors"\ndirection = "down"\n'
        + '[metrics.rate]\nkind = "ratio"\nnumerator = { value = "orders" }\ndenominator = { value = "visits" }\n'
        + '[offline.scores]\npath = "scores.parquet"\n'
        + 'columns = { model = "model", metric = "metric", query = "query", value = "value" }\n'
        + '[offline.queries]\npath = "queries.parquet"\ncolumns = { query = "query", unit = "user" }\n'
        + '[offline_metrics.loss]\ndirection = "down"\n'
        + '[gap]\noffline = ["ndcg", "loss"]\nbusiness = ["revenue", "errors: \'s", "rate"]\n'
        + portfolio
    )


def write(folder: Path, asked: pd.DataFrame) -> Path:
    users().to_parquet(folder / "users.parquet")
    scores().to_parquet(folder / "scores.parquet")
    asked.to_parquet(folder / "queries.parquet")
    (folder / "abgap.toml").write_text(study(), encoding="utf-8")
    return folder / "abgap.toml"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> PortfolioData:
    path = write(tmp_path_factory.mktemp("asked"), queries())
    with open_analysis(load_study(path), progress=lambda _: None) as analysis:
        return analysis.portfolio.data


@cache
def by_query() -> pd.DataFrame:
    return scores().pivot_table(index="query", columns=["model", "metric"], values="value")


@cache
def gain_influence(model: str, metric: str) -> pd.Series:
    """What each user adds to the error of a gain, up is good."""
    wide = by_query()
    sign = 1.0 if metric == "ndcg" else -1.0
    difference = sign * (wide[model, metric] - wide["old", metric])
    added = (difference - difference.mean()) / len(difference)
    asked = queries().set_index("query")["user"]
    by_user = added.groupby(asked.reindex(added.index)).sum()
    return by_user.reindex(users()["user"]).fillna(0.0)


@cache
def lift_influences(experiment: str, treatment: str) -> tuple[pd.Series, ...]:
    """What each user adds to the errors of the three lifts of an arm, up is good."""
    table = users().set_index("user")
    arms = [table[(table["test"] == experiment) & (table["arm"] == arm)] for arm in ("A", treatment)]
    control, treated = arms
    within = np.sum([np.cov(arm["revenue"], arm["before"]) * (len(arm) - 1) for arm in arms], axis=0)
    theta = within[0, 1] / within[1, 1]
    means = [arm["revenue"].mean() - theta * arm["before"].mean() for arm in arms]
    adjusted = control["revenue"].mean() + means[1] - means[0]

    def off(values: pd.Series) -> pd.Series:
        known = values.dropna()
        return (known - known.mean()) / len(known)

    revenue = pd.concat(
        [
            -off(control["revenue"]) / control["revenue"].mean() + theta * off(control["before"]) / adjusted,
            (off(treated["revenue"]) - theta * off(treated["before"])) / adjusted,
        ]
    )
    errors = pd.concat(
        [
            off(control["errors"]) / control["errors"].mean(),
            -off(treated["errors"]) / treated["errors"].mean(),
        ]
    )
    rates = []
    for sign, arm in ((-1.0, control), (1.0, treated)):
        rate = arm["orders"].mean() / arm["visits"].mean()
        rates.append(sign * (arm["orders"] - rate * arm["visits"]) / arm["visits"].mean() / len(arm) / rate)
    return revenue, errors, pd.concat(rates)


def wanted(gain: tuple[str, str], lift: tuple[str, str]) -> Array:
    """Covariances of the gains of one arm with the lifts of another, (2, 3)."""
    found = np.zeros((2, 3))
    for row, metric in enumerate(METRICS):
        added = gain_influence(ARMS[gain], metric)
        for column, of_lift in enumerate(lift_influences(*lift)):
            found[row, column] = float(added[of_lift.index].to_numpy() @ of_lift.to_numpy())
    return found


def keys(data: PortfolioData) -> list[tuple[str, str]]:
    return [(data.names[at], str(t)) for at, t in zip(data.effects.experiment, data.treatment, strict=True)]


def test_gains_and_lifts_err_together_over_the_units_of_both(data: PortfolioData) -> None:
    assert [axis.name for axis in data.axes] == ["ndcg", "loss", "revenue", "errors: 's", "rate"]
    effects = data.effects
    for arm, key in enumerate(keys(data)):
        found = effects.covariances[arm]
        expected = wanted(key, key)
        assert np.abs(expected).min() > 0.0
        assert found[:2, 2:] == pytest.approx(expected, rel=1e-9, abs=1e-18)
        assert (found[:2, 2:] == found[2:, :2].T).all()
        assert np.linalg.eigvalsh(found).min() > 0.0
    assert data.across[0, 2] == data.across[4, 1] == ("units",)


def test_so_they_do_between_arms_with_one_control_and_between_experiments(data: PortfolioData) -> None:
    names, seen = keys(data), 0
    shared = dict(zip(map(tuple, data.effects.pairs.tolist()), data.effects.shared, strict=True))
    for (one, other), found in shared.items():
        first, second = names[one], names[other]
        assert found[:2, 2:] == pytest.approx(wanted(first, second), rel=1e-9, abs=1e-18)
        assert pytest.approx(wanted(second, first), rel=1e-9, abs=1e-18) == found[2:, :2].T
        seen += first[0] == second[0]
    assert seen == 6
    assert len(shared) == 66
    assert len(data.effects.pairs) == len(shared)


def test_what_is_kept_of_an_earlier_run_says_the_same(data: PortfolioData, tmp_path: Path) -> None:
    path, noted, done = write(tmp_path, queries()), list[str](), list[str]()

    def told(message: str) -> None:
        done.append(message)

    for _ in range(2):
        cache = Cache(tmp_path / "kept", note=noted.append)
        with open_analysis(load_study(path), progress=told, cache=cache) as analysis:
            found = analysis.portfolio.data
        assert (found.effects.shared == data.effects.shared).all()
    assert not noted
    assert done.count("looking for units that asked test queries") == 1


def test_a_fit_says_where_the_covariance_comes_from(data: PortfolioData) -> None:
    (note,) = across_notes(data, 0, 2)
    assert note == "What errors of NDCG and revenue have in common comes from the units that both rest on."
    assert not list(across_notes(data, 2, 3))


@pytest.mark.parametrize("asked", ["control", "both"])
def test_the_sum_over_units_is_the_covariance_that_experiments_repeated_have(asked: str) -> None:
    rng, repeats, n, queries = np.random.default_rng(11), 4_000, 120, 80
    control, treated = (rng.gamma(2.0, 1.0, (repeats, n)) for _ in range(2))
    lift = np.log(treated.mean(axis=1) / control.mean(axis=1))
    added_c = -(control - control.mean(axis=1, keepdims=True)) / n / control.mean(axis=1, keepdims=True)
    added_t = (treated - treated.mean(axis=1, keepdims=True)) / n / treated.mean(axis=1, keepdims=True)
    # The first units of an arm ask one query each, on which who buys more gains more.
    if asked == "control":
        who, added = control[:, :queries], added_c[:, :queries]
    else:
        half = queries // 2
        who = np.concatenate([control[:, :half], treated[:, :half]], axis=1)
        added = np.concatenate([added_c[:, :half], added_t[:, :half]], axis=1)
    gains = 0.1 * who + rng.normal(0.0, 0.1, who.shape)
    gain = gains.mean(axis=1)
    found = ((gains - gain[:, None]) / queries * added).sum(axis=1)
    products = (gain - gain.mean()) * (lift - lift.mean())
    error = np.std(products) / np.sqrt(repeats)
    # Influences around means of the sample are short of a share of about 1/n.
    assert found.mean() == pytest.approx(
        products.mean(), abs=3.0 * error + abs(products.mean()) * 3.0 / queries
    )
    scale = np.sqrt(gain.var() * lift.var())
    if asked == "control":
        assert products.mean() / scale < -0.3
    else:
        assert abs(found.mean()) / scale < 0.03


def test_a_query_of_several_units_is_refused(tmp_path: Path) -> None:
    again = pd.DataFrame({"query": ["q50"], "user": ["it's me"]})
    path = write(tmp_path, pd.concat([queries(), again]))
    with (
        open_analysis(load_study(path), progress=lambda _: None) as analysis,
        pytest.raises(
            DataError, match=r"offline\.queries\.columns\.unit: 1 query has several units, .*'q50'"
        ),
    ):
        _ = analysis.portfolio.data
