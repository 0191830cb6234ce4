"""``abgap lab``: experiments whose truth is known; ``make`` writes one as a study, ``run`` diagnoses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abgap.cli import options
from abgap.cli.output import put_paths, put_record, refuse_unwritable, tell
from abgap.errors import UsageError
from abgap.lab.scenarios.base import Strength

if TYPE_CHECKING:
    from abgap.lab.scenarios.base import Scenario
    from abgap.lab.scenarios.running import Diagnosed
    from abgap.pipeline.analysis import Analysis

_MOST_REPLICATES = 500


def _planting_options(decorated: Callable[..., Any]) -> Callable[..., Any]:
    """What is planted, how clearly, how often."""
    for option in reversed(
        (
            click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True),
            click.option(
                "--strength",
                type=click.Choice([each.value for each in Strength]),
                default=Strength.CLEAR.value,
                show_default=True,
                help="How large the planted effect is.",
            ),
            click.option(
                "--replicates",
                type=click.IntRange(1, _MOST_REPLICATES),
                default=1,
                show_default=True,
                help="Independent experiments of this kind in the study.",
            ),
        )
    ):
        decorated = option(decorated)
    return decorated


@options.command(
    "make",
    examples=["abgap lab make latency --out latency", "abgap lab make honest_win --out wins --replicates 20"],
)
@click.argument("name", metavar="SCENARIO")
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the study. One that was made in this way before is made anew.",
)
@_planting_options
@options.json_option
def _make(name: str, directory: Path, seed: int, strength: str, replicates: int, *, as_json: bool) -> None:
    """Write the study of a scenario: abgap.toml, logs, offline scores, and truth.json with what is planted."""
    from abgap.lab.scenarios.folder import STUDY, TRUTH, make_scenario  # noqa: PLC0415 - only for this command

    scenario = _scenario(name)
    refuse_unwritable(directory)
    make_scenario(scenario, directory, seed=seed, strength=Strength(strength), replicates=replicates)
    put_paths([directory / STUDY, directory / TRUTH], as_json=as_json)
    if not as_json:
        tell(f"{scenario.story}")
        tell(f"Diagnose it with: abgap gap --study {directory / STUDY}")


@options.command(
    "run",
    examples=[
        "abgap lab run latency",
        "abgap lab run dilution --strength barely --seed 7",
        "abgap lab run honest_win --replicates 100 --json",
        "abgap lab run several --out several",
    ],
)
@click.argument("name", metavar="SCENARIO")
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the report; the study stays in the folder `study` in it.  [default: nothing is kept]",
)
@_planting_options
@options.json_option
@options.quiet_option
def _run(
    name: str,
    directory: Path | None,
    seed: int,
    strength: str,
    replicates: int,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    """Make a scenario, diagnose it as `abgap gap` does, and show the diagnosis beside the truth."""
    from abgap.cli.progress import Progress  # noqa: PLC0415 - only for this command
    from abgap.lab.scenarios.running import run_scenario  # noqa: PLC0415

    scenario = _scenario(name)
    if directory is not None:
        refuse_unwritable(directory)
    with (
        Progress(quiet=quiet) as progress,
        run_scenario(
            scenario,
            seed=seed,
            strength=Strength(strength),
            replicates=replicates,
            progress=progress,
            place=None if directory is None else directory / "study",
        ) as (analysis, found),
    ):
        if directory is not None:
            _report(analysis, directory)
    if as_json:
        put_record("lab", _record(scenario, strength, seed, found))
        return
    from abgap.cli.lab_findings import show_diagnosed  # noqa: PLC0415 - rich is not needed for --json

    show_diagnosed(scenario, found)


@options.command(
    "kpi-trap", examples=["abgap lab kpi-trap --out trap", "abgap lab kpi-trap --out trap --seed 7"]
)
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for study, data, report, pictures and kpi-trap.md. One that was made in this way before is made anew.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=20260101,
    show_default=True,
    help="With another one, other orders are drawn.",
)
@options.json_option
@options.quiet_option
def _kpi_trap(directory: Path, seed: int, *, as_json: bool, quiet: bool) -> None:
    """Train a model, chase one metric at a time, and report what each chase gained and what it cost.

    Accuracy, recall, precision and ROC AUC are chased by weighting, by sampling and by the threshold. Every number
    comes from the files that are written: predictions, and the logs of two A/B tests.
    """
    from abgap.cli.progress import Progress  # noqa: PLC0415 - only for this command
    from abgap.lab.kpi_trap import make  # noqa: PLC0415

    refuse_unwritable(directory)
    try:
        with Progress(quiet=quiet) as progress:
            made = make(directory, seed, progress=progress)
    except OSError as error:
        raise UsageError(f"cannot write to {directory}: {error.strerror or error}") from error
    put_paths([made.study, *made.files], as_json=as_json)
    if not as_json:
        for found in made.findings:
            tell(f"{found.title}: {'shown' if found.shown else 'not shown'}")
        tell(f"Read {directory / 'kpi-trap.md'}, or look further with: abgap offline --study {made.study}")


@options.command("list", examples=["abgap lab list", "abgap lab list --json"])
@options.json_option
def _list(*, as_json: bool) -> None:
    """List scenarios, as `abgap lab` alone does."""
    _show_all(as_json=as_json)


@options.command(
    "lab",
    examples=[
        "abgap lab",
        "abgap lab run latency",
        "abgap lab make several --out several",
        "abgap lab kpi-trap --out trap",
        "abgap lab --json",
    ],
    parts={"list": _list, "make": _make, "run": _run, "kpi-trap": _kpi_trap},
)
@options.json_option
def command(*, as_json: bool) -> None:
    """List scenarios: made-up experiments in which it is known why the gain got lost, or that it did not.

    `abgap lab make` writes one as a study, `abgap lab run` diagnoses it and shows the truth beside it. `abgap lab
    kpi-trap` is an experiment of its own: one metric is chased on purpose.
    """
    _show_all(as_json=as_json)


def _show_all(*, as_json: bool) -> None:
    from abgap.lab.scenarios.registry import SCENARIOS  # noqa: PLC0415 - only for this command

    if as_json:
        put_record("scenarios", [_facts(scenario) for scenario in SCENARIOS.values()])
        return
    from abgap.cli.lab_findings import show_scenarios  # noqa: PLC0415 - rich is not needed for --json

    show_scenarios(list(SCENARIOS.values()))


def _scenario(name: str) -> Scenario:
    from abgap.cli.opening import unknown  # noqa: PLC0415 - only when there is something to do
    from abgap.lab.scenarios.registry import SCENARIOS  # noqa: PLC0415

    if name not in SCENARIOS:
        raise unknown("scenario", name, SCENARIOS, has="there are")
    return SCENARIOS[name]


def _report(analysis: Analysis, directory: Path) -> None:
    """The report of the study, as ``abgap report`` writes it."""
    from abgap.pipeline.results import make_results  # noqa: PLC0415 - only where a report is made
    from abgap.report.write import render, write_texts  # noqa: PLC0415

    try:
        files = write_texts(render(make_results(analysis)), directory)
    except OSError as error:
        raise UsageError(f"cannot write to {directory}: {error.strerror or error}") from error
    tell("\n".join(f"written: {file}" for file in files))


def _facts(scenario: Scenario) -> dict[str, object]:
    return {
        "name": scenario.name,
        "world": scenario.world,
        "reasons": list(scenario.reasons),
        "story": scenario.story,
    }


def _record(scenario: Scenario, strength: str, seed: int, found: tuple[Diagnosed, ...]) -> dict[str, object]:
    """The scenario, and of every experiment what was planted, the diagnosis, and whether they agree."""
    return {
        **_facts(scenario),
        "strength": strength,
        "seed": seed,
        "experiments": [
            {
                "planted": each.planted,
                "supported": [finding.name for finding in each.supported],
                "missed": list(each.missed),
                "false_alarms": list(each.false_alarms),
                "gap": each.gap,
            }
            for each in found
        ],
    }
