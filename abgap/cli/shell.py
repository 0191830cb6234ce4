"""A locked SQL session over one study.

Relations appear when a statement names them: logs as views, what is made of them, and the findings as
tables. Before the first statement of a user runs, the engine is locked: it can read the files of the study
and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from abgap.cli.rows import Rows
from abgap.engine.loading import select_problem
from abgap.errors import QueryError
from abgap.pipeline import export
from abgap.pipeline.analysis import Analysis
from abgap.report.tables import moments_table, records_table
from abgap.sources.sql import comma_list, literal


class Shell:
    """Runs SELECT statements of a user over one study."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._sources = export.source_relations(analysis)
        self._made: set[str] = set()
        self._locked = False

    def names(self) -> list[str]:
        """What can be queried."""
        derived = ["unit_outcomes"] if self._analysis.study.moments is None else []
        return [*self._sources, *derived, *export.FINDINGS]

    def run(self, statement: str) -> Rows:
        """The rows of one SELECT. Raises QueryError when it is something else, or fails."""
        text = statement.strip().rstrip(";")
        problem = select_problem(self._analysis.engine, text)
        if problem:
            raise QueryError(
                f"sql: the statement {problem}" if not problem.startswith("syntax") else f"sql: {problem}"
            )
        self._prepare(text)
        try:
            found = self._analysis.engine.run(text)
        except QueryError as error:
            raise QueryError(f"sql: {error.message}; there are: {', '.join(self.names())}") from error
        return Rows(names=[column[0] for column in found.description or []], rows=found.fetchall())

    def _prepare(self, text: str) -> None:
        derived, findings = export.needed_stages(_tables_of(text))
        if derived and "derived" not in self._made:
            export.derived_relations(self._analysis)
            self._made.add("derived")
        for name in sorted(findings - self._made):
            self._register(name)
            self._made.add(name)
        if not self._locked:
            self._lock()

    def _register(self, name: str) -> None:
        analysis = self._analysis
        table = {
            "moments": lambda: moments_table(analysis.moments),
            "estimates": lambda: records_table(analysis.estimates),
            "offline": lambda: records_table(analysis.offline_rows),
            "checks": lambda: records_table(analysis.checks),
            "gaps": lambda: records_table(analysis.gaps.gaps),
        }[name]()
        analysis.engine.connection.register(name, table)

    def _lock(self) -> None:
        # Findings are made lazily, and making them reads the study's files: those stay allowed.
        for settings in _lock_statements(self._files()):
            self._analysis.engine.run(settings)
        self._locked = True

    def _files(self) -> list[str]:
        return [str(path) for relation in self._analysis.relations.values() for path in relation.files]


def _lock_statements(files: Iterable[str]) -> list[str]:
    return [
        f"SET allowed_paths = [{comma_list(literal(path) for path in files)}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ]


def _tables_of(text: str) -> set[str]:
    import sqlglot  # noqa: PLC0415 - a sixth of a second, only for a user's own SQL
    from sqlglot import expressions as exp  # noqa: PLC0415
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        tree = sqlglot.parse_one(text, dialect="duckdb")
    except SqlglotError:
        # DuckDB accepts it, our parser does not: be ready for anything.
        return {"unit_outcomes", *export.FINDINGS}
    return {table.name for table in tree.find_all(exp.Table)}
