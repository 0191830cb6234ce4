"""``abgap portfolio``: all experiments together."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli.common import analysis_of, json_option, print_part, quiet_option, study_option


@click.command("portfolio")
@study_option
@json_option
@quiet_option
def command(study_file: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Count the verdicts and cross offline with business signs over all experiments.

    \b
    abgap portfolio
    """  # noqa: D301 - \b tells click to keep these lines
    with analysis_of(study_file, quiet=quiet) as analysis:
        portfolio = analysis.gaps.portfolio
    if as_json:
        print_part("portfolio", portfolio)
        return
    from abgap.cli.terminal import show_portfolio  # noqa: PLC0415 - rich is not needed for --json

    show_portfolio(portfolio)
