"""``abgap sql``: ad-hoc SQL over the same logs and findings, read-only and locked.

Only SELECT is accepted; when a statement runs, the engine may read the study's own files and nothing else:
no other file, no network, no extension, no setting can be reached.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of, unknown
from abgap.cli.output import is_terminal, one_line, put, refuse_existing
from abgap.errors import UsageError

if TYPE_CHECKING:
    from abgap.pipeline.analysis import Analysis

FORMATS = ("table", "csv", "json", "parquet")
DIALECTS = ("duckdb", "spark", "bigquery", "snowflake", "trino", "postgres", "clickhouse")


@options.command(
    "sql",
    examples=[
        'abgap sql "SELECT event, count(*) FROM events GROUP BY ALL"',
        'abgap sql "SELECT metric, lift.estimate FROM estimates WHERE slice_name IS NULL" --format csv',
        'abgap sql "SELECT * FROM unit_outcomes" --out units.parquet',
        "abgap sql --show list",
        "abgap sql --show cells",
        "abgap sql --show cells --dialect snowflake",
    ],
)
@click.argument("statement", required=False)
@options.study_option
@click.option(
    "--format",
    "output",
    type=click.Choice(FORMATS),
    help="How to write rows. Default: as the name of --out ends, else table.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="The same as --format json; an error is JSON on stderr too."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the rows to this file.")
@options.force_option
@click.option(
    "--dialect",
    type=click.Choice(DIALECTS),
    default="duckdb",
    show_default=True,
    help="The dialect in which --show prints the statement.",
)
@click.option(
    "--show", metavar="NAME", help="Print the compiled statement of this name; `list` names them all."
)
@options.quiet_option
def command(  # noqa: PLR0913 - one argument per option
    statement: str | None,
    study_file: Path | None,
    *,
    output: str | None,
    as_json: bool,
    out: Path | None,
    force: bool,
    dialect: str,
    show: str | None,
    quiet: bool,
) -> None:
    """Run one SELECT over exposures, fact tables, units, unit_outcomes, moments, and the findings.

    The findings are estimates, offline, checks, gaps, reasons and budget.

    Without a statement it reads statements from a prompt, or one from stdin.
    """
    form = _form(output, out, as_json=as_json)
    if out is not None:
        refuse_existing(out, force=force)
    if show is not None:
        if statement is not None or out is not None:
            raise UsageError("--show prints a statement and runs none; leave the statement and --out away")
        # What came from an earlier run is known as text only, which no other dialect can be made of.
        with analysis_of(study_file, quiet=quiet, in_engine=dialect != "duckdb") as analysis:
            put(_compiled(analysis, show, dialect) + "\n")
        return
    if dialect != "duckdb":
        raise UsageError("--dialect is how --show prints a statement; abgap runs none in it")
    asks = statement is None and is_terminal(sys.stdin)
    if asks and out is not None:
        raise UsageError("--out needs a statement: give one, or send one to stdin")
    if statement is None and not asks:
        statement = sys.stdin.read() if sys.stdin is not None else ""
    _run(statement, study_file, form, out, quiet=quiet or asks)


def _form(output: str | None, out: Path | None, *, as_json: bool) -> str:
    """The format to write: as asked for, as the file is called, or a table."""
    if as_json and output not in {None, "json"}:
        raise UsageError(f"--json and --format {output} exclude each other")
    named = out.suffix.removeprefix(".").lower() if out is not None else ""
    form = "json" if as_json else output or (named if named in FORMATS else "table")
    if form == "parquet" and out is None:
        raise UsageError("parquet is not for a terminal; name a file with --out")
    return form


def _run(statement: str | None, study_file: Path | None, form: str, out: Path | None, *, quiet: bool) -> None:
    """Run the statement, or those that are typed when there is none."""
    from abgap.cli.prompt import prompt  # noqa: PLC0415 - not needed to show a statement
    from abgap.cli.rows import write_rows  # noqa: PLC0415
    from abgap.cli.shell import Shell  # noqa: PLC0415

    with analysis_of(study_file, quiet=quiet, in_engine=True) as analysis:
        shell = Shell(analysis)
        if statement is None:
            prompt(shell, lambda rows: write_rows(rows, form, None))
        else:
            write_rows(shell.run(statement), form, out)


def _compiled(analysis: Analysis, name: str, dialect: str) -> str:
    """Every statement of that name as it ran for this study, ready to paste into a client of the dialect."""
    _ = analysis.diagnosed
    statements = analysis.engine.record.texts
    purposes = {s.name: s.purpose for s in statements}
    if name == "list":
        return "\n".join(f"{n:20} {one_line(purpose)}" for n, purpose in purposes.items())
    if name not in purposes:
        raise unknown("statement", name, purposes, has="this study runs")
    if dialect == "duckdb":
        return "\n\n".join(s.sql.rstrip(";") + ";" for s in statements if s.name == name)
    from abgap.engine.portable import carried  # noqa: PLC0415 - only where another dialect is asked for
    from abgap.engine.portable_catalogue import check_catalogue  # noqa: PLC0415

    check_catalogue()
    return "\n\n".join(carried(s, dialect) for s in analysis.engine.record.compiled if s.query.name == name)
