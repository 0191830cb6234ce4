"""Reads [offline.tracker]: the reader of the store, then the runs that count, then what there is to say of them."""

from __future__ import annotations

import glob
from collections.abc import Collection
from pathlib import Path

from abgap.offline.trackers.choosing import Tracked, choose_runs, conflicts
from abgap.offline.trackers.json_runs import read_json_runs
from abgap.offline.trackers.mlflow_database import read_mlflow_database
from abgap.offline.trackers.mlflow_folder import read_mlflow_folder
from abgap.offline.trackers.runs import Run, broken
from abgap.offline.trackers.wandb_export import read_wandb
from abgap.records import Check, Status
from abgap.records.checks import make_check, quoted_names
from abgap.records.words import listed, plural
from abgap.study.model import Study
from abgap.study.offline import Tracker


def read_tracker(tracker: Tracker, directory: Path) -> Tracked:
    """What the tracker says of the models; paths are relative to ``directory``. Nothing is written.

    Raises DataError when the store cannot be read, or has no run that counts.
    """
    paths = paths_of(tracker, directory)
    if tracker.format == "wandb":
        runs = read_wandb(paths)
    elif tracker.format == "json":
        runs = read_json_runs(paths)
    else:
        runs = [run for path in paths for run in _read_mlflow(path)]
    return choose_runs(runs, tracker)


def _read_mlflow(path: Path) -> list[Run]:
    return read_mlflow_folder(path) if path.is_dir() else read_mlflow_database(path)


def paths_of(tracker: Tracker, directory: Path) -> list[Path]:
    """Files and folders by name; a pattern stands for all that match."""
    found: dict[Path, None] = {}
    for pattern in [tracker.path] if isinstance(tracker.path, str) else tracker.path:
        place = directory / pattern
        matching = (
            [place] if place.exists() else [directory / hit for hit in sorted(_hits(pattern, directory))]
        )
        if not matching:
            raise broken(pattern, "there is no such file or folder", "paths are relative to the study file")
        found |= dict.fromkeys(matching)
    return list(found)


def _hits(pattern: str, directory: Path) -> list[str]:
    return glob.glob(pattern, root_dir=directory, recursive=True)  # noqa: PTH207 - Path.glob refuses absolute patterns


def tracker_checks(tracked: Tracked, study: Study, scored: Collection[tuple[str, str]]) -> list[Check]:
    """What was read from the tracker and what was not, and where it contradicts the study.

    scored: (model, metric) that [offline.scores] has.
    """
    wrong_kind = [f"{what}, which cannot be used" for what in tracked.unclear]
    disagreements = [*conflicts(study.models, tracked.facts), *wrong_kind]
    doubled = [f"{metric} of {model}" for model, metric in tracked.values if (model, metric) in scored]
    found = [_runs_check(tracked)]
    if disagreements:
        sentence = f"Facts of the tracker that are not used: {'; '.join(disagreements)}."
        n = float(len(disagreements))
        found.append(make_check("tracker_facts", None, Status.WARN, sentence, value=n, threshold=0.0))
    if doubled:
        sentence = f"Scores of the tracker that [offline.scores] has too, whose values count: {quoted_names(doubled)}."
        n = float(len(doubled))
        found.append(make_check("tracker_scores", None, Status.WARN, sentence, value=n, threshold=0.0))
    return found


def _runs_check(tracked: Tracked) -> Check:
    left_out = {what: n for what, n in tracked.left_out.items() if n}
    sentence = (
        f"{plural(len(tracked.runs), 'model')} read, each from its latest finished run of {tracked.seen}"
    )
    if left_out:
        sentence += f"; left out: {listed([f'{n} {what}' for what, n in left_out.items()])}"
    if tracked.not_finite:
        sentence += f"; {plural(tracked.not_finite, 'value')} left out for being NaN or infinite"
    # Deleted, unfinished and older runs are left out on purpose; a run without a name or a number may be a mistake.
    odd = tracked.not_finite + left_out.get("without a model's name", 0)
    return make_check(
        "tracker_runs",
        None,
        Status.WARN if odd else Status.PASS,
        f"{sentence}.",
        value=float(sum(left_out.values()) + tracked.not_finite),
        threshold=0.0,
    )
