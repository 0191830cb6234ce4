"""A study whose scores and facts of models come out of a tracker: rows, checks, the report, and a broken store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.offline.tracker_stores import Logged, once, write_database

Abgap: TypeAlias = Callable[..., Any]

STUDY = """\
[offline]
production = "ranker-1"

[offline.tracker]
path = "mlflow.db"
format = "mlflow"

[offline_metrics.rmse]
why = "large errors cost most"
owner = "<b>search</b>"
review_by = 2026-02-24

[models.ranker-2]
version = "2.0.0"
"""
RUNS = [
    Logged(id="a", name="ranker-1", metrics=once(rmse=2.0, ndcg=0.70), end_ms=1_000),
    Logged(id="b", name="ranker-2", metrics=once(rmse=9.0, ndcg=0.99), end_ms=1_000),
    Logged(
        id="c",
        name="ranker-2",
        metrics=once(rmse=1.5, ndcg=0.74, latency_p95_ms=300.0),
        tags={"version": "2.1.0"},
        end_ms=1_772_000_000_000,  # 2026-02-25
    ),
]


@pytest.fixture
def tracker_study(tmp_path: Path) -> Path:
    (tmp_path / "abgap.toml").write_text(STUDY, encoding="utf-8")
    write_database(tmp_path / "mlflow.db", RUNS)
    return tmp_path


def test_models_of_a_tracker_are_held_against_production_at_face_value(
    abgap_in: Abgap, tracker_study: Path
) -> None:
    rows = abgap_in(tracker_study, "offline", "--json").json["offline"]
    found = {
        (row["model"], row["metric"]): (
            row["baseline"],
            row["value"],
            row["baseline_value"],
            row["direction"],
        )
        for row in rows
        if row["baseline"]
    }
    assert found == {
        ("ranker-2", "ndcg"): ("ranker-1", 0.74, 0.70, "up"),
        ("ranker-2", "rmse"): ("ranker-1", 1.5, 2.0, "down"),
    }
    against = next(row for row in rows if row["baseline"])
    assert against["gain"]["reason"] == "no_interval_given"
    assert "ranker-2 is read from the latest of its 2 finished runs in the tracker." in against["notes"]


def test_facts_fill_the_models_and_contradictions_are_said(abgap_in: Abgap, tracker_study: Path) -> None:
    assert abgap_in(tracker_study, "report", "--out", tracker_study / "report").code == 0
    results = abgap_in(tracker_study, "report", "--json", "--out", tracker_study / "again").json
    model = next(model for model in results["models"] if model["name"] == "ranker-2")
    assert (model["version"], model["latency_p95_ms"]) == ("2.0.0", 300.0)
    checks = {check["name"]: check for check in abgap_in(tracker_study, "check", "--json").json["checks"]}
    assert checks["tracker_runs"]["status"] == "pass"
    assert "(2.0.0 in the study, 2.1.0 in the tracker)" in checks["tracker_facts"]["sentence"]


def test_the_last_run_tells_that_a_review_is_overdue(abgap_in: Abgap, tracker_study: Path) -> None:
    checks = {check["name"]: check for check in abgap_in(tracker_study, "check", "--json").json["checks"]}
    assert checks["overdue_review"]["value"] == 1.0
    assert "was due on 2026-02-24, the data reach to 2026-02-25" in checks["overdue_review"]["sentence"]


def test_the_store_stands_among_the_inputs(abgap_in: Abgap, tracker_study: Path) -> None:
    found = abgap_in(tracker_study, "report", "--json", "--out", tracker_study / "report").json["provenance"]
    assert [(file["source"], file["path"]) for file in found["inputs"]] == [("offline.tracker", "mlflow.db")]
    assert (
        found["inputs"][0]["sha256"] == hashlib.sha256((tracker_study / "mlflow.db").read_bytes()).hexdigest()
    )
    assert [(s["source"], s["rows"], s["rejected"]) for s in found["sources"]] == [("offline.tracker", 3, 1)]


def test_scores_of_the_study_count_before_those_of_the_tracker(abgap_in: Abgap, tracker_study: Path) -> None:
    scores = '[offline.scores]\npath = "scores.csv"\n'
    scores += 'columns = { model = "model", metric = "metric", value = "value" }\n'
    (tracker_study / "abgap.toml").write_text(STUDY + scores, encoding="utf-8")
    lines = "model,metric,value\nranker-1,ndcg,0.5\nranker-2,ndcg,0.6\n"
    (tracker_study / "scores.csv").write_text(lines, encoding="utf-8")
    rows = abgap_in(tracker_study, "offline", "--json").json["offline"]
    found = sorted((row["metric"], row["value"]) for row in rows if row["baseline"])
    assert found == [("ndcg", 0.6), ("rmse", 1.5)]
    checks = {check["name"]: check for check in abgap_in(tracker_study, "check", "--json").json["checks"]}
    assert "'ndcg of ranker-1', 'ndcg of ranker-2'" in checks["tracker_scores"]["sentence"]


def test_a_broken_store_is_one_sentence_and_exit_code_3(abgap_in: Abgap, tracker_study: Path) -> None:
    (tracker_study / "mlflow.db").write_bytes(b"SQLite format 3\x00 and then nothing")
    ended = abgap_in(tracker_study, "offline")
    assert ended.code == 3
    assert "offline.tracker" in ended.err
    assert "cannot be read as an MLflow store" in ended.err
    assert "Traceback" not in ended.err
