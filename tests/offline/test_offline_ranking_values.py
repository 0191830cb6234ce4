"""Values per query: every definition against a slow oracle, ties in every order, and what is refused."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.offline.ranking.contests import grade_checks
from abgap.offline.ranking.definitions import Definition, definition_of
from abgap.offline.ranking.evaluate import evaluate_rankings
from abgap.offline.ranking.intake import read_runs
from abgap.offline.ranking.values import make_values, put_in_order
from abgap.sources.sql import identifier
from abgap.study.load import check_study
from tests.offline.ranking_oracle import value

NAMES = (
    "ndcg",
    "ndcg@3",
    "dcg@2",
    "mrr",
    "mrr@2",
    "map",
    "map@3",
    "precision@3",
    "recall@2",
    "hit@2",
    "r-precision",
)
RUN = pd.DataFrame(
    [("m", "q", item, score) for item, score in {"a": 3.0, "b": 2.0, "c": 1.0}.items()],
    columns=["model", "query", "item", "score"],
)
JUDGED = pd.DataFrame([("q", "b", 1.0)], columns=["query", "item", "relevance"])


def variants() -> list[Definition]:
    """All kinds, with all that can be chosen about them."""
    found = []
    for name in NAMES:
        definition = definition_of(name)
        assert definition is not None
        for ties, empty in itertools.product(("docid", "expected", "best", "worst"), ("skip", "zero")):
            found.append(replace(definition, ties=ties, empty=empty))  # type: ignore[arg-type]
    found += [replace(d, gain="exp") for d in found if d.has_gain]
    return found + [replace(d, denominator="relevant") for d in found if d.kind == "ap" and d.cut]


VARIANTS = variants()


def study_of(directory: Path, rankings: pd.DataFrame, judgements: pd.DataFrame, **more: Any) -> Any:
    rankings.to_parquet(directory / "runs.parquet", index=False)
    judgements.to_parquet(directory / "qrels.parquet", index=False)
    sources = {
        "rankings": {"path": "runs.parquet", "columns": {name: name for name in rankings.columns}},
        "judgements": {"path": "qrels.parquet", "columns": {name: name for name in judgements.columns}},
    }
    return check_study({"offline": sources, **more})


def values_of(
    directory: Path, rankings: pd.DataFrame, judgements: pd.DataFrame, definitions: Sequence[Definition]
) -> list[dict[tuple[str, str], float | None]]:
    """Of every definition the values by model and query."""
    study = study_of(directory, rankings, judgements)
    with DuckDBEngine(directory=directory) as engine:
        runs = read_runs(engine, study, directory)
        assert runs is not None
        made = put_in_order(engine, runs)
        columns = make_values(engine, made, definitions, label=0, table="v")
        listed = ", ".join(str(columns[definition]) for definition in definitions)
        rows = engine.rows(f"SELECT model, query, {listed} FROM {identifier('v')}")
    return [{(row[0], row[1]): row[i + 2] for row in rows} for i in range(len(definitions))]


@st.composite
def worlds(draw: Any) -> tuple[dict[tuple[str, str], dict[str, float]], dict[str, dict[str, float]]]:
    """A few short runs with many ties, and judgements with grades, some below zero or without effect."""
    items = ["a", "B", "10", "9", "é"]
    grades = st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0])
    queries = draw(st.lists(st.sampled_from(["1", "2", "x"]), min_size=1, unique=True))
    judged = {q: draw(st.dictionaries(st.sampled_from([*items, "z"]), grades, min_size=1)) for q in queries}
    scores = st.sampled_from([0.0, 0.5, 1.0])
    runs = {
        (m, q): draw(st.dictionaries(st.sampled_from(items), scores))
        for m in ("m1", "m2")
        for q in [*queries, "not judged"]
    }
    # Each model has to have returned something for a query that is judged.
    for m in ("m1", "m2"):
        runs[m, queries[0]] |= {"a": 1.0}
    return runs, judged


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_every_definition_gives_what_the_slow_oracle_gives(world: Any, tmp_path: Path) -> None:
    runs, judged = world
    rankings = pd.DataFrame(
        [(m, q, item, score) for (m, q), run in runs.items() for item, score in run.items()],
        columns=["model", "query", "item", "score"],
    )
    judgements = pd.DataFrame(
        [(q, item, grade) for q, grades in judged.items() for item, grade in grades.items()],
        columns=["query", "item", "relevance"],
    )
    exact = [v for v in VARIANTS if v.gain == "linear" or judgements["relevance"].min() >= 0]
    found = values_of(tmp_path, rankings, judgements, exact)
    for definition, values in zip(exact, found, strict=True):
        expected = {(m, q): value(definition, runs[m, q], judged[q]) for m in ("m1", "m2") for q in judged}
        assert values == pytest.approx(expected, abs=1e-12), definition


A, B = ([2, 2, 2, 0, 3], [3, 0, 0, 2, 2])
# What B did not return is judged too.
MISSED = 2


def ranked(grades: Sequence[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A run whose documents have these grades, from the first to the last; both models have one ideal."""
    missed = [MISSED] if grades == B else []
    items = [f"d{i}" for i in range(len(grades) + len(missed))]
    run = pd.DataFrame(
        {"model": "m", "query": "q", "item": items[: len(grades)], "rank": range(1, len(grades) + 1)}
    )
    return run, pd.DataFrame({"query": "q", "item": items, "relevance": [*grades, *missed]})


