"""What the stages ask of an engine, and the shapes of its answers.

Everything above this floor works with any engine that keeps to this; statements come from the catalogue or are
written in the portable subset of DuckDB's dialect (``portable.py``). Types are called as DuckDB calls them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import Statement
from abgap.engine.statistics import Statistics
from abgap.errors import AbgapError, DataError
from abgap.records import InputSource, QueryText
from abgap.sources.columns import Table
from abgap.sources.sql import Sql, literal
from abgap.study.model import Source

Columns: TypeAlias = dict[str, npt.NDArray[Any]]
Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """An opened source.

    sql: what stands after FROM. counted: its rows and refused rows, where they are known already. is_parquet: whether
    it is ``files`` and nothing else, all of them parquet.
    """

    table: Table
    sql: Sql
    files: tuple[Path, ...]
    counted: InputSource | None = None
    is_parquet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A column of a small table that Python brings: its type and its values, None for null."""

    type: Literal["VARCHAR", "DOUBLE", "BIGINT", "TIMESTAMP", "BOOLEAN"]
    values: Sequence[object]


class Engine(Protocol):
    """Runs statements, returns small columns, and keeps a record of what ran."""

    def __enter__(self) -> Self:
        """Use it until the block ends."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drop what it holds."""

    @property
    def record(self) -> Record:
        """The catalogue statements that ran, in DuckDB's dialect."""

    def share_done(self) -> float | None:
        """How much of the running statement is done, from 0 to 1; None when nobody knows. Any thread may ask."""

    def fetch(self, statement: Statement) -> Columns:
        """Run the statement; numbers come as float64 with NaN for null, the rest as objects with None for null."""

    def fetch_row(self, statement: Statement) -> Row:
        """Run a statement that gives one row; its values by column, None for null (a NaN stays a NaN)."""

    def create_table(self, name: str, statement: Statement) -> None:
        """Keep the statement's result as a temporary table."""

    def create_view(self, name: str, statement: Statement) -> None:
        """Give the statement a name; it is run again each time it is read."""

    def put_table(self, name: str, columns: Mapping[str, Given]) -> None:
        """Make a temporary table of values that Python has."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a small portable query."""

    def describe(self, relation: Sql) -> dict[str, str]:
        """The columns of a relation and their types, without reading its rows."""

    def type_of(self, expression: Sql, relation: Sql, *, where: str) -> str:
        """The type an expression has over a relation; DataError that names ``where`` when it has none."""

    def statistics(self, relation: Relation, columns: Sequence[str]) -> Statistics | None:
        """What the files of an opened source say of these columns of theirs; None when rows have to be read for it."""

    def open_source(self, key: str, source: Source, directory: Path, *, text: Sequence[str] = ()) -> Relation:
        """Open the source ``key`` of a study. text: columns that hold ids or names.

        Raises DataError when it cannot be read, StudyError when a ``query`` is not one SELECT.
        """


class Record:
    """The catalogue statements that an engine ran, in order, each once."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], QueryText] = {}
        self._compiled: dict[tuple[str, str], Statement] = {}

    def add(self, statement: Statement) -> None:
        """Take note of a statement that is about to run."""
        shown = "".join(
            f"SET VARIABLE {key} = {literal(value)};\n" for key, value in statement.params.items()
        )
        text = QueryText(
            name=statement.query.name,
            purpose=statement.query.purpose,
            sql=shown + statement.sql,
            template_sha256=statement.query.sha256,
        )
        self._compiled.setdefault((text.name, text.sql), statement)
        self.remember([text])

    def remember(self, texts: Iterable[QueryText]) -> None:
        """Count statements that an earlier run of the program ran among those that ran."""
        for text in texts:
            self._texts.setdefault((text.name, text.sql), text)

    @contextmanager
    def apart(self) -> Iterator[Mapping[tuple[str, str], QueryText]]:
        """Collect what runs in the block, with what ran before among it; at the end it counts as any other."""
        before, self._texts = self._texts, {}
        try:
            yield self._texts
        finally:
            ran, self._texts = self._texts, before
            self.remember(ran.values())

    @property
    def texts(self) -> tuple[QueryText, ...]:
        """What ran, with values for its parameters."""
        return tuple(self._texts.values())

    @property
    def compiled(self) -> tuple[Statement, ...]:
        """What ran in this run of the program, as it was compiled."""
        return tuple(self._compiled.values())


@contextmanager
def reading(key: str) -> Iterator[None]:
    """Say in errors of the engine which source of the study was being read."""
    try:
        yield
    except DataError as error:
        # Sentences of our own know already what they are about.
        if error.__cause__ is None or isinstance(error.__cause__, AbgapError):
            raise
        raise type(error)(f"{key}: {error.message}") from error.__cause__


def text_or_none(column: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    """A fetched column of text; one that is null throughout arrives as numbers."""
    if column.dtype == object and set(map(type, column.tolist())) <= {str, type(None)}:
        return column
    found = np.empty(len(column), dtype=object)
    found[:] = [value if isinstance(value, str) else None for value in column]
    return found
