"""A locked SQL session over one study.

Relations appear when a statement names them: logs as views, what is made of them, and the findings as
tables. Before the first statement of a user runs, the engine is locked: it can read the files of the study
and nothing else. A statement runs when it is one SELECT that changes nothing and calls only table functions
that are known to read what they are given.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from abgap.cli.rows import Rows
from abgap.engine.duckdb import first_line
from abgap.engine.select import select_problem, tables_of
from abgap.engine.waiting import interruptible
from abgap.errors import DataError, QueryError
from abgap.pipeline import export
from abgap.pipeline.analysis import Analysis
from abgap.report.tables import budget_table, moments_table, reasons_table, records_table
from abgap.sources.sql import comma_list, literal

_BATCH_ROWS = 50_000
_FILE = "Cannot access file "


class Shell:
    """Runs SELECT statements of a user over one study."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._made: set[str] = set()
        self._locked = False

    def names(self) -> list[str]:
        """What can be queried."""
        return export.relation_names(self._analysis.study)

    def is_whole(self, text: str) -> bool:
        """Whether ``text`` ends outside of quotes and comments; it may be wrong otherwise."""
        try:
            self._analysis.duckdb.connection.extract_statements(text)
        except duckdb.Error as error:
            return "unterminated" not in str(error)
        return True

    def run(self, statement: str) -> Rows:
        """The rows of one SELECT. Raises QueryError when it is something else, or fails."""
        if not statement.strip():
            raise QueryError("sql: there is no statement; write one SELECT")
        problem = select_problem(self._analysis.duckdb, statement)
        if problem:
            raise QueryError(f"sql: {problem}")
        if statement.lower().rstrip("; \n\t").split() == ["show", "tables"]:
            names = pa.table({"name": self.names()})
            return Rows(schema=names.schema, batches=iter(names.to_batches()))
        self._prepare(statement)
        self._analysis.progress("running the statement")
        connection = self._analysis.duckdb.connection
        reader = self._wait_for(lambda: connection.sql(statement).to_arrow_reader(_BATCH_ROWS))
        return Rows(schema=reader.schema, batches=self._read(reader))

    def _read(self, reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
        while (batch := self._wait_for(lambda: next(reader, None))) is not None:
            yield batch

    def _wait_for(self, work: Callable[[], Any]) -> Any:
        """The engine's work, ended by Ctrl-C: Arrow does not ask for signals."""
        try:
            return interruptible(work, self._analysis.duckdb.connection.interrupt)
        except (duckdb.Error, pa.ArrowException) as error:
            raise self._explained(error) from error

    def _prepare(self, statement: str) -> None:
        if not self._locked:
            self._lock()
        self._open({name.lower() for name in tables_of(self._analysis.duckdb, statement)})

    def _open(self, named: set[str]) -> None:
        analysis = self._analysis
        for name in sorted(named - self._made):
            if name in export.FINDINGS:
                analysis.duckdb.connection.register(name, finding_table(analysis, name))
            else:
                export.open_relation(analysis, name)
            self._made.add(name)

    def _lock(self) -> None:
        # Relations are opened when they are named, and opening them reads the study's files: those stay allowed.
        places = comma_list(literal(place) for place in export.places(self._analysis))
        for setting in (
            f"SET allowed_paths = [{places}]",
            "SET enable_external_access = false",
            "SET lock_configuration = true",
        ):
            self._analysis.duckdb.run(setting)
        self._locked = True

    def _explained(self, error: Exception) -> DataError:
        """The engine's error in a sentence, with what it knows to help."""
        message = first_line(error)
        if message.startswith(_FILE):
            name = message.removeprefix(_FILE).split('"')[1]
            return QueryError(f"sql: {name!r} is not a file of the study; only those can be read")
        if "Table with name" in message:
            return QueryError(f"sql: {message.rstrip('!')}; {self._nearest(message)}")
        candidates = [line for line in str(error).splitlines() if line.startswith("Candidate bindings")]
        return QueryError("; ".join([f"sql: {message}", *candidates[:1]]))

    def _nearest(self, message: str) -> str:
        wanted = message.split("Table with name ", 1)[1].split(" ", 1)[0].strip('"')
        near = difflib.get_close_matches(wanted.lower(), self.names(), n=1)
        return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(self.names())}"


def finding_table(analysis: Analysis, name: str) -> pa.Table:
    """A finding of the study as an Arrow table."""
    match name:
        case "moments":
            return moments_table(analysis.moments_and_folds)
        case "estimates":
            return records_table(analysis.estimates)
        case "offline":
            return records_table(analysis.offline.rows)
        case "checks":
            return records_table(analysis.checks)
        case "gaps":
            return records_table(analysis.diagnosed.gaps)
        case "reasons":
            return reasons_table(analysis.diagnosed.gaps)
        case "budget":
            return budget_table(analysis.diagnosed.gaps)
    raise ValueError(f"there is no finding {name!r}")
