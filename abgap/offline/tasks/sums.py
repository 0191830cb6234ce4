"""Terms of examples, in a table of the engine, made into sums: by model, and by pair of models and bucket.

One statement each, over a table that the predictions were made into once. Sums are exact, so that they are the same
however rows are ordered (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import Grid, SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.hashing import hash_of
from abgap.engine.protocol import Columns, Engine, Given
from abgap.engine.values import not_finite, refuse_size
from abgap.records.moments import FloatArray
from abgap.sources.sql import Sql, identifier, literal
from abgap.stats.paired_resampling import MOST_BUCKETS

Part: TypeAlias = tuple[str | None, str | None]
"""A slice and its value; both None for all examples."""

PAIRS = "task_pairs"


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceColumn:
    """A slice as the templates read it: its column, and its name as a value."""

    column: Sql
    label: Sql

    @classmethod
    def numbered(cls, names: Sequence[str]) -> tuple[SliceColumn, ...]:
        """Columns of a table of ours: numbered, because a slice may be called like one of its columns."""
        return tuple(
            cls(column=identifier(f"slice {i}"), label=literal(name)) for i, name in enumerate(names, start=1)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A table with one row per model and example: model, example, bucket, the slices, and numbers to be added up.

    squared: the terms whose differences between two models are squared, because their mean is tested. together: what
    examples of one bucket share, in the plural, where they go together and are tested as one; None where they do not.
    """

    table: str
    names: tuple[str, ...]
    squared: tuple[str, ...]
    slices: tuple[SliceColumn, ...]
    together: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSums:
    """Sums of one model over the examples of a part."""

    model: str
    part: Part
    n: int
    sums: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSums:
    """Sums of two models over the examples of a part that both have, by bucket.

    n: examples by bucket. candidate, baseline: the sums of each term by bucket. squares: of the differences of the
    terms that are squared, over all buckets.
    """

    model: str
    baseline: str
    part: Part
    n: FloatArray
    candidate: Mapping[str, FloatArray]
    base: Mapping[str, FloatArray]
    squares: Mapping[str, float]
    together: str | None = None


def bucket_of(example: Sql, distinct: int) -> Sql:
    """The bucket of a row by an id of it: the id itself, or a hash of it where there are too many."""
    if distinct <= MOST_BUCKETS:
        return example
    return Sql(f"cast({hash_of(example)} % {MOST_BUCKETS} as varchar)")


def put_pairs(engine: Engine, pairs: Sequence[tuple[str, str]]) -> None:
    """Bring the pairs (model, baseline) that are compared to the engine."""
    sides = {"model": 0, "baseline": 1}
    engine.put_table(
        PAIRS,
        {name: Given(type="VARCHAR", values=[pair[i] for pair in pairs]) for name, i in sides.items()},
    )


