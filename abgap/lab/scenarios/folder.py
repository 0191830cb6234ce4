"""How a scenario comes to stand on disk: a study in a folder, whole or not at all, with its truth beside it.

``abgap.toml`` and the files that it names are real: every command reads them as anybody's. ``truth.json`` says what was
planted; no command reads it but ``abgap lab run``.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from abgap.errors import UsageError
from abgap.lab.scenarios.base import PlantedTruth, Scenario, Strength

STUDY, TRUTH, README = "abgap.toml", "truth.json", "README.md"
MADE_BY = "abgap lab"
DIGITS = 6
"""Significant digits of planted numbers."""


def make_scenario(
    scenario: Scenario, directory: Path, *, seed: int, strength: Strength, replicates: int
) -> tuple[PlantedTruth, ...]:
    """Write a scenario to a folder that is not there yet, empty, or made in this way before; and give its truth.

    The same scenario, seed, strength and replicates give the same bytes. UsageError: the folder holds something else,
    or cannot be written to.
    """
    refuse_foreign(directory)
    try:
        with _replaced(directory) as place:
            truth = scenario.write(place, seed, strength, replicates)
            (place / TRUTH).write_text(
                _truth_text(scenario, truth, seed, strength, replicates), encoding="utf-8"
            )
            (place / README).write_text(_readme(scenario, strength, seed), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write to {directory}: {error.strerror or error}") from error
    return truth


def write_parquet(table: pa.Table, file: Path) -> None:
    """One parquet file; the same table gives the same bytes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, compression="zstd", compression_level=1)


def read_truth(directory: Path, made_by: str = MADE_BY) -> dict[str, object]:
    """What ``truth.json`` of a folder says; empty when none of ours is there."""
    try:
        found = json.loads((directory / TRUTH).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("made_by") == made_by else {}


def refuse_foreign(directory: Path, made_by: str = MADE_BY) -> None:
    """UsageError when the folder holds something that the command ``made_by`` did not make: nobody's files are lost."""
    if not directory.exists():
        return
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a folder; name another one with --out")
    if any(directory.iterdir()) and not read_truth(directory, made_by):
        raise UsageError(
            f"{directory} holds files that {made_by} did not make; name another folder with --out"
        )


@contextmanager
def _replaced(directory: Path) -> Iterator[Path]:
    """An empty folder beside ``directory`` that takes its place when the block ends well."""
    directory = directory.absolute()
    directory.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent))
    try:
        made = place / directory.name
        made.mkdir()
        yield made
        if directory.exists():
            directory.rename(place / "old")
        made.rename(directory)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _truth_text(
    scenario: Scenario, truth: Sequence[PlantedTruth], seed: int, strength: Strength, replicates: int
) -> str:
    document = {
        "made_by": MADE_BY,
        "scenario": scenario.name,
        "world": scenario.world,
        "story": scenario.story,
        "strength": strength.value,
        "seed": seed,
        "replicates": replicates,
        "experiments": [_rounded(asdict(planted)) for planted in truth],
    }
    return json.dumps(document, indent=2) + "\n"


def _rounded(value: object) -> object:
    """The value with numbers that a person can read. Adding zero turns a negative zero into a plain one."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    return float(f"{value:.{DIGITS}g}") + 0.0 if isinstance(value, float) else value


def _readme(scenario: Scenario, strength: Strength, seed: int) -> str:
    planted = ", ".join(scenario.reasons) or "nothing"
    return (
        f"# {scenario.name}\n\n{scenario.story}\n\nMade by `abgap lab make {scenario.name} --seed {seed} "
        f"--strength {strength.value}`; planted: {planted} (`truth.json`). `abgap gap` in this folder diagnoses it.\n"
    )
