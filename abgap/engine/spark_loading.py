"""Opens the sources of a study with Spark's own readers, so that a cluster reads them and not this process.

The rules are those of ``loading``: files of one source are joined by column names, ids that a mapping names are
text, folders named ``key=value`` give columns, text files are read once, and refused rows are counted.
"""

from __future__ import annotations

import datetime as dt
import gzip
import re
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote

import sqlglot
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812 - what everybody calls it
from pyspark.sql import types as T  # noqa: N812
from sqlglot import exp
from sqlglot.errors import SqlglotError

from abgap.engine.loading import query_text, raw_relation, trec_lines, unreadable
from abgap.engine.parquet_notes import int96_columns
from abgap.engine.protocol import Relation
from abgap.engine.spark import SparkEngine, quoted, sentences
from abgap.errors import DataError, Problem, StudyError
from abgap.records import InputSource
from abgap.sources.files import SourceFiles, resolve_files
from abgap.sources.trec import LAYOUTS
from abgap.study.model import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrameReader

_REFUSED = "abgap: refused line"
# What a folder is called that has no value for its column.
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_BEGINNING = 65_536
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
        raise unreadable(files, error) from error


def _open_files(engine: SparkEngine, files: SourceFiles, text: frozenset[str], directory: Path) -> Relation:
    name, counted = f"raw {files.name}", None
    if files.file_format == "trec":
        return _load_trec(engine, files)
    frames = [_read(engine, files, paths, text, base) for base, paths in _groups(files, directory)]
    frame = reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), frames)
    frame = frame.select([_typed_partition(column, files, text) for column in frame.columns])
    if files.file_format == "parquet":
        engine.show(name, frame)
    elif files.file_format == "json":
        engine.keep(name, frame)
    else:
        counted = _count_refused(engine, files.name, frame)
    return raw_relation(engine, files.name, files.files, counted)


def _load_trec(engine: SparkEngine, files: SourceFiles) -> Relation:
    layout = LAYOUTS[files.name]
    places = [_escaped(str(file)) for file in files.files] or list(files.locations)
    line = F.regexp_replace(F.col("value"), r"^[ \t\r]+|[ \t\r]+$", "")
    lines = engine.session.read.text(places).select(line.alias("line")).where("line <> ''")
    fields = F.split("line", r"[ \t]+")
    columns = {field: F.get(fields, i - 1) for i, field in layout.kept}
    columns[layout.number] = columns[layout.number].try_cast("double")
    count = F.size(fields)
    fits = (
        (count >= len(layout.fields)) & (count <= (layout.most or count)) & columns[layout.number].isNotNull()
    )
    refused = F.when(~fits, F.regexp_replace("line", r"[ \t]+", " ")).alias(_REFUSED)
    frame = lines.select(*(column.alias(field) for field, column in columns.items()), refused)
    counted = trec_lines(layout, _count_refused(engine, files.name, frame))
    return raw_relation(engine, files.name, files.files, counted)


def _groups(files: SourceFiles, directory: Path) -> list[tuple[str | None, list[Path | str]]]:
    """The places to read, together where Spark can read them together: below one folder, text under one header."""
    groups: dict[tuple[str | None, str], list[Path | str]] = {}
    for url in (place for place in files.locations if "://" in place):
        groups.setdefault((None, "://"), []).append(url)
    for file in files.files:
        base = str(_base(file, directory)) if files.partition_keys else None
        header = _beginning(file).split("\n", 1)[0] if files.file_format == "csv" else ""
        groups.setdefault((base, header), []).append(file)
    return [(base, places) for (base, _), places in groups.items()]


def _read(
    engine: SparkEngine,
    files: SourceFiles,
    places: Sequence[Path | str],
    text: frozenset[str],
    base: str | None,
) -> DataFrame:
    reader = engine.session.read
    if base is not None:
        reader = reader.option("basePath", base)
    paths = [place if isinstance(place, str) else _escaped(str(place)) for place in places]
    first = next((place for place in places if isinstance(place, Path)), None)
    return _READERS[files.file_format](reader, paths, text, first)


def _escaped(path: str) -> str:
    return "".join(f"\\{letter}" if letter in "{}[]*?\\" else letter for letter in path)


