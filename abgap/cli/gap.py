"""``abgap gap``: did the offline gain reach the business?"""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, checks_of, chosen, gate
from abgap.cli.output import put_part, tell


@options.command("gap", examples=["abgap gap", "abgap gap search_v2 --json"])
@click.argument("experiment", required=False)
@options.study_option
@options.json_option
@options.quiet_option
@options.fail_on_option("never")
def command(
    experiment: str | None, study_file: Path | None, *, as_json: bool, quiet: bool, fail_on: str
) -> int:
    """Give the verdict of every offline x business pair, why lift is missing, and where along the funnel it got lost.

    EXPERIMENT shows one, with every reason that was tested and the gap budget; the default is all.
    """
    with analysis_of(study_file, quiet=quiet, in_words=not as_json) as analysis:
        names = chosen(experiment, analysis.declared)
        gaps = tuple(g for g in analysis.diagnosed.gaps if g.experiment in names)
        checks = checks_of(analysis.checks, names)
        currency = analysis.study.study.currency
    if as_json:
        put_part("gaps", gaps)
    elif gaps:
        from abgap.cli.findings import show_gaps  # noqa: PLC0415 - rich is not needed for --json

        show_gaps(gaps, checks, currency=currency, in_full=experiment is not None)
    else:
        tell("the study declares no pairs; name metrics under [gap] offline and business")
    return gate(checks, fail_on, as_json=as_json)
