"""``abgap export``: the moments as a file, or everything as a database that any DuckDB client opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli.common import analysis_of, atomic_write, quiet_option, study_option
from abgap.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from abgap.pipeline.analysis import Analysis


@click.command("export")
@click.argument("what", type=click.Choice(["moments", "database"]))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@study_option
@quiet_option
def command(what: str, out: Path, study_file: Path | None, *, force: bool, quiet: bool) -> None:
    """Write the moments table (.parquet or .csv), or a DuckDB database with logs, moments and findings.

    \b
    abgap export moments --out moments.parquet
    abgap export database --out study.duckdb
    """  # noqa: D301 - \b tells click to keep these lines
    if out.exists() and not force:
        raise UsageError(f"{out} is there already; name another file, or replace it with --force")
    if what == "moments" and out.suffix not in {".parquet", ".csv"}:
        raise UsageError(f"moments are written as .parquet or .csv, not {out.suffix or 'without a suffix'}")
    with analysis_of(study_file, quiet=quiet) as analysis:
        if what == "moments":
            from abgap.report.tables import moments_table  # noqa: PLC0415 - only for this

            _write_table(moments_table(analysis.moments), out)
        else:
            _write_database(analysis, out)
    click.echo(out)


def _write_table(table: pa.Table, out: Path) -> None:
    with atomic_write(out) as temporary:
        if out.suffix == ".csv":
            from pyarrow import csv  # noqa: PLC0415 - one of the two is needed

            csv.write_csv(_without_lists(table), temporary)
        else:
            from pyarrow import parquet  # noqa: PLC0415

            parquet.write_table(table, temporary)


def _without_lists(table: pa.Table) -> pa.Table:
    """CSV holds no lists: the cross moments of funnels stay in parquet."""
    from abgap.records.moments import LIST_COLUMNS  # noqa: PLC0415 - only for CSV

    return table.drop_columns(list(LIST_COLUMNS))


def _write_database(analysis: Analysis, out: Path) -> None:
    from abgap.pipeline import export  # noqa: PLC0415 - only for this
    from abgap.report.tables import moments_table, records_table  # noqa: PLC0415
    from abgap.sources.sql import identifier, literal  # noqa: PLC0415

    engine = analysis.engine
    relations = [*export.source_relations(analysis), *export.derived_relations(analysis)]
    findings = {
        "moments": moments_table(analysis.moments),
        "estimates": records_table(analysis.estimates),
        "offline": records_table(analysis.offline_rows),
        "checks": records_table(analysis.checks),
        "gaps": records_table(analysis.gaps.gaps),
    }
    with atomic_write(out) as temporary:
        # The oldest file format that this engine writes, so that clients of the version before can open it.
        engine.run(f"ATTACH {literal(str(temporary))} AS exported (STORAGE_VERSION 'v1.5.0')")
        for name in relations:
            engine.run(f"CREATE TABLE exported.{identifier(name)} AS SELECT * FROM {identifier(name)}")
        for name, table in findings.items():
            if table.num_columns:
                engine.connection.register(f"finding {name}", table)
                engine.run(
                    f"CREATE TABLE exported.{identifier(name)} AS SELECT * FROM {identifier(f'finding {name}')}"
                )
        engine.run("DETACH exported")
