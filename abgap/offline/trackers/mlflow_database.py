"""MLflow's database, one sqlite file: read with Python's own sqlite, read-only.

Tables ``experiments``, ``runs``, ``latest_metrics`` (``metrics`` in old stores), ``params`` and ``tags``. NaN is stored
as 0 with ``is_nan``, infinity as the largest number of its type.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from abgap.offline.trackers.runs import Run, broken

_HEADER = b"SQLite format 3\x00"
_LARGEST = 1.7976931348623157e308
_WAITS_SECONDS = 5.0
_COLUMNS: Mapping[str, frozenset[str]] = {
    "experiments": frozenset(("experiment_id", "name", "lifecycle_stage")),
    "runs": frozenset(("run_uuid", "name", "status", "end_time", "lifecycle_stage", "experiment_id")),
    "params": frozenset(("key", "value", "run_uuid")),
    "tags": frozenset(("key", "value", "run_uuid")),
}
_METRIC_COLUMNS = frozenset(("key", "value", "timestamp", "step", "is_nan", "run_uuid"))
_RUNS = """
SELECT r.run_uuid, r.name, e.name, r.status, r.end_time,
       r.lifecycle_stage = 'deleted' OR e.lifecycle_stage = 'deleted'
FROM runs r LEFT JOIN experiments e ON e.experiment_id = r.experiment_id ORDER BY r.run_uuid"""
_METRICS = "SELECT run_uuid, key, value, is_nan FROM {} ORDER BY run_uuid, key, step, timestamp, value"
_TEXTS = "SELECT run_uuid, key, value FROM {} WHERE value IS NOT NULL"


def read_mlflow_database(path: Path) -> list[Run]:
    """All runs of a store, deleted ones too. Raises DataError when it is no store that can be read."""
    _refuse_other_files(path)
    try:
        with closing(sqlite3.connect(_address(path), uri=True, timeout=_WAITS_SECONDS)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            return list(_runs(database, path))
    except sqlite3.Error as error:
        mend = "wait until nothing writes to it, or take a copy with `sqlite3 mlflow.db .backup`"
        raise broken(path, f"cannot be read as an MLflow store ({error})", mend) from error


def _refuse_other_files(path: Path) -> None:
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEADER))
    except OSError as error:
        raise broken(path, f"cannot be read ({error.strerror})", "look at the path of the tracker") from error
    if head != _HEADER:
        what = "is empty" if not head else "is no sqlite file"
        raise broken(path, what, "name mlflow.db, or the folder mlruns")


def _address(path: Path) -> str:
    """Read-only; where all of it is in the one file, without even the lock files that a shared log would need."""
    log = path.with_name(f"{path.name}-wal")
    with path.open("rb") as file:
        logged = file.read(20)[18:19] == b"\x02"
    alone = logged and (not log.exists() or log.stat().st_size == 0)
    return f"file:{quote(str(path.absolute()))}?mode=ro" + ("&immutable=1" if alone else "")


def _runs(database: sqlite3.Connection, path: Path) -> Iterator[Run]:
    metric_table = _known_tables(database, path)
    metrics: dict[str, dict[str, float]] = {}
    # The last of the ordered values of a metric is the one that MLflow calls its latest.
    for run, key, value, is_nan in database.execute(_METRICS.format(metric_table)):
        metrics.setdefault(run, {})[key] = float("nan") if is_nan or value is None else _unbounded(value)
    params, tags = (_texts(database, table) for table in ("params", "tags"))
    for run, name, experiment, status, end_time, deleted in database.execute(_RUNS):
        yield Run(
            id=run,
            name=name or tags.get(run, {}).get("mlflow.runName"),
            experiment=experiment,
            finished=status == "FINISHED",
            deleted=bool(deleted),
            ended=None if end_time is None else end_time / 1000.0,
            metrics=metrics.get(run, {}),
            params=params.get(run, {}),
            tags=tags.get(run, {}),
        )


def _known_tables(database: sqlite3.Connection, path: Path) -> str:
    """The table that holds the metrics; raises DataError when the store has another form."""
    for table, needed in _COLUMNS.items():
        _refuse_missing(database, path, table, needed)
    table = "latest_metrics" if _columns(database, "latest_metrics") else "metrics"
    _refuse_missing(database, path, table, _METRIC_COLUMNS)
    return table


def _refuse_missing(database: sqlite3.Connection, path: Path, table: str, needed: frozenset[str]) -> None:
    missing = sorted(needed - _columns(database, table))
    if missing:
        what = f"its table {table!r} has no {', '.join(missing)}: it is no MLflow store, or one of another version"
        raise broken(path, what, "bring it up to date with `mlflow db upgrade`, on a copy")


def _columns(database: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in database.execute(f"PRAGMA table_info({table})")}


def _texts(database: sqlite3.Connection, table: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for run, key, value in database.execute(_TEXTS.format(table)):
        found.setdefault(run, {})[key] = str(value)
    return found


def _unbounded(value: float) -> float:
    """A stored value as it was logged: the largest number stands for infinity."""
    if abs(value) < _LARGEST:
        return float(value)
    return float("inf") if value > 0 else float("-inf")
