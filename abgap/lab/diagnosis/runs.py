"""Runs scenarios and counts; each cell is kept as soon as it is done, so that a run that was stopped goes on there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from abgap.lab.diagnosis.record import from_json, to_json
from abgap.lab.diagnosis.tally import Cell, cell_of
from abgap.lab.scenarios.base import Scenario, Strength
from abgap.lab.scenarios.registry import SCENARIOS
from abgap.lab.scenarios.running import run_scenario
from abgap.online.wide import Progress
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


def run_cell(
    scenario: Scenario, strength: Strength, *, replicates: int, progress: Progress, seed: int = SEED
) -> Cell:
    """One scenario, made and diagnosed as one study of many experiments."""
    with run_scenario(scenario, seed=seed, strength=strength, replicates=replicates, progress=progress) as (
        _,
        found,
    ):
        return cell_of(scenario, strength, seed, found)


def run_all(
    cells: Iterable[tuple[Scenario, Strength]], *, replicates: int, kept: Path, progress: Progress
) -> Iterator[Cell]:
    """The cells one after the other; those that the folder ``kept`` has from this program are read there."""
    kept.mkdir(parents=True, exist_ok=True)
    for scenario, strength in cells:
        wanted = replicates if strength is Strength.CLEAR else max(2, round(WEAKER * replicates))
        file = kept / f"{scenario.name}-{strength.value}-{wanted}-{program_sha256()[:16]}.json"
        if not file.exists():
            cell = run_cell(scenario, strength, replicates=wanted, progress=progress)
            half = file.with_suffix(".part")
            half.write_text(to_json([cell]), encoding="utf-8")
            half.replace(file)
        yield from from_json(file.read_text(encoding="utf-8"))
