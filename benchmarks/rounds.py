"""One workload from start to end: rounds, comparison of the answers, and a look at where the time goes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.agreement import Agreement, compare, merged, read_answer
from benchmarks.imports import COUNTED, import_seconds
from benchmarks.machine import OtherWork
from benchmarks.measure import ROOT, CommandError, alternate, read_once
from benchmarks.sizes import Size
from benchmarks.workloads import PYTHON, Workload


def say(message: str) -> None:
    """Progress, on stderr."""
    print(message, file=sys.stderr, flush=True)


def run(workload: Workload, size: Size, folder: Path) -> results.Document:
    """Measure it. Raises CommandError when anybody but a peer fails, or a hand-written statement does other work."""
    outputs = folder / workload.name
    outputs.mkdir(parents=True, exist_ok=True)
    read_once(workload.data)
    other_work = OtherWork()
    runs, missing = alternate(workload.contestants, workload.rounds, outputs, say)
    busy = other_work.cores(runs)
    return results.document_of(
        workload,
        size,
        runs=runs,
        missing=missing,
        agreements=agreements(workload, runs, outputs) if workload.compared else {},
        profiles={name: profile(command, outputs) for name, command in workload.profiled.items()},
        other_work=busy,
    )


def agreements(workload: Workload, ran: Collection[str], outputs: Path) -> dict[str, Agreement]:
    """How far each answer is from abgap's. Raises CommandError when a hand-written statement disagrees."""
    contestants = [c for c in workload.contestants if c.name in ran]
    answers = {c.name: read_answer(c, outputs) for c in contestants}
    reference = merged(answers[c.name] for c in contestants if c.role == "abgap")
    found = {c.name: compare(reference, answers[c.name]) for c in contestants if c.leaves == "answer"}
    for contestant in contestants:
        if contestant.role == "limit" and found[contestant.name].objections:
            words = "; ".join(found[contestant.name].objections)
            raise CommandError(f"{contestant.name} does other work than abgap: {words}")
    return found


def profile(module: Iterable[str], outputs: Path) -> Any:
    """What DuckDB and Python say of one more run."""
    out = outputs / "profile.json"
    watched = [PYTHON, *COUNTED, "-m", "benchmarks.profiling", str(out), *module]
    done = subprocess.run(watched, cwd=ROOT, check=True, capture_output=True, text=True)
    imports = import_seconds(done.stderr.splitlines())
    return json.loads(out.read_text(encoding="utf-8")) | {"imports": imports}
