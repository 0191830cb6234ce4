"""``abgap report``: all findings as HTML, Markdown and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, gate
from abgap.cli.output import put, put_paths, refuse_unwritable
from abgap.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from abgap.pipeline.analysis import Analysis
    from abgap.records import Check
    from abgap.report.write import Format


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
    made = make_report(study_file, directory, quiet=quiet)
    if as_json:
        put(made.texts["json"])
    else:
        put_paths(made.files, as_json=False)
    return gate(made.checks, fail_on, as_json=as_json)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report as it was written, and the data checks in it."""

    texts: Mapping[Format, str]
    checks: Sequence[Check]
    files: Sequence[Path]


def make_report(study_file: Path | None, directory: Path, *, quiet: bool) -> Report:
    """Analyse the study and write its report. Raises UsageError when ``directory`` cannot be written to."""
    from abgap.report.write import write_texts  # noqa: PLC0415 - only where a report is made

    refuse_unwritable(directory)
    with analysis_of(study_file, quiet=quiet) as analysis:
        from abgap.pipeline.kept import whole_study  # noqa: PLC0415

        texts, checks = analysis.stages.result(whole_study(analysis.loaded), lambda: _rendered(analysis))
        try:
            return Report(texts=texts, checks=checks, files=write_texts(texts, directory))
        except OSError as error:
            raise UsageError(f"cannot write to {directory}: {error.strerror or error}") from error


def _rendered(analysis: Analysis) -> tuple[dict[Format, str], tuple[Check, ...]]:
    from abgap.pipeline.results import make_results  # noqa: PLC0415 - not needed for a report that was kept
    from abgap.report.write import render  # noqa: PLC0415

    results = make_results(analysis)
    analysis.progress("writing the report")
    return render(results), results.checks
