"""``abgap offline``: candidate models against their baselines."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli.common import analysis_of, json_option, print_part, quiet_option, study_option
from abgap.errors import UsageError


@click.command("offline")
@study_option
@json_option
@quiet_option
def command(study_file: Path | None, *, as_json: bool, quiet: bool) -> None:
    """Compare the offline scores of every model that an experiment tried with those of its control's model.

    \b
    abgap offline
    """  # noqa: D301 - \b tells click to keep these lines
    with analysis_of(study_file, quiet=quiet) as analysis:
        if analysis.study.offline.scores is None:
            raise UsageError(
                f"{analysis.loaded.file.name}: there are no offline scores; declare [offline.scores]"
            )
        rows = analysis.offline_rows
    if as_json:
        print_part("offline", rows)
        return
    from abgap.cli.terminal import show_offline  # noqa: PLC0415 - rich is not needed for --json

    if rows:
        show_offline(rows)
    else:
        click.echo("no experiment ran two models that both have scores; see `abgap check`", err=True)
