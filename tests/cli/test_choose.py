"""``abgap metrics choose``: from options, from answers, as JSON."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Abgap: TypeAlias = Callable[..., Any]


def test_options_give_a_set_with_its_reasons_and_a_block(abgap_in: Abgap, tmp_path: Path) -> None:
    shown = abgap_in(tmp_path, "metrics", "choose", "--task", "fraud", "--positives", "0.005")
    assert shown.code == 0
    assert "Target  average_precision" in shown.out
    assert "\naccuracy           99.5 %  Always the most frequent class.\n" in shown.out
    assert "\n[offline_metrics.average_precision]\n" in shown.out


def test_the_same_as_json(abgap_in: Abgap, tmp_path: Path) -> None:
    words = [
        "--task",
        "search",
        "-k",
        "5",
        "--candidates",
        "100",
        "--relevant",
        "4",
        "--goal",
        "precision",
        "--json",
    ]
    found = abgap_in(tmp_path, "metrics", "choose", *words).json["recommendation"]
    assert found["target"]["metric"] == "precision@5"
    assert found["lazy"][0] | {"words": ""} == {"metric": "precision@5", "value": 0.04, "words": ""}
    assert len(found["steps"]) == 7


@pytest.mark.parametrize(
    ("typed", "target"),
    [
        ("binary\nrisk\nfalse-negative\n0.005\n\nyes\n\n", "average_precision"),
        ("binary\n\nequal\n0.4\nbusiness\n\n\n", "accuracy"),
        ("forecast\n\n\nno\nno\nbusiness\n\n", "mape"),
        ("clustering\n\n\n\n", "silhouette"),
        ("fraud\n\n\nhalf\n2\n0.01\n\nno\n\n", "average_precision"),
    ],
)
def test_answers_to_questions_do_the_same(
    typed: str, target: str, abgap_in: Abgap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    shown = abgap_in(tmp_path, "metrics", "choose")
    assert shown.code == 0, shown.err
    assert f"Target  {target}" in shown.out
    assert "What does the model do?" not in shown.out


def test_json_asks_no_questions(abgap_in: Abgap, tmp_path: Path) -> None:
    ended = abgap_in(tmp_path, "metrics", "choose", "--json")
    assert ended.code == 2
    assert "--task" in ended.error["hint"]


def test_contradictions_are_one_sentence(abgap_in: Abgap, tmp_path: Path) -> None:
    ended = abgap_in(tmp_path, "metrics", "choose", "--task", "ranking", "--relevant", "3")
    assert ended.code == 2
    assert ended.err.startswith("abgap: --relevant needs --candidates")
