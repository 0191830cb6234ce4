"""Live lists judged by their outcomes, held against NDCG and reciprocal rank by hand, with intervals by unit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abgap.pipeline.analysis import open_analysis
from abgap.records import Interval
from abgap.records.live import LiveModel, LiveQuality
from abgap.study.load import load_study

START = pd.Timestamp("2026-03-02")
STUDY = """
[exposures]
path = "exposures.parquet"
columns = { experiment = "experiment", unit = "unit", variant = "variant", at = "at" }
[facts.events]
path = "events.parquet"
columns = { unit = "unit", at = "at" }
[experiments.e]
control = "A"
start = 2026-03-02
end = 2026-03-20
models = { A = "old", B = "new" }
[metrics.clicks]
kind = "mean"
fact = "events"
aggregate = "count"
role = "primary"
[offline.rankings]
path = "runs.parquet"
columns = { model = "model", query = "query", item = "item", score = "score" }
[offline.judgements]
path = "judgements.parquet"
columns = { query = "query", item = "item", relevance = "relevance" }
[live.rankings]
path = "live.parquet"
slices = ["device"]
outcome = { fact = "events", where = "event = 'click'", within_days = 0.5, key = "request", item = "doc" }
[live.rankings.columns]
unit = "unit"
at = "at"
model = "model"
query = "query"
item = "item"
rank = "rank"
offline_score = "s"
[offline_metrics."ndcg@3"]
[offline_metrics."mrr@3"]
[offline_metrics."hit@3"]
empty = "zero"
[gap]
offline = ["ndcg@3"]
business = ["clicks"]
"""


def make_world(folder: Path) -> pd.DataFrame:
    """Write the study; the lists with what was clicked, one row per item."""
    rng = np.random.default_rng(4)
    units = [f"u{i}" for i in range(80)]
    arms = np.where(np.arange(80) % 2 == 0, "A", "B")
    exposures = pd.DataFrame({"experiment": "e", "unit": units, "variant": arms, "at": START})
    rows = []
    for unit, arm in zip(units, arms, strict=True):
        for k in range(int(rng.integers(1, 5))):
            at = START + pd.Timedelta(hours=float(rng.uniform(1, 200)))
            device = str(rng.choice(["phone", "desk"]))
            recomputed = rng.uniform() < 0.8
            for rank, item in enumerate(rng.permutation(5), start=1):
                rows.append(
                    {
                        "unit": unit,
                        "at": at.round("s"),
                        "model": {"A": "old", "B": "new"}[arm],
                        "query": f"{unit}/{k}",
                        "item": f"d{item}",
                        "rank": rank,
                        "s": round(float(rng.normal()), 3) if recomputed else None,
                        "device": device,
                        "clicked": bool(rng.uniform() < 0.3 / rank),
                    }
                )
    lists = pd.DataFrame(rows)
    clicked = lists[lists["clicked"]]
    events = pd.DataFrame(
        {
            "unit": clicked["unit"],
            "at": clicked["at"] + pd.Timedelta("1h"),
            "request": clicked["query"],
            "doc": clicked["item"],
            "event": "click",
        }
    )
    last = {"unit": "z", "at": START + pd.Timedelta("15D"), "request": "z", "doc": "z", "event": "view"}
    pd.concat([events, pd.DataFrame([last])]).to_parquet(folder / "events.parquet", index=False)
    exposures.to_parquet(folder / "exposures.parquet", index=False)
    lists.drop(columns="clicked").to_parquet(folder / "live.parquet", index=False)
    runs = pd.DataFrame(
        [
            {"model": model, "query": f"q{q}", "item": f"d{i}", "score": float(rng.normal())}
            for model in ("old", "new")
            for q in range(30)
            for i in range(5)
        ]
    )
    runs.to_parquet(folder / "runs.parquet", index=False)
    judged = pd.DataFrame(
        [
            {"query": f"q{q}", "item": f"d{i}", "relevance": int(rng.uniform() < 0.4)}
            for q in range(30)
            for i in range(5)
        ]
    )
    judged.to_parquet(folder / "judgements.parquet", index=False)
    (folder / "abgap.toml").write_text(STUDY, encoding="utf-8")
    return lists


def silent(message: str) -> None:
    """No progress."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


@pytest.fixture(scope="module")
def lists(folder: Path) -> pd.DataFrame:
    return make_world(folder)


