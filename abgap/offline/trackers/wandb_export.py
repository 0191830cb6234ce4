"""Weights & Biases: an export of runs as CSV or JSON, or the folders that runs leave on disk.

A CSV export of the web pages has one row per run, with configuration and summary in columns of one kind: every number
is a metric there, every text a parameter. In a folder the name of a run is not written down, only its id.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from abgap.offline.trackers.runs import (
    Run,
    as_number,
    as_seconds,
    broken,
    numbers_of,
    read_json,
    read_text,
    texts_of,
)

_SUMMARY = "wandb-summary.json"
_ABOUT_RUNS = {
    "name",
    "id",
    "state",
    "created",
    "runtime",
    "tags",
    "user",
    "notes",
    "project",
    "sweep",
    "updated",
}


def read_wandb(paths: Sequence[Path]) -> list[Run]:
    """All runs of exports and folders. Raises DataError when one of them is neither."""
    return [run for path in paths for run in _of_path(path)]


def _of_path(path: Path) -> Iterator[Run]:
    if path.is_dir():
        # `latest-run` is a link to one of the others.
        summaries = sorted({file.resolve() for file in path.rglob(_SUMMARY)})
        if not summaries:
            mend = "name the folder wandb or an export of runs; runs that were offline have one once they are synced"
            raise broken(path, f"has no run with a {_SUMMARY}", mend)
        yield from (_of_folder(file) for file in summaries)
    elif path.suffix.casefold() == ".csv":
        yield from _of_csv(path)
    else:
        found = read_json(path)
        runs = found.get("runs", found) if isinstance(found, Mapping) else found
        for position, run in enumerate(runs if isinstance(runs, list) else [runs]):
            yield _of_json(path, position, run)


def _of_folder(summary: Path) -> Run:
    """A run from ``run-DATE_TIME-ID/files``."""
    values = read_json(summary)
    if not isinstance(values, Mapping):
        raise broken(summary, "is no JSON object", "it may be half-written: write it again")
    folder = summary.parent.parent if summary.parent.name == "files" else summary.parent
    configuration = summary.parent / "config.yaml"
    return Run(
        id=folder.name.rsplit("-", 1)[-1],
        name=None,
        experiment=None,
        finished=True,
        deleted=False,
        ended=as_number(values.get("_timestamp")),
        metrics=numbers_of(values),
        params=_configuration(configuration) if configuration.is_file() else {},
    )


def _configuration(path: Path) -> dict[str, str]:
    """The parameters of config.yaml: ``name:`` with an indented ``value: x`` below it."""
    found: dict[str, str] = {}
    name = ""
    for line in read_text(path).splitlines():
        key, colon, value = line.partition(":")
        if not colon or key.startswith("#"):
            continue
        if not line.startswith((" ", "\t")):
            name = key.strip().strip("'\"")
        elif key.strip() == "value" and value.strip() and name and not name.startswith("_"):
            found[name] = value.strip().strip("'\"")
    return found


def _of_csv(path: Path) -> Iterator[Run]:
    rows = csv.DictReader(io.StringIO(read_text(path)), restkey="", strict=True)
    try:
        columns = {name.casefold(): name for name in rows.fieldnames or ()}
        if "name" not in columns:
            raise broken(path, "has no column Name", "export the runs table with the names of its runs")
        for row in rows:
            yield _of_row(row, columns, path, rows.line_num)
    except csv.Error as error:
        raise broken(
            path, f"is no complete CSV (line {rows.line_num}: {error})", "export it again"
        ) from error


def _of_row(row: Mapping[str, Any], columns: Mapping[str, str], path: Path, line: int) -> Run:
    if "" in row or None in row.values():
        raise broken(path, f"line {line} has not as many values as columns", "export it again")

    def about(key: str) -> str:
        return str(row[columns[key]]) if key in columns else ""

    created, runtime = as_seconds(about("created")), as_number(about("runtime"))
    values = {
        name: value for name, value in row.items() if name.casefold() not in _ABOUT_RUNS and value != ""
    }
    return Run(
        id=about("id") or about("name"),
        name=about("name"),
        experiment=about("project") or None,
        finished=about("state").casefold() in {"", "finished"},
        deleted=False,
        ended=None if created is None else created + (runtime or 0.0),
        metrics=numbers_of(values),
        params=texts_of(values),
        tags=_tags(about("tags").split(",")),
    )


def _of_json(path: Path, position: int, run: object) -> Run:
    if not isinstance(run, Mapping) or not isinstance(
        run.get("summary", run.get("summary_metrics")), Mapping
    ):
        mend = "write runs as {name, state, created_at, summary, config}"
        raise broken(path, f"run {position + 1} has no summary of metrics", mend)
    summary = run.get("summary", run.get("summary_metrics"))
    stamp = as_number(summary.get("_timestamp"))
    config = run.get("config")
    tags = run.get("tags")
    return Run(
        id=str(run.get("id") or run.get("name") or position),
        name=None if run.get("name") is None else str(run["name"]),
        experiment=None if run.get("project") is None else str(run["project"]),
        finished=str(run.get("state", "finished")).casefold() == "finished",
        deleted=False,
        ended=stamp if stamp is not None else as_seconds(run.get("heartbeat_at") or run.get("created_at")),
        metrics=numbers_of(summary),
        params=texts_of(config) if isinstance(config, Mapping) else {},
        tags=_tags(tags) if isinstance(tags, list) else {},
    )


def _tags(words: Sequence[object]) -> dict[str, str]:
    """Tags are single words there; one of the form ``name:value`` can be asked for by its name."""
    pairs = (str(word).strip().partition(":") for word in words)
    return {name: value for name, _, value in pairs if name}
