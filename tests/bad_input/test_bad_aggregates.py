"""Offline scores and moments that cannot be."""

from __future__ import annotations

from typing import Any

import pytest

MOMENTS = {
    "experiment": ["e", "e"],
    "variant": ["A", "B"],
    "metric": ["spend", "spend"],
    "n": [100, 100],
    "mean": [2.0, 2.5],
    "variance": [4.0, 4.0],
}


@pytest.fixture
def over_moments(over_values: Any) -> Any:
    """A study that brings its moments."""
    del over_values.study["unit_values"]
    over_values.study["moments"] = {"path": "moments.parquet"}
    over_values.study["metrics"] = {"spend": {"kind": "mean"}, "paid": {"kind": "proportion"}}
    return over_values


@pytest.fixture
def over_scores(over_logs: Any) -> Any:
    """A study with offline scores of two models over ten queries."""
    columns = {"model": "model", "metric": "metric", "value": "value", "query": "qid"}
    over_logs.study["offline"] = {"scores": {"path": "scores.parquet", "columns": columns}}
    over_logs.study["experiments"]["e"]["models"] = {"A": "old", "B": "new"}
    return over_logs


def scores(**changes: Any) -> dict[str, Any]:
    columns = {
        "model": ["old"] * 10 + ["new"] * 10,
        "metric": ["ndcg"] * 20,
        "qid": [f"q{i}" for i in range(10)] * 2,
        "value": [i / 20 for i in range(20)],
    }
    return columns | changes


def test_a_query_that_stands_twice(over_scores: Any) -> None:
    over_scores.parquet("scores.parquet", scores(qid=["q0", "q0", *[f"q{i}" for i in range(2, 10)]] * 2))
    assert over_scores.refused("offline") == (
        "offline.scores: 'ndcg' of model 'new' has 10 rows for 9 queries; one score per query is needed"
    )


def test_a_score_that_is_no_number(over_scores: Any) -> None:
    over_scores.parquet("scores.parquet", scores(value=[float("nan"), *[0.5] * 19]))
    assert over_scores.refused("offline") == (
        "offline.scores: 'ndcg' of model 'old' has 1 row with NaN or infinity; mend them, or leave them empty"
    )


def test_models_without_scores_are_listed(over_scores: Any) -> None:
    over_scores.parquet("scores.parquet", scores(model=["old"] * 10 + ["newer"] * 10))
    found = over_scores.checks()
    assert found["unmatched_models"]["sentence"] == (
        "Models that experiments ran but that have no offline score: 'new'."
    )
    assert found["unused_models"]["sentence"] == "Models with offline scores that no experiment ran: 'newer'."


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"variance": [4.0, -4.0]},
            "moments: variance of experiment 'e', variant 'B', metric 'spend' is -4; it cannot be below zero",
        ),
        (
            {"variant": ["A", "A"]},
            (
                "moments: there is more than one row for 1 key, e.g. experiment 'e', variant 'A', metric 'spend'; "
                "one row is needed per experiment, variant, metric, slice, period and fold"
            ),
        ),
        (
            {"metric": ["paid", "paid"]},
            (
                "moments: the share of experiment 'e', variant 'A', metric 'paid' is 2; "
                "a proportion lies between 0 and 1"
            ),
        ),
        (
            {"n": ["many", "few"]},
            (
                "moments.columns.n: a number is needed, but 'n' is VARCHAR and holds 'few'; mend the data, or write "
                "try_cast(n as double) to take what is no number as missing"
            ),
        ),
        (
            {"mean": [2.0, float("inf")]},
            "moments: mean of experiment 'e', variant 'B', metric 'spend' is infinite; mend the file",
        ),
    ],
)
def test_moments_that_cannot_be(over_moments: Any, changes: dict[str, Any], sentence: str) -> None:
    over_moments.parquet("moments.parquet", MOMENTS | changes)
    assert over_moments.refused("check") == sentence


def test_moments_without_a_needed_column(over_moments: Any) -> None:
    over_moments.parquet("moments.parquet", {n: v for n, v in MOMENTS.items() if n != "variant"})
    assert over_moments.refused("check").startswith(
        "moments.columns.variant: column 'variant' is not in moments (has: experiment, mean, metric, n, variance)"
    )
