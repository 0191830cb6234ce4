"""The seven steps as a table of decisions, and what holds of every recommendation."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from abgap.errors import UsageError
from abgap.offline.catalogue import Task, all_metrics, find_metric
from abgap.offline.choice import Answers, Audience, Costly, Goal, Objective, recommend, task_of
from abgap.offline.choice.answers import AMOUNTS, TASK_NAMES
from abgap.study.load import load_study

FN, FP, EQUAL = Costly.FALSE_NEGATIVE, Costly.FALSE_POSITIVE, Costly.EQUAL
BUSINESS = Audience.BUSINESS

TARGETS: list[tuple[str, dict[str, Any], str]] = [
    ("binary", {"false_positive_cost": 1.0, "false_negative_cost": 20.0, "positives": 0.005}, "expected_cost"),
    ("binary", {"goals": (Goal.CALIBRATION,)}, "log_loss"),
    ("binary", {"goals": (Goal.CALIBRATION,), "audience": BUSINESS}, "brier"),
    ("binary", {"goals": (Goal.RANKING,), "positives": 0.4}, "roc_auc"),
    ("binary", {"goals": (Goal.RANKING,), "positives": 0.01}, "average_precision"),
    ("binary", {"threshold": False, "positives": 0.9}, "average_precision"),
    ("binary", {"positives": 0.005, "costly": FN}, "average_precision"),
    ("binary", {"positives": 0.005, "audience": BUSINESS}, "f1"),
    ("binary", {"positives": 0.1, "goals": (Goal.BALANCE,)}, "f1"),
    ("binary", {"positives": 0.45, "costly": FP}, "f1"),
    ("binary", {}, "f1"),
    ("binary", {"positives": 0.45, "costly": EQUAL}, "accuracy"),
    ("fraud", {}, "average_precision"),
    ("anomaly", {"audience": BUSINESS}, "f1"),
    ("multiclass", {"positives": 0.8, "classes": 5}, "macro_f1"),
    ("multiclass", {"positives": 0.25, "classes": 5}, "accuracy"),
    ("multiclass", {"positives": 0.6}, "macro_f1"),
    ("multiclass", {"audience": BUSINESS}, "accuracy"),
    ("multiclass", {"goals": (Goal.CALIBRATION,)}, "log_loss"),
    ("regression", {"costly": Costly.LARGE_ERRORS, "outliers": True}, "rmse"),
    ("regression", {"outliers": True}, "mae"),
    ("regression", {"audience": BUSINESS}, "mae"),
    ("regression", {}, "rmse"),
    ("forecast", {}, "mase"),
    ("forecast", {"audience": BUSINESS, "zeros": False}, "mape"),
    ("forecast", {"audience": BUSINESS, "zeros": False, "costly": Costly.TOO_LOW}, "wape"),
    ("forecast", {"audience": BUSINESS, "zeros": True}, "wape"),
    ("forecast", {"costly": Costly.LARGE_ERRORS}, "rmse"),
    ("ranking", {}, "ndcg@10"),
    ("search", {"goals": (Goal.FIRST_ANSWER,), "k": 5}, "mrr@5"),
    ("recommendation", {"goals": (Goal.RECALL,), "k": 100}, "recall@100"),
    ("ranking", {"costly": FP, "k": 3}, "precision@3"),
    ("clustering", {}, "silhouette"),
    ("generation", {}, "rouge_l"),
    ("generation", {"goals": (Goal.PRECISION,)}, "bleu"),
    ("detection", {}, "detection_map"),
    ("segmentation", {"positives": 0.02}, "dice"),
    ("segmentation", {"positives": 0.4}, "iou"),
]  # fmt: skip


def answers(task: str, **given: Any) -> Answers:
    meant, rare = task_of(task, given.get("classes"))
    return Answers(task=meant, rare=rare, **given)


@pytest.mark.parametrize(("task", "given", "target"), TARGETS)
def test_the_table_of_decisions(task: str, given: dict[str, Any], target: str) -> None:
    assert recommend(answers(task, **given)).target.metric == target


def _everything() -> list[Answers]:
    """Every task with every answer that its rules look at."""
    found = []
    for task in (task for task in Task if task not in {Task.ONLINE, Task.SERVING}):
        costly = [None, Costly.LARGE_ERRORS, Costly.TOO_LOW] if task in AMOUNTS else [None, FN, FP, EQUAL]
        for cost, positives, audience, goal, zeros, objective in itertools.product(
            costly,
            (None, 0.9 if task is Task.MULTICLASS else 0.005, 0.45),
            Audience,
            (None, *Goal),
            (None, True),
            (None, Objective.REVENUE),
        ):
            found.append(
                Answers(
                    task=task,
                    costly=cost,
                    positives=positives,
                    audience=audience,
                    goals=() if goal is None else (goal,),
                    zeros=zeros,
                    outliers=zeros,
                    objective=objective,
                    classes=3 if task is Task.MULTICLASS else None,
                    candidates=50,
                    relevant=2,
                )
            )
    return found


def test_every_recommendation_keeps_its_promises() -> None:
    known = {entry.base for entry in all_metrics()}
    for given in _everything():
        found = recommend(given)
        beside = [pick.metric for pick in found.beside]
        assert 2 <= len(beside) <= 4, given
        assert len({found.target.metric, *beside}) == 1 + len(beside), given
        assert found.target.metric not in {pick.metric for pick in found.avoid}, given
        for pick in (found.target, *found.beside, *found.guardrails, *found.avoid, *found.business):
            assert pick.metric.partition("@")[0] in known
            assert pick.reason
        assert [step.number for step in found.steps] == [1, 2, 3, 4, 5, 6, 7]
        assert found.disagreement
        assert found.lazy[0].metric == found.target.metric


def test_no_target_is_satisfied_by_a_lazy_solution() -> None:
    for given in _everything():
        found = recommend(given)
        entry, lazy = find_metric(found.target.metric), found.lazy[0].value
        assert entry is not None
        if lazy is not None and entry.best == 1.0:
            assert lazy < 0.7, (given, found.target)


def test_the_half_per_cent_example_is_told_with_its_numbers() -> None:
    found = recommend(answers("fraud", positives=0.005, costly=FN))
    lazy = {score.metric: score.value for score in found.lazy}
    assert lazy["accuracy"] == pytest.approx(0.995)
    assert (lazy["recall"], lazy["average_precision"]) == (1.0, 0.005)
    assert found.beside[0].metric == "recall"
    assert {"accuracy", "roc_auc", "recall"} <= {pick.metric for pick in found.avoid}


def test_the_lazy_accuracy_of_several_classes_is_the_share_of_the_largest() -> None:
    found = recommend(answers("multiclass", positives=0.25, classes=5))
    assert (found.target.metric, found.lazy[0].value) == ("accuracy", 0.25)


def test_costs_give_the_threshold_and_stand_in_the_block() -> None:
    found = recommend(answers("binary", false_positive_cost=1.0, false_negative_cost=19.0, positives=0.01))
    assert "best cut at 0.05" in found.steps[4].consequence
    assert found.lazy[0].value == pytest.approx(0.19)
    assert "error_costs = { false_positive = 1, false_negative = 19 }" in found.toml


def test_robustness_adds_a_guardrail_and_the_objective_a_business_metric() -> None:
    found = recommend(answers("search", goals=(Goal.ROBUSTNESS,), objective=Objective.REVENUE))
    assert any("perturbed" in pick.reason for pick in found.guardrails)
    assert [pick.metric for pick in found.business] == ["revenue_per_session", "churn_rate"]


def test_classes_decide_between_two_and_several() -> None:
    assert task_of("text-classification", 5) == (Task.MULTICLASS, False)
    assert task_of("text-classification", None) == (Task.BINARY, False)
    assert task_of("imbalanced", 2) == (Task.BINARY, True)


@pytest.mark.parametrize(
    ("task", "given", "said"),
    [
        ("regression", {"costly": FN}, "of decisions"),
        ("binary", {"costly": Costly.TOO_LOW}, "of amounts"),
        ("binary", {"false_positive_cost": 1.0}, "that of the other is not"),
        ("ranking", {"false_positive_cost": 1.0, "false_negative_cost": 1.0}, "of binary decisions"),
        ("multiclass", {"positives": 0.1, "classes": 5}, "cannot have a share of 0.1"),
        ("ranking", {"relevant": 3}, "needs --candidates"),
        ("ranking", {"relevant": 30, "candidates": 20}, "cannot be"),
    ],
)
def test_answers_that_contradict_are_refused(task: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        recommend(answers(task, **given))


@pytest.mark.parametrize("task", TASK_NAMES)
def test_the_block_can_be_pasted_into_a_study(task: str, tmp_path: Path) -> None:
    study = """\
[offline.scores]
path = "scores.csv"
columns = { model = "model", metric = "metric", value = "value" }

"""
    found = recommend(answers(task, objective=Objective.REVENUE))
    (tmp_path / "abgap.toml").write_text(study + found.toml, encoding="utf-8")
    declared = load_study(tmp_path / "abgap.toml").study.offline_metrics
    assert found.target.metric in declared
    assert all(metric.why for metric in declared.values())
