"""Stores of trackers as they lie on disk: MLflow's database and folder, folders and exports of Weights & Biases."""

from __future__ import annotations

import csv
import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The tables of an MLflow store that matter here, as its migrations leave them.
SCHEMA = """
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
INSERT INTO alembic_version VALUES ('bda7b8c39065');
CREATE TABLE experiments (experiment_id INTEGER NOT NULL, name VARCHAR(256) NOT NULL, artifact_location VARCHAR(256),
    lifecycle_stage VARCHAR(32), creation_time BIGINT, last_update_time BIGINT,
    CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), UNIQUE (name),
    CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')));
CREATE TABLE runs (run_uuid VARCHAR(32) NOT NULL, name VARCHAR(250), source_type VARCHAR(20), source_name VARCHAR(500),
    entry_point_name VARCHAR(50), user_id VARCHAR(256), status VARCHAR(9), start_time BIGINT, end_time BIGINT,
    source_version VARCHAR(50), lifecycle_stage VARCHAR(20), artifact_uri VARCHAR(200), experiment_id INTEGER,
    deleted_time BIGINT, CONSTRAINT run_pk PRIMARY KEY (run_uuid),
    CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED')),
    FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id));
CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT NOT NULL,
    run_uuid VARCHAR(32) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN DEFAULT '0' NOT NULL,
    CONSTRAINT metric_pk PRIMARY KEY (key, timestamp, step, run_uuid, value, is_nan));
CREATE TABLE latest_metrics (key VARCHAR(250) NOT NULL, value FLOAT NOT NULL, timestamp BIGINT, step BIGINT NOT NULL,
    is_nan BOOLEAN NOT NULL, run_uuid VARCHAR(32) NOT NULL, CONSTRAINT latest_metric_pk PRIMARY KEY (key, run_uuid));
CREATE TABLE params (key VARCHAR(250) NOT NULL, value VARCHAR(8000) NOT NULL, run_uuid VARCHAR(32) NOT NULL,
    CONSTRAINT param_pk PRIMARY KEY (key, run_uuid));
CREATE TABLE tags (key VARCHAR(250) NOT NULL, value VARCHAR(8000), run_uuid VARCHAR(32) NOT NULL,
    CONSTRAINT tag_pk PRIMARY KEY (key, run_uuid));
"""
STATUS = {"RUNNING": 1, "SCHEDULED": 2, "FINISHED": 3, "FAILED": 4, "KILLED": 5}


@dataclass(frozen=True, kw_only=True)
class Logged:
    """One run as somebody logged it. metrics: name -> values (step, time in ms, value) in the order of logging."""

    id: str
    name: str | None = None
    experiment: str = "ranking"
    status: str = "FINISHED"
    deleted: bool = False
    end_ms: int | None = 1_700_000_000_000
    metrics: Mapping[str, Sequence[tuple[int, int, float]]] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def once(**values: float) -> dict[str, list[tuple[int, int, float]]]:
    """Metrics logged once each."""
    return {name: [(0, 1, value)] for name, value in values.items()}


def write_database(path: Path, runs: Sequence[Logged], *, deleted_experiments: Sequence[str] = ()) -> Path:
    """MLflow's default store: one sqlite file."""
    experiments = list(dict.fromkeys(run.experiment for run in runs))
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMA)
        for number, name in enumerate(experiments, start=1):
            stage = "deleted" if name in deleted_experiments else "active"
            database.execute("INSERT INTO experiments VALUES (?, ?, '', ?, 0, 0)", (number, name, stage))
        for run in runs:
            database.execute(
                "INSERT INTO runs VALUES (?, ?, 'LOCAL', '', '', 'me', ?, 0, ?, '', ?, '', ?, NULL)",
                (
                    run.id, run.name, run.status, run.end_ms, "deleted" if run.deleted else "active",
                    experiments.index(run.experiment) + 1,
                ),
            )  # fmt: skip
            for key, values in run.metrics.items():
                rows = [(key, *_stored(value), time, run.id, step) for step, time, value in values]
                for _, stored, is_nan, time, run_id, step in rows:
                    database.execute(
                        "INSERT OR IGNORE INTO metrics VALUES (?, ?, ?, ?, ?, ?)",
                        (key, stored, time, run_id, step, is_nan),
                    )
                _, stored, is_nan, time, run_id, step = max(rows, key=lambda row: (row[5], row[3], row[1]))
                database.execute(
                    "INSERT INTO latest_metrics VALUES (?, ?, ?, ?, ?, ?)",
                    (key, stored, time, step, is_nan, run_id),
                )
            for table, texts in (("params", run.params), ("tags", run.tags)):
                for key, text in texts.items():
                    database.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (key, text, run.id))
    database.close()
    return path


