"""``abgap gap``: did the offline gain reach the business?"""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli.common import (
    analysis_of,
    fail_on_option,
    gate,
    json_option,
    print_part,
    quiet_option,
    study_option,
)
from abgap.errors import UsageError


@click.command("gap")
@click.argument("experiment", required=False)
@study_option
@json_option
@quiet_option
@fail_on_option("never")
def command(
    experiment: str | None, study_file: Path | None, *, as_json: bool, quiet: bool, fail_on: str
) -> int:
    """Give the verdict of every offline x business pair, and where along the funnel the effect arose or got lost.

    \b
    abgap gap
    abgap gap search_v2 --json
    """  # noqa: D301 - \b tells click to keep these lines
    with analysis_of(study_file, quiet=quiet) as analysis:
        if experiment is not None and experiment not in analysis.declared:
            raise UsageError(f"no experiment {experiment!r}; the study has: {', '.join(analysis.declared)}")
        gaps = tuple(g for g in analysis.gaps.gaps if experiment in {None, g.experiment})
        checks = tuple(c for c in analysis.checks if experiment is None or c.experiment in {None, experiment})
    if as_json:
        print_part("gaps", gaps)
    elif gaps:
        from abgap.cli.terminal import show_gaps  # noqa: PLC0415 - rich is not needed for --json

        show_gaps(gaps)
    else:
        click.echo("the study declares no pairs; name metrics under [gap] offline and business", err=True)
    return gate(checks, fail_on)