@pytest.mark.parametrize(
    ("grades", "definition", "expected"),
    [
        (A, Definition(kind="ndcg"), 0.886),
        (B, Definition(kind="ndcg"), 0.757),
        (A, Definition(kind="ndcg", gain="exp"), 0.779),
        (B, Definition(kind="ndcg", gain="exp"), 0.809),
        ([1, 1, 0, 1], Definition(kind="ap", cut=2), 1.0),
        ([1, 1, 0, 1], Definition(kind="ap", cut=2, denominator="relevant"), 0.667),
    ],
)
def test_published_examples_of_definitions_that_disagree(
    grades: Sequence[int], definition: Definition, expected: float, tmp_path: Path
) -> None:
    ((_, found),) = values_of(tmp_path, *ranked(grades), [definition])[0].items()
    assert found == pytest.approx(expected, abs=5e-4)


@pytest.fixture
def evaluate(tmp_path: Path) -> Callable[..., Any]:
    def run(rankings: pd.DataFrame, judgements: pd.DataFrame, **metrics: Mapping[str, Any]) -> Any:
        study = study_of(tmp_path, rankings, judgements, offline_metrics=metrics)
        with DuckDBEngine(directory=tmp_path) as engine:
            ranked = evaluate_rankings(engine, study, tmp_path)
            assert ranked is not None
            rows = engine.rows("SELECT model, metric, example, value FROM offline_values ORDER BY ALL")
        return ranked.facts, rows

    return run


def test_special_queries_are_counted_and_said(evaluate: Callable[..., Any]) -> None:
    rankings = pd.DataFrame(
        [
            *[("m", "tied", item, 1.0) for item in "abc"],
            ("m", "empty", "a", 1.0),
            ("m", "nobody judged", "a", 1.0),
        ],
        columns=["model", "query", "item", "score"],
    )
    judgements = pd.DataFrame(
        [("tied", "a", 1), ("empty", "a", 0), ("missing", "a", 1)], columns=["query", "item", "relevance"]
    )
    found, rows = evaluate(rankings, judgements, mrr={})
    assert found.definitions == {
        "mrr": "MRR, ties by document id descending, queries without relevant documents left out"
    }
    assert found.counts["m", "mrr"] == {
        "without relevant documents": 1,
        "missing from the ranking": 1,
        "not judged": 1,
        "decided by ties": 1,
    }
    assert found.notes["m", "mrr"] == (
        "equal scores decide 1 query of 2: between 0.167 in their worst order and 0.500 in their best",
        "1 query missing from the ranking counted as zero",
        "1 query without relevant documents left out",
    )
    assert rows == [("m", "mrr", "empty", None), ("m", "mrr", "missing", 0.0), ("m", "mrr", "tied", 1 / 3)]
    assert found.means["m", "mrr"] == pytest.approx(1 / 6)


def test_grades_below_one_are_gains_and_not_relevant(evaluate: Callable[..., Any]) -> None:
    rankings = pd.concat([RUN, RUN.assign(query="nothing")])
    judgements = pd.concat(
        [JUDGED.assign(relevance=0.25), JUDGED.assign(query="nothing", relevance=0.0)], ignore_index=True
    )
    found, rows = evaluate(rankings, judgements, mrr={}, ndcg={}, **{"recall@3": {}})
    gained = 1 / math.log2(3)
    assert rows == [
        ("m", "mrr", "nothing", None),
        ("m", "mrr", "q", None),
        ("m", "ndcg", "nothing", None),
        ("m", "ndcg", "q", pytest.approx(gained)),
        ("m", "recall@3", "nothing", None),
        ("m", "recall@3", "q", None),
    ]
    empty = {metric: counts["without relevant documents"] for (_, metric), counts in found.counts.items()}
    assert empty == {"mrr": 2, "ndcg": 1, "recall@3": 2}
    assert found.notes["m", "mrr"] == ("2 queries without relevant documents left out",)
    assert found.notes["m", "ndcg"] == ("1 query without relevant documents left out",)
    (check,) = grade_checks(found)
    assert (check.name, check.value) == ("faint_grades", 0.25)
    assert check.sentence == (
        "No grade of [offline.judgements] reaches 1 (the largest is 0.25), and a document is relevant from 1 on, so "
        "nothing is relevant to 'mrr', 'recall@3': scale the grades."
    )


