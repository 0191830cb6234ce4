"""Making the sample data: from the written-down truth to the files that the demo study reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from abgap.lab.sample import faults, logs, population, tables
from abgap.lab.sample.offline import scores
from abgap.lab.sample.plant import PlantedExperiment
from abgap.lab.sample.rare import rare_events
from abgap.lab.sample.truth import EXPERIMENTS
from abgap.lab.sample.truthfile import as_json
from abgap.lab.sample.write import LOGS, OFFLINE, Folder, digest, write_by_month, write_table

SEED = 20260101
SMALL_SCALE = 0.02
FORMAT = 3
"""Counted up when the files change though the truth does not."""

Progress = Callable[[str, float], None]


def generate(
    directory: Path, *, seed: int = SEED, scale: float = 1.0, progress: Progress | None = None
) -> None:
    """Writes ``directory/logs`` and ``directory/offline``, unless they are already there as asked for.

    scale: share of the users of each experiment (offline scores and shadow run stay whole); the planted
    verdicts hold at 1 only. progress: called with what is being made and the fraction done, from 0 to 1. The
    same seed and scale give the same bytes. An interrupted run leaves nothing that counts as complete.
    DataError: the directory holds logs that this generator did not make.
    """
    folder, recipe = Folder(directory), _recipe(seed, scale)
    if folder.matches(recipe):
        return
    report = progress or _silent
    with folder.replaced(recipe) as place:
        total = sum(population.size(experiment, scale) for experiment in EXPERIMENTS)
        done = 0
        for number, experiment in enumerate(EXPERIMENTS, start=1):
            report(experiment.name, done / total)
            _write_experiment(place / LOGS, experiment, number=number, seed=seed, scale=scale)
            done += population.size(experiment, scale)
        report("offline scores", 1.0)
        write_table(tables.scores_table(scores(seed=seed)), place / OFFLINE / "scores.parquet")
        write_table(tables.rare_table(rare_events(seed=seed)), place / OFFLINE / "rare_events.parquet")
        write_table(tables.shadow_table(seed=seed), place / LOGS / "shadow.parquet")


def small(directory: Path, *, seed: int = SEED) -> None:
    """The same files with one user in fifty, for tests that need their shape and not their verdicts."""
    generate(directory, seed=seed, scale=SMALL_SCALE)


def is_complete(directory: Path, *, seed: int = SEED, scale: float = 1.0) -> bool:
    """Whether ``generate`` with these arguments would have nothing to do."""
    return Folder(directory).matches(_recipe(seed, scale))


def _write_experiment(
    folder: Path, experiment: PlantedExperiment, *, number: int, seed: int, scale: float
) -> None:
    people = population.draw(experiment, seed=seed, scale=scale)
    visits = logs.sessions(experiment, people, seed=seed)
    part = f"part-{number:02d}"
    happened = faults.in_events(experiment, logs.events(experiment, people, visits, seed=seed), seed=seed)
    write_by_month(tables.events_table(experiment, people, happened, number=number), folder / "events", part)
    seen = faults.in_exposures(experiment, logs.exposures(experiment, people, visits, seed=seed), seed=seed)
    write_by_month(tables.exposures_table(experiment, people, seen), folder / "exposures", part)
    asked = logs.requests(experiment, people, visits, seed=seed)
    write_by_month(tables.requests_table(experiment, people, asked), folder / "requests", part)


def _recipe(seed: int, scale: float) -> dict[str, object]:
    return {"format": FORMAT, "seed": seed, "scale": scale, "truth": digest(as_json())}


def _silent(_step: str, _fraction: float) -> None:
    """Nobody wants to hear of it."""
