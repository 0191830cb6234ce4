"""``abgap metrics``: the list, one metric in full, what the study declares, and names that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from abgap.offline.catalogue import all_metrics

Abgap: TypeAlias = Callable[..., Any]

STUDY = """\
[unit_values]
path = "users.csv"
columns = { experiment = { value = "x" }, unit = "user", variant = "v" }

[experiments.x]
control = "A"

[metrics.spend]
kind = "mean"
value = "spend"
role = "primary"
owner = "shop <b>"
why = "money"
review_by = 2026-06-30

[offline.scores]
path = "scores.csv"
columns = { model = "model", metric = "metric", value = "value" }

[offline_metrics."purchase_ndcg@10"]
metric = "ndcg@10"
owner = "search"
why = "what is bought"
"""


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    (tmp_path / "abgap.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def test_the_list_has_every_metric_task_by_task(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(tmp_path, "metrics")
    assert shown.code == 0
    first = [line.split()[0] for line in shown.out.splitlines() if line.strip()]
    assert {entry.name for entry in all_metrics()} <= set(first)
    assert "99.5 %" in shown.out


def test_the_metrics_of_a_task_are_those_of_the_task(abgap_in: Abgap, tmp_path: Path) -> None:
    document = abgap_in(tmp_path, "metrics", "--task", "forecast", "--json").json
    names = [entry["name"] for entry in document["metrics"]["catalogue"]]
    assert names == ["mae", "mse", "rmse", "bias", "mape", "smape", "wape", "mase"]
    assert document["metrics"]["declared"] == []


def test_one_metric_is_shown_in_full(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(tmp_path, "metrics", "pr_auc")
    assert shown.code == 0
    for label in (
        "formula",
        "range",
        "better",
        "needs",
        "use when",
        "misleads",
        "lazy score",
        "watch",
        "business",
    ):
        assert f"\n  {label} " in shown.out
    entry = abgap_in(tmp_path, "metrics", "pr_auc", "--json").json["metrics"]["catalogue"][0]
    assert (entry["name"], entry["lazy_formula"]) == ("average_precision", "p for a share p of positives")


def test_a_misspelt_metric_names_the_nearest(abgap_in: Abgap, tmp_path: Path) -> None:
    ended = abgap_in(tmp_path, "metrics", "prcision", "--json")
    assert ended.code == 2
    assert ended.error["message"] == "there is no metric 'prcision' in the catalogue"
    assert "'precision'" in ended.error["hint"]


def test_what_the_study_declares_is_shown_beside(abgap_in: Abgap, declared: Path) -> None:
    shown = abgap_in(declared, "metrics", "ndcg@10")
    assert "what is bought" in shown.out
    found = abgap_in(declared, "metrics", "--json").json["metrics"]["declared"]
    assert [(c["name"], c["known_as"], c["owner"], c["review_by"]) for c in found] == [
        ("spend", None, "shop <b>", "2026-06-30"),
        ("purchase_ndcg@10", "ndcg@k", "search", None),
    ]


def test_a_metric_of_the_study_alone_is_shown_by_its_contract(abgap_in: Abgap, declared: Path) -> None:
    shown = abgap_in(declared, "metrics", "spend")
    assert shown.code == 0
    assert "shop <b>" in shown.out
    near = abgap_in(declared, "metrics", "spendd")
    assert near.code == 2
    assert "'spend'" in near.err


def test_a_broken_study_is_an_error_and_none_is_none(abgap_in: Abgap, tmp_path: Path) -> None:
    assert abgap_in(tmp_path, "metrics", "f1", "--study", "missing.toml").code == 2
    (tmp_path / "abgap.toml").write_text("[metrics.x]\nknd = 1\n", encoding="utf-8")
    assert abgap_in(tmp_path, "metrics", "f1").code == 2