def test_where_a_grade_reaches_one_no_check_is_needed(evaluate: Callable[..., Any]) -> None:
    found, _ = evaluate(RUN, JUDGED, mrr={}, ndcg={})
    assert grade_checks(found) == []


def test_a_metric_can_have_another_name_and_count_one_label_only(evaluate: Callable[..., Any]) -> None:
    judgements = pd.DataFrame(
        [("q", "a", 1, "click"), ("q", "c", 1, "purchase")], columns=["query", "item", "relevance", "label"]
    )
    _, rows = evaluate(
        RUN,
        judgements,
        clicks={"metric": "mrr", "label": "click"},
        **{"it's <bought>": {"metric": "mrr", "label": "purchase"}},
    )
    assert rows == [("m", "clicks", "q", 1.0), ("m", "it's <bought>", "q", pytest.approx(1 / 3))]


def test_ids_are_text_whatever_their_type_in_either_file(evaluate: Callable[..., Any]) -> None:
    rankings = pd.DataFrame({"model": [1, 1], "query": [7, 7], "item": [1.0, 2.0], "score": [1, 0]})
    judgements = pd.DataFrame({"query": ["7"], "item": ["2"], "relevance": [True]})
    _, rows = evaluate(rankings, judgements, mrr={})
    assert rows == [("1", "mrr", "7", 0.5)]


LAZY = (*NAMES, "dcg@3", "mrr@1", "map@2", "recall@20")


def lazy_by_enumeration(
    definition: Definition, scores: Mapping[str, float], longest: int, judged: Mapping[str, float]
) -> float | None:
    """The mean over all orders of the candidates that scores allow, of lists no longer than ``longest``."""
    found = []
    for order in itertools.permutations(scores):
        if all(scores[one] >= scores[next_one] for one, next_one in itertools.pairwise(order)):
            listed = {item: -float(place) for place, item in enumerate(order[:longest])}
            found.append(value(definition, listed, judged))
    known = [x for x in found if x is not None]
    return math.fsum(known) / len(known) if known else None


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=worlds())
def test_lazy_rankers_get_what_every_order_of_the_candidates_gets_on_average_no_longer_than_lists_of_models(
    world: Any, evaluate: Callable[..., Any]
) -> None:
    runs, judged = world
    rankings = pd.DataFrame(
        [(m, q, item, score) for (m, q), run in runs.items() for item, score in run.items()],
        columns=["model", "query", "item", "score"],
    )
    judgements = pd.DataFrame(
        [(q, item, grade) for q, grades in judged.items() for item, grade in grades.items()],
        columns=["query", "item", "relevance"],
    )
    found, _ = evaluate(rankings, judgements, **{name: {} for name in LAZY})
    for name in LAZY:
        definition = definition_of(name)
        assert definition is not None
        expected: dict[str, list[float]] = {"random": [], "popularity": []}
        for q, grades in judged.items():
            lists = [runs[m, q] for m in ("m1", "m2")]
            candidates = sorted({item for run in lists for item in run})
            popular = {
                item: float(
                    sum(of.get(item, 0.0) >= 1 for of in judged.values()) - (grades.get(item, 0.0) >= 1)
                )
                for item in candidates
            }
            scores = {"random": dict.fromkeys(candidates, 0.0), "popularity": popular}
            for lazy, by in scores.items():
                mean = lazy_by_enumeration(definition, by, max(map(len, lists)), grades)
                expected[lazy] += [] if mean is None else [mean]
        means = {lazy: math.fsum(of) / len(of) for lazy, of in expected.items() if of}
        assert found.lazy.get(name, {}) == pytest.approx(means, abs=1e-12), name


