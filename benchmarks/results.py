"""The results of a workload as a file: what was measured, on what class of machine, and of which code.

A result is kept until the code, the size or the machine's Python changes, so that a long run that was interrupted goes
on where it was.
"""

from __future__ import annotations

import hashlib
import json
import platform
import statistics
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.agreement import Agreement
from benchmarks.machine import machine
from benchmarks.measure import HERE, ROOT, Run
from benchmarks.sizes import Size
from benchmarks.workloads import Workload

FOLDER = HERE / "results"
CODE = (
    "abgap",
    "queries",
    "benchmarks/generators",
    "benchmarks/peers",
    "benchmarks/sql",
    "benchmarks/studies",
)
SUFFIXES = {".py", ".sql", ".toml", ".txt"}
BELOW = ("duckdb", "numpy", "pyarrow", "scipy")
RELEVANT = ("python", *BELOW)

Document = dict[str, Any]


def path_of(size: str, workload: str) -> Path:
    """Where a result lies."""
    return FOLDER / size / f"{workload}.json"


def load(size: str, workload: str) -> Document | None:
    """The result, or None when there is none."""
    path = path_of(size, workload)
    if not path.exists():
        return None
    document: Document = json.loads(path.read_text(encoding="utf-8"))
    return document


def is_current(document: Document | None, size: Size) -> bool:
    """Whether it was measured of this code at this size."""
    return document is not None and document["fingerprint"] == fingerprint(size)


def fingerprint(size: Size) -> str:
    """Of everything that a result depends on."""
    found = hashlib.sha256(json.dumps([asdict(size), versions()]).encode())
    for file in _code():
        found.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return found.hexdigest()


def _code() -> Iterable[Path]:
    files = (file for folder in CODE for file in (ROOT / folder).rglob("*") if file.suffix in SUFFIXES)
    return sorted(files)


def versions() -> dict[str, str]:
    """Python's and those of the libraries that do the work."""
    return {"python": platform.python_version(), **{name: version(name) for name in BELOW}}


def document_of(
    workload: Workload,
    size: Size,
    *,
    runs: dict[str, list[Run]],
    missing: dict[str, str],
    agreements: dict[str, Agreement],
    profiles: dict[str, Any],
    other_work: float | None,
) -> Document:
    """Everything that was found, ready for JSON."""
    contestants = []
    for c in workload.contestants:
        found: Document = {"name": c.name, "title": c.title, "role": c.role, "versions": c.versions}
        found |= {"missing": missing.get(c.name), "runs": [asdict(run) for run in runs.get(c.name, ())]}
        found |= {"medians": medians(runs[c.name]) if runs.get(c.name) else None}
        found |= {"agreement": asdict(agreements[c.name]) if c.name in agreements else None}
        contestants.append(found)
    return {
        "workload": workload.name,
        "size_name": size.name,
        "size": workload.size,
        "rounds": workload.rounds,
        "fingerprint": fingerprint(size),
        "machine": machine() | {"busy_with_other_work": other_work},
        "versions": versions(),
        "contestants": contestants,
        "profiles": profiles,
    }


def medians(runs: list[Run]) -> dict[str, float]:
    """The median of each measure."""
    columns = [asdict(run) for run in runs]
    return {name: statistics.median(column[name] for column in columns) for name in columns[0]}


def save(document: Document) -> Path:
    """Write it beside its name, then rename: half a result is no result."""
    path = path_of(document["size_name"], document["workload"])
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return partial.replace(path)
