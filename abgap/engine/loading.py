"""Opens the sources of a study: from files or a SELECT to a named relation with known columns.

Parquet stays where it is and is read by the queries. Text formats and SELECTs are read once, into a
temporary table: twice would cost more, and refused rows can only be counted when every column is converted.
Ids that a mapping names are read as text, so that leading zeros survive.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from abgap.engine.duckdb import DuckDBEngine, first_line
from abgap.errors import DataError, Problem, QueryError, StudyError
from abgap.records import InputSource
from abgap.sources.columns import Table
from abgap.sources.files import SourceFiles, resolve_files
from abgap.sources.sql import Sql, comma_list, identifier, literal
from abgap.study.model import Source

_REJECTS = ("rejected_scans", "rejected_rows")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """An opened source. sql: what stands after FROM. counted: its rows and refused rows, where already
    known.
    """

    table: Table
    sql: Sql
    files: tuple[Path, ...]
    counted: InputSource | None = None


def open_source(
    engine: DuckDBEngine, key: str, source: Source, directory: Path, *, text: Sequence[str] = ()
) -> Relation:
    """Open ``source``, whose key in the study is ``key``. text: columns that hold ids or names.

    Raises DataError when files are missing or cannot be read, StudyError when a ``query`` is not one SELECT.
    """
    if source.path is None:
        return _open_query(engine, key, source, directory)
    files = resolve_files(key, source, directory)
    try:
        return _open_files(engine, files, text)
    except DataError as error:
        raise _unreadable(files, error) from error


def _open_files(engine: DuckDBEngine, files: SourceFiles, text: Sequence[str]) -> Relation:
    name = f"raw {files.name}"
    if files.file_format == "parquet":
        relation = _parquet(files)
        engine.run(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS SELECT * FROM {relation}")
        return _relation(engine, files.name, name, files.files)
    if files.file_format == "csv":
        return _load_csv(engine, files, name, text)
    reader = Sql(f"read_json({files.location_list}, sample_size = -1, union_by_name = true)")
    engine.run(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS SELECT * FROM {reader}")
    return _relation(engine, files.name, name, files.files)


def _parquet(files: SourceFiles) -> Sql:
    partitioned = literal(files.partitioned)
    return Sql(
        f"read_parquet({files.location_list}, union_by_name = true, hive_partitioning = {partitioned})"
    )


def _relation(
    engine: DuckDBEngine, key: str, name: str, files: tuple[Path, ...], counted: InputSource | None = None
) -> Relation:
    sql = identifier(name)
    return Relation(table=Table(key=key, columns=engine.describe(sql)), sql=sql, files=files, counted=counted)


def _load_csv(engine: DuckDBEngine, files: SourceFiles, name: str, text: Sequence[str]) -> Relation:
    # The whole file is sniffed: a number with decimals in row 30,000 must not be refused as a wrong integer.
    # Files whose columns differ are refused by the reader (refused rows cannot be counted while matching by name).
    common = f"{files.location_list}, sample_size = -1, hive_partitioning = {literal(files.partitioned)}"
    seen = engine.describe(Sql(f"read_csv({common})"))
    folded = {wanted.lower() for wanted in text}
    as_text = [column for column in seen if column.lower() in folded]
    types = comma_list(Sql(f"{literal(column)}: 'VARCHAR'") for column in as_text)
    typed = f", types = {{{types}}}" if as_text else ""
    scans, rows = _REJECTS
    reader = (
        f"read_csv({common}{typed}, store_rejects = true, rejects_scan = '{scans}', rejects_table = '{rows}')"
    )
    engine.run(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS SELECT * FROM {reader}")
    counted = _count_rejected(engine, files.name, name)
    return _relation(engine, files.name, name, files.files, counted)


def _count_rejected(engine: DuckDBEngine, key: str, name: str) -> InputSource:
    scans, rows = _REJECTS
    (kept,) = engine.rows(f"SELECT count(*) FROM {identifier(name)}")[0]
    (rejected,) = engine.rows(f"SELECT count(DISTINCT (scan_id, file_id, line)) FROM {rows}")[0]
    first = engine.rows(f"SELECT line, error_message FROM {rows} ORDER BY scan_id, file_id, line LIMIT 1")
    notes = tuple(f"line {line}: {str(message).splitlines()[0]}" for line, message in first)
    engine.run(f"DROP TABLE {rows}")
    engine.run(f"DROP TABLE {scans}")
    return InputSource(source=key, rows=int(kept), rejected=int(rejected), notes=notes)


def _unreadable(files: SourceFiles, error: DataError) -> DataError:
    names = ", ".join(path.name for path in files.files[:3]) + (", ..." if len(files.files) > 3 else "")
    if "httpfs" in error.message:
        return DataError(
            f"{files.name}: reading from a URL needs DuckDB's httpfs extension, which is not installed here; copy the files"
        )
    return DataError(
        f"{files.name}: cannot read {names} as {files.file_format}: {error.message}; "
        "the file may be damaged or half-written: write it again, or set `format`"
    )


def _open_query(engine: DuckDBEngine, key: str, source: Source, directory: Path) -> Relation:
    where = f"{key}.query"
    text = source.query
    if text is None:
        path = directory / str(source.query_file)
        where = f"{key}.query_file"
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{where}: cannot read {str(source.query_file)!r}: {error}") from error
    select = text.strip().rstrip(";")
    problem = select_problem(engine, select)
    if problem:
        raise StudyError([Problem(path=where, message=problem, hint="write one SELECT over files")])
    name = f"raw {key}"
    try:
        engine.run(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS\n{select}")
    except (DataError, QueryError) as error:
        raise DataError(f"{where}: {error.message}") from error
    return _relation(engine, key, name, _files_of(select, directory))


def select_problem(engine: DuckDBEngine, sql: str) -> str | None:
    """Why ``sql`` is not exactly one SELECT, in words, or None when it is."""
    import duckdb  # noqa: PLC0415

    try:
        statements = engine.connection.extract_statements(sql)
    except duckdb.Error as error:
        return first_line(error)
    if len(statements) != 1:
        return f"holds {len(statements)} statements, one is needed"
    if statements[0].type != duckdb.StatementType.SELECT:
        return f"is a {statements[0].type.name} statement, only SELECT is allowed"
    return None


def _files_of(select: str, directory: Path) -> tuple[Path, ...]:
    """The local files a SELECT reads, for the record of inputs."""
    import sqlglot  # noqa: PLC0415 - only for a source that is a query
    from sqlglot import expressions as exp  # noqa: PLC0415

    tree = sqlglot.parse_one(select, dialect="duckdb")
    places = {table.name for table in tree.find_all(exp.Table)}
    for call in tree.find_all(exp.ReadCSV, exp.ReadParquet, exp.Anonymous):
        places |= {str(text.this) for text in call.find_all(exp.Literal) if text.is_string}
    found = (
        Path(hit) for place in places if place for hit in glob.glob(str(directory / place), recursive=True)
    )
    return tuple(sorted({path for path in found if path.is_file()}))
