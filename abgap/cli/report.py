"""``abgap report``: all findings as HTML, Markdown and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, gate
from abgap.cli.output import put, put_paths, refuse_unwritable
from abgap.errors import UsageError

if TYPE_CHECKING:
    from abgap.records import Results


@options.command("report", examples=["abgap report", "abgap report --study abgap.toml --out report"])
@options.study_option
@click.option(
    "--out",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("abgap-report"),
    show_default=True,
    help="Folder for report.html, report.md and results.json; made when missing.",
)
@options.json_option
@options.quiet_option
@options.fail_on_option("never")
def command(study_file: Path | None, directory: Path, *, as_json: bool, quiet: bool, fail_on: str) -> int:
    """Write report.html, report.md and results.json, and print their paths.

    Files of these names are replaced. --json prints the content of results.json instead of the paths.
    """
    results, written = make_report(study_file, directory, quiet=quiet)
    if as_json:
        from abgap.report.document import to_json  # noqa: PLC0415 - only for --json

        put(to_json(results))
    else:
        put_paths(written, as_json=False)
    return gate(results.checks, fail_on, as_json=as_json)


def make_report(study_file: Path | None, directory: Path, *, quiet: bool) -> tuple[Results, list[Path]]:
    """Analyse the study and write its report. Raises UsageError when ``directory`` cannot be written to."""
    from abgap.pipeline.results import make_results  # noqa: PLC0415 - only where a report is made
    from abgap.report.write import write_report  # noqa: PLC0415

    refuse_unwritable(directory)
    with analysis_of(study_file, quiet=quiet) as analysis:
        results = make_results(analysis)
        analysis.progress("writing the report")
        try:
            return results, write_report(results, directory)
        except OSError as error:
            raise UsageError(f"cannot write to {directory}: {error.strerror or error}") from error
