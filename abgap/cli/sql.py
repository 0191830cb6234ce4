"""``abgap sql``: ad-hoc SQL over the same logs and findings, read-only and locked.

Only SELECT is accepted; when a statement runs, the engine may read the study's own files and nothing else:
no other file, no network, no extension, no setting can be reached.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli.common import analysis_of, quiet_option, study_option
from abgap.errors import AbgapError, UsageError

if TYPE_CHECKING:
    from abgap.pipeline.analysis import Analysis

FORMATS = ("table", "csv", "json", "parquet")


@click.command("sql")
@click.argument("statement", required=False)
@study_option
@click.option(
    "--format",
    "output",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to print rows.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="Write to this file (needed for parquet)."
)
@click.option(
    "--show", metavar="NAME", help="Print the compiled statement of this name; `list` names them all."
)
@quiet_option
def command(
    statement: str | None,
    study_file: Path | None,
    *,
    output: str,
    out: Path | None,
    show: str | None,
    quiet: bool,
) -> None:
    """Run one SELECT over exposures, fact tables, units, unit_outcomes, moments, estimates, offline, checks and gaps.

    Without a statement it reads statements from a prompt, or from stdin.

    \b
    abgap sql "SELECT event, count(*) FROM events GROUP BY ALL"
    abgap sql "SELECT experiment, metric, lift.estimate FROM estimates WHERE slice_name IS NULL" --format csv
    abgap sql --show cells
    """  # noqa: D301 - \b tells click to keep these lines
    if output == "parquet" and out is None:
        raise UsageError("parquet is not for a terminal; name a file with --out")
    with analysis_of(study_file, quiet=quiet) as analysis:
        if show is not None:
            click.echo(_compiled(analysis, show))
            return
        from abgap.cli.shell import Shell  # noqa: PLC0415 - not needed to show a statement

        shell = Shell(analysis)
        if statement is not None:
            _write(shell.run(statement), output, out)
        elif sys.stdin.isatty():
            _prompt(shell, output)
        else:
            _write(shell.run(sys.stdin.read()), output, out)


def _compiled(analysis: Analysis, name: str) -> str:
    """Every statement of that name as it ran for this study, ready to paste into a DuckDB client."""
    _ = analysis.gaps
    statements = analysis.engine.statements
    names = list(dict.fromkeys(s.name for s in statements))
    if name == "list":
        purposes = {s.name: s.purpose for s in statements}
        return "\n".join(f"{n:20} {purposes[n]}" for n in names)
    found = [s.sql.rstrip(";") + ";" for s in statements if s.name == name]
    if not found:
        raise UsageError(f"this study runs no statement {name!r}; it runs: {', '.join(names)}")
    return "\n\n".join(found)


def _prompt(shell: object, output: str) -> None:
    from abgap.cli.shell import Shell  # noqa: PLC0415 - the type only

    if not isinstance(shell, Shell):
        raise TypeError("not a shell")
    click.echo(f"abgap sql: {', '.join(shell.names())}. End a statement with ; and leave with \\q.", err=True)
    text = ""
    while True:
        try:
            line = input("     > " if text else "abgap> ")
        except EOFError:
            return
        if line.strip() in {"\\q", "exit", "quit"}:
            return
        text += line + "\n"
        if line.rstrip().endswith(";"):
            try:
                _write(shell.run(text), output, None)
            except AbgapError as error:
                click.echo(error.message, err=True)
            text = ""


def _write(rows: object, output: str, out: Path | None) -> None:
    from abgap.cli.rows import Rows, write_rows  # noqa: PLC0415 - only when there are rows

    if isinstance(rows, Rows):
        write_rows(rows, output, out)
