"""Other definitions: which of them matter over a set of rankings, and what becomes of a win under each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abgap.engine.duckdb import DuckDBEngine
from abgap.offline.example_contests import Terms
from abgap.offline.ranking.definitions import Definition, definition_of
from abgap.offline.ranking.evaluate import evaluate_rankings, sweep_rankings
from abgap.offline.ranking.sweep import judge_sweeps
from abgap.records import Interval, NotEstimable, OfflineSweep, SweptDefinition
from abgap.study.load import check_study
from tests.offline.ranking_oracle import value

TERMS = Terms(alpha=0.05, seed=1)
# The published case: A wins under linear gain, B under exponential gain.
A, B, MISSED = [2, 2, 2, 0, 3], [3, 0, 0, 2, 2], 2


def swept(
    directory: Path, rankings: pd.DataFrame, judgements: pd.DataFrame, *metrics: str
) -> tuple[OfflineSweep, ...]:
    """Model a against b under other definitions of the metrics."""
    rankings.to_parquet(directory / "runs.parquet", index=False)
    judgements.to_parquet(directory / "qrels.parquet", index=False)
    sources = {
        "rankings": {"path": "runs.parquet", "columns": {name: name for name in rankings.columns}},
        "judgements": {"path": "qrels.parquet", "columns": {name: name for name in judgements.columns}},
    }
    study = check_study({"offline": sources, "offline_metrics": {name: {} for name in metrics}})
    with DuckDBEngine(directory=directory) as engine:
        ranked = evaluate_rankings(engine, study, directory)
        assert ranked is not None
        return judge_sweeps(sweep_rankings(engine, ranked, [("a", "b")]), TERMS)


def published(queries: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The published case over many queries; in a few of them one more document is judged, so that they vary."""
    runs: list[tuple[str, str, str, float]] = []
    judged: list[tuple[str, str, int]] = []
    for q in range(queries):
        for model, grades in (("a", A), ("b", B)):
            # Documents are named by their grade, so that both models have one ideal.
            seen: dict[int, int] = {}
            for rank, grade in enumerate(grades):
                seen[grade] = seen.get(grade, 0) + 1
                runs.append((model, f"q{q}", f"{grade}-{seen[grade]}", -float(rank)))
        judged += [(f"q{q}", f"2-{i}", 2) for i in (1, 2, 3)] + [(f"q{q}", "3-1", 3)]
        judged += [(f"q{q}", "extra", 1)] * (q % 3 == 0)
    return (
        pd.DataFrame(runs, columns=["model", "query", "item", "score"]),
        pd.DataFrame(judged, columns=["query", "item", "relevance"]),
    )


def test_the_published_win_turns_under_exponential_gain(tmp_path: Path) -> None:
    (found,) = swept(tmp_path, *published(30), "ndcg")
    assert isinstance(found.gain, Interval)
    assert found.gain.low > 0
    outcomes = {definition.change: definition.outcome for definition in found.definitions}
    assert outcomes == {"exponential gain": "turns", "gains not normalised (DCG)": "not established"}
    turned = found.definitions[0]
    assert isinstance(turned.gain, Interval)
    assert isinstance(turned.shift, Interval)
    assert turned.shift.estimate == pytest.approx(found.gain.estimate - turned.gain.estimate, abs=1e-12)
    # DCG is the same in every query, so that no test says anything about it.
    assert isinstance(found.definitions[1].gain, NotEstimable)
    assert found.survives == 0
    assert found.sentence == (
        "The win of 'a' over 'b' in NDCG survives 0 of 2 other definitions; it turns under: exponential gain; it is "
        "not established under: gains not normalised (DCG)."
    )


