"""Partial aggregates of a fact table made from new files only, beside those that were kept of the files before.

What is kept of the files before, by unit, stays right for every unit whose first exposure is what it was, because all
sums are exact. A unit that is new may have no event in the files before: that is sure when its windows begin after
their last event. Both are looked at in one digest of all enrolments that the files before could reach. Where it
differs, or where anything else does, all files are read. Only DuckDB does this, and only over parquet.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from abgap.engine.catalogue import Statement
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Engine
from abgap.errors import DataError
from abgap.online import tables
from abgap.online.intake import FactSource, Held
from abgap.online.part_sql import PartSql
from abgap.records import Aggregate
from abgap.sources.columns import plain_names
from abgap.sources.sql import Sql, comma_list, identifier, literal

Notes: TypeAlias = dict[str, str | None]

# Types that parquet gives back as they were; sums of whole numbers go by way of decimals.
_WHOLE = frozenset({"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"})
_AS_WRITTEN = _WHOLE | {"FLOAT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OldParts:
    """What is kept of earlier files.

    parts: files of partial aggregates. new: files of the source that are in none of them. notes: the last event in the
    earlier files, and the digest of the enrolments in reach of it.
    """

    parts: tuple[Path, ...]
    new: tuple[Path, ...]
    notes: Notes


class Keeper(Protocol):
    """Keeps what was made of files, between runs."""

    def watch(self, files: Sequence[Path]) -> None:
        """Take note of the files as they are, before anything is read of them."""

    def find(self, what: str, files: Sequence[Path], depends_on: object) -> OldParts | None:
        """What is kept of some of these files, unchanged, and made by the same statements; None when nothing is.

        what: the name of what is kept, for whoever looks into the cache.
        """

    def new_part(self) -> Path | None:
        """A place for one more file; None when there is none."""

    def keep(self, parts: Sequence[Path], notes: Notes) -> None:
        """Keep these for all files of the last ``find``, if those are still as they were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How partial aggregates are grouped and read. lookback: how long before exposure events count, as an interval."""

    parts: Sequence[PartSql]
    apart: Sql | None
    timed: bool
    lookback: Sql | None

    @property
    def can_be_merged(self) -> bool:
        """Whether the aggregates of two sets of events make those of both."""
        return self.apart is not None or all(p.aggregate is not Aggregate.COUNT_DISTINCT for p in self.parts)


def make_partials(
    engine: Engine,
    fact: FactSource,
    statement: Statement,
    of_all: Statement,
    shape: Shape,
    held: Held,
    keeper: Keeper | None,
) -> bool:
    """Give ``statement``, the partial aggregates of one fact table, its name; whether they are files of the cache.

    of_all: the same over all enrolments. Whether a unit is in one variant only may change without any event.
    """
    name = tables.unit_partials_table(fact.title)
    can_be_kept = len(fact.relation.files) > 1 and fact.relation.is_parquet and shape.can_be_merged
    if keeper is not None and isinstance(engine, DuckDBEngine) and can_be_kept:
        engine.run(_all_exposures(fact))
        parts, is_new = _kept_parts(engine, fact, of_all, shape, held, keeper)
        if parts:
            # What the statement gives, put together from files; whoever doubts it can run it.
            engine.record.add(statement)
            merged = _merged(fact, shape, parts, is_new=is_new)
            engine.run(f"CREATE OR REPLACE TEMP VIEW {identifier(name)} AS {merged}")
            return True
    engine.create_view(name, statement)
    return False


def _all_exposures(fact: FactSource) -> str:
    name = identifier(tables.ALL_EXPOSURES)
    experiment = "experiment" if fact.only is None else f"{fact.only} AS experiment"
    columns = f"{experiment}, {fact.key.column}, first.at AS exposed_at, ends_at"
    return f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {columns} FROM {tables.ENROLMENTS}"


def _kept_parts(
    engine: DuckDBEngine, fact: FactSource, statement: Statement, shape: Shape, held: Held, keeper: Keeper
) -> tuple[tuple[Path, ...], bool]:
    """The files of partial aggregates that together are those of all files, and whether it is one made just now.

    None at all when they cannot be kept.
    """
    columns = list(fact.relation.table.columns.items())
    where = [str(fact.directory.absolute()), fact.source.path]
    depends_on = [statement.sql, columns, where, *_views(engine, fact)]
    old = keeper.find(f"parts of {fact.title}", fact.relation.files, depends_on)
    if old is not None and old.notes["digest"] != _digest(engine, fact, shape, old.notes["last_at"]):
        old = None
    new = fact.relation.files if old is None else old.new
    kept = () if old is None else old.parts
    if new:
        place = keeper.new_part()
        if place is None or not _write(engine, fact, statement, shape, new, place):
            return (), False
        kept = (*kept, place)
    keeper.keep(kept, {"last_at": held.last_at, "digest": _digest(engine, fact, shape, held.last_at)})
    return kept, old is None


def _views(engine: DuckDBEngine, fact: FactSource) -> list[str]:
    """The statements of the views that the partial aggregates read."""
    names = (fact.name, tables.part_values_table(fact.title), tables.ALL_EXPOSURES)
    wanted = comma_list(literal(name) for name in names)
    found = engine.rows(
        f"SELECT sql FROM duckdb_views() WHERE temporary AND view_name IN ({wanted}) ORDER BY 1"
    )
    return [str(sql) for (sql,) in found]


def _digest(engine: DuckDBEngine, fact: FactSource, shape: Shape, last_at: str | None) -> str:
    """The enrolments whose windows begin before the last event of a set of files: how many, and what they are."""
    reached = "true"
    if shape.timed:
        start = "first.at" if shape.lookback is None else f"first.at - {shape.lookback}"
        reached = "false" if last_at is None else f"{start} <= cast({literal(last_at)} as timestamp)"
    row = f"hash(experiment, {fact.key.column}, first.at, ends_at)"
    (found,) = engine.rows(
        f"SELECT count(*), sum(cast({row} as hugeint)), bit_xor({row}) FROM {tables.ENROLMENTS} WHERE {reached}"
    )
    return " ".join(map(str, found))


def _write(
    engine: DuckDBEngine,
    fact: FactSource,
    statement: Statement,
    shape: Shape,
    new: Sequence[Path],
    place: Path,
) -> bool:
    """Write the partial aggregates of the new files; whether that could be done."""
    with narrowed_to(engine, fact, new) as can_be_read:
        if not can_be_read:
            return False
        # Parquet has no integers of 128 bits.
        kinds = engine.describe(Sql(f"({statement.sql}) AS partials"))
        wide = [identifier(column) for column, kind in kinds.items() if kind == "HUGEINT"]
        if not set(kinds.values()) <= _AS_WRITTEN or shape.apart in wide:
            return False
        replaced = comma_list(Sql(f"cast({column} as decimal(38, 0)) AS {column}") for column in wide)
        columns = f"* REPLACE ({replaced})" if wide else "*"
        written = f"SELECT {columns} FROM ({statement.sql}) AS partials"
        try:
            engine.run(f"COPY ({written}) TO {literal(str(place))} (FORMAT parquet)")
        except DataError:
            # Sums of more than 38 digits, or no place; what is wrong with the data is told by the whole scan.
            return False
    return True


@contextmanager
def narrowed_to(engine: DuckDBEngine, fact: FactSource, new: Sequence[Path]) -> Iterator[bool]:
    """Let the fact table be of these of its files only; whether they have the columns and types that all files have."""
    text = plain_names(fact.source, "unit")
    key = f"facts.{fact.name}"
    if len(new) == len(fact.relation.files):
        yield True
        return
    narrowed = fact.source.model_copy(update={"path": [str(path.absolute()) for path in new]})
    try:
        opened = engine.open_source(key, narrowed, fact.directory, text=text)
        yield dict(opened.table.columns) == dict(fact.relation.table.columns)
    finally:
        engine.open_source(key, fact.source, fact.directory, text=text)


def _merged(fact: FactSource, shape: Shape, parts: Sequence[Path], *, is_new: bool) -> Sql:
    """All partial aggregates together, for the units that are analysed now. is_new: of one file, made just now."""
    places = comma_list(literal(glob.escape(str(path))) for path in parts)
    table = f"read_parquet([{places}], hive_partitioning = false) AS p"
    keys = [fact.key.column, *([] if fact.only else [Sql("experiment")])]
    same_unit = " AND ".join(f"x.{key} = p.{key}" for key in keys)
    analysed = f"SEMI JOIN {tables.FIRST_EXPOSURES} AS x ON {same_unit}"
    if is_new:
        return Sql(f"SELECT p.* FROM {table} {analysed}")
    listed = comma_list(Sql(f"p.{key}") for key in [*keys, *([shape.apart] if shape.apart else [])])
    partials = [partial for part in shape.parts for partial in part.partials]
    values = comma_list([listed, *(Sql(f"{p.merged} AS {p.name}") for p in partials)])
    return Sql(f"SELECT {values} FROM {table} {analysed} GROUP BY {listed}")
