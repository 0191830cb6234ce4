"""Plain JSON as a tracker: what a script writes after an evaluation.

One run per file, or a list of runs: ``{"model": "ranker-2", "metrics": {"ndcg@10": 0.71}, "params": {}, "tags": {},
"ended": "2026-03-01T12:00:00Z"}``; or models with their metrics, ``{"ranker-2": {"ndcg@10": 0.71}}``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from abgap.offline.trackers.runs import Run, as_seconds, broken, numbers_of, read_json, texts_of

_DONE = {"", "finished", "done", "completed", "success"}


def read_json_runs(paths: Sequence[Path]) -> list[Run]:
    """All runs of JSON files, or of all ``*.json`` in folders. Raises DataError when one has another form."""
    files = [file for path in paths for file in (sorted(path.rglob("*.json")) if path.is_dir() else [path])]
    if not files:
        raise broken(paths[0], "has no JSON files", "look at the path of the tracker")
    return [run for file in files for run in _of_file(file)]


def _of_file(file: Path) -> Iterator[Run]:
    found = read_json(file)
    runs = found.get("runs", found) if isinstance(found, Mapping) else found
    if isinstance(runs, list):
        yield from (_run(file, position, run) for position, run in enumerate(runs))
    elif isinstance(runs, Mapping) and isinstance(runs.get("metrics"), Mapping):
        yield _run(file, 0, {"model": file.stem, **runs})
    elif isinstance(runs, Mapping) and runs and all(isinstance(value, Mapping) for value in runs.values()):
        for position, (model, metrics) in enumerate(runs.items()):
            yield _run(file, position, {"model": model, "metrics": metrics})
    else:
        raise _other_form(file, 0)


def _run(file: Path, position: int, run: object) -> Run:
    if not isinstance(run, Mapping) or not isinstance(run.get("metrics"), Mapping):
        raise _other_form(file, position)
    name = run.get("model", run.get("name"))
    parts = {part: run[part] for part in ("params", "tags") if isinstance(run.get(part), Mapping)}
    return Run(
        id=str(run.get("id", f"{file.name}:{position + 1}")),
        name=None if name is None else str(name),
        experiment=None if run.get("experiment") is None else str(run["experiment"]),
        finished=str(run.get("status", "")).casefold() in _DONE,
        deleted=run.get("deleted") is True,
        ended=as_seconds(run.get("ended")),
        metrics=numbers_of(run["metrics"]),
        params=texts_of(parts.get("params", {})),
        tags=texts_of(parts.get("tags", {})),
    )


def _other_form(file: Path, position: int) -> Exception:
    mend = 'write {"model": "name", "metrics": {"ndcg@10": 0.71}}, or a list of these'
    return broken(file, f"run {position + 1} has no table of metrics", mend)
