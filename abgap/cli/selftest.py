"""``abgap selftest``: would the study's own tests find something where there is nothing?"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, chosen
from abgap.cli.output import put_record, tell
from abgap.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from abgap.pipeline.analysis import Analysis
    from abgap.records.selftest import Selftest
    from abgap.study.model import Engine


@options.command(
    "selftest",
    examples=[
        "abgap selftest",
        "abgap selftest --experiment search_v2 --replicates 1000",
        "abgap selftest --no-simulations --json",
    ],
)
@click.option(
    "--experiment", metavar="NAME", help="Whose units are divided. Default: the one with most units."
)
@click.option(
    "--replicates",
    type=click.IntRange(20, 10_000),
    default=200,
    show_default=True,
    help="How often the units are divided anew.",
)
@click.option(
    "--simulations",
    type=click.IntRange(5, 500),
    default=20,
    show_default=True,
    help="Simulated experiments with a planted lift.",
)
@click.option("--no-simulations", is_flag=True, help="Only divide the units of the study.")
@options.study_option
@options.json_option
@options.quiet_option
def command(
    experiment: str | None,
    replicates: int,
    simulations: int,
    study_file: Path | None,
    *,
    no_simulations: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Divide the study's own units into two arms at random, many times, and count what its tests find.

    Then logs are simulated and analysed: with a planted lift, which intervals have to hold, and with planted faults
    (duplicates, double exposure, late events, lost ids), which checks have to notice. Exit code 1 when something is not
    as it should be.
    """
    from abgap.records.selftest import failures  # noqa: PLC0415 - commands load what they need, when they run

    with analysis_of(study_file, quiet=quiet) as analysis:
        chosen(experiment, analysis.declared)
        found = _of_units(analysis, experiment, replicates, alone=no_simulations)
        engine = analysis.study.engine
    if not no_simulations:
        found = _simulated(found, simulations, engine, quiet=quiet)
    if as_json:
        put_record("selftest", found)
    else:
        from abgap.cli.selftests import show_selftest  # noqa: PLC0415 - rich is not needed for --json

        show_selftest(found)
    return _exit_code(failures(found), as_json=as_json)


def _of_units(analysis: Analysis, experiment: str | None, replicates: int, *, alone: bool) -> Selftest:
    """What comes of the study's own units. alone: whether nothing else will be tested."""
    from abgap.pipeline.selftest import SelftestRequest, compare_units, why_not  # noqa: PLC0415
    from abgap.records.selftest import Selftest  # noqa: PLC0415

    reason = why_not(analysis)
    if reason is None:
        request = SelftestRequest(experiment=experiment, draws=replicates)
        return Selftest(units=compare_units(analysis, request), reason=None)
    if alone:
        raise UsageError(reason, hint="without --no-simulations, simulated logs are tested")
    return Selftest(units=None, reason=reason)


def _simulated(found: Selftest, simulations: int, engine: Engine, *, quiet: bool) -> Selftest:
    """The same with simulated logs, analysed on an engine like that of the study."""
    from abgap.cli.progress import Progress  # noqa: PLC0415
    from abgap.lab.selftest.effects import recover_effects  # noqa: PLC0415
    from abgap.lab.selftest.faults import judge_faults  # noqa: PLC0415

    with Progress(quiet=quiet) as progress:
        effects = recover_effects(simulations, engine, progress=progress)
        return replace(found, effects=effects, faults=judge_faults(engine, progress=progress))


def _exit_code(failed: list[str], *, as_json: bool) -> ExitCode:
    if not failed:
        return ExitCode.OK
    if not as_json:
        more = f" and {len(failed) - 1:,} more" if len(failed) > 1 else ""
        tell(f"abgap: exit code 1 for {failed[0]}{more}")
    return ExitCode.GATE_FAILED
