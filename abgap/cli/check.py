"""``abgap check``: can the data be trusted?"""

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


@click.command("check")
@study_option
@json_option
@quiet_option
@fail_on_option("fail")
def command(study_file: Path | None, *, as_json: bool, quiet: bool, fail_on: str) -> int:
    """Run the data checks: sample ratio, units in two variants, rows that cannot be used, missing partners.

    \b
    abgap check
    abgap check --fail-on warn --json > checks.json
    """  # noqa: D301 - \b tells click to keep these lines
    with analysis_of(study_file, quiet=quiet) as analysis:
        checks = analysis.checks
    if as_json:
        print_part("checks", checks)
    else:
        from abgap.cli.terminal import show_checks  # noqa: PLC0415 - rich is not needed for --json

        show_checks(checks)
    return gate(checks, fail_on)