@pytest.fixture(scope="module")
def quality(folder: Path, lists: pd.DataFrame) -> LiveQuality:
    assert len(lists)
    with open_analysis(load_study(folder / "abgap.toml"), progress=silent) as analysis:
        found = analysis.live.quality
        rows = {(r.model, r.metric): r for r in analysis.offline.rows if r.slice_name is None}
        for model in found.models:
            value, row = model.value("ndcg@3"), rows["new", "ndcg@3"]
            assert value is not None
            assert value.offline_value == pytest.approx(
                row.value if model.model == "new" else row.baseline_value
            )
        assert analysis.offline.sweeps is not None
    return found


def per_request(lists: pd.DataFrame, model: str, metric: str, *, by: str = "rank") -> pd.DataFrame:
    """One row per request: unit and value, requests without a value left out."""
    found = []
    mine = lists[lists["model"] == model]
    if by == "s":
        mine = mine[mine["s"].notna()]
    for _, rows in mine.groupby("query"):
        ordered = rows.sort_values(by, ascending=by == "rank")["clicked"].to_numpy()
        discounts = 1.0 / np.log2(np.arange(2, 5))
        top, relevant = ordered[:3], int(ordered.sum())
        if metric == "hit@3":
            value = float(top.any())
        elif relevant == 0:
            continue
        elif metric == "ndcg@3":
            value = float((top * discounts).sum() / discounts[: min(relevant, 3)].sum())
        else:
            value = float(1.0 / (np.argmax(top) + 1.0)) if top.any() else 0.0
        found.append({"unit": rows["unit"].iloc[0], "query": rows["query"].iloc[0], "value": value})
    return pd.DataFrame(found)


def variance(values: pd.Series, units: pd.Series, clusters: int) -> float:
    sums = ((values - values.mean()) / len(values)).groupby(units).sum()
    return float((sums**2).sum() * clusters / (clusters - 1))


def model_of(quality: LiveQuality, name: str) -> LiveModel:
    return next(m for m in quality.models if m.model == name)


@pytest.mark.parametrize("model", ["old", "new"])
@pytest.mark.parametrize("metric", ["ndcg@3", "mrr@3", "hit@3"])
def test_live_lists_are_worth_what_their_outcomes_say(
    quality: LiveQuality, lists: pd.DataFrame, model: str, metric: str
) -> None:
    expected = per_request(lists, model, metric)
    found = model_of(quality, model).value(metric)
    assert found is not None
    assert found.n == len(expected)
    assert found.value == pytest.approx(expected["value"].mean(), rel=1e-9)
    clusters = lists[lists["model"] == model]["unit"].nunique()
    reach = stats.t.ppf(0.975, min(clusters, len(expected)) - 1)
    reach *= variance(expected["value"], expected["unit"], clusters) ** 0.5
    assert isinstance(found.interval, Interval)
    assert found.interval.low == pytest.approx(found.value - reach, rel=1e-9)
    assert "judged by events of events" in found.definition


def test_lists_are_put_in_the_order_of_offline_scores_too(quality: LiveQuality, lists: pd.DataFrame) -> None:
    served, recomputed = (per_request(lists, "new", "ndcg@3", by=by) for by in ("rank", "s"))
    both = served.merge(recomputed, on=["unit", "query"], suffixes=("_served", "_recomputed"))
    found = model_of(quality, "new").skew("ndcg@3")
    assert found is not None
    assert found.n == len(both) < len(served)
    assert found.served == pytest.approx(both["value_served"].mean(), rel=1e-9)
    assert found.recomputed == pytest.approx(both["value_recomputed"].mean(), rel=1e-9)
    difference = both["value_recomputed"] - both["value_served"]
    mine = lists[(lists["model"] == "new") & lists["s"].notna()]
    clusters = mine["unit"].nunique()
    reach = stats.t.ppf(0.975, min(clusters, len(both)) - 1)
    reach *= variance(difference, both["unit"], clusters) ** 0.5
    assert isinstance(found.skew, Interval)
    assert found.skew.estimate == pytest.approx(difference.mean(), rel=1e-9)
    assert found.skew.high == pytest.approx(difference.mean() + reach, rel=1e-9)


def test_lists_are_broken_down_by_slice(quality: LiveQuality, lists: pd.DataFrame) -> None:
    parts = model_of(quality, "old").by_slice("ndcg@3", "device")
    for device in ("phone", "desk"):
        expected = per_request(lists[lists["device"] == device], "old", "ndcg@3")
        assert parts[device].value == pytest.approx(expected["value"].mean(), rel=1e-9)
    mix = model_of(quality, "old").mix["device"]
    mine = lists[(lists["model"] == "old") & (lists["rank"] == 1)]
    assert dict(mix) == mine["device"].value_counts().to_dict()