def _base(file: Path, directory: Path) -> Path:
    """The folder below which folders' names are columns."""
    below = file.relative_to(directory) if file.is_relative_to(directory) else file
    plain = next((i for i, part in enumerate(below.parts) if "=" in part), len(below.parts) - 1)
    return directory.joinpath(*below.parts[:plain])


def _read_parquet(
    reader: DataFrameReader, paths: list[str], _: frozenset[str], first: Path | None
) -> DataFrame:
    frame = reader.option("mergeSchema", "true").parquet(*paths)
    # The old form of times knows of no zone; Spark reads it as if it did.
    old = set() if first is None else int96_columns(first)
    columns = {name: F.col(quoted(name)) for name in frame.columns}
    return frame.select([c.cast("timestamp_ntz").alias(n) if n in old else c for n, c in columns.items()])


def _read_json(
    reader: DataFrameReader, paths: list[str], text: frozenset[str], first: Path | None
) -> DataFrame:
    is_array = first is not None and _beginning(first).lstrip().startswith("[")
    for key, value in {"multiLine": is_array, "inferTimestamp": True, "mode": "FAILFAST"}.items():
        reader = reader.option(key, str(value).lower())
    return reader.schema(_with_text(reader.json(paths).schema, text)).json(paths)


def _read_csv(
    reader: DataFrameReader, paths: list[str], text: frozenset[str], first: Path | None
) -> DataFrame:
    # Quotes may hold line ends, as they may on DuckDB; two quotes in quotes are one.
    for key, value in {
        "header": "true",
        "multiLine": "true",
        "escape": '"',
        "sep": "," if first is None else _separator(_beginning(first)),
    }.items():
        reader = reader.option(key, value)
    schema = _with_text(reader.option("inferSchema", "true").csv(paths).schema, text)
    reader = reader.option("enforceSchema", "false").option("columnNameOfCorruptRecord", _REFUSED)
    return reader.schema(T.StructType([*schema.fields, T.StructField(_REFUSED, T.StringType())])).csv(paths)


_Reader: TypeAlias = "Callable[[DataFrameReader, list[str], frozenset[str], Path | None], DataFrame]"
_READERS: dict[str, _Reader] = {"parquet": _read_parquet, "json": _read_json, "csv": _read_csv}


def _with_text(schema: T.StructType, text: frozenset[str]) -> T.StructType:
    """The schema with ids and names as text, so that leading zeros survive, and whole numbers of 64 bits.

    Times that Spark sees a zone in stay text too: it would put UTC where some of them have none.
    """

    def kind(field: T.StructField) -> T.DataType:
        if field.name.lower() in text or isinstance(field.dataType, T.TimestampType):
            return T.StringType()
        return T.LongType() if isinstance(field.dataType, T.IntegerType) else field.dataType

    return T.StructType([T.StructField(field.name, kind(field)) for field in schema.fields])


def _beginning(file: Path) -> str:
    """The first characters of a text file, compressed by gzip or not; empty when it is compressed otherwise."""
    if file.suffix.lower() == ".zst":
        return ""
    opened = gzip.open if file.suffix.lower() == ".gz" else open
    with opened(file, "rt", encoding="utf-8-sig", errors="replace") as stream:
        return str(stream.read(_BEGINNING))


def _separator(beginning: str) -> str:
    """The separator that a header has most of, outside of quotes."""
    header = re.sub(r'"[^"]*"', "", beginning.split("\n", 1)[0])
    return max(_SEPARATORS, key=header.count)


def _typed_partition(column: str, files: SourceFiles, text: frozenset[str]) -> Column:
    """A column of a folder's name is a whole number or a date when all its values are, else text."""
    found = F.col(quoted(column))
    if column not in files.partition_keys:
        return found
    if column.lower() in text:
        return found.cast("string")
    values = [_in_path(file, column) for file in files.files]
    return found.cast(_partition_type([value for value in values if value != _NO_VALUE])).alias(column)


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
            return raw_relation(engine, key, ())
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
    if tree.find(exp.QueryTransform):
        return "it runs a program with TRANSFORM, which is not allowed"
    named = (node.name.lower() for node in tree.find_all(exp.Anonymous))
    reaching = sorted(_REACHING.intersection(named))
    return f"it calls {reaching[0]!r}, which is not allowed" if reaching else None
