"""Twins: gains under other labels, paired over the queries that both have, against pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abgap.engine.duckdb import DuckDBEngine
from abgap.offline.matching import idle_key_checks
from abgap.offline.ranking.contests import add_up_rankings
from abgap.offline.ranking.evaluate import evaluate_rankings
from abgap.offline.scores import read_scores
from abgap.offline.twin_sums import twins_of
from abgap.offline.twins import judge_twins
from abgap.records import Interval, NotEstimable, OfflineTwin
from abgap.study.load import check_study

TWIN: dict[str, Any] = {"purchase_ndcg@10": {"metric": "ndcg@10", "label": "purchase"}}
RAN = [("new", "old")]
ROLES = ("model", "metric", "value", "query")
BROUGHT: dict[str, Any] = {"scores": {"path": "x.csv", "columns": {role: role for role in ROLES}}}


def drawn(seed: int, *, queries: int = 60, bought: int = 40) -> pd.DataFrame:
    """Scores of both models under clicks, and of some queries under purchases; they go together."""
    random = np.random.default_rng(seed)
    hard = random.normal(0.0, 0.1, queries)
    columns = {
        ("new", "ndcg@10"): 0.6 + hard + random.normal(0.08, 0.05, queries),
        ("old", "ndcg@10"): 0.6 + hard,
        ("new", "purchase_ndcg@10"): 0.5 + hard,
        ("old", "purchase_ndcg@10"): 0.5 + hard,
    }
    shared = columns["new", "ndcg@10"] - columns["old", "ndcg@10"]
    columns["new", "purchase_ndcg@10"] = columns["new", "purchase_ndcg@10"] + 0.5 * shared
    columns["new", "purchase_ndcg@10"] += random.normal(-0.04, 0.03, queries)
    frames = [
        pd.DataFrame(
            {"model": model, "metric": metric, "query": [f"q{i}" for i in range(queries)], "value": value}
        )
        for (model, metric), value in columns.items()
    ]
    frames = [frame[:bought] if "purchase" in frame["metric"].iloc[0] else frame for frame in frames]
    return pd.concat(frames, ignore_index=True)


def read(directory: Path, frame: pd.DataFrame, **metrics: Any) -> list[OfflineTwin]:
    frame.to_parquet(directory / "scores.parquet", index=False)
    source = {"path": "scores.parquet", "columns": {name: name for name in frame.columns}}
    study = check_study({"offline": {"scores": source}, "offline_metrics": TWIN | metrics})
    with DuckDBEngine(directory=directory) as engine:
        return list(judge_twins(read_scores(engine, study, directory, RAN).queries, study))


def by_hand(frame: pd.DataFrame) -> tuple[float, float]:
    """The difference of the two gains, and half of its interval."""
    wide = frame.pivot_table(index="query", columns=["model", "metric"], values="value")
    gain = (wide["new"] - wide["old"]).to_numpy()
    click, buy = (column[~np.isnan(column)] for column in gain.T)
    both = gain[~np.isnan(gain).any(axis=1)]
    variance = click.var(ddof=1) / len(click) + buy.var(ddof=1) / len(buy)
    if len(both):
        variance -= 2 * len(both) * np.cov(both.T)[0, 1] / (len(click) * len(buy))
    reach = stats.t.ppf(0.975, min(len(click), len(buy)) - 1) * np.sqrt(variance)
    return click.mean() - buy.mean(), float(reach)


@pytest.mark.parametrize("bought", [60, 40])
def test_the_difference_of_the_gains_is_paired_over_the_queries_that_both_have(
    tmp_path: Path, bought: int
) -> None:
    frame = drawn(3, bought=bought)
    found, back = read(tmp_path, frame)
    difference, reach = by_hand(frame)
    assert (found.metric, found.twin) == ("ndcg@10", "purchase_ndcg@10")
    assert (found.n, found.n_twin, found.shared) == (60, bought, bought)
    assert isinstance(found.difference, Interval)
    assert found.difference.estimate == pytest.approx(difference, rel=1e-9)
    assert found.difference.high - found.difference.estimate == pytest.approx(reach, rel=1e-9)
    assert isinstance(back.difference, Interval)
    assert back.difference.low == pytest.approx(-found.difference.high, rel=1e-9)


def test_gains_that_share_no_query_are_taken_as_they_are(tmp_path: Path) -> None:
    frame = drawn(4)
    frame.loc[frame["metric"] == "purchase_ndcg@10", "query"] += "x"
    found, _ = read(tmp_path, frame)
    difference, reach = by_hand(frame)
    assert found.shared == 0
    assert isinstance(found.difference, Interval)
    assert found.difference.high - difference == pytest.approx(reach, rel=1e-9)


def test_gains_that_differ_by_the_same_everywhere_cannot_be_tested(tmp_path: Path) -> None:
    frame = drawn(5)
    click = frame[frame["metric"] == "ndcg@10"]
    found, _ = read(tmp_path, pd.concat([click, click.assign(metric="purchase_ndcg@10")]))
    assert isinstance(found.difference, NotEstimable)


def test_twins_have_one_base_and_different_labels() -> None:
    metrics: dict[str, Any] = {
        "clicks": {"metric": "ndcg@10", "label": "click"},
        "buys": {"metric": "ndcg@10", "label": "purchase"},
        "again": {"metric": "ndcg@10", "label": "click", "gain": "exp"},
        "mrr": {"label": "purchase"},
    }
    declared = check_study({"offline": BROUGHT, "offline_metrics": metrics}).offline_metrics
    assert twins_of(declared, "clicks") == ("buys",)
    assert twins_of(declared, "buys") == ("clicks", "again")
    assert twins_of(declared, "ndcg@10") == ("clicks", "buys", "again")
    assert twins_of(declared, "mrr") == ()


def test_the_label_of_a_twin_that_is_brought_is_no_idle_key() -> None:
    study = check_study({"offline": BROUGHT, "offline_metrics": TWIN})
    assert idle_key_checks(study.offline_metrics, {("new", "ndcg@10"), ("new", "purchase_ndcg@10")}) == []
    named = {"bought": {"metric": "happiness", "label": "purchase"}}
    study = check_study({"offline": BROUGHT, "offline_metrics": named})
    assert idle_key_checks(study.offline_metrics, {("new", "bought"), ("new", "happiness")}) == []
    (check,) = idle_key_checks(study.offline_metrics, {("new", "bought")})
    assert "label of 'bought'" in check.sentence


def test_metrics_computed_from_lists_are_paired_alike(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    items = [f"d{i}" for i in range(6)]
    runs = pd.DataFrame(
        [
            (model, f"q{q}", item, float(score))
            for model in ("new", "old")
            for q in range(30)
            for item, score in zip(items, random.permutation(6), strict=True)
        ],
        columns=["model", "query", "item", "score"],
    )
    judged = pd.DataFrame(
        [
            (f"q{q}", items[random.integers(6)], label, 1)
            for q in range(30)
            for label in ("click", "purchase")
            if label == "click" or q % 3
        ],
        columns=["query", "item", "label", "relevance"],
    )
    runs.to_parquet(tmp_path / "runs.parquet", index=False)
    judged.to_parquet(tmp_path / "qrels.parquet", index=False)
    sources = {
        "rankings": {"path": "runs.parquet", "columns": {name: name for name in runs.columns}},
        "judgements": {"path": "qrels.parquet", "columns": {name: name for name in judged.columns}},
    }
    metrics = {"mrr": {"label": "click"}, "purchase_mrr": {"metric": "mrr", "label": "purchase"}}
    study = check_study({"offline": sources, "offline_metrics": metrics})
    with DuckDBEngine(directory=tmp_path) as engine:
        evaluate_rankings(engine, study, tmp_path)
        found, _ = judge_twins(add_up_rankings(engine, study, tmp_path, RAN).queries, study)
    place = runs.assign(place=runs.groupby(["model", "query"])["score"].rank(ascending=False))
    seen = judged.merge(place, on=["query", "item"]).assign(value=lambda t: 1 / t["place"])
    names = {"click": "mrr", "purchase": "purchase_mrr"}
    frame = seen.assign(metric=seen["label"].map(names))[["model", "metric", "query", "value"]]
    difference, reach = by_hand(frame)
    assert (found.metric, found.shared) == ("mrr", 20)
    assert isinstance(found.difference, Interval)
    assert found.difference.estimate == pytest.approx(difference, rel=1e-9)
    assert found.difference.high - found.difference.estimate == pytest.approx(reach, rel=1e-9)
