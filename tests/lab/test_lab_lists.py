"""The world "lists": its truth against very many draws, the files, and what abgap makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import ndcg_score

from abgap.lab.scenarios.base import SHARE, Strength
from abgap.lab.scenarios.folder import STUDY, make_scenario
from abgap.lab.scenarios.lists.catalogue import PLANTINGS
from abgap.lab.scenarios.lists.draw import CLICKED, draw_lists, draw_queries, scores_of
from abgap.lab.scenarios.lists.plan import LOOKED_AT, SEEN, WORTH, Plan, chances_of, even
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.pipeline.analysis import open_analysis
from abgap.records import FindingStatus, Interval
from abgap.study.load import load_study

VERY_MANY = 200_000
Places = npt.NDArray[np.int64]


def silent(message: str) -> None:
    """No progress."""


def worth(plan: Plan, places: Places, item: Places | int) -> float:
    values = np.array(WORTH if plan.deep is None else [1.0] * SEEN + [0.0] * (plan.length - SEEN))
    return float(values[places[np.arange(len(places)), item] - 1].mean())


def gain(plan: Plan, *, seen: bool, bought: bool = False, served: bool = False) -> float:
    rng = np.random.default_rng(5)
    queries = draw_queries(rng, plan, VERY_MANY, seen=seen)
    lists = draw_lists(rng, plan, queries)
    item: Places | int = queries.bought if bought else CLICKED
    return worth(plan, lists.served if served else lists.new, item) - worth(plan, lists.live, item)


@pytest.mark.parametrize("name", sorted(PLANTINGS))
@pytest.mark.parametrize("strength", [Strength.BARELY, Strength.CLEAR])
def test_gains_of_very_many_lists_are_those_that_the_truth_is_made_of(name: str, strength: Strength) -> None:
    plan = PLANTINGS[name](SHARE[strength])
    assert gain(plan, seen=True) == pytest.approx(plan.claimed_gain, abs=0.0025)
    assert gain(plan, seen=False) == pytest.approx(plan.weighted_gain, abs=0.0025)
    assert gain(plan, seen=True, bought=True) == pytest.approx(plan.purchase_gain, abs=0.0025)
    assert gain(plan, seen=False, served=True) == pytest.approx(plan.served * plan.weighted_gain, abs=0.0025)


def test_hits_of_deep_lists_are_no_hits_where_customers_look() -> None:
    rng = np.random.default_rng(6)
    plan = PLANTINGS["deep_hits"](1.0)
    lists = draw_lists(rng, plan, draw_queries(rng, plan, VERY_MANY, seen=True))
    hits = [(places[:, CLICKED] <= LOOKED_AT).mean() for places in (lists.live, lists.new)]
    assert hits[0] == hits[1]


@pytest.mark.parametrize("name", sorted(PLANTINGS))
def test_a_weaker_plant_takes_less_and_chances_are_chances(name: str) -> None:
    plans = [PLANTINGS[name](SHARE[strength]) for strength in Strength]
    taken = [plan.expected - plan.true_lift for plan in plans]
    assert taken == sorted(taken)
    assert (taken[2] > 0.03) == bool(plans[0].reason)
    for gains in {plan.top for plan in plans} | {plan.low for plan in plans}:
        for same in (True, False):
            chances = chances_of(gains, same=same)
            assert min(chances.clicked, chances.bought) >= -1e-12
            assert chances.clicked + chances.bought <= 1.0


def test_chances_of_a_swap_are_worth_what_they_should_be() -> None:
    found = chances_of(even(0.05), same=True)
    mean = sum(WORTH) / len(WORTH)
    assert found.clicked * (1.0 - mean) == pytest.approx(0.05, abs=1e-15)


def test_scores_put_items_in_their_places_and_the_worth_of_a_place_is_its_ndcg() -> None:
    rng = np.random.default_rng(2)
    places = np.array([[2, 1, 5, 3, 4]])
    scores = scores_of(rng, places)
    assert (np.argsort(np.argsort(-scores[0])) + 1 == places[0]).all()
    relevance = np.array([[1, 0, 0, 0, 0]])
    assert ndcg_score(relevance, scores, k=5) == pytest.approx(WORTH[1], abs=1e-12)


def test_all_models_rank_all_queries_and_live_lists_differ_from_replayed_ones_in_treatment_alone(
    tmp_path: Path,
) -> None:
    make_scenario(
        SCENARIOS["list_serving_skew"], tmp_path / "x", seed=3, strength=Strength.CLEAR, replicates=2
    )
    ranked = pq.read_table(tmp_path / "x/offline/rankings.parquet").to_pandas()
    sizes = ranked.groupby(["model", "query"]).size().unstack()
    assert (sizes == 5).all(axis=None)
    assert len(sizes) == 4
    live = pq.read_table(tmp_path / "x/logs/lists.parquet").to_pandas()
    differ = live[live["score"] != live["replayed"]]
    assert set(differ["model"]) == {"launch_001 new", "launch_002 new"}
    picked = pq.read_table(tmp_path / "x/logs/picked.parquet").to_pandas()
    assert set(live["query"]) == set(picked["query"]) - {0}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("position_bias", "position_bias"),
        ("clicks_not_purchases", "proxy_label"),
        ("deep_hits", "definition"),
        ("list_serving_skew", "train_serve_skew"),
        ("lists_honest_win", None),
    ],
)
def test_the_planted_reason_is_found_with_its_amount_and_no_other(
    name: str, reason: str | None, tmp_path: Path
) -> None:
    place = tmp_path / "x"
    (planted,) = make_scenario(SCENARIOS[name], place, seed=20260101, strength=Strength.CLEAR, replicates=1)
    with open_analysis(load_study(place / STUDY), progress=silent) as analysis:
        (gap,) = analysis.diagnosed.gaps
    found = {f.name: f.lift for f in gap.reasons if f.status is FindingStatus.SUPPORTED}
    assert list(found) == ([] if reason is None else [reason])
    for each, lift in found.items():
        amount = planted.reasons[each]
        assert amount is not None
        assert isinstance(lift, Interval)
        assert lift.low <= amount <= lift.high


def test_live_lists_whose_outcomes_stand_for_no_declared_label_measure_nothing(tmp_path: Path) -> None:
    place = tmp_path / "x"
    make_scenario(SCENARIOS["lists_honest_win"], place, seed=1, strength=Strength.CLEAR, replicates=1)
    study = place / STUDY
    study.write_text(study.read_text(encoding="utf-8").replace(', label = "click" }', " }"), encoding="utf-8")
    with open_analysis(load_study(study), progress=silent) as analysis:
        assert [model.values for model in analysis.live.quality.models] == [(), ()]
