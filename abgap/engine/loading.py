"""Opens the sources of a study: from files or a SELECT to a named relation with known columns.

Parquet stays where it is and is read by the queries. Text formats and SELECTs are read once, into a
temporary table: twice would cost more, and refused rows can only be counted when every column is converted.
Ids that a mapping names are read as text, so that leading zeros survive.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Engine, Relation
from abgap.engine.select import files_read_by, select_problem
from abgap.errors import DataError, Problem, StudyError
from abgap.records import InputSource
from abgap.sources.columns import Table, is_integer
from abgap.sources.files import SourceFiles, resolve_files
from abgap.sources.sql import Sql, comma_list, identifier, literal
from abgap.sources.trec import LAYOUTS, Layout
from abgap.study.model import Source

_REJECTED_SCANS, _REJECTED_ROWS = "abgap_rejected_scans", "abgap_rejected_rows"


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
        return _open_files(engine, files, frozenset(name.lower() for name in text))
    except DataError as error:
        raise unreadable(files, error) from error


def _open_files(engine: DuckDBEngine, files: SourceFiles, text: frozenset[str]) -> Relation:
    if files.file_format == "csv":
        return _load_csv(engine, files, text)
    if files.file_format == "trec":
        return _load_trec(engine, files)
    name = f"raw {files.name}"
    if files.file_format == "json":
        _keep(engine, name, _json_reader(engine, files, text))
    else:
        reader = f"read_parquet({files.location_list}, union_by_name = true{_partitions(files, text)})"
        engine.run(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS SELECT * FROM {reader}")
        relation = raw_relation(engine, files.name, files.files)
        return replace(relation, is_parquet=len(files.files) == len(files.locations))
    return raw_relation(engine, files.name, files.files)


def _keep(engine: DuckDBEngine, name: str, reader: str) -> None:
    engine.run(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS SELECT * FROM {reader}")


def raw_relation(
    engine: Engine, key: str, files: tuple[Path, ...], counted: InputSource | None = None
) -> Relation:
    """An opened source under the name that every engine gives it."""
    sql = identifier(f"raw {key}")
    return Relation(table=Table(key=key, columns=engine.describe(sql)), sql=sql, files=files, counted=counted)


def _partitions(files: SourceFiles, text: frozenset[str]) -> str:
    """The reader's options for columns in folder names; ids among them stay text."""
    if not files.partition_keys:
        return ", hive_partitioning = false"
    ids = [key for key in files.partition_keys if key.lower() in text]
    types = f", hive_types = {_types(ids)}" if ids else ""
    return f", hive_partitioning = true{types}"


def _types(columns: Collection[str]) -> str:
    return "{" + str(comma_list(Sql(f"{literal(column)}: VARCHAR") for column in columns)) + "}"


def _load_csv(engine: DuckDBEngine, files: SourceFiles, text: frozenset[str]) -> Relation:
    # The whole file is sniffed: a number with decimals in row 30,000 must not be refused as a wrong integer.
    # Files whose columns differ are refused by the reader (refused rows cannot be counted while matching by name).
    common = f"{files.location_list}, header = true, sample_size = -1{_partitions(files, text)}"
    seen = engine.describe(Sql(f"read_csv({common})"))
    ids = [column for column in seen if column.lower() in text - {k.lower() for k in files.partition_keys}]
    typed = f", types = {_quoted_types(ids)}" if ids else ""
    rejects = f"rejects_scan = {literal(_REJECTED_SCANS)}, rejects_table = {literal(_REJECTED_ROWS)}"
    _keep(engine, f"raw {files.name}", f"read_csv({common}{typed}, store_rejects = true, {rejects})")
    counted = _count_rejected(engine, files.name)
    return raw_relation(engine, files.name, files.files, counted)


def _load_trec(engine: DuckDBEngine, files: SourceFiles) -> Relation:
    layout, name = LAYOUTS[files.name], f"raw {files.name}"
    reader = f"{files.location_list}, header = false, auto_detect = false, columns = {{'line': 'VARCHAR'}}"
    reader += ", delim = '\x01', quote = '', escape = '', strict_mode = false"
    fields = "regexp_split_to_array(trim(line, ' \t\r'), '[ \t]+')"
    _keep(
        engine,
        f"{name}: lines",
        f"(SELECT {fields} AS f FROM read_csv({reader}) WHERE trim(line, ' \t\r') <> '')",
    )
    place = {field: i for i, field in layout.kept}[layout.number]
    most = "" if layout.most is None else f"len(f) <= {layout.most} AND "
    fits = f"(len(f) >= {len(layout.fields)} AND {most}TRY_CAST(f[{place}] AS DOUBLE) IS NOT NULL)"
    kept = ", ".join(
        f"{f'CAST(f[{i}] AS DOUBLE)' if field == layout.number else f'f[{i}]'} AS {identifier(field)}"
        for i, field in layout.kept
    )
    lines = identifier(f"{name}: lines")
    _keep(engine, name, f"(SELECT {kept} FROM {lines} WHERE {fits})")
    counts = f"count(*) FILTER ({fits}), count(*) FILTER (NOT {fits})"
    example = f"min(array_to_string(f, ' ')) FILTER (NOT {fits})"
    ((rows, rejected, line),) = engine.rows(f"SELECT {counts}, {example} FROM {lines}")
    engine.run(f"DROP TABLE {lines}")
    notes = () if line is None else (f"line {line!r}",)
    counted = InputSource(source=files.name, rows=int(rows), rejected=int(rejected), notes=notes)
    return raw_relation(engine, files.name, files.files, trec_lines(layout, counted))


