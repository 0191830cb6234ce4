"""Opens the sources of a study with Spark's own readers, so that a cluster reads them and not this process.

The rules are those of ``loading``: files of one source are joined by column names, ids that a mapping names are
text, folders named ``key=value`` give columns, text files are read once, and refused rows are counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import sqlglot
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everybody calls it
from pyspark.sql import types as T  # noqa: N812
from sqlglot import exp
from sqlglot.errors import SqlglotError

from abgap.engine.loading import query_text
from abgap.engine.protocol import Relation
from abgap.engine.spark import SparkEngine, quoted, sentences
from abgap.errors import DataError, Problem, StudyError
from abgap.records import InputSource
from abgap.sources.columns import Table
from abgap.sources.files import SourceFiles, resolve_files
from abgap.sources.sql import identifier
from abgap.study.model import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrameReader

_REFUSED = "abgap: refused line"
_SEPARATORS = ",;\t|"
# Functions of Spark that run code or read what their arguments say.
_REACHING = frozenset({"java_method", "reflect", "try_reflect", "read_files", "http_request"})


def open_source(
    engine: SparkEngine, key: str, source: Source, directory: Path, *, text: Sequence[str] = ()
) -> Relation:
    """Open ``source``, whose key in the study is ``key``. text: columns that hold ids or names.

    Raises DataError when files are missing or cannot be read, StudyError when a ``query`` is not one SELECT.
    """
    if source.path is None:
        return _open_query(engine, key, source, directory)
    files = resolve_files(key, source, directory)
    try:
        with sentences():
            return _open_files(engine, files, frozenset(name.lower() for name in text), directory)
    except DataError as error:
        names = ", ".join(path.name for path in files.files[:3]) + (", ..." if len(files.files) > 3 else "")
        raise DataError(
            f"{key}: cannot read {names} as {files.file_format}: {error.message.rstrip('. ')}; "
            "the file may be damaged or half-written: write it again, or set `format`"
        ) from error


def _open_files(engine: SparkEngine, files: SourceFiles, text: frozenset[str], directory: Path) -> Relation:
    name, counted = f"raw {files.name}", None
    reader = engine.session.read
    if files.partition_keys:
        reader = reader.option("basePath", str(_base(files, directory)))
    frame = _READERS[files.file_format](reader, files, text)
    frame = frame.select([_typed_partition(column, files, text) for column in frame.columns])
    if files.file_format == "parquet":
        engine.show(name, frame)
    elif files.file_format == "json":
        engine.keep(name, frame)
    else:
        counted = _count_refused(engine, files.name, frame)
    return _relation(engine, files.name, files.files, counted)


def _relation(
    engine: SparkEngine, key: str, files: tuple[Path, ...], counted: InputSource | None = None
) -> Relation:
    sql = identifier(f"raw {key}")
    return Relation(table=Table(key=key, columns=engine.describe(sql)), sql=sql, files=files, counted=counted)


def _paths(files: SourceFiles) -> list[str]:
    """What Spark is given: URLs as they are, local files by their names, which are no patterns."""
    urls = [place for place in files.locations if "://" in place]
    return [*urls, *(_escaped(str(file)) for file in files.files)]


def _escaped(path: str) -> str:
    return "".join(f"\\{letter}" if letter in "{}[]*?\\" else letter for letter in path)


def _base(files: SourceFiles, directory: Path) -> Path:
    """The folder below which folders' names are columns."""
    first = files.files[0]
    below = first.relative_to(directory) if first.is_relative_to(directory) else first
    plain = next(i for i, part in enumerate(below.parts) if "=" in part)
    return directory.joinpath(*below.parts[:plain])


def _read_parquet(reader: DataFrameReader, files: SourceFiles, _: frozenset[str]) -> DataFrame:
    return reader.option("mergeSchema", "true").parquet(*_paths(files))


def _read_json(reader: DataFrameReader, files: SourceFiles, text: frozenset[str]) -> DataFrame:
    reader = reader.option("multiLine", str(_is_array(files)).lower()).option("inferTimestamp", "true")
    return reader.schema(_with_text(reader.json(_paths(files)).schema, text)).json(_paths(files))


