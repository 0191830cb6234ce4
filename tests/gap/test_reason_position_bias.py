"""Position bias: SNIPS by hand, what is refused, and rates over drawn clicks; the same from files through a reading."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.gap.reasons.case import Case
from abgap.gap.reasons.position_bias import judge, read
from abgap.gap.reasons.reason import Reading
from abgap.offline.ranking.evaluate import Ranked, evaluate_rankings
from abgap.offline.ranking.exposed import COLUMNS, ClickSums, ExposedClicks, PositionCount
from abgap.records import FindingStatus, Interval
from abgap.records.moments import FloatArray
from tests.gap.reason_cases import METRIC, RATE, STUDY, case_of, sliced_offline, study_of

PLACES = np.arange(1, 11)
LOOKED = 1.0 / PLACES
DISCOUNT = 1.0 / np.log2(PLACES + 1.0)
# The new model moves what was shown at the top further up, and the rest further down.
TO_THE_TOP = np.where(PLACES <= 3, 1, 10)


def drawn(seed: int, new_place: FloatArray, n: int = 6000) -> pd.DataFrame:
    """Queries with one relevant item, shown anywhere, looked at with probability 1 / position, and then clicked."""
    random = np.random.default_rng(seed)
    shown = random.integers(0, 10, n)
    seen = random.random(n) < LOOKED[shown]
    noise = random.normal(0.0, 0.2, n)
    change = DISCOUNT[new_place[shown].astype(int) - 1] - DISCOUNT[shown] + noise
    return pd.DataFrame({"change": change, "weight": 1.0 / LOOKED[shown]})[seen].reset_index(drop=True)


def sums_of(clicks: pd.DataFrame, query: Any = None) -> ClickSums:
    ones, w, cut = np.ones(len(clicks)), clicks["weight"], clicks["weight"].clip(upper=10.0)
    table = pd.DataFrame(
        {
            "n": ones,
            "a": clicks["change"],
            "w": w,
            "wa": w * clicks["change"],
            "v": cut,
            "va": cut * clicks["change"],
        }
    )
    matrix = table.groupby(np.arange(len(clicks)) if query is None else query).sum()[list(COLUMNS)].to_numpy()
    return ClickSums(
        model="new",
        baseline="old",
        metric=METRIC,
        units=len(matrix),
        clicks=len(clicks),
        cut=int((w > 10.0).sum()),
        largest=float(w.max()),
        squared=float((w**2).sum()),
        total=np.asarray(matrix.sum(axis=0)),
        product=np.asarray(matrix.T @ matrix),
    )


def clicked_case(clicks: pd.DataFrame, *, query: Any = None, known: int | None = None, **more: Any) -> Case:
    n = len(clicks)
    found = ExposedClicks(
        sums=(sums_of(clicks, query),),
        clicks={METRIC: n},
        weighted={METRIC: n if known is None else known},
        positions={METRIC: (PositionCount(position=1.0, shown=100, clicked=40),)},
    )
    offline = sliced_offline(clicks.rename(columns={"change": "difference"}))
    return case_of(offline, read={"position_bias": found}, **more)


def by_hand(clicks: pd.DataFrame, query: Any = None) -> tuple[float, float]:
    """The gain of clicks minus SNIPS, and half of the interval of that, by the linearised values of queries."""
    change, w = clicks["change"], clicks["weight"]
    plain, snips = change.mean(), (w * change).sum() / w.sum()
    rest = (change - plain) / len(clicks) - w * (change - snips) / w.sum()
    by_query = rest.groupby(np.arange(len(clicks)) if query is None else query).sum()
    n = len(by_query)
    return float(plain - snips), float(1.959963984540054 * np.sqrt((by_query**2).sum() * n / (n - 1)))


@pytest.mark.parametrize("per_query", [1, 3])
def test_the_amount_is_the_gain_of_clicks_minus_that_of_weighted_clicks(per_query: int) -> None:
    clicks = drawn(1, TO_THE_TOP)
    query = np.arange(len(clicks)) // per_query
    finding = judge(clicked_case(clicks, query=query))
    lost, half = by_hand(clicks, query)
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(RATE * lost, rel=1e-9)
    assert finding.lift.high - finding.lift.estimate == pytest.approx(RATE * half, rel=1e-9)
    assert finding.status is FindingStatus.SUPPORTED
    values = {row.name: row.value for row in finding.evidence}
    w = clicks["weight"]
    assert values["gain, clicks as they are"] == pytest.approx(clicks["change"].mean(), rel=1e-9)
    assert values["gain, weighted clicks (SNIPS)"] == pytest.approx(
        np.average(clicks["change"], weights=w), rel=1e-9
    )
    assert values["what the weighted clicks are worth"] == pytest.approx(
        w.sum() ** 2 / (w**2).sum(), rel=1e-9
    )
    assert values["mean weight"] == pytest.approx(w.mean(), rel=1e-9)
    assert values["click rate at position 1"] == 0.4


def test_a_gain_that_is_the_same_wherever_items_were_shown_is_no_bias() -> None:
    clicks = drawn(2, PLACES.astype(float))
    clicks["change"] += 0.1
    assert judge(clicked_case(clicks)).status is FindingStatus.CONTRADICTED


def test_what_is_missing_or_too_little_is_said() -> None:
    clicks = drawn(3, TO_THE_TOP)
    case = clicked_case(clicks)
    assert judge(replace(case, evidence=replace(case.evidence, read={}))).missing == (
        "column propensity of [offline.rankings]",
    )
    few = judge(clicked_case(clicks, known=len(clicks) // 2))
    assert few.missing == ("column propensity of [offline.rankings]",)
    assert "at least 80 % are needed" in few.sentence
    small = judge(clicked_case(clicks[:60]))
    assert small.status is FindingStatus.NOT_TESTABLE
    assert "at least 100 are needed" in small.sentence
    other = judge(replace(case, offline_metric="dcg@10"))
    assert "is not made of lists whose clicks have propensities" in other.sentence
    assert judge(replace(case, target=None)).missing == ("[gap] exchange_rate",)


@pytest.mark.parametrize(("planted", "low", "high"), [(True, 0.90, 1.0), (False, 0.0, 0.05)])
def test_it_is_found_when_planted_and_not_when_not(planted: bool, low: float, high: float) -> None:
    """6,000 queries, of which about 1,750 are clicked; without a bias every item gains .1 wherever it was shown."""
    new_place = TO_THE_TOP if planted else PLACES
    change = DISCOUNT[new_place - 1] - DISCOUNT
    truth = RATE * (np.average(change, weights=LOOKED) - change.mean())
    supported, covered = [], []
    for seed in range(120):
        clicks = drawn(100 + seed, new_place.astype(float))
        clicks["change"] += 0.0 if planted else 0.1
        finding = judge(clicked_case(clicks))
        assert isinstance(finding.lift, Interval)
        supported.append(finding.status is FindingStatus.SUPPORTED)
        covered.append(finding.lift.low <= truth <= finding.lift.high)
    assert low <= np.mean(supported) <= high
    assert 0.90 <= np.mean(covered) <= 0.98


def test_clicks_are_read_from_files_for_the_metrics_of_the_gap(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    rows, judged = [], []
    for q in range(400):
        shown, liked = random.permutation(5), int(random.integers(0, 5))
        new = np.argsort(np.argsort(np.where(shown < 2, shown, 9 - shown)))
        for model, order in (("new", new), ("old", shown)):
            rows += [(model, f"q{q}", f"d{i}", -float(order[i]), 0.8 ** int(shown[i])) for i in range(5)]
        if random.random() < 0.8 ** int(shown[liked]):
            judged.append((f"q{q}", f"d{liked}", 1))
    runs = pd.DataFrame(rows, columns=["model", "query", "item", "score", "propensity"])
    qrels = pd.DataFrame(judged, columns=["query", "item", "relevance"])
    runs.to_parquet(tmp_path / "runs.parquet")
    qrels.to_parquet(tmp_path / "qrels.parquet")
    sources = {
        "rankings": {"path": "runs.parquet", "columns": {name: name for name in runs.columns}},
        "judgements": {"path": "qrels.parquet", "columns": {name: name for name in qrels.columns}},
    }
    revenue = {"kind": "mean", "fact": "events", "value": "amount", "smallest_worthwhile_lift": 0.01}
    gap = {"offline": [METRIC], "business": ["revenue"]}
    study = study_of(offline=sources, offline_metrics={METRIC: {}}, metrics={"revenue": revenue}, gap=gap)
    with DuckDBEngine(directory=tmp_path) as engine:

        def opened() -> Ranked | None:
            return evaluate_rankings(engine, study, tmp_path)

        reading = Reading(
            engine=engine,
            study=study,
            directory=tmp_path,
            pairs=(("new", "old"),),
            open_rankings=opened,
        )
        found = read(reading)
        assert read(replace(reading, study=study_of(**STUDY))) is None
    assert isinstance(found, ExposedClicks)
    assert found.positions[METRIC] == ()
    place = runs.assign(place=runs.groupby(["model", "query"])["score"].rank(ascending=False))
    wide = qrels.merge(place, on=["query", "item"]).pivot_table(
        index="query", columns="model", values="place"
    )
    weight = qrels.merge(runs[runs["model"] == "old"], on=["query", "item"]).set_index("query")["propensity"]
    clicks = pd.DataFrame(
        {
            "change": 1.0 / np.log2(wide["new"] + 1.0) - 1.0 / np.log2(wide["old"] + 1.0),
            "weight": 1.0 / weight,
        }
    ).reset_index(drop=True)
    lost, half = by_hand(clicks)
    offline = sliced_offline(clicks.rename(columns={"change": "difference"}))
    finding = judge(case_of(offline, read={"position_bias": found}))
    assert isinstance(finding.lift, Interval)
    assert finding.lift.estimate == pytest.approx(RATE * lost, rel=1e-9)
    assert finding.lift.high - finding.lift.estimate == pytest.approx(RATE * half, rel=1e-9)