def trec_lines(layout: Layout, counted: InputSource) -> InputSource:
    """The rows of a TREC file as they were counted. Raises DataError when there are none."""
    if counted.rows:
        return counted
    raise DataError(
        f"{counted.source}: no line is one of a TREC {layout.name} ({layout.shown}); bring such a file, or map the "
        "columns of another format"
    )


def _quoted_types(columns: Collection[str]) -> str:
    return "{" + str(comma_list(Sql(f"{literal(column)}: 'VARCHAR'") for column in columns)) + "}"


def _count_rejected(engine: DuckDBEngine, key: str) -> InputSource:
    rows = identifier(_REJECTED_ROWS)
    ((kept,),) = engine.rows(f"SELECT count(*) FROM {identifier(f'raw {key}')}")
    ((rejected,),) = engine.rows(f"SELECT count(DISTINCT (scan_id, file_id, line)) FROM {rows}")
    first = engine.rows(f"SELECT line, error_message FROM {rows} ORDER BY scan_id, file_id, line LIMIT 1")
    notes = tuple(f"line {line}: {str(message).splitlines()[0]}" for line, message in first)
    for name in (_REJECTED_ROWS, _REJECTED_SCANS):
        engine.run(f"DROP TABLE {identifier(name)}")
    return InputSource(source=key, rows=int(kept), rejected=int(rejected), notes=notes)


def _json_reader(engine: DuckDBEngine, files: SourceFiles, text: frozenset[str]) -> str:
    common = f"{files.location_list}, sample_size = -1, union_by_name = true{_partitions(files, text)}"
    seen = engine.describe(Sql(f"read_json({common})"))
    # An id that looks like a date or a UUID is detected as one, and would be written in another form.
    changed = {
        c for c, kind in seen.items() if c.lower() in text and kind != "VARCHAR" and not is_integer(kind)
    }
    in_files = {c: kind for c, kind in seen.items() if c not in files.partition_keys}
    if not changed & set(in_files):
        return f"read_json({common})"
    types = comma_list(
        Sql(f"{literal(c)}: {literal('VARCHAR' if c in changed else kind)}") for c, kind in in_files.items()
    )
    return f"read_json({common}, columns = {{{types}}})"


def unreadable(files: SourceFiles, error: DataError) -> DataError:
    """The sentence for files that an engine could not read."""
    names = ", ".join(path.name for path in files.files[:3]) + (", ..." if len(files.files) > 3 else "")
    if "httpfs" in error.message:
        return DataError(
            f"{files.name}: reading from a URL needs DuckDB's httpfs extension, which is not installed here; "
            "copy the files beside the study"
        )
    return DataError(
        f"{files.name}: cannot read {names} as {files.file_format}: {error.message.rstrip('. ')}; "
        "the file may be damaged or half-written: write it again, or set `format`"
    )


def _open_query(engine: DuckDBEngine, key: str, source: Source, directory: Path) -> Relation:
    where = f"{key}.query" if source.query is not None else f"{key}.query_file"
    select = query_text(source, where, directory).strip().rstrip(";")
    problem = select_problem(engine, select)
    if problem:
        raise StudyError([Problem(path=where, message=problem, hint="write one SELECT over files")])
    try:
        engine.run(f"CREATE OR REPLACE TEMP TABLE {identifier(f'raw {key}')} AS\n{select}")
    except DataError as error:
        raise DataError(f"{where}: {error.message}") from error
    return raw_relation(engine, key, files_read_by(engine, select, directory))


def query_text(source: Source, where: str, directory: Path) -> str:
    """The SELECT that a source holds or names."""
    if source.query is not None:
        return source.query
    path = directory / str(source.query_file)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise DataError(
            f"{where}: cannot read {str(source.query_file)!r} in {directory}: {reason}; "
            "the path is relative to the study file"
        ) from error
