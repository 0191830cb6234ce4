"""Clicks weighted by propensity: their sums against pandas, on lists with several clicks, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.ranking.evaluate import evaluate_rankings
from abgap.offline.ranking.exposed import CLIP, COLUMNS, ExposedClicks, read_exposed
from abgap.records.moments import FloatArray
from abgap.study.load import check_study

PROPENSITY = 1.0 / np.arange(1.0, 13.0) ** 1.1
METRICS: dict[str, Any] = {
    "ndcg@10": {"label": "click"},
    "exp@5": {"metric": "ndcg@5", "gain": "exp", "label": "click"},
    "mrr": {"label": "click"},
    "map@3": {"label": "click"},
    "recall@3": {"label": "click"},
    "precision@4": {"label": "click"},
    "rprec": {"label": "click"},
    "dcg@10": {"label": "click"},
    "bought@10": {"metric": "ndcg@10", "label": "purchase"},
}


def lists(seed: int, *, queries: int = 40, documents: int = 12) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lists of two models (the new one leaves some documents out), where each was shown, and clicks, some graded 2."""
    random = np.random.default_rng(seed)
    rows, judged = [], []
    for q in range(queries):
        shown = random.permutation(documents)
        for model in ("new", "old"):
            order = random.permutation(documents)
            kept = order if model == "old" else order[: documents - 2]
            for item in kept:
                place = int(np.flatnonzero(shown == item)[0])
                rows.append(
                    (model, f"q{q}", f"d{item}", float(random.random()), place + 1.0, PROPENSITY[place])
                )
        for item in range(documents):
            place = int(np.flatnonzero(shown == item)[0])
            if random.random() < 0.6 * PROPENSITY[place]:
                judged.append((f"q{q}", f"d{item}", "click", int(random.integers(1, 3))))
        judged.append((f"q{q}", "d0", "purchase", 1))
    runs = pd.DataFrame(rows, columns=["model", "query", "item", "score", "position", "propensity"])
    return runs, pd.DataFrame(judged, columns=["query", "item", "label", "relevance"])


def read(directory: Path, runs: pd.DataFrame, judged: pd.DataFrame, *metrics: str) -> ExposedClicks:
    runs.to_parquet(directory / "runs.parquet", index=False)
    judged.to_parquet(directory / "qrels.parquet", index=False)
    sources = {
        "rankings": {"path": "runs.parquet", "columns": {name: name for name in runs.columns}},
        "judgements": {"path": "qrels.parquet", "columns": {name: name for name in judged.columns}},
    }
    study = check_study({"offline": sources, "offline_metrics": METRICS})
    with DuckDBEngine(directory=directory) as engine:
        ranked = evaluate_rankings(engine, study, directory)
        assert ranked is not None
        return read_exposed(engine, ranked, [("new", "old"), ("absent", "old")], metrics)


def worth(metric: str, ranked: pd.Series[float]) -> FloatArray:
    """What the place of the one relevant document is worth, by the metric's definition; 0 where it is not listed."""
    place = np.asarray(ranked, dtype=np.float64)
    discount = 1.0 / np.log2(place + 1.0)
    found = {
        "ndcg@10": np.where(place <= 10, discount, 0.0),
        "exp@5": np.where(place <= 5, discount, 0.0),
        "mrr": 1.0 / place,
        "map@3": np.where(place <= 3, 1.0 / place, 0.0),
        "recall@3": np.where(place <= 3, 1.0, 0.0),
        "precision@4": np.where(place <= 4, 0.25, 0.0),
        "rprec": np.where(place <= 1, 1.0, 0.0),
        "bought@10": np.where(place <= 10, discount, 0.0),
    }
    return np.where(np.isnan(place), 0.0, found[metric])


