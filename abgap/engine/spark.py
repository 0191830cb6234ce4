"""Spark as the engine: the same statements, carried over by ``portable``, with the same small answers.

Rows stay where Spark has them; only moments and counts come back, through Arrow. Relations are temporary views of
the session; tables are cached, and read again from their sources when an executor is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T  # noqa: N812 - what everybody calls it

from abgap.engine.catalogue import Statement
from abgap.engine.portable import transpile
from abgap.engine.protocol import Columns, Given, Record, Relation, Row
from abgap.engine.spark_words import bases_of_moments
from abgap.engine.statistics import Statistics
from abgap.errors import DataError, EngineError, QueryError
from abgap.sources.sql import Sql
from abgap.study.model import Source

# Types of values that Python brings, for Arrow and for Spark.
_GIVEN: dict[str, tuple[pa.DataType, T.DataType]] = {
    "VARCHAR": (pa.string(), T.StringType()),
    "DOUBLE": (pa.float64(), T.DoubleType()),
    "BIGINT": (pa.int64(), T.LongType()),
    "TIMESTAMP": (pa.timestamp("us"), T.TimestampNTZType()),
    "BOOLEAN": (pa.bool_(), T.BooleanType()),
}
_TYPES: dict[type[T.DataType], str] = {
    T.StringType: "VARCHAR",
    T.BooleanType: "BOOLEAN",
    T.ByteType: "TINYINT",
    T.ShortType: "SMALLINT",
    T.IntegerType: "INTEGER",
    T.LongType: "BIGINT",
    T.FloatType: "FLOAT",
    T.DoubleType: "DOUBLE",
    T.DateType: "DATE",
    T.TimestampNTZType: "TIMESTAMP",
    T.TimestampType: "TIMESTAMP WITH TIME ZONE",
    T.NullType: "VARCHAR",
}
_IN_OUR_WORDS = {
    "ARITHMETIC_OVERFLOW": "a number is too large for its type; cast it to double first",
    "REMAINDER_BY_ZERO": "a division by zero; divide by nullif(..., 0) to take it as missing",
    "CAST_OVERFLOW": "a number is too large for the type it is cast to",
    "CAST_INVALID_INPUT": "a value cannot be read as the type it is cast to; try_cast takes it as missing",
    "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH": "files of one source differ in the type of a column",
    "CANNOT_MERGE_SCHEMAS": "files of one source differ in the type of a column; write them with one type",
}
_CLASS = re.compile(r"^(?:[a-z]\w*\.)+[A-Z]\w*: ")
_CODE = re.compile(r"\[[A-Z][A-Z0-9_.]+\]\s*")
_STATE = re.compile(r"\s*SQLSTATE: .*")


class SparkEngine:
    """A Spark session with the relations of one study. Use it in a ``with`` statement."""

    def __init__(self, session: SparkSession, *, stop: bool = True) -> None:
        """Work in ``session``. stop: end it at the end, not only what was made in it."""
        self._session = session
        self._stop = stop
        self.record = Record()
        self._views: set[str] = set()
        self._kept: dict[str, DataFrame] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop all that was made; end the session when it is ours."""
        if self._stop:
            self._session.stop()
            return
        for frame in self._kept.values():
            frame.unpersist()
        for name in self._views:
            self._session.sql(f"DROP VIEW IF EXISTS {quoted(name)}")

    @property
    def session(self) -> SparkSession:
        """The session itself, for loading."""
        return self._session

    def share_done(self) -> float | None:
        """How much of the running stages is done, by their tasks; None between statements, and on Spark Connect."""
        try:
            tracker = self._session.sparkContext.statusTracker()
            stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        except (PySparkException, Py4JError):
            return None
        known = [stage for stage in stages if stage is not None and stage.numTasks]
        tasks = sum(stage.numTasks for stage in known)
        return sum(stage.numCompletedTasks for stage in known) / tasks if known else None

    def fetch(self, statement: Statement) -> Columns:
        """Run the statement; its result as numpy columns."""
        found = self._answer(self._statement(statement))
        return {name: _plain(found.column(name)) for name in found.column_names}

    def fetch_row(self, statement: Statement) -> Row:
        """Run a statement that gives one row; its values by column."""
        row: Row = self._answer(self._statement(statement)).to_pylist()[0]
        return row

    def create_table(self, name: str, statement: Statement) -> None:
        """Keep the statement's result, in memory and on disk, once it is read."""
        self.keep(name, self._statement(statement))

    def create_view(self, name: str, statement: Statement) -> None:
        """Give the statement a name; it is run again each time it is read."""
        self.show(name, self._statement(statement))

    def put_table(self, name: str, columns: Mapping[str, Given]) -> None:
        """Make a temporary table of values that Python has."""
        kinds = {title: _GIVEN[column.type] for title, column in columns.items()}
        # The schema is given, because Spark Connect cannot find that of a table without rows.
        schema = T.StructType([T.StructField(title, kind) for title, (_, kind) in kinds.items()])
        arrays = [pa.array(column.values, kinds[title][0]) for title, column in columns.items()]
        frame = self._session.createDataFrame(pa.table(arrays, names=list(columns)), schema)
        self.show(name, frame)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small portable query."""
        found = self._answer(self._frame(sql, {}, where="a query"))
        return list(zip(*(column.to_pylist() for column in found.columns), strict=True))

    def describe(self, relation: Sql) -> dict[str, str]:
        """The columns of a relation and their types, called as DuckDB calls them."""
        schema = self._frame(f"SELECT * FROM {relation}", {}, where="a query").schema
        return {field.name: type_name(field.dataType) for field in schema.fields}

    def type_of(self, expression: Sql, relation: Sql, *, where: str) -> str:
        """The type an expression has over a relation. where: the key of the study it stands in."""
        text = transpile(f"SELECT {expression} AS value FROM {relation}", "spark", where=where)
        self._refuse_moments_of_local_times(expression, relation, where)
        try:
            with sentences():
                return type_name(self._session.sql(text).schema.fields[0].dataType)
        except DataError as error:
            raise DataError(f"{where}: {error.message}") from error

    def statistics(self, relation: Relation, columns: Sequence[str]) -> Statistics | None:  # noqa: ARG002
        """None: Spark has no words to ask for them."""
        return None

    def _refuse_moments_of_local_times(self, expression: Sql, relation: Sql, where: str) -> None:
        """Refuse AT TIME ZONE over a time without a zone: a moment, which ``spark_words`` takes for a local time."""
        for base in bases_of_moments(str(expression)):
            sql = transpile(f"SELECT {base} AS value FROM {relation}", "spark", where=where)
            with sentences():
                kind = self._session.sql(sql).schema.fields[0].dataType
            if not isinstance(kind, T.TimestampType):
                raise QueryError(
                    f"{where}: {base} has no zone, and what AT TIME ZONE makes of it is read differently by Spark; "
                    "leave AT TIME ZONE away, and set the study's `timezone`"
                )

    def open_source(self, key: str, source: Source, directory: Path, *, text: Sequence[str] = ()) -> Relation:
        """Open the source ``key`` of a study. text: columns that hold ids or names."""
        from abgap.engine.spark_loading import open_source  # noqa: PLC0415 - it needs this class

        return open_source(self, key, source, directory, text=text)

    def keep(self, name: str, frame: DataFrame) -> None:
        """Name a frame, and cache it."""
        before = self._kept.pop(name, None)
        self._kept[name] = frame.persist()
        self.show(name, frame)
        # What is opened twice is one cache to Spark: dropping the first would drop the second.
        if before is not None and not before.sameSemantics(frame):
            before.unpersist()

    def show(self, name: str, frame: DataFrame) -> None:
        """Name a frame."""
        with sentences():
            frame.createOrReplaceTempView(quoted(name))
        self._views.add(name)

    def _statement(self, statement: Statement) -> DataFrame:
        self.record.add(statement)
        where = f"the statement {statement.query.name!r}"
        return self._frame(statement.sql, statement.params, where=where)

    def _frame(self, sql: str, params: Mapping[str, Any], *, where: str) -> DataFrame:
        text = transpile(sql, "spark", where=where)
        with sentences():
            return self._session.sql(text, args=dict(params)) if params else self._session.sql(text)

    def _answer(self, frame: DataFrame) -> pa.Table:
        with sentences():
            return frame.toArrow()


def quoted(name: str) -> str:
    """An identifier as Spark quotes it."""
    return "`" + name.replace("`", "``") + "`"


def type_name(kind: T.DataType) -> str:
    """A type as DuckDB calls it."""
    if isinstance(kind, T.DecimalType):
        return f"DECIMAL({kind.precision},{kind.scale})"
    if isinstance(kind, T.ArrayType):
        return f"{type_name(kind.elementType)}[]"
    return _TYPES.get(type(kind), kind.simpleString().upper())


def _plain(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    """Numbers and booleans as float64 with NaN for null; everything else as objects with None for null."""
    kind = column.type
    if pa.types.is_boolean(kind):
        column, kind = column.cast(pa.int8()), pa.int8()
    if (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    ):
        return np.array(column.cast(pa.float64()).to_numpy(), dtype=np.float64)
    if pa.types.is_date(kind):
        # As DuckDB hands over dates: as midnight.
        column = column.cast(pa.timestamp("us"))
    objects = np.empty(len(column), dtype=object)
    objects[:] = column.to_pylist()
    return objects


@contextmanager
def sentences() -> Iterator[None]:
    """Errors of Spark as one sentence of ours."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        raise _translated(error) from error


def _translated(error: Exception) -> DataError | EngineError:
    text = str(error).strip()
    if "OutOfMemoryError" in text:
        return EngineError("Spark ran out of memory; raise [engine] memory_limit, or use more executors")
    if "TIMESTAMP(NANOS" in text:
        return DataError("Spark reads no timestamps of nanoseconds; write them with microseconds")
    message = next((ours for code, ours in _IN_OUR_WORDS.items() if f"[{code}" in text), None) or _sentence(
        text
    )
    return QueryError(message) if isinstance(error, AnalysisException) else DataError(message)


def _sentence(text: str) -> str:
    """Spark's own words without codes: those of the last cause that has a code, else of the last, else the first."""
    lines = [line for line in text.splitlines() if line.strip()]
    causes = [line.partition("Caused by: ")[2] for line in lines if line.startswith("Caused by: ")]
    with_code = [line for line in causes if _CODE.search(line)] or [
        line for line in lines if _CODE.search(line)
    ]
    line = [*lines[:1], *causes[-1:], *with_code[-1:]][-1] if lines else "no reason given"
    found = _CODE.search(line)
    plain = line[found.end() :] if found else _CLASS.sub("", line)
    return _STATE.sub("", plain).strip().rstrip(".")
