"""How many rows of a fact table repeat another one: of new files only, beside what was kept of the files before.

Rows that are equal in every column have the same time. So files whose times lie apart share none, and the repeated
rows of both are those of each. What is kept of the files before is their count and the range of their times; where
new files reach into that range, or where times are missing or not known without a scan, all files are counted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Engine
from abgap.online.increments import Keeper, Notes, narrowed_to
from abgap.online.intake import FactSource
from abgap.online.unit_key import NUMBER
from abgap.online.wide import whole
from abgap.sources.sql import identifier, literal

# Texts of times in these years are in the order of the times.
_ORDERED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Rows, and those beyond the first of their kind."""

    rows: int
    repeated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """First and last time (UTC) in a set of files, in which none is missing."""

    first: str
    last: str

    def lie_apart(self, other: _Times) -> bool:
        """Whether no time can be in both."""
        return self.last < other.first or other.last < self.first

    def with_those(self, other: _Times) -> _Times:
        """The range of both."""
        return _Times(first=min(self.first, other.first), last=max(self.last, other.last))


def count_repeats(engine: Engine, fact: FactSource, keeper: Keeper | None) -> Repeats:
    """Count the rows of a fact table. keeper: of what earlier runs counted, None to read all files.

    Another scan of every column, and a hash table as large as what is read.
    """
    statement = _statement(engine, fact.name)
    can_be_kept = len(fact.relation.files) > 1 and fact.relation.is_parquet and fact.utc_time is not None
    if keeper is None or not isinstance(engine, DuckDBEngine) or not can_be_kept:
        return _counted(engine, statement)
    found = _from_kept(engine, fact, statement, keeper)
    if found is None:
        counted, times = _counted(engine, statement), _times(engine, fact, fact.relation.files)
        if times is None:
            return counted
        found = counted, times
    keeper.keep((), _notes(*found))
    # What the statement gives, though it may have read some files only; whoever doubts it can run it.
    engine.record.add(statement)
    return found[0]


def _statement(engine: Engine, name: str) -> Statement:
    fact = identifier(name)
    columns = [identifier(column) for column in engine.describe(fact) if column != NUMBER]
    return compile_query("repeated_events", columns=columns, fact=fact)


def _counted(engine: Engine, statement: Statement) -> Repeats:
    held = engine.fetch_row(statement)
    return Repeats(rows=whole(held["row_count"]), repeated=whole(held["repeated_rows"]))


def _from_kept(
    engine: DuckDBEngine, fact: FactSource, statement: Statement, keeper: Keeper
) -> tuple[Repeats, _Times] | None:
    """The count and the times of all files, out of what is kept and of the new ones; None when that cannot be told."""
    view = engine.rows(f"SELECT sql FROM duckdb_views() WHERE temporary AND view_name = {literal(fact.name)}")
    where = [str(fact.directory.absolute()), fact.source.path]
    depends_on = [statement.sql, list(fact.relation.table.columns.items()), where, view]
    old = keeper.find(f"repeated rows of {fact.name}", fact.relation.files, depends_on)
    if old is None:
        return None
    counted, times = _from_notes(old.notes)
    if not old.new:
        return counted, times
    new_times = _times(engine, fact, old.new)
    if new_times is None or not times.lie_apart(new_times):
        return None
    with narrowed_to(engine, fact, old.new) as can_be_read:
        if not can_be_read:
            return None
        new = _counted(engine, statement)
    both = Repeats(rows=counted.rows + new.rows, repeated=counted.repeated + new.repeated)
    return both, times.with_those(new_times)


def _times(engine: DuckDBEngine, fact: FactSource, files: Sequence[Path]) -> _Times | None:
    """The times in these files by their own account; None when some are missing or not known."""
    at = fact.utc_time
    found = engine.statistics(replace(fact.relation, files=tuple(files)), [at]) if at is not None else None
    if at is None or found is None or found.columns[at].nulls:
        return None
    first, last = str(found.columns[at].low), str(found.columns[at].high)
    return _Times(first=first, last=last) if _ORDERED.fullmatch(first) and _ORDERED.fullmatch(last) else None


def _notes(counted: Repeats, times: _Times) -> Notes:
    return {
        "rows": str(counted.rows),
        "repeated": str(counted.repeated),
        "first": times.first,
        "last": times.last,
    }


def _from_notes(notes: Notes) -> tuple[Repeats, _Times]:
    counted = Repeats(rows=int(str(notes["rows"])), repeated=int(str(notes["repeated"])))
    return counted, _Times(first=str(notes["first"]), last=str(notes["last"]))