def by_hand(runs: pd.DataFrame, judged: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every click with a propensity, and the sums of each query."""
    clicks = judged[judged["label"] == METRICS[metric]["label"]]
    seen = runs.groupby(["query", "item"])["propensity"].first().reset_index()
    table = clicks.merge(seen, on=["query", "item"])
    places = runs.assign(place=runs.groupby(["model", "query"])["score"].rank(ascending=False))
    for model in ("new", "old"):
        of_model = places[places["model"] == model][["query", "item", "place"]]
        table = table.merge(of_model.rename(columns={"place": model}), on=["query", "item"], how="left")
    gain = table["relevance"].astype(float)
    if metric == "exp@5":
        gain = 2.0**gain - 1.0
    elif METRICS[metric].get("metric", metric).split("@")[0] != "ndcg":
        gain = gain * 0.0 + 1.0
    change = worth(metric, table["new"]) - worth(metric, table["old"])
    weight = 1.0 / table["propensity"]
    cut = weight.clip(upper=CLIP)
    table = table.assign(
        n=gain,
        a=gain * change,
        w=gain * weight,
        wa=gain * weight * change,
        v=gain * cut,
        va=gain * cut * change,
    )
    return table, table.groupby("query")[list(COLUMNS)].sum()


@pytest.mark.parametrize("metric", [name for name in METRICS if name != "dcg@10"])
def test_the_sums_over_queries_are_those_of_pandas(tmp_path: Path, metric: str) -> None:
    runs, judged = lists(1)
    found = read(tmp_path, runs, judged, metric)
    (sums,) = found.sums
    clicks, by_query = by_hand(runs, judged, metric)
    matrix = by_query.to_numpy()
    assert (sums.model, sums.baseline, sums.metric) == ("new", "old", metric)
    assert (sums.units, sums.clicks) == (len(by_query), len(clicks))
    assert sums.cut == int((1.0 / clicks["propensity"] > CLIP).sum())
    np.testing.assert_allclose(sums.total, matrix.sum(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(sums.product, matrix.T @ matrix, rtol=1e-11, atol=1e-11)
    assert sums.squared == pytest.approx(float((clicks["w"] ** 2).sum()), rel=1e-12)
    assert sums.largest == pytest.approx(float((1.0 / clicks["propensity"]).max()), rel=1e-12)
    assert found.clicks == found.weighted == {metric: len(clicks)}


def test_click_rates_are_those_of_documents_by_where_they_were_shown(tmp_path: Path) -> None:
    runs, judged = lists(2)
    found = read(tmp_path, runs, judged, "mrr").positions["mrr"]
    shown = runs.groupby(["query", "item"])["position"].first().reset_index()
    clicks = judged[judged["label"] == "click"][["query", "item"]].assign(clicked=1)
    table = shown.merge(clicks, on=["query", "item"], how="left")
    by_hand = table.groupby("position")["clicked"].agg(["size", "count"])
    assert [(c.position, c.shown, c.clicked) for c in found] == list(by_hand.itertuples(name=None))[:10]


def test_a_click_without_a_propensity_is_counted_and_left_out(tmp_path: Path) -> None:
    runs, judged = lists(3)
    runs.loc[runs["query"] == "q0", "propensity"] = None
    found = read(tmp_path, runs, judged, "mrr")
    known = judged[(judged["label"] == "click") & (judged["query"] != "q0")]
    assert found.weighted["mrr"] == len(known)
    assert found.clicks["mrr"] == int((judged["label"] == "click").sum())
    assert found.sums[0].units == known["query"].nunique()


def test_what_is_no_mean_over_clicks_and_what_nobody_asked_for_is_left_out(tmp_path: Path) -> None:
    runs, judged = lists(4, queries=5)
    assert read(tmp_path, runs, judged, "dcg@10").sums == ()
    runs["propensity"] = None
    assert read(tmp_path, runs, judged, "mrr") == ExposedClicks()


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, 0.0, "1 row has no probability above 0 and up to 1"),
        (0, 1.5, "up to 1"),
        (1, 0.123, "the rows of 1 item disagree"),
    ],
)
def test_a_propensity_that_cannot_be_one_is_an_error(
    tmp_path: Path, place: int, value: float, words: str
) -> None:
    runs, judged = lists(5, queries=5)
    both = runs[(runs["query"] == "q0") & (runs["item"] == runs["item"][0])].index
    runs.loc[both if place == 0 else both[:1], "propensity"] = value
    with pytest.raises(DataError, match=words):
        read(tmp_path, runs, judged, "mrr")