class Adder:
    """Adds up the terms of one table; asks for their sizes once."""

    def __init__(self, engine: Engine, terms: Terms, *, where: str) -> None:
        self._engine, self._terms = engine, terms
        names = [identifier(name) for name in terms.names]
        row = engine.fetch_row(compile_query("term_ranges", table=identifier(terms.table), terms=names))
        self._rows = int(row["row_count"])
        self._largest = {name: float(row[name] or 0.0) for name in terms.names}
        for name, largest in self._largest.items():
            if not np.isfinite(largest):
                raise not_finite(where, name, remedy="mend them, or leave them out")
            refuse_size(where, name, largest)

    def by_model(self) -> list[ModelSums]:
        """The sums of every model, over all examples and by slice."""
        sums = [
            part
            for name in self._terms.names
            for part in self._sum(name, identifier(name), self._largest[name])
        ]
        rows = self._engine.fetch(compile_query("term_models", sums=sums, **self._common()))
        totals = {name: sum_of(rows, name) for name in self._terms.names}
        return [
            ModelSums(
                model=str(rows["model"][i]),
                part=part_of(rows, i),
                n=int(rows["n"][i]),
                sums={name: float(total[i]) for name, total in totals.items()},
            )
            for i in range(len(rows["n"]))
        ]

    def total(self, name: str) -> float:
        """The sum of one term over all rows."""
        sums = self._sum(name, identifier(name), self._largest[name])
        rows = self._engine.fetch(
            compile_query("term_totals", table=identifier(self._terms.table), sums=sums)
        )
        return float(sum_of(rows, name)[0])

    def by_pair(self, pairs: Sequence[tuple[str, str]]) -> list[PairSums]:
        """The sums of both models of every pair by bucket, over all examples and by slice."""
        if not pairs:
            return []
        put_pairs(self._engine, pairs)
        terms = [_PairTerm.of(name) for name in self._terms.names]
        statement = compile_query("term_pairs", terms=terms, sums=self._pair_sums(), **self._common())
        rows = self._engine.fetch(statement)
        return [self._pair(rows, block) for block in blocks(rows, _PAIR_KEYS)]

    def _common(self) -> dict[str, Any]:
        return {"table": identifier(self._terms.table), "slices": self._terms.slices}

    def _sum(self, name: str, value: Sql, largest: float) -> list[SumColumn]:
        return exact_sum(name, value, self._grid(largest))

    def _grid(self, largest: float) -> Grid:
        return make_grid(largest, self._rows, integer=False, parts=3)

    def _pair_sums(self) -> list[SumColumn]:
        found = []
        for name in self._terms.names:
            term, largest = _PairTerm.of(name), self._largest[name]
            found += self._sum(_of_candidate(name), term.candidate, largest)
            found += self._sum(_of_base(name), term.base, largest)
            if name in self._terms.squared:
                gap = f"({term.candidate} - {term.base})"
                found += self._sum(_squared(name), Sql(f"({gap} * {gap})"), 4.0 * largest * largest)
        return found

    def _pair(self, rows: Columns, block: slice) -> PairSums:
        cut = {name: column[block] for name, column in rows.items()}
        names = self._terms.names
        return PairSums(
            model=str(cut["model"][0]),
            baseline=str(cut["baseline"][0]),
            part=part_of(cut, 0),
            n=cut["n"],
            candidate={name: sum_of(cut, _of_candidate(name)) for name in names},
            base={name: sum_of(cut, _of_base(name)) for name in names},
            squares={name: float(sum_of(cut, _squared(name)).sum()) for name in self._terms.squared},
            together=self._terms.together,
        )


_PAIR_KEYS = ("model", "baseline", "slice_name", "slice_value")


@dataclass(frozen=True, slots=True, kw_only=True)
class _PairTerm:
    """A term of a pair as the template reads it: its column, and what it is called for either model."""

    name: Sql
    candidate: Sql
    base: Sql

    @classmethod
    def of(cls, name: str) -> _PairTerm:
        return cls(
            name=identifier(name),
            candidate=identifier(f"{name} of candidate"),
            base=identifier(f"{name} of baseline"),
        )


def _of_candidate(name: str) -> str:
    return f"candidate {name}"


def _of_base(name: str) -> str:
    return f"baseline {name}"


def _squared(name: str) -> str:
    return f"squared {name}"


def blocks(rows: Columns, keys: Sequence[str]) -> Iterator[slice]:
    """The runs of rows that have the same keys; rows are ordered by them."""
    found = list(zip(*(rows[key] for key in keys), strict=True))
    start = 0
    for i in range(1, len(found) + 1):
        if i == len(found) or _texts(found[i]) != _texts(found[start]):
            yield slice(start, i)
            start = i


def part_of(rows: Columns, i: int) -> Part:
    """The slice and value of a row."""
    return _text(rows["slice_name"][i]), _text(rows["slice_value"][i])


def _texts(key: Sequence[object]) -> tuple[str | None, ...]:
    return tuple(_text(value) for value in key)


def _text(value: object) -> str | None:
    """Text or None: a column that is null throughout arrives as NaN."""
    return value if isinstance(value, str) else None
