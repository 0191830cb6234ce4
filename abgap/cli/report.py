"""``abgap report``: all findings as HTML, Markdown and JSON."""

from __future__ import annotations

from pathlib import Path

import click

from abgap.cli.common import fail_on_option, gate, json_option, quiet_option, results_of, study_option


@click.command("report")
@study_option
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("abgap-report"),
    show_default=True,
    help="Folder for report.html, report.md and results.json.",
)
@json_option
@quiet_option
@fail_on_option("never")
def command(study_file: Path | None, directory: Path, *, as_json: bool, quiet: bool, fail_on: str) -> int:
    """Write report.html, report.md and results.json, and print their paths.

    --json prints the content of results.json instead of the paths.

    \b
    abgap report --study abgap.toml --out report
    """  # noqa: D301 - \b tells click to keep these lines
    from abgap.report.document import to_json  # noqa: PLC0415 - only where a report is made
    from abgap.report.write import write_report  # noqa: PLC0415

    results = results_of(study_file, quiet=quiet)
    written = write_report(results, directory)
    if as_json:
        click.echo(to_json(results), nl=False)
    else:
        for path in written:
            click.echo(path)
    return gate(results.checks, fail_on)
