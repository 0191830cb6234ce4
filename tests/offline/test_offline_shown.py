"""What rankings show: novelty, diversity and coverage by hand, and what cannot be computed."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest

from abgap.errors import DataError
from abgap.offline.ranking.definitions import DEFAULT_METRICS
from abgap.pipeline.analysis import open_analysis
from abgap.records import NotEstimable, OfflineRow, Reason
from abgap.study.load import load_study

# Three documents a query; "old" always shows the same, and ties stand by id descending.
LISTS = {
    ("new", "1"): {"a": 3.0, "b": 2.0, "c": 1.0},
    ("new", "2"): {"d": 3.0, "a": 2.0, "e": 2.0},
    ("old", "1"): {"a": 3.0, "b": 2.0, "c": 1.0},
    ("old", "2"): {"a": 3.0, "b": 2.0, "c": 1.0},
}
TOP = {key: sorted(sorted(run, reverse=True), key=lambda i: -run[i])[:2] for key, run in LISTS.items()}
LISTED = ["a", "c", "e", "f"]
"""Items of a table that not all shown documents stand in."""
CATEGORY = {"a": "x", "b": "x", "c": "y", "d": "y", "e": "z", "f": "z"}
POPULARITY = {"a": 90.0, "b": 5.0, "c": 3.0, "d": 1.0, "e": 0.0, "f": 0.0}


def rows_of(tmp_path: Path, columns: list[str], *metrics: str) -> dict[tuple[str, str], OfflineRow]:
    rows = [(m, q, item, score) for (m, q), run in LISTS.items() for item, score in run.items()]
    pd.DataFrame(rows, columns=["model", "query", "item", "score"]).to_parquet(tmp_path / "runs.parquet")
    pd.DataFrame({"query": ["1", "2", "none"], "item": "a", "relevance": 1}).to_parquet(
        tmp_path / "qrels.parquet"
    )
    items = pd.DataFrame(
        {"item": list(CATEGORY), "category": CATEGORY.values(), "popularity": POPULARITY.values()}
    )
    items[columns].to_parquet(tmp_path / "items.parquet")
    declared = "".join(f'[offline_metrics."{name}"]\n' for name in metrics)
    study = tmp_path / "abgap.toml"
    study.write_text(
        f"""
[offline]
production = "old"
[offline.rankings]
path = "runs.parquet"
columns = {{ model = "model", query = "query", item = "item", score = "score" }}
[offline.judgements]
path = "qrels.parquet"
columns = {{ query = "query", item = "item", relevance = "relevance" }}
[offline.items]
path = "items.parquet"
columns = {{ {", ".join(f'{name} = "{name}"' for name in columns)} }}
{declared}
""",
        encoding="utf-8",
    )
    with open_analysis(load_study(study), progress=lambda message: None) as analysis:  # noqa: ARG005 - nobody looks
        assert "absent_metrics" not in {check.name for check in analysis.offline.checks}
        return {(row.model, row.metric): row for row in analysis.offline.rows}


def mean_bits(model: str, share: Mapping[str, float]) -> float:
    of_lists = [sum(-math.log2(share[i]) for i in top) / 2 for (m, _), top in TOP.items() if m == model]
    return sum(of_lists) / len(of_lists)


def test_novelty_by_what_items_bring_and_by_what_lists_show(tmp_path: Path) -> None:
    brought = rows_of(tmp_path, ["item", "popularity"], "novelty@2")
    share = {item: (of + 1) / (99 + 6) for item, of in POPULARITY.items()}
    for model in ("new", "old"):
        assert brought[model, "novelty@2"].value == pytest.approx(mean_bits(model, share), rel=1e-12)
    counted = rows_of(tmp_path, ["item"], "novelty@2")
    shown = Counter(itertools.chain.from_iterable(TOP.values()))
    share = {item: n / 4 for item, n in shown.items()}
    for model in ("new", "old"):
        assert counted[model, "novelty@2"].value == pytest.approx(mean_bits(model, share), rel=1e-12)
    # The third judged query has no list, and says nothing of what is shown.
    assert counted["new", "novelty@2"].n == 2


def test_diversity_is_the_share_of_pairs_of_different_categories(tmp_path: Path) -> None:
    found = rows_of(tmp_path, ["item", "category"], "diversity@2", "diversity@3")
    values = {(m, q): float(CATEGORY[top[0]] != CATEGORY[top[1]]) for (m, q), top in TOP.items()}
    assert found["new", "diversity@2"].value == (values["new", "1"] + values["new", "2"]) / 2
    assert found["old", "diversity@2"].value == 0.0
    assert found["old", "diversity@3"].value == pytest.approx(2 / 3)
    assert found["new", "diversity@3"].definition.startswith(
        "diversity@3: share of pairs with different categories"
    )


def test_coverage_is_one_number_and_has_no_test(tmp_path: Path) -> None:
    found = rows_of(tmp_path, ["item"], "coverage@2")
    row = found["new", "coverage@2"]
    assert (row.value, row.baseline_value) == (4 / 6, 2 / 6)
    assert isinstance(row.gain, NotEstimable)
    assert row.gain.reason is Reason.NO_INTERVAL_GIVEN
    assert "no mean over queries" in row.definition
    assert (row.n, row.p_value) == (None, None)


def test_documents_that_are_no_items_are_not_part_of_the_coverage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in set(CATEGORY) - set(LISTED):
        monkeypatch.delitem(CATEGORY, name)
        monkeypatch.delitem(POPULARITY, name)
    found = rows_of(tmp_path, ["item"], "coverage@3")
    # "new" shows a, b, c, d and e: five documents, of which three are items.
    assert (found["new", "coverage@3"].value, found["old", "coverage@3"].value) == (3 / 4, 2 / 4)


def test_diversity_without_categories_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'diversity@2' needs categories, and no item has one"):
        rows_of(tmp_path, ["item"], "diversity@2")


def test_overlap_is_the_weighted_agreement_at_every_depth(tmp_path: Path) -> None:
    row = rows_of(tmp_path, ["item"], "rbo@2")["new", "rbo@2"]
    of_queries = []
    for q in ("1", "2"):
        one, other = TOP["new", q], TOP["old", q]
        shares = [len(set(one[:d]) & set(other[:d])) / d for d in (1, 2)]
        of_queries.append(0.1 * shares[0] + 0.9 * shares[1])
    assert of_queries[0] == pytest.approx(1.0)
    assert row.value == pytest.approx(sum(of_queries) / 2, rel=1e-12)
    assert (row.n, row.baseline_value, row.p_value) == (2, None, None)
    assert isinstance(row.gain, NotEstimable)


@pytest.mark.parametrize("name", ["coverage@2", "rbo@2", "novelty@2"])
def test_a_declared_metric_of_what_is_shown_leaves_out_the_usual_ones(name: str, tmp_path: Path) -> None:
    found = rows_of(tmp_path, ["item"], name)
    assert ("new", name) in found
    assert {metric for _, metric in found} == {name}


def test_without_any_declared_metric_the_usual_ones_are_computed(tmp_path: Path) -> None:
    assert {metric for _, metric in rows_of(tmp_path, ["item"])} == set(DEFAULT_METRICS)