def noisy(seed: int, queries: int, *, ties: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two models, a the better one, over graded judgements; scores rounded where they shall tie."""
    rng = np.random.default_rng(seed)
    runs, judged = [], []
    for q in range(queries):
        grades = rng.integers(0, 4, 30) * (rng.random(30) < 0.4) * (q % 10 > 0)
        judged += [(str(q), str(i), int(g)) for i, g in enumerate(grades)]
        for model, skill in (("a", 1.5), ("b", 0.5)):
            scores = skill * grades + rng.normal(size=30)
            runs += [(model, str(q), str(i), round(s) if ties else s) for i, s in enumerate(scores)]
    return (
        pd.DataFrame(runs, columns=["model", "query", "item", "score"]),
        pd.DataFrame(judged, columns=["query", "item", "relevance"]),
    )


CHANGES: Sequence[tuple[str, str, bool, list[str]]] = [
    (
        "ndcg@10",
        "graded",
        True,
        [
            "exponential gain",
            "the mean over ties",
            "ties in their best order",
            "ties in their worst order",
            "the first 5 only",
            "the first 20 only",
            "without a cut-off",
            "queries without relevant documents as zero",
            "gains not normalised (DCG)",
        ],
    ),
    ("map@5", "graded", False, [
        "the first 10 only",
        "the first 20 only",
        "without a cut-off",
        "queries without relevant documents as zero",
        "divided by all relevant documents",
    ]),
    ("r-precision", "graded", False, ["queries without relevant documents as zero"]),
]  # fmt: skip


@pytest.mark.parametrize(("metric", "_", "ties", "changes"), CHANGES)
def test_only_changes_that_can_matter_are_tried(
    metric: str, _: str, ties: bool, changes: list[str], tmp_path: Path
) -> None:
    (found,) = swept(tmp_path, *noisy(1, 40, ties=ties), metric)
    assert [definition.change for definition in found.definitions] == changes


def test_every_gain_is_the_paired_t_of_the_slow_oracle(tmp_path: Path) -> None:
    rankings, judgements = noisy(2, 40, ties=False)
    found = swept(tmp_path, rankings, judgements, "ndcg@10", "mrr@10")
    judged = {
        q: dict(zip(g["item"], map(float, g["relevance"]), strict=True))
        for q, g in judgements.groupby("query")
    }
    runs = {
        key: dict(zip(g["item"], g["score"], strict=True)) for key, g in rankings.groupby(["model", "query"])
    }
    changed: dict[str, dict[str, object]] = {
        "exponential gain": {"gain": "exp"},
        "the first 5 only": {"cut": 5},
        "the first 20 only": {"cut": 20},
        "without a cut-off": {"cut": None},
        "queries without relevant documents as zero": {"empty": "zero"},
        "gains not normalised (DCG)": {"kind": "dcg"},
    }
    for sweep in found:
        base = definition_of(sweep.metric)
        assert base is not None
        assert len(sweep.definitions) >= 4
        for other in sweep.definitions:
            definition: Definition = replace(base, **changed[other.change])  # type: ignore[arg-type]
            a, b = (
                np.array([v for q in judged if (v := value(definition, runs[m, q], judged[q])) is not None])
                for m in ("a", "b")
            )
            expected = stats.ttest_rel(a, b)
            assert other.n == len(a)
            assert (other.value, other.baseline_value) == pytest.approx((a.mean(), b.mean()), abs=1e-12)
            assert other.p_value == pytest.approx(expected.pvalue, rel=1e-9)
            interval = expected.confidence_interval(0.95)
            assert isinstance(other.gain, Interval)
            assert (other.gain.low, other.gain.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
            assert other.outcome == "survives"
            assert_shift(other, base, definition, runs, judged)
        assert sweep.survives == len(sweep.definitions)


def assert_shift(
    other: SweptDefinition,
    base: Definition,
    definition: Definition,
    runs: Mapping[Any, Mapping[str, float]],
    judged: Mapping[Any, Mapping[str, float]],
) -> None:
    """The declared gain minus the other one is the paired t of both differences, of the slow oracle."""
    if {base.kind, definition.kind} == {"ndcg", "dcg"} or definition.empty != base.empty:
        # Other units, other queries.
        assert (other.shift, other.shift_p) == (None, None)
        return
    declared, changed = (
        np.array(
            [
                value(each, runs["a", q], judged[q]) - value(each, runs["b", q], judged[q])  # type: ignore[operator]
                for q in judged
                if value(each, runs["a", q], judged[q]) is not None
            ]
        )
        for each in (base, definition)
    )
    if np.ptp(declared - changed) < 1e-12:
        assert isinstance(other.shift, NotEstimable)
        return
    expected = stats.ttest_rel(declared, changed)
    assert other.shift_p == pytest.approx(expected.pvalue, rel=1e-9)
    interval = expected.confidence_interval(0.95)
    assert isinstance(other.shift, Interval)
    assert other.shift.estimate == pytest.approx((declared - changed).mean(), abs=1e-12)
    assert (other.shift.low, other.shift.high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_without_an_established_gain_nothing_can_survive(tmp_path: Path) -> None:
    rankings, judgements = noisy(3, 20, ties=False)
    same = rankings.assign(score=rankings["score"].where(rankings["model"] == "b"))
    scores = same.groupby(["query", "item"])["score"].transform("max") + np.where(
        rankings["model"] == "a", np.random.default_rng(4).normal(size=len(rankings)) * 0.05, 0.0
    )
    (found,) = swept(tmp_path, rankings.assign(score=scores), judgements, "mrr")
    assert found.survives is None
    assert found.sentence == (
        "The gain of 'a' over 'b' in MRR is not established, and would not be under any of 4 other definitions."
    )


def test_a_single_other_definition_is_spoken_of_as_one(tmp_path: Path) -> None:
    runs = pd.DataFrame(
        [(m, q, item) for m in "ab" for q in "xy" for item in "cd"], columns=["model", "query", "item"]
    )
    turned = (runs["model"] == "a") == (runs["query"] == "x")
    rankings = runs.assign(rank=np.where((runs["item"] == "c") == turned, 1, 2))
    judgements = pd.DataFrame({"query": ["x", "y"], "item": "c", "relevance": 1})
    (found,) = swept(tmp_path, rankings, judgements, "ndcg")
    assert found.sentence == (
        "The gain of 'a' over 'b' in NDCG is not established, and would not be under the one other definition."
    )
