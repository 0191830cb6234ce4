"""Whole processes, one after the other, in turns: A B C A B C.

Turns spread whatever else the machine does evenly over all; medians are compared. Every run is a new process,
interpreter and imports included, because that is what a user waits for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CHUNK = 1 << 24

Role = Literal["abgap", "limit", "peer", "other"]
# What it leaves behind: an answer in the peers' form, the JSON of `abgap analyze` or of `abgap offline`, a moments
# table, or nothing.
Leaves = Literal["answer", "analyze", "offline", "moments", "nothing"]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """One command.

    out: the file it writes, when its answer is not on stdout. once: it runs for its answer only, and is not timed.
    missing: why it cannot run.
    """

    name: str
    title: str
    role: Role
    command: tuple[str, ...]
    leaves: Leaves
    out: Path | None = None
    once: bool = False
    versions: dict[str, str] = field(default_factory=dict)
    missing: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One process. wall, cpu (user and system): seconds. peak_mb: resident memory at its highest."""

    wall: float
    cpu: float
    peak_mb: float


class CommandError(Exception):
    """A command ended with an error; the message has its last words."""


def printed(contestant: Contestant, outputs: Path) -> Path:
    """The file that holds its stdout."""
    return outputs / f"{contestant.name}.stdout"


def as_installed() -> dict[str, str]:
    """An environment in which Python keeps compiled modules.

    Peers come compiled out of their wheels; where Python is told to keep nothing, a checkout of abgap would be compiled
    anew by every process.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def measure(contestant: Contestant, outputs: Path) -> Run:
    """Run it once. Raises CommandError when it does not end well."""
    stderr = outputs / f"{contestant.name}.stderr"
    launcher = [sys.executable, "-I", "-S", str(HERE / "launcher.py")]
    done = subprocess.run(
        [*launcher, str(printed(contestant, outputs)), str(stderr), *contestant.command],
        cwd=ROOT,
        env=as_installed(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CommandError(f"{contestant.name}: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    if found.pop("exit_code") != 0:
        words = stderr.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise CommandError(f"{contestant.name}: {words[-1] if words else 'no words on stderr'}")
    return Run(**found)


def alternate(
    contestants: Sequence[Contestant], rounds: int, outputs: Path, say: Say
) -> tuple[dict[str, list[Run]], dict[str, str]]:
    """The runs of each by name, and why some have none: a peer that fails is left out, anything else ends it all."""
    missing = {c.name: c.missing for c in contestants if c.missing is not None}
    runs: dict[str, list[Run]] = {c.name: [] for c in contestants}
    for number in range(rounds):
        for contestant in contestants:
            if contestant.name in missing or (contestant.once and number > 0):
                continue
            try:
                found = measure(contestant, outputs)
                runs[contestant.name] += [] if contestant.once else [found]
            except CommandError as failure:
                if contestant.role != "peer":
                    raise
                missing[contestant.name] = str(failure)
        walls = [f"{name} {of_one[number].wall:.2f}" for name, of_one in runs.items() if number < len(of_one)]
        say(f"round {number + 1} of {rounds}: {', '.join(walls)}")
    return {name: found for name, found in runs.items() if name not in missing}, missing


def read_once(paths: Iterable[Path]) -> None:
    """Bring the files into the file cache, so that nobody has to be the first."""
    buffer = bytearray(CHUNK)
    for path in paths:
        for file in sorted(path.rglob("*.parquet")) if path.is_dir() else [path]:
            with file.open("rb", buffering=0) as stream:
                while stream.readinto(buffer):
                    pass
