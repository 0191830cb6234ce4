"""``abgap selftest``: would the study's own tests find something where there is nothing?"""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, chosen
from abgap.cli.output import put_record, tell
from abgap.errors import ExitCode


@options.command(
    "selftest",
    examples=[
        "abgap selftest",
        "abgap selftest --experiment search_v2 --replicates 1000",
        "abgap selftest --json",
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
@options.study_option
@options.json_option
@options.quiet_option
def command(
    experiment: str | None, replicates: int, study_file: Path | None, *, as_json: bool, quiet: bool
) -> int:
    """Divide the study's own units into two arms at random, many times, and count what its tests find.

    Nothing may be found more often than alpha says. Exit code 1 when a metric is found too often.
    """
    from abgap.pipeline.selftest import SelftestRequest, failures, selftest  # noqa: PLC0415

    with analysis_of(study_file, quiet=quiet) as analysis:
        chosen(experiment, analysis.declared)
        found = selftest(analysis, SelftestRequest(experiment=experiment, draws=replicates))
    if as_json:
        put_record("selftest", found)
    else:
        from abgap.cli.selftests import show_selftest  # noqa: PLC0415 - rich is not needed for --json

        show_selftest(found)
    return _exit_code(failures(found), as_json=as_json)


def _exit_code(failed: list[str], *, as_json: bool) -> ExitCode:
    if not failed:
        return ExitCode.OK
    if not as_json:
        more = f" and {len(failed) - 1:,} more" if len(failed) > 1 else ""
        tell(f"abgap: exit code 1 for {failed[0]}{more}")
    return ExitCode.GATE_FAILED
