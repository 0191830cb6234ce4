"""The catalogue is complete, agrees with itself, and its lazy scores are those of lazy solutions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from abgap.offline.catalogue import (
    Cutoff,
    MetricEntry,
    Task,
    all_metrics,
    best_value,
    direction_of,
    find_metric,
    metrics_of_task,
    nearest_names,
    parse_metric,
)
from abgap.offline.catalogue.page import metrics_page
from abgap.records import Direction

ENTRIES = all_metrics()

# The table of metrics by task that the product's sources give, row by row.
BY_TASK = {
    "binary": "accuracy precision recall f1 roc_auc average_precision",
    "multiclass": "accuracy macro_f1 weighted_f1 confusion_matrix",
    "regression": "mae mse rmse r2",
    "forecast": "mape smape mae rmse mase",
    "ranking": "map ndcg@k precision@k recall@k",
    "clustering": "silhouette davies_bouldin calinski_harabasz",
    "generation": "bleu rouge_1 rouge_2 rouge_l meteor",
    "detection": "detection_map iou",
    "segmentation": "iou dice",
    "online": "acceptance_rate task_completion_rate time_to_completion next_day_retention revenue_per_session "
    "churn_rate ticket_deflection_rate escalation_rate",
    "serving": "latency_p95_ms throughput cost_per_1000_requests cpu_seconds_per_request memory_mb",
}
OTHERS = (
    "dcg@5 mrr@10 map@k hit@1 success rbo coverage novelty intra_list_diversity revenue@10 balanced_accuracy "
    "specificity mcc log_loss brier ece micro_f1 wape bias"
)


@pytest.mark.parametrize(("task", "names"), BY_TASK.items())
def test_every_metric_of_the_table_by_task_is_there(task: str, names: str) -> None:
    known = {entry.name for entry in metrics_of_task(task)}
    assert set(names.split()) <= known


def test_every_other_metric_that_is_computed_is_there() -> None:
    assert [name for name in OTHERS.split() if find_metric(name) is None] == []


def test_names_and_aliases_belong_to_one_metric() -> None:
    for entry in ENTRIES:
        for name in (entry.name, *entry.aliases):
            assert find_metric(name) is entry, name


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_entry_agrees_with_itself(entry: MetricEntry) -> None:
    assert entry.name.endswith("@k") == (entry.cutoff is not Cutoff.NONE)
    assert entry.tasks
    assert all(
        text and text == text.strip()
        for text in (
            entry.formula, entry.needs, entry.use_when, entry.misleads, entry.lazy, entry.disagreement, entry.business,
        )
    )  # fmt: skip
    end = entry.high if entry.direction is Direction.UP else entry.low
    assert entry.best is None or entry.two_sided or entry.best == (end if end is not None else entry.best)
    assert entry.two_sided <= (entry.best is not None)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_metrics_to_watch_are_in_the_catalogue_under_their_own_names(entry: MetricEntry) -> None:
    assert entry.watch
    assert entry.name not in entry.watch
    assert [name for name in entry.watch if name not in {other.name for other in ENTRIES}] == []


@pytest.mark.parametrize(
    ("name", "base", "k"),
    [
        ("ndcg@10", "ndcg", 10),
        ("nDCG@5", "ndcg", 5),
        ("NDCG", "ndcg", None),
        ("P_5", "precision", 5),
        ("ndcg_cut_10", "ndcg", 10),
        ("recall_1000", "recall", 1000),
        ("recip_rank", "mrr", None),
        ("precision", "precision", None),
        ("val_auc", "roc_auc", None),
        ("test/ndcg@10", "ndcg", 10),
        ("rouge-1", "rouge_1", None),
        ("recall@cost-optimal", "recall", None),
        ("val_f1@0.3", "f1", None),
        ("R-precision", "rprec", None),
        ("map@0.5", "detection_map", None),
        ("freshness@10", "freshness", 10),
        ("freshness", "freshness", None),
        ("@10", "@10", None),
        ("x@ten", "x@ten", None),
        ("x@²", "x@²", None),
        ("ndcg@0", "ndcg@0", None),
    ],
)
def test_a_name_is_taken_apart(name: str, base: str, k: int | None) -> None:
    assert parse_metric(name) == (base, k)


def test_precision_of_a_ranking_and_of_decisions_are_two_metrics() -> None:
    ranked, decided = find_metric("precision@5"), find_metric("precision")
    assert ranked is not None
    assert decided is not None
    assert (ranked.tasks, decided.tasks) == ((Task.RANKING,), (Task.BINARY,))


@pytest.mark.parametrize(
    ("name", "direction", "best"),
    [
        ("ndcg@10", Direction.UP, 1.0),
        ("purchase_ndcg@10", Direction.UP, 1.0),
        ("shop/purchase_rmse", Direction.DOWN, 0.0),
        ("dcg@10", Direction.UP, None),
        ("latency_p95_ms", Direction.DOWN, 0.0),
        ("bleu", Direction.UP, 100.0),
        ("expected_cost@cost-optimal", Direction.DOWN, 0.0),
        ("val_loss", Direction.DOWN, None),
        ("freshness", Direction.UP, None),
        ("'; drop table", Direction.UP, None),
        ("", Direction.UP, None),
    ],
)
def test_directions_and_best_values_are_found_by_name(
    name: str, direction: Direction, best: float | None
) -> None:
    assert (direction_of(name), best_value(name)) == (direction, best)


def test_a_misspelt_name_finds_what_is_near() -> None:
    assert nearest_names("prcision")[0] == "precision"
    assert nearest_names("ndgc@10") == ["ndcg@k"]
    assert nearest_names("xxxxxx") == []


def lazy(name: str, **facts: float) -> float:
    entry = find_metric(name)
    assert entry is not None
    assert entry.lazy_form is not None
    found = entry.lazy_form.of(facts)
    assert found is not None
    return found


def f1(tp: int, fp: int, fn: int) -> float:
    return 2 * tp / (2 * tp + fp + fn)


def test_the_half_per_cent_example_has_its_numbers() -> None:
    # One in two hundred is positive: 200 of 40,000.
    assert lazy("accuracy", largest=0.995) == 0.995
    assert lazy("f1", positives=0.005) == pytest.approx(f1(tp=200, fp=39_800, fn=0), abs=1e-15)
    assert lazy("average_precision", positives=0.005) == 0.005
    assert lazy("recall") == 1.0


def test_lazy_probabilities_score_what_a_constant_scores() -> None:
    truth = np.repeat([1.0, 0.0], [3, 17])
    constant = truth.mean()
    assert lazy("brier", positives=0.15) == pytest.approx(np.mean((truth - constant) ** 2), rel=1e-12)
    losses = -(truth * np.log(constant) + (1 - truth) * np.log(1 - constant))
    assert lazy("log_loss", positives=0.15) == pytest.approx(losses.mean(), rel=1e-12)
    assert lazy("log_loss", positives=0.0) == 0.0


def test_lazy_classes_score_what_the_largest_class_scores() -> None:
    truth = np.repeat([0, 1, 2], [60, 30, 10])
    per_class = [f1(tp=int(np.sum(truth == 0)), fp=int(np.sum(truth != 0)), fn=0), 0.0, 0.0]
    assert lazy("macro_f1", largest=0.6, classes=3) == pytest.approx(np.mean(per_class), rel=1e-12)
    assert lazy("weighted_f1", largest=0.6) == pytest.approx(
        np.average(per_class, weights=[60, 30, 10]), rel=1e-12
    )
    assert lazy("balanced_accuracy", classes=3) == pytest.approx(1 / 3)
    assert lazy("weighted_precision", largest=0.6) == pytest.approx(0.36)


def test_the_cheaper_constant_is_the_lazy_one() -> None:
    assert lazy("expected_cost", positives=0.005, false_positive=1.0, false_negative=20.0) == pytest.approx(
        0.1
    )
    assert lazy("expected_cost", positives=0.2, false_positive=1.0, false_negative=20.0) == pytest.approx(0.8)


def _orders(candidates: int, relevant: int) -> list[tuple[int, ...]]:
    items = [1] * relevant + [0] * (candidates - relevant)
    return list(itertools.permutations(items))


def _gain(order: tuple[int, ...], k: int) -> float:
    return sum(r / math.log2(i + 2) for i, r in enumerate(order[:k]))


RANKED: dict[str, Callable[[tuple[int, ...], int], float]] = {
    "precision@k": lambda order, k: sum(order[:k]) / k,
    "recall@k": lambda order, k: sum(order[:k]) / sum(order),
    "hit@k": lambda order, k: float(any(order[:k])),
    "mrr@k": lambda order, k: next((1 / (i + 1) for i, r in enumerate(order[:k]) if r), 0.0),
    "ndcg@k": lambda order, k: _gain(order, k) / _gain(tuple(sorted(order, reverse=True)), k),
}


@pytest.mark.parametrize("name", RANKED)
@pytest.mark.parametrize(("candidates", "relevant", "k"), [(6, 2, 3), (5, 1, 1), (6, 4, 5), (4, 4, 2)])
def test_random_rankings_score_the_mean_over_all_orders(
    name: str, candidates: int, relevant: int, k: int
) -> None:
    mean = np.mean([RANKED[name](order, k) for order in _orders(candidates, relevant)])
    facts = {"candidates": candidates, "relevant": relevant, "k": k}
    assert lazy(name, **facts) == pytest.approx(mean, rel=1e-12)


def test_a_lazy_score_without_its_facts_is_none() -> None:
    entry = find_metric("accuracy")
    assert entry is not None
    assert entry.lazy_form is not None
    assert entry.lazy_form.of({"classes": 2}) is None


def test_the_page_of_metrics_is_what_the_catalogue_says() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == metrics_page(), (
        "run: python -m abgap.offline.catalogue > docs/metrics.md"
    )
