"""Trackers: the same runs out of every store, the latest finished one of a model, one sentence for what is broken."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from abgap.errors import DataError
from abgap.offline.trackers.choosing import Tracked
from abgap.offline.trackers.reading import read_tracker, tracker_checks
from abgap.records import Status
from abgap.study.model import Study
from abgap.study.offline import Tracker
from tests.offline.tracker_stores import (
    SCHEMA,
    Logged,
    once,
    write_csv,
    write_database,
    write_folder,
    write_wandb_folder,
)

HOSTILE = "<script>'; drop|\N{SNOWMAN}"
LONG = "a run name that goes on and on " * 5 + "to the end"

RUNS = [
    Logged(id="a1", name="ranker-1", metrics=once(ndcg=0.70), end_ms=1_000),
    Logged(
        id="a2",
        name="ranker-1",
        end_ms=3_000,
        # The largest step counts, then the later time, then the larger value.
        metrics={
            "ndcg": [(2, 50, 0.72), (1, 99, 0.99), (2, 40, 0.5), (2, 50, 0.71)],
            "val/loss": [(0, 1, 0.4)],
            "recall@10": [(0, 1, math.nan)],
        },
        params={"lr": "0.1", "trained_until": "2026-01-31"},
        tags={"version": "1.4.0", "mlflow.user": "me"},
    ),
    Logged(id="a3", name="ranker-1", metrics=once(ndcg=0.99), end_ms=2_000),
    Logged(id="b1", name=HOSTILE, metrics=once(ndcg=0.75, latency_p95_ms=310.0), end_ms=5_000),
    Logged(id="b2", name=HOSTILE, metrics=once(ndcg=0.80), end_ms=9_000, deleted=True),
    Logged(id="b3", name=HOSTILE, metrics=once(ndcg=0.80), end_ms=9_000, status="FAILED"),
    Logged(id="c1", name=LONG, metrics={"ndcg": [(0, 1, math.inf)], "map": [(0, 1, 0.5)]}),
    Logged(id="d1", name=None, metrics=once(ndcg=0.1)),
    Logged(id="e1", name="ranker-9", metrics=once(ndcg=0.1), status="RUNNING", end_ms=None),
    Logged(id="f1", name="other", experiment="elsewhere", metrics=once(ndcg=0.2)),
]

Stored = Callable[[Path, list[Logged]], Path]
STORES: list[Stored] = [
    lambda folder, runs: write_database(folder / "mlflow.db", runs),
    lambda folder, runs: write_folder(folder / "mlruns", runs),
]


def tracked(path: Path, *, kind: str = "mlflow", **keys: Any) -> Tracked:
    return read_tracker(Tracker.model_validate({"path": path.name, "format": kind, **keys}), path.parent)


@pytest.mark.parametrize("stored", STORES, ids=["database", "folder"])
def test_both_stores_of_mlflow_give_the_latest_finished_run_of_each_model(
    stored: Stored, tmp_path: Path
) -> None:
    found = tracked(stored(tmp_path, RUNS))
    assert found.values == {
        ("ranker-1", "ndcg"): 0.72,
        ("ranker-1", "val/loss"): 0.4,
        (HOSTILE, "ndcg"): 0.75,
        (LONG, "map"): 0.5,
        ("other", "ndcg"): 0.2,
    }
    assert found.runs == {"ranker-1": "a2", HOSTILE: "b1", LONG: "c1", "other": "f1"}
    assert found.left_out == {
        "deleted": 1,
        "unfinished": 2,
        "without a model's name": 1,
        "older than another of the same model": 2,
    }
    assert (found.seen, found.not_finite) == (10, 2)


@pytest.mark.parametrize("stored", STORES, ids=["database", "folder"])
def test_facts_of_models_are_found_under_their_names(stored: Stored, tmp_path: Path) -> None:
    found = tracked(stored(tmp_path, RUNS))
    assert set(found.facts) == {"ranker-1", HOSTILE}
    one = found.facts["ranker-1"]
    assert (one.version, str(one.trained_until)) == ("1.4.0", "2026-01-31")
    assert found.facts[HOSTILE].latency_p95_ms == 310.0
    assert (HOSTILE, "latency_p95_ms") not in found.values


@pytest.mark.parametrize("stored", STORES, ids=["database", "folder"])
def test_experiments_metrics_and_facts_can_be_chosen(stored: Stored, tmp_path: Path) -> None:
    runs = [
        Logged(id="x", metrics=once(v=0.5, p=20.0), params={"m": "one"}, tags={"t": "A"}),
        Logged(id="y", experiment="no", metrics=once(v=0.6), tags={"t": "B"}),
    ]
    store = stored(tmp_path, runs)
    found = tracked(
        store,
        model="tag:t",
        experiment="ranking",
        metrics={"ndcg@10": "v"},
        facts={"latency_p50_ms": "metric:p"},
    )
    assert found.values == {("A", "ndcg@10"): 0.5}
    assert found.facts["A"].latency_p50_ms == 20.0
    assert tracked(store, model="param:m").runs == {"one": "x"}
    assert set(tracked(store, model="tag:t", experiment=["ranking", "no"]).runs) == {"A", "B"}
    with pytest.raises(DataError, match="there is no experiment 'rankin'; did you mean 'ranking'"):
        tracked(store, experiment="rankin")


def test_runs_of_deleted_experiments_are_deleted(tmp_path: Path) -> None:
    runs = [Logged(id="x", name="a", metrics=once(v=1.0)), Logged(id="y", name="b", experiment="gone")]
    database = tracked(write_database(tmp_path / "mlflow.db", runs, deleted_experiments=["gone"]))
    folder = tracked(write_folder(tmp_path / "mlruns", runs, thrown_away=["gone"]))
    assert database.runs == folder.runs == {"a": "x"}
    assert database.left_out["deleted"] == folder.left_out["deleted"] == 1


def test_infinity_comes_back_as_infinity_and_is_counted(tmp_path: Path) -> None:
    runs = [Logged(id="x", name="a", metrics={"v": [(0, 1, -math.inf)], "w": [(0, 1, 1e300)]})]
    found = tracked(write_database(tmp_path / "mlflow.db", runs))
    assert found.values == {("a", "w"): 1e300}
    assert found.not_finite == 1


@pytest.mark.parametrize("stored", STORES, ids=["database", "folder"])
@pytest.mark.parametrize("logged", [False, True], ids=["plain", "write-ahead log"])
def test_a_store_is_left_as_it_was(stored: Stored, logged: bool, tmp_path: Path) -> None:
    store = stored(tmp_path, RUNS)
    if logged and store.is_file():
        database = sqlite3.connect(store)
        database.execute("PRAGMA journal_mode = WAL")
        database.close()

    def everything() -> dict[str, tuple[int, bytes]]:
        return {
            str(file): (file.stat().st_mtime_ns, file.read_bytes())
            for file in sorted(tmp_path.rglob("*"))
            if file.is_file()
        }

    before = everything()
    assert tracked(store).values
    assert everything() == before


def test_what_is_in_a_write_ahead_log_is_read(tmp_path: Path) -> None:
    store = write_database(tmp_path / "mlflow.db", RUNS[:1])
    writer = sqlite3.connect(store)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE latest_metrics SET value = 0.9")
    writer.commit()
    try:
        assert tracked(store).values == {("ranker-1", "ndcg"): 0.9}
    finally:
        writer.close()


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _without(column: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        path.unlink()
        with sqlite3.connect(path) as database:
            database.executescript(SCHEMA.replace(column, "other"))
        database.close()

    return change


BROKEN: dict[str, tuple[Callable[[Path], Any], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "is empty; name mlflow.db, or the folder mlruns"),
    "no database": (lambda path: path.write_text("hello, this is text"), "is no sqlite file"),
    "cut in half": (_cut, "cannot be read as an MLflow store"),
    "other columns": (
        _without("lifecycle_stage"),
        "'experiments' has no lifecycle_stage: it is no MLflow store",
    ),
    "no metrics": (_without("is_nan"), "'latest_metrics' has no is_nan"),
    "missing": (lambda path: path.unlink(), "there is no such file or folder; paths are relative"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_database_is_one_sentence(name: str, tmp_path: Path) -> None:
    store = write_database(tmp_path / "mlflow.db", RUNS)
    breaking, said = BROKEN[name]
    breaking(store)
    with pytest.raises(DataError, match=said) as refused:
        tracked(store)
    assert refused.value.message.startswith("offline.tracker: ")
    assert "mlflow.db" in refused.value.message
    assert "\n" not in refused.value.message


BROKEN_FOLDERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no meta.yaml of a run": (
        lambda p: (p / "0/a1/meta.yaml").unlink(),
        "a run without meta.yaml, half-written",
    ),
    "empty meta.yaml": (lambda p: (p / "0/a1/meta.yaml").write_text(""), "has no status, it is half-written"),
    "half a line": (
        lambda p: (p / "0/a1/metrics/ndcg").write_text("17000 0.5 0\n17"),
        "line 2 is no 'timestamp",
    ),
    "no number": (lambda p: (p / "0/a1/metrics/ndcg").write_text("17000 x 0\n"), "line 1 is no 'timestamp"),
    "no value": (
        lambda p: (p / "0/a1/metrics/ndcg").write_text(""),
        "holds no value: the run is half-written",
    ),
    "no text": (lambda p: (p / "0/a1/params/x").write_bytes(b"\xff\xfe"), "it is no UTF-8 text"),
    "no experiment": (lambda p: (p / "0/meta.yaml").unlink(), "has no experiment with a meta.yaml"),
}


@pytest.mark.parametrize("name", BROKEN_FOLDERS)
def test_a_broken_folder_is_one_sentence(name: str, tmp_path: Path) -> None:
    store = write_folder(tmp_path / "mlruns", RUNS[:2])
    breaking, said = BROKEN_FOLDERS[name]
    breaking(store)
    with pytest.raises(DataError, match=said):
        tracked(store)


def test_a_run_folder_of_wandb_is_read_once_with_its_parameters(tmp_path: Path) -> None:
    summary = {
        "ndcg": 0.7, "test": {"recall": 0.5}, "_step": 9, "_timestamp": 1_700_000_000.5, "_wandb": {"runtime": 3},
        "picture": {"_type": "image-file"}, "bad": "NaN", "text": "hello",
    }  # fmt: skip
    store = write_wandb_folder(
        tmp_path / "wandb",
        [
            ("1abc", summary, {"model": "ranker-1"}),
            ("2def", summary | {"ndcg": 0.8}, {"model": "'ranker-2'"}),
        ],
    )
    found = tracked(store, kind="wandb", model="param:model")
    assert found.values == {
        ("ranker-1", "ndcg"): 0.7,
        ("ranker-1", "test.recall"): 0.5,
        ("ranker-2", "ndcg"): 0.8,
        ("ranker-2", "test.recall"): 0.5,
    }
    assert found.runs == {"ranker-1": "1abc", "ranker-2": "2def"}
    assert found.not_finite == 2


def test_a_run_that_was_offline_has_no_summary_and_is_a_sentence(tmp_path: Path) -> None:
    files = tmp_path / "wandb" / "offline-run-20260101_120000-1abc" / "files"
    files.mkdir(parents=True)
    (files / "requirements.txt").write_text("", encoding="utf-8")
    with pytest.raises(DataError, match=r"has no run with a wandb-summary.json; .* once they are synced"):
        tracked(tmp_path / "wandb", kind="wandb")


ROWS = [
    {"Name": "a", "State": "finished", "Created": "2026-01-01T10:00:00.000Z", "Runtime": "60", "Tags": "",
     "ndcg": "0.7", "lr": "0.1", "optimizer": "adam"},
    {"Name": "a", "State": "finished", "Created": "2026-01-01T09:59:30.000Z", "Runtime": "5", "Tags": "",
     "ndcg": "0.1", "lr": "", "optimizer": ""},
    {"Name": "b", "State": "crashed", "Created": "2026-01-02T10:00:00.000Z", "Runtime": "60", "Tags": "",
     "ndcg": "0.9", "lr": "", "optimizer": ""},
    {"Name": HOSTILE, "State": "finished", "Created": "", "Runtime": "", "Tags": "prod, version:2",
     "ndcg": "NaN", "lr": "0.3", "optimizer": 'a,b\n"c"'},
]  # fmt: skip


def test_an_export_of_wandb_as_csv_gives_finished_runs(tmp_path: Path) -> None:
    found = tracked(write_csv(tmp_path / "runs.csv", ROWS), kind="wandb", metrics={"ndcg@10": "ndcg"})
    assert found.values == {("a", "ndcg@10"): 0.7}
    assert found.facts[HOSTILE].version == "2"
    assert found.left_out == {
        "deleted": 0,
        "unfinished": 1,
        "without a model's name": 0,
        "older than another of the same model": 1,
    }
    assert (found.seen, found.not_finite) == (4, 1)


def test_an_export_of_wandb_as_json_gives_summary_and_configuration(tmp_path: Path) -> None:
    runs = [
        {"name": "swift-lion-1", "id": "x1", "state": "finished", "created_at": "2026-01-01T00:00:00",
         "summary": {"ndcg": 0.7, "_step": 3}, "config": {"model": {"name": "ranker-1"}}, "project": "search"},
        {"name": "calm-sea-2", "state": "running", "summary_metrics": {"ndcg": 0.8}, "config": {}},
    ]  # fmt: skip
    (tmp_path / "runs.json").write_text(json.dumps(runs), encoding="utf-8")
    found = tracked(tmp_path / "runs.json", kind="wandb", model="param:model.name", experiment="search")
    assert found.values == {("ranker-1", "ndcg"): 0.7}


JSONS: dict[str, Any] = {
    "a list": [{"model": "a", "metrics": {"ndcg@10": 0.7}}, {"model": "b", "metrics": {"ndcg@10": 0.8}}],
    "under runs": {
        "runs": [{"name": "a", "metrics": {"ndcg@10": 0.7}}, {"name": "b", "metrics": {"ndcg@10": 0.8}}]
    },
    "by model": {"a": {"ndcg@10": 0.7}, "b": {"ndcg@10": 0.8}},
}


@pytest.mark.parametrize("form", JSONS)
def test_plain_json_has_three_forms(form: str, tmp_path: Path) -> None:
    (tmp_path / "runs.json").write_text(json.dumps(JSONS[form]), encoding="utf-8")
    assert tracked(tmp_path / "runs.json", kind="json").values == {
        ("a", "ndcg@10"): 0.7,
        ("b", "ndcg@10"): 0.8,
    }


def test_a_folder_of_json_has_a_run_per_file_and_the_latest_counts(tmp_path: Path) -> None:
    folder = tmp_path / "evaluations"
    folder.mkdir()
    for name, ended, value in (
        ("one", "2026-03-01T12:00:00+02:00", 0.1),
        ("two", "2026-03-01T11:00:00Z", 0.2),
    ):
        run = {"model": "a", "ended": ended, "metrics": {"x": value}, "params": {"cost_per_1000_requests": 0}}
        (folder / f"{name}.json").write_text(json.dumps(run), encoding="utf-8")
    (folder / "c.json").write_text('{"metrics": {"x": 1}}', encoding="utf-8")
    found = tracked(folder, kind="json")
    assert found.values == {("a", "x"): 0.2, ("c", "x"): 1.0}
    assert found.facts["a"].cost_per_1000_requests == 0.0


BROKEN_FILES = [
    ("json", "runs.json", '{"model": "a", "metr', "is no complete JSON"),
    ("json", "runs.json", '{"model": "a"}', "run 1 has no table of metrics"),
    ("json", "runs.json", "[3]", "run 1 has no table of metrics"),
    ("wandb", "runs.json", '[{"name": "a"}]', "run 1 has no summary of metrics"),
    ("wandb", "runs.csv", "Id,State\n1,finished\n", "has no column Name"),
    ("wandb", "runs.csv", "Name,State,ndcg\na,finished\n", "line 2 has not as many values as columns"),
    ("wandb", "runs.csv", 'Name,State\na,"finish', "is no complete CSV"),
    (
        "json",
        "runs.json",
        '[{"model": "a", "metrics": {}, "status": "running"}]',
        "none of 1 runs is finished",
    ),
    ("json", "runs.json", '[{"metrics": {"x": 1}}]', "has a model's name in 'run_name'"),
    ("json", "runs.json", "[]", "the store has no runs"),
]


@pytest.mark.parametrize(("kind", "name", "text", "said"), BROKEN_FILES)
def test_a_broken_file_is_one_sentence(kind: str, name: str, text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=said) as refused:
        tracked(tmp_path / name, kind=kind)
    assert "\n" not in refused.value.message


def checks_of(found: Tracked, models: Mapping[str, Any] | None = None) -> dict[str, tuple[Status, str]]:
    study = Study.model_validate({"models": models or {}})
    return {check.name: (check.status, check.sentence) for check in tracker_checks(found, study, set())}


def test_what_was_left_out_is_counted_and_what_contradicts_is_said(tmp_path: Path) -> None:
    found = tracked(write_database(tmp_path / "mlflow.db", RUNS))
    checks = checks_of(found, {"ranker-1": {"version": "2"}})
    status, sentence = checks["tracker_runs"]
    assert status is Status.WARN
    assert sentence == (
        "4 models read, each from its latest finished run of 10; left out: 1 deleted, 2 unfinished, 1 without a "
        "model's name and 2 older than another of the same model; 2 values left out for being NaN or infinite."
    )
    assert "version of model 'ranker-1' (2 in the study, 1.4.0 in the tracker)" in checks["tracker_facts"][1]


def test_older_and_deleted_runs_alone_are_no_warning(tmp_path: Path) -> None:
    assert checks_of(tracked(write_database(tmp_path / "mlflow.db", RUNS[:1]))) == {
        "tracker_runs": (Status.PASS, "1 model read, each from its latest finished run of 1.")
    }


def test_a_fact_of_the_wrong_kind_is_said_and_not_used(tmp_path: Path) -> None:
    runs = [
        Logged(
            id="x", name="a", params={"latency_p50_ms": "fast", "trained_until": "soon"}, metrics=once(v=1.0)
        )
    ]
    found = tracked(write_database(tmp_path / "mlflow.db", runs))
    assert found.facts == {}
    sentence = checks_of(found)["tracker_facts"][1]
    assert "latency_p50_ms of model 'a' is 'fast', which cannot be used" in sentence
