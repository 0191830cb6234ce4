"""MLflow's folder of files, ``mlruns/EXPERIMENT/RUN``: meta.yaml, and one file per metric, parameter and tag.

A metric's file has a line ``timestamp value step`` per value; names with slashes are folders. meta.yaml is flat YAML
that MLflow itself wrote; that much of YAML is read here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

from abgap.offline.trackers.runs import Run, broken, read_text

_FINISHED = {"3", "FINISHED"}
_META = "meta.yaml"
_NOT_EXPERIMENTS = {".trash", "models"}


def read_mlflow_folder(path: Path) -> list[Run]:
    """All runs of a folder, deleted ones too. Raises DataError when it is no store that can be read."""
    experiments = [folder for folder in _folders(path) if folder.name not in _NOT_EXPERIMENTS]
    known = [folder for folder in experiments if (folder / _META).is_file()]
    if not known:
        mend = "name the folder mlruns, or the file mlflow.db"
        raise broken(path, "has no experiment with a meta.yaml: it is no MLflow folder", mend)
    thrown_away = [] if not (path / ".trash").is_dir() else _folders(path / ".trash")
    runs = [run for folder in known for run in _runs(folder, deleted=False)]
    return runs + [run for folder in thrown_away for run in _runs(folder, deleted=True)]


def flat_yaml(path: Path) -> dict[str, str]:
    """Top-level keys of a YAML file whose values are scalars, as text; empty ones and lists are left out."""
    found: dict[str, str] = {}
    last: str | None = None
    for line in read_text(path).splitlines():
        if line.startswith((" ", "\t")):
            # YAML folds long text: what is indented goes on.
            if last is not None and found.get(last):
                found[last] += f" {line.strip()}"
            continue
        key, colon, value = line.partition(":")
        last = key.strip() if colon and not key.startswith(("#", "-")) else None
        if last is not None and value.strip() not in {"", "null", "~", "[]", "{}"}:
            found[last] = value.strip()
    return {key: _scalar(value) for key, value in found.items()}


def _scalar(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except json.JSONDecodeError:
            return value[1:-1]
    return value


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(child for child in path.iterdir() if child.is_dir())
    except OSError as error:
        raise broken(path, f"cannot be read ({error.strerror})", "look at the path of the tracker") from error


def _runs(experiment: Path, *, deleted: bool) -> Iterator[Run]:
    about = flat_yaml(experiment / _META) if (experiment / _META).is_file() else {}
    gone = deleted or about.get("lifecycle_stage") == "deleted"
    for folder in _folders(experiment):
        # Traces, models and data sets of an experiment lie beside its runs; only runs have metrics and parameters.
        if (folder / _META).is_file() or (folder / "metrics").is_dir():
            yield _run(folder, about.get("name", experiment.name), deleted=gone)


def _run(folder: Path, experiment: str, *, deleted: bool) -> Run:
    if not (folder / _META).is_file():
        raise broken(folder, "a run without meta.yaml, half-written", "finish it or move it away")
    about = flat_yaml(folder / _META)
    if "status" not in about or "lifecycle_stage" not in about:
        raise broken(folder / _META, "has no status, it is half-written", "finish the run or move it away")
    tags = _texts(folder / "tags")
    ended = about.get("end_time", "")
    return Run(
        id=about.get("run_id", folder.name),
        name=about.get("run_name") or tags.get("mlflow.runName"),
        experiment=experiment,
        finished=about["status"] in _FINISHED,
        deleted=deleted or about["lifecycle_stage"] == "deleted",
        ended=int(ended) / 1000.0 if ended.isdigit() else None,
        metrics={name: _last_value(file) for name, file in _files(folder / "metrics")},
        params=_texts(folder / "params"),
        tags=tags,
    )


def _files(folder: Path) -> list[tuple[str, Path]]:
    """Files below a folder by their names, which may hold slashes."""
    found = [file for file in folder.rglob("*") if file.is_file()] if folder.is_dir() else []
    return sorted((file.relative_to(folder).as_posix(), file) for file in found)


def _texts(folder: Path) -> dict[str, str]:
    return {name: read_text(file) for name, file in _files(folder)}


def _last_value(file: Path) -> float:
    """The value of the largest (step, time, value), which is what MLflow shows."""
    values = []
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        parts = line.split()
        if not parts:
            continue
        try:
            step = int(parts[2]) if len(parts) > 2 else 0
            values.append((step, int(parts[0]), float(parts[1])))
        except (ValueError, IndexError) as error:
            what = f"line {number} is no 'timestamp value step': the run is half-written"
            raise broken(file, what, "finish the run or move it away") from error
    if not values:
        raise broken(file, "holds no value: the run is half-written", "finish the run or move it away")
    # NaN is neither larger nor smaller than anything: it counts last.
    return max(values, key=lambda each: (*each[:2], -math.inf if math.isnan(each[2]) else each[2]))[2]
