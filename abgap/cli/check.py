"""``abgap check``: can the data be trusted?"""

from __future__ import annotations

from pathlib import Path

from abgap.cli import options
from abgap.cli.opening import analysis_of, gate
from abgap.cli.output import put_part


@options.command("check", examples=["abgap check", "abgap check --fail-on warn --json > checks.json"])
@options.study_option
@options.json_option
@options.quiet_option
@options.fail_on_option("fail")
def command(study_file: Path | None, *, as_json: bool, quiet: bool, fail_on: str) -> int:
    """Run the data checks: sample ratio, units in two variants, rows that cannot be used, missing partners."""
    with analysis_of(study_file, quiet=quiet, in_words=not as_json) as analysis:
        checks = analysis.thorough_checks
    if as_json:
        put_part("checks", checks)
    else:
        from abgap.cli.findings import show_checks  # noqa: PLC0415 - rich is not needed for --json

        show_checks(checks)
    return gate(checks, fail_on, as_json=as_json)
