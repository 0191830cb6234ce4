"""DuckDB as the engine: runs statements, returns small columns, keeps a record of what ran.

One connection in memory; input files are only ever read. Results come back as numpy columns or as one row,
never as rows of logs. Errors of the engine become one sentence.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import duckdb
import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import Statement
from abgap.engine.protocol import Columns, Given, Record, Relation, Row
from abgap.engine.statistics import Statistics, parquet_statistics
from abgap.engine.waiting import interruptible
from abgap.errors import DataError, EngineError, QueryError
from abgap.sources.sql import Sql, comma_list, identifier
from abgap.study.model import Source

_UNREADABLE = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.HTTPException,
)


class DuckDBEngine:
    """A private DuckDB in memory. Use it in a ``with`` statement."""

    def __init__(
        self,
        *,
        directory: Path,
        threads: int | None = None,
        memory_limit: str | None = None,
        temp_directory: str | None = None,
    ) -> None:
        """Open it; relative file names in a study's queries are relative to ``directory``."""
        settings: dict[str, Any] = {
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": False,
            "file_search_path": str(directory),
        }
        self._scratch = _make_scratch(temp_directory)
        optional = {"threads": threads, "memory_limit": memory_limit, "temp_directory": str(self._scratch)}
        settings.update({key: value for key, value in optional.items() if value is not None})
        try:
            self._connection = interruptible(lambda: _connected(settings), lambda: None, is_long=True)
        except KeyboardInterrupt:
            self._remove_scratch()
            raise
        except duckdb.Error as error:
            self._remove_scratch()
            raise EngineError(
                f"DuckDB refused its settings: {first_line(error)}; see [engine] in the study, or the options"
            ) from error
        self.record = Record()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; everything in it is gone, and so is what it wrote to the temporary folder."""
        self._connection.close()
        self._remove_scratch()

    def _remove_scratch(self) -> None:
        shutil.rmtree(self._scratch, ignore_errors=True)

    def share_done(self) -> float | None:
        """How much of the running statement is done, by the engine's own guess; None when it has none.

        It may be asked from another thread, while the connection is open.
        """
        percent = float(self._connection.query_progress())
        return percent / 100 if 0 <= percent <= 100 else None

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The connection itself, for export and for the SQL shell."""
        return self._connection

    def fetch(self, statement: Statement) -> Columns:
        """Run the statement; its result as numpy columns.

        Numbers are float64 with NaN for null; text and dates are objects with None for null.
        """
        self.record.add(statement)
        found = self.run(statement.sql, statement.params).fetchnumpy()
        # ENUM columns would come as categories; none of our queries gives one.
        return {name: _plain(column) for name, column in cast("Columns", found).items()}

    def fetch_row(self, statement: Statement) -> Row:
        """Run a statement that gives one row; its values by column, None for null (a NaN stays a NaN)."""
        self.record.add(statement)
        result = self.run(statement.sql, statement.params)
        names = [str(column[0]) for column in result.description or []]
        return dict(zip(names, result.fetchall()[0], strict=True))

    def create_table(self, name: str, statement: Statement) -> None:
        """Keep the statement's result as a temporary table."""
        self._create("TABLE", name, statement)

    def create_view(self, name: str, statement: Statement) -> None:
        """Give the statement a name; it is run again each time it is read."""
        self._create("VIEW", name, statement)

    def _create(self, what: str, name: str, statement: Statement) -> None:
        self.record.add(statement)
        self.run(f"CREATE OR REPLACE TEMP {what} {identifier(name)} AS\n{statement.sql}", statement.params)

    def put_table(self, name: str, columns: Mapping[str, Given]) -> None:
        """Make a temporary table of values that Python has."""
        lists = {f"c{i}": list(column.values) for i, column in enumerate(columns.values())}
        listed = comma_list(
            Sql(f"unnest($c{i})::{column.type} AS {identifier(title)}")
            for i, (title, column) in enumerate(columns.items())
        )
        self.run(f"CREATE OR REPLACE TEMP TABLE {identifier(name)} AS SELECT {listed}", lists)

    def run(self, sql: str, params: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run SQL made by this package; engine errors become DataError or EngineError."""
        given = dict(params) if params else None
        try:
            return interruptible(lambda: self._connection.execute(sql, given), self._connection.interrupt)
        except duckdb.Error as error:
            raise _translated(error) from error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small result."""
        return self.run(sql).fetchall()

    def describe(self, relation: Sql) -> dict[str, str]:
        """The columns of a relation and their types, without reading its rows."""
        return {str(row[0]): str(row[1]) for row in self.rows(f"DESCRIBE SELECT * FROM {relation}")}

    def type_of(self, expression: Sql, relation: Sql, *, where: str) -> str:
        """The type an expression has over a relation, found by the binder alone.

        where: the key of the study it stands in; raises DataError when the types in it do not fit together.
        """
        try:
            return str(self.rows(f"DESCRIBE SELECT {expression} FROM {relation}")[0][1])
        except DataError as error:
            raise DataError(f"{where}: {error.message}") from error

    def statistics(self, relation: Relation, columns: Sequence[str]) -> Statistics | None:
        """What the files of an opened source say of these columns of theirs; None when rows have to be read for it."""
        return parquet_statistics(self, relation, columns)

    def open_source(self, key: str, source: Source, directory: Path, *, text: Sequence[str] = ()) -> Relation:
        """Open the source ``key`` of a study. text: columns that hold ids or names."""
        from abgap.engine.loading import open_source  # noqa: PLC0415 - it needs this class

        return open_source(self, key, source, directory, text=text)


def _connected(settings: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=settings)
    connection.execute("SET TimeZone = 'UTC'")
    # Progress is counted only while its bar is enabled; the engine must not draw it.
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")
    return connection


def _plain(column: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Numbers and booleans as float64 with NaN for null; everything else as objects with None for null."""
    mask = np.ma.getmaskarray(column)
    data = np.ma.getdata(column)
    if data.dtype.kind in "iufb":
        numbers = data.astype(np.float64)
        numbers[mask] = np.nan
        return numbers
    objects = data.astype(object)
    objects[mask] = None
    return objects


def _make_scratch(parent: str | None) -> Path:
    """A folder of our own for what does not fit into memory, so that nothing of it is left whatever happens."""
    try:
        if parent is not None:
            Path(parent).mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix="abgap-", dir=parent))
    except OSError as error:
        raise EngineError(
            f"no temporary folder can be made in {parent or tempfile.gettempdir()}: {error.strerror or error}; "
            "name another one with [engine] temp_directory or --temp-directory"
        ) from error


def first_line(error: Exception) -> str:
    """The engine's message without its stack of context, and without its kind in front."""
    line = str(error).strip().splitlines()[0]
    return line.split(": ", 1)[-1] if line.split(":")[0].endswith("Error") else line


def _translated(error: duckdb.Error) -> DataError | EngineError:
    if isinstance(error, duckdb.OutOfMemoryException):
        return EngineError(
            f"DuckDB ran out of memory: {first_line(error)}; raise [engine] memory_limit or set temp_directory"
        )
    if isinstance(error, _UNREADABLE):
        return DataError(first_line(error))
    return QueryError(first_line(error))
