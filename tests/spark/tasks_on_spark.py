"""Small predictions of every task, measured on both engines."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Engine
from abgap.offline.tasks.run import measure_task
from abgap.study.load import check_study

N = 12
BOX = ("x_min", "y_min", "x_max", "y_max")


def _rows(**columns: Any) -> pd.DataFrame:
    """Two models over the same examples, and a slice that one example does not have."""
    base = {"model": np.repeat(["new", "it's"], N), "example": [f"e{i}" for i in range(N)] * 2}
    device = [None if i == 3 else "a|b" if i % 2 else "c" for i in range(N)] * 2
    return pd.DataFrame(base | {"device": device} | columns)


def _studies(folder: Path) -> list[dict[str, Any]]:
    rng = np.random.default_rng(31)
    truth, kind = rng.gamma(2, 5, N).round(1), rng.choice(["x", "y"], N)
    days = pd.date_range("2026-02-01", periods=N // 2)
    files = {
        "forecast": _rows(
            series=np.tile(np.repeat(["s", "t"], N // 2), 2),
            at=np.tile(days, 4),
            y_true=np.tile(np.where(np.arange(N) == 5, 0.0, truth), 2),
            y_pred=np.tile(truth, 2) + rng.normal(0, 1, 2 * N),
        ),
        "multiclass": _rows(y_true=np.tile(kind, 2), y_pred=rng.choice(["x", "y", "it's"], 2 * N)),
        "clustering": _rows(y_pred=rng.choice(["1", "2"], 2 * N), x=np.tile(truth, 2)),
        "generation": _rows(
            y_true=[[f"the cat {k}", "a dog"] for k in np.tile(kind, 2)], y_pred=["the cat x", "a cat"] * N
        ),
        "detection": _rows(
            y_score=rng.random(2 * N),
            **{end: rng.integers(0, 5, 2 * N) + 20 * (i > 1) for i, end in enumerate(BOX)},
        ),
    }
    return [_study(folder, task, frame) for task, frame in files.items()]


def _study(folder: Path, task: str, frame: pd.DataFrame) -> dict[str, Any]:
    frame.to_parquet(folder / f"{task}.parquet", index=False)
    columns = {name: name for name in frame.columns if name not in ("device", "x")}
    source: dict[str, Any] = {
        "path": f"{task}.parquet",
        "task": task,
        "columns": columns,
        "slices": ["device"],
    }
    offline: dict[str, Any] = {"predictions": source}
    if task == "clustering":
        source["features"] = ["x"]
    if task == "forecast":
        past = pd.DataFrame(
            {"shop": ["s"] * 9 + ["t"] * 9, "d": [*pd.date_range("2026-01-23", periods=9)] * 2}
        )
        past.assign(y=np.where(past["shop"] == "s", np.arange(18) % 4, 1)).to_parquet(folder / "past.parquet")
        offline["training"] = {
            "path": "past.parquet",
            "columns": {"series": "shop", "at": "d", "y": "y"},
            "season": 3,
        }
    if task == "detection":
        source["slices"] = []
        boxes = {end: np.full(N, 2.0 + 20 * (i > 1)) for i, end in enumerate(BOX)}
        pd.DataFrame({"example": [f"e{i}" for i in range(N)]} | boxes).to_parquet(folder / "boxes.parquet")
        offline["annotations"] = {
            "path": "boxes.parquet",
            "columns": {"example": "example"} | {end: end for end in BOX},
        }
    # Statements that one task runs need not be run for the others.
    few: dict[str, dict[str, Any]] = {
        "clustering": {"davies_bouldin": {}},
        "detection": {"detection_map": {}},
    }
    return {"offline": offline, "offline_metrics": few.get(task, {})}


def tasks_compared(
    folder: Path, on_spark: Callable[[], Engine], different: Callable[[Any, Any], list[str]]
) -> set[str]:
    """Measure every task on both engines, and name the statements that ran."""
    ran = set[str]()
    with on_spark() as other:
        for written in _studies(folder):
            study = check_study(written)
            with DuckDBEngine(directory=folder) as duckdb:
                found = [measure_task(engine, study, folder, [("new", "it's")]) for engine in (duckdb, other)]
                here, there = (
                    [*map(dataclasses.asdict, f.contests), *map(dataclasses.asdict, f.confusions)]
                    for f in found
                )
                assert here
                assert different(here, there) == []
                ran |= {statement.query.name for statement in duckdb.record.compiled}
    return ran
