"""``abgap export``: the moments as a file, or everything as a database that any DuckDB client opens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from abgap.cli import options
from abgap.cli.opening import analysis_of
from abgap.cli.output import atomic_write, put_paths, refuse_existing, tell
from abgap.errors import UsageError
from abgap.records.words import listed

if TYPE_CHECKING:
    from abgap.pipeline.analysis import Analysis
    from abgap.records import Moments


@options.command(
    "export",
    examples=[
        "abgap export moments --out moments.parquet",
        "abgap export moments --out moments.csv --no-folds",
        "abgap export database --out study.duckdb",
    ],
)
@click.argument("what", type=click.Choice(["moments", "database"]))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="The file to write."
)
@click.option(
    "--no-folds",
    is_flag=True,
    help="Leave out the moments of the ten permanent folds, which cost another pass.",
)
@options.force_option
@options.study_option
@options.json_option
@options.quiet_option
def command(
    what: str,
    out: Path,
    study_file: Path | None,
    *,
    no_folds: bool,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write the moments table (.parquet or .csv), or a DuckDB database with logs, moments and findings."""
    refuse_existing(out, force=force)
    if what == "moments" and out.suffix not in {".parquet", ".csv"}:
        raise UsageError(
            f"moments are written as .parquet or .csv, and {out.name} ends with neither; name another file"
        )
    if no_folds and what != "moments":
        raise UsageError("--no-folds is for moments; a database has them with their folds")
    with (
        analysis_of(study_file, quiet=quiet, in_engine=what == "database") as analysis,
        atomic_write(out) as temporary,
    ):
        if what == "moments":
            from abgap.pipeline.moments_file import lost_in_csv, write_moments  # noqa: PLC0415 - only for this

            moments = _with_crosses(analysis, analysis.moments if no_folds else _with_folds(analysis))
            write_moments(moments, temporary, analysis.engine, analysis.data_until)
            _tell_lost(lost_in_csv(moments) if out.suffix == ".csv" else [])
        else:
            _write_database(analysis, temporary)
    put_paths([out], as_json=as_json)


def _with_folds(analysis: Analysis) -> Moments:
    found = analysis.moments_and_folds
    if analysis.folds is None and analysis.study.moments is None:
        tell("abgap: there are no folds: they are made of ids of units, and [unit_values] maps none")
    return found


def _with_crosses(analysis: Analysis, moments: Moments) -> Moments:
    """The moments, and how the metrics of the portfolio go together; moments that are brought have it already."""
    from abgap.online.moments import concatenate  # noqa: PLC0415 - only for this
    from abgap.pipeline.cross_moments import cross_moments  # noqa: PLC0415

    if analysis.study.moments is not None:
        return moments
    return concatenate([moments, cross_moments(analysis)])


def _tell_lost(columns: list[str]) -> None:
    """Say what CSV cannot hold."""
    covariates = any(column.startswith("covariate") for column in columns)
    stages = any(column.startswith("stage") for column in columns)
    lost = ["covariates that are several or of a ratio"] * covariates
    lost += ["funnels and what metrics have in common"] * stages
    if lost:
        tell(
            f"abgap: CSV holds no lists: {listed(lost)} are left out ({', '.join(columns)}); parquet keeps them"
        )


def _write_database(analysis: Analysis, path: Path) -> None:
    from abgap.cli.shell import finding_table  # noqa: PLC0415 - only for this
    from abgap.pipeline import export  # noqa: PLC0415
    from abgap.sources.sql import identifier, literal  # noqa: PLC0415

    engine = analysis.duckdb
    names = [name for name in export.relation_names(analysis.study) if name not in export.FINDINGS]
    for name in names:
        export.open_relation(analysis, name)
    # The oldest file format that this engine writes, so that clients of the version before can open it.
    engine.run(f"ATTACH {literal(str(path))} AS exported (STORAGE_VERSION 'v1.5.0')")
    try:
        for name in names:
            engine.run(f"CREATE TABLE exported.{identifier(name)} AS SELECT * FROM {identifier(name)}")
        for name in export.FINDINGS:
            table = finding_table(analysis, name)
            if table.num_columns:
                engine.connection.register(f"finding {name}", table)
                engine.run(
                    f"CREATE TABLE exported.{identifier(name)} AS SELECT * FROM {identifier(f'finding {name}')}"
                )
    finally:
        engine.run("DETACH exported")