def _stored(value: float) -> tuple[float, bool]:
    """NaN is 0 with a mark, infinity the largest number."""
    if math.isnan(value):
        return 0.0, True
    return max(min(value, 1.7976931348623157e308), -1.7976931348623157e308), False


def write_folder(path: Path, runs: Sequence[Logged], *, thrown_away: Sequence[str] = ()) -> Path:
    """MLflow's folder of files; experiments that were thrown away lie in .trash."""
    experiments = list(dict.fromkeys(run.experiment for run in runs))
    (path / ".trash").mkdir(parents=True)
    (path / "models").mkdir()
    for number, name in enumerate(experiments):
        folder = path / ".trash" / str(number) if name in thrown_away else path / str(number)
        folder.mkdir()
        stage = "deleted" if name in thrown_away else "active"
        (folder / "meta.yaml").write_text(
            f"artifact_location: file:///tmp/mlruns/{number}\ncreation_time: 1690000000000\n"
            f"experiment_id: '{number}'\nlast_update_time: 1690000000000\nlifecycle_stage: {stage}\nname: {name}\n",
            encoding="utf-8",
        )
        (folder / "traces").mkdir()
        for run in (run for run in runs if run.experiment == name):
            _write_run(folder / run.id, run, number)
    return path


def _write_run(folder: Path, run: Logged, experiment: int) -> None:
    for part in ("artifacts", "metrics", "params", "tags"):
        (folder / part).mkdir(parents=True)
    name = "''" if run.name is None else _yaml(run.name)
    (folder / "meta.yaml").write_text(
        f"artifact_uri: file:///tmp/mlruns/{experiment}/{run.id}/artifacts\n"
        f"end_time: {'null' if run.end_ms is None else run.end_ms}\nentry_point_name: ''\n"
        f"experiment_id: '{experiment}'\nlifecycle_stage: {'deleted' if run.deleted else 'active'}\n"
        f"run_id: {run.id}\nrun_name: {name}\nrun_uuid: {run.id}\nsource_name: ''\nsource_type: 4\n"
        f"source_version: ''\nstart_time: 1690000000000\nstatus: {STATUS[run.status]}\ntags: []\nuser_id: me\n",
        encoding="utf-8",
    )
    for key, values in run.metrics.items():
        file = folder / "metrics" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"{time} {value} {step}\n" for step, time, value in values)
        file.write_text("".join(lines), encoding="utf-8")
    for part, texts in (("params", run.params), ("tags", run.tags)):
        for key, text in texts.items():
            (folder / part / key).write_text(text, encoding="utf-8")


def _yaml(text: str) -> str:
    """A scalar the way MLflow's writer has it: folded at 80 columns, quoted where it could be misread."""
    if any(character in text for character in ":'#<") or text.isdigit():
        return "'" + text.replace("'", "''") + "'"
    words, lines = text.split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) > 79:
            lines.append("  ")
        lines[-1] += word if not lines[-1].strip() else f" {word}"
    return "\n".join(lines)


def write_wandb_folder(path: Path, runs: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]]) -> Path:
    """The folder that runs leave: (id, summary, configuration) each; ``latest-run`` is a link to the last."""
    for number, (run_id, summary, config) in enumerate(runs):
        files = path / f"run-2026010{number + 1}_120000-{run_id}" / "files"
        files.mkdir(parents=True)
        (files / "wandb-summary.json").write_text(json.dumps(summary), encoding="utf-8")
        lines = ["wandb_version: 1\n", "_wandb:\n    value:\n        cli_version: 0.19.1\n"]
        lines += [f"{name}:\n    desc: null\n    value: {value}\n" for name, value in config.items()]
        (files / "config.yaml").write_text("\n".join(lines), encoding="utf-8")
        (files / "output.log").write_text("", encoding="utf-8")
    if runs:
        (path / "latest-run").symlink_to(files.parent.name)
    return path


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """An export of the runs table."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows(rows)
    return path