def _read_csv(reader: DataFrameReader, files: SourceFiles, text: frozenset[str]) -> DataFrame:
    # Quotes may hold line ends, as they may on DuckDB; two quotes in quotes are one.
    for key, value in {
        "header": "true",
        "multiLine": "true",
        "escape": '"',
        "sep": _separator(files),
    }.items():
        reader = reader.option(key, value)
    schema = _with_text(reader.option("inferSchema", "true").csv(_paths(files)).schema, text)
    reader = reader.option("enforceSchema", "false").option("columnNameOfCorruptRecord", _REFUSED)
    return reader.schema(T.StructType([*schema.fields, T.StructField(_REFUSED, T.StringType())])).csv(
        _paths(files)
    )


_READERS: dict[str, Callable[[DataFrameReader, SourceFiles, frozenset[str]], DataFrame]] = {
    "parquet": _read_parquet,
    "json": _read_json,
    "csv": _read_csv,
}


def _with_text(schema: T.StructType, text: frozenset[str]) -> T.StructType:
    """The schema with ids and names as text, so that leading zeros survive."""
    return T.StructType(
        [
            T.StructField(f.name, T.StringType() if f.name.lower() in text else f.dataType)
            for f in schema.fields
        ]
    )


def _first_text(files: SourceFiles) -> str:
    """The beginning of the first local file, empty when there is none that is plain text."""
    if not files.files or files.files[0].suffix.lower() in {".gz", ".zst"}:
        return ""
    with files.files[0].open(encoding="utf-8", errors="replace") as stream:
        return stream.readline(65_536)


def _is_array(files: SourceFiles) -> bool:
    return _first_text(files).lstrip().startswith("[")


def _separator(files: SourceFiles) -> str:
    header = _first_text(files)
    return max(_SEPARATORS, key=header.count)


def _typed_partition(column: str, files: SourceFiles, text: frozenset[str]) -> Column:
    """A column of a folder's name is a whole number or a date when all its values are, else text."""
    found = F.col(quoted(column))
    if column not in files.partition_keys:
        return found
    if column.lower() in text:
        return found.cast("string")
    return found.cast(_partition_type([_in_path(file, column) for file in files.files])).alias(column)


def _in_path(file: Path, key: str) -> str:
    return next((unquote(part.split("=", 1)[1]) for part in file.parts if part.startswith(f"{key}=")), "")


def _partition_type(values: Sequence[str]) -> str:
    if all(value.removeprefix("-").isdigit() for value in values):
        return "bigint"
    return "date" if all(_is_date(value) for value in values) else "string"


def _is_date(value: str) -> bool:
    try:
        return dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _count_refused(engine: SparkEngine, key: str, frame: DataFrame) -> InputSource:
    """Keep the lines that fit; count those that do not."""
    engine.keep(f"raw {key}: all lines", frame)
    refused = F.col(quoted(_REFUSED))
    engine.show(f"raw {key}", frame.where(refused.isNull()).drop(refused))
    counts = frame.agg(F.count(F.lit(1)), F.count(refused), F.min(refused)).toArrow().to_pylist()[0]
    rows, rejected, example = counts.values()
    notes = (f"line {example!r}",) if example is not None else ()
    return InputSource(source=key, rows=int(rows) - int(rejected), rejected=int(rejected), notes=notes)


# --- queries ----------------------------------------------------------------------------------------------------------


def _open_query(engine: SparkEngine, key: str, source: Source, directory: Path) -> Relation:
    where = f"{key}.query" if source.query is not None else f"{key}.query_file"
    select = query_text(source, where, directory).strip().rstrip(";")
    problem = _select_problem(select)
    if problem:
        hint = "write one SELECT of Spark SQL over tables or files (parquet.`/data/x`)"
        raise StudyError([Problem(path=where, message=problem, hint=hint)])
    try:
        with sentences():
            engine.keep(f"raw {key}", engine.session.sql(select))
            return _relation(engine, key, ())
    except DataError as error:
        raise DataError(f"{where}: {error.message}") from error


def _select_problem(sql: str) -> str | None:
    """Why ``sql`` is not exactly one SELECT that only reads, or None when it is."""
    try:
        statements = sqlglot.parse(sql, dialect="spark")
    except SqlglotError as error:
        return f"it is no SQL that Spark reads ({str(error).splitlines()[0]})"
    if len(statements) != 1:
        return f"it holds {len(statements)} statements, one is needed"
    tree = statements[0]
    if not isinstance(tree, exp.Query) or tree.find(exp.DML, exp.DDL, exp.Command):
        return "it is no SELECT, only SELECT is allowed"
    named = (node.name.lower() for node in tree.find_all(exp.Anonymous))
    reaching = sorted(_REACHING.intersection(named))
    return f"it calls {reaching[0]!r}, which is not allowed" if reaching else None