def test_a_lazy_ranker_finds_no_more_than_models_that_return_different_documents(
    evaluate: Callable[..., Any],
) -> None:
    rankings = pd.DataFrame(
        [(m, "q", f"{m}{i}", i) for m in ("a", "b") for i in range(10)],
        columns=["model", "query", "item", "rank"],
    )
    judgements = pd.DataFrame({"query": "q", "item": rankings["item"], "relevance": 1})
    found, _ = evaluate(rankings, judgements, **{"recall@20": {}, "map": {}})
    assert found.lazy["recall@20"] == pytest.approx({"random": 0.5, "popularity": 0.5})
    assert found.lazy["map"] == pytest.approx({"random": 0.5, "popularity": 0.5})
    assert found.means["a", "recall@20"] == found.means["b", "map"] == pytest.approx(0.5)


def test_revenue_counts_what_relevant_documents_cost(tmp_path: Path) -> None:
    pd.DataFrame({"item": ["a", "b"], "price": [5.0, 20.0]}).to_parquet(tmp_path / "items.parquet")
    study = study_of(tmp_path, RUN, pd.concat([JUDGED, JUDGED.assign(item="c")]))
    items = {"path": "items.parquet", "columns": {"item": "item", "price": "price"}}
    offline = study.offline.model_dump(exclude_unset=True) | {"items": items}
    study = check_study({"offline": offline, "offline_metrics": {"revenue@3": {}}})
    with DuckDBEngine(directory=tmp_path) as engine:
        ranked = evaluate_rankings(engine, study, tmp_path)
        assert ranked is not None
    found = ranked.facts
    assert found.means == {("m", "revenue@3"): pytest.approx(20.0 / math.log2(3))}
    assert found.definitions["revenue@3"].startswith("expected revenue@3, linear gain, times price, ties by")


def test_revenue_without_prices_is_refused(evaluate: Callable[..., Any]) -> None:
    with pytest.raises(DataError, match="'revenue@3' needs prices, and no item has one"):
        evaluate(RUN, JUDGED, **{"revenue@3": {}})


BAD = [
    (pd.concat([RUN, RUN[:1].assign(score=9.0)]), JUDGED, {}, "item 'a' stands 2 times under query 'q' of model 'm'"),
    (RUN, pd.concat([JUDGED, JUDGED]), {}, "offline.judgements: item 'b' stands 2 times under query 'q'; it may"),
    (RUN.assign(score=[1.0, float("nan"), 2.0]), JUDGED, {}, "model 'm' has 1 row whose score or rank is NaN"),
    (RUN.assign(score=[1.0, float("inf"), 2.0]), JUDGED, {}, "NaN, infinite or missing; documents"),
    (RUN.assign(query=pd.Series(["q", None, "q"])), JUDGED, {}, "model 'm' has 1 row without a query or an item"),
    (RUN.assign(model=pd.Series(["m", None, "m"])), JUDGED, {}, "1 row has no model"),
    (RUN, JUDGED.assign(relevance=float("nan")), {}, "the relevance of 1 row is NaN, infinite or missing"),
    (RUN, JUDGED.assign(item=None), {}, "1 row has no query or no item"),
    (RUN, JUDGED.assign(relevance=-1), {"ndcg": {"gain": "exp"}}, "the smallest relevance is -1, and exponential"),
    (RUN, JUDGED.assign(relevance=99), {"ndcg": {"gain": "exp"}}, "the largest relevance is 99, too large"),
    (RUN, JUDGED.assign(query="Q"), {}, "none of the ranked queries is judged"),
    (RUN, JUDGED.assign(relevance="good"), {}, "offline.judgements.columns.relevance: a number is needed"),
    (RUN[:0], JUDGED, {}, "offline.rankings: there are no rows"),
    (RUN, JUDGED[:0], {}, "offline.judgements: there are no rows"),
    (RUN, JUDGED, {"mrr": {"label": "buy"}}, "judgements of the label 'buy', but the judgements have no label"),
    (
        RUN,
        pd.concat([JUDGED.assign(label="x"), JUDGED.assign(label="y")]),
        {},
        "the judgements have the labels 'x', 'y'; say which counts in 'ndcg@10': label = ...",
    ),
    (RUN.assign(split=["a", "b", "a"]), JUDGED, {}, "model 'm' has rankings of 2 splits"),
]  # fmt: skip


@pytest.mark.parametrize(("rankings", "judgements", "metrics", "sentence"), BAD)
def test_bad_input_gets_its_sentence(
    rankings: pd.DataFrame,
    judgements: pd.DataFrame,
    metrics: Mapping[str, Any],
    sentence: str,
    evaluate: Callable[..., Any],
) -> None:
    with pytest.raises(DataError) as caught:
        evaluate(rankings, judgements, **metrics)
    assert sentence in caught.value.message
