"""Runs scenarios and counts; each cell is kept as soon as it is done, so that a run that was stopped goes on there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from abgap.lab.diagnosis.record import from_json, to_json
from abgap.lab.diagnosis.tally import Cell, cell_of
from abgap.lab.scenarios.base import Scenario, Strength
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.lab.scenarios.running import run_scenario
from abgap.pipeline.fingerprint import program_sha256

SEED = 20260101
REPLICATES = 200
WEAKER = 0.3
"""Replicates at the weaker strengths, as a part of those at the clear one: no goal is set there."""


def cells_to_run(
    names: Iterable[str] = (), strengths: Iterable[Strength] = Strength
) -> list[tuple[Scenario, Strength]]:
    """Scenarios (all, or those of these names) at each strength; where nothing is planted, once."""
    chosen = [SCENARIOS[name] for name in names] or list(SCENARIOS.values())
    wanted = list(strengths)
    return [
        (scenario, strength)
        for scenario in chosen
        for strength in (wanted if scenario.reasons else [Strength.CLEAR])
    ]


def run_cell(scenario: Scenario, strength: Strength, *, replicates: int, seed: int = SEED) -> Cell:
    """One scenario, made and diagnosed as one study of many experiments."""
    with run_scenario(scenario, seed=seed, strength=strength, replicates=replicates, progress=_silent) as (
        _,
        found,
    ):
        return cell_of(scenario, strength, seed, found)


def run_all(
    cells: Sequence[tuple[Scenario, Strength]], *, replicates: int, kept: Path, jobs: int = 1
) -> Iterator[Cell]:
    """The cells in their order; those that the folder ``kept`` has from this program are read there.

    jobs: how many are run at once, each in a process of its own; one is run in this one.
    """
    kept.mkdir(parents=True, exist_ok=True)
    todo = [(scenario.name, strength, _wanted(strength, replicates), kept) for scenario, strength in cells]
    if jobs == 1:
        yield from (_kept_cell(*each) for each in todo)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_kept_cell, *zip(*todo, strict=True))


def _wanted(strength: Strength, replicates: int) -> int:
    return replicates if strength is Strength.CLEAR else max(2, round(WEAKER * replicates))


def _kept_cell(name: str, strength: Strength, replicates: int, kept: Path) -> Cell:
    """One cell, from the folder where it is there already."""
    file = kept / f"{name}-{strength.value}-{replicates}-{program_sha256()[:16]}.json"
    if not file.exists():
        cell = run_cell(SCENARIOS[name], strength, replicates=replicates)
        half = file.with_suffix(".part")
        half.write_text(to_json([cell]), encoding="utf-8")
        half.replace(file)
    (found,) = from_json(file.read_text(encoding="utf-8"))
    return found


def _silent(message: str) -> None:
    """A cell is told of when it is done."""
