"""Values of a metric per query or example, as the engine holds them: counted, paired and added up there.

Ready-made scores and values computed from rankings go through the same statements. Of every comparison only sums come
back: over all examples, over those of each slice, and by bucket for resampling. All sums are exact, so that no order
of rows changes a digit.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.hashing import hash_of
from abgap.engine.protocol import Columns, Engine, Given, reading, text_or_none
from abgap.engine.values import refuse_size
from abgap.offline.gain_pairs import Crossed, crossed_contests
from abgap.offline.slices import Slice, tables_of
from abgap.offline.sums import Against, Buckets, Evaluated, Measured, TwinSums, ValueSums
from abgap.offline.twin_sums import sum_twins, twin_contests
from abgap.records.moments import FloatArray
from abgap.records.order import natural_order
from abgap.sources.sql import Sql, identifier
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.paired_resampling import MOST_BUCKETS

# Contests whose buckets are held at one time: a few dozen MB.
_AT_ONCE = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueTable:
    """Values per query or example.

    name: of a table or view of model, metric, example, split (text, the split null where none is known) and value
    (double, null where the metric has none for the example). key: the source in the study, for errors. slices: of the
    examples.
    """

    name: str
    key: str
    slices: tuple[Slice, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a table of values holds, by model and metric; the largest size of a value, and all rows."""

    evaluated: Mapping[tuple[str, str], Evaluated]
    largest: float
    rows: int


def count_values(engine: Engine, table: ValueTable) -> Counted:
    """Count the values. Raises DataError when their squares cannot be added up."""
    with reading(table.key):
        found = engine.fetch(compile_query("offline_value_counts", values=identifier(table.name)))
    evaluated: dict[tuple[str, str], Evaluated] = {}
    splits = text_or_none(found["split"])
    for i, key in enumerate(zip(found["model"], found["metric"], strict=True)):
        examples, split = int(found["examples"][i]), splits[i]
        before = evaluated.get(key, Evaluated(examples=0, known=0))
        evaluated[key] = Evaluated(
            examples=before.examples + examples,
            known=before.known + int(found["known"][i]),
            splits=before.splits if split is None else {**before.splits, split: examples},
        )
    sizes = np.abs(np.concatenate([found["smallest"], found["largest"]]).astype(np.float64))
    largest = float(np.max(sizes, initial=0.0, where=~np.isnan(sizes)))
    refuse_size(f"{table.key}.columns.value", "value", largest)
    return Counted(evaluated=evaluated, largest=largest, rows=int(np.sum(found["examples"])))


def measure(
    engine: Engine,
    table: ValueTable,
    counted: Counted,
    contests: Sequence[Against],
    *,
    buckets: bool = True,
    twins: Collection[tuple[str, str]] = (),
    crossed: Crossed | None = None,
) -> Measured:
    """Add up every contest. buckets: whether it will be resampled. twins: metrics that differ by their labels alone.

    crossed: contests that the portfolio compares.
    """
    sums = _sum_values(engine, table, counted, contests)
    enough = {
        i: parts[0].shared
        for i, parts in enumerate(sums)
        if buckets and parts and contests[i].baseline is not None and parts[0].shared >= MIN_UNITS
    }
    return Measured(
        contests=tuple(contests),
        evaluated=counted.evaluated,
        sums=tuple(tuple(parts) for parts in sums),
        buckets=_bucket_sums(engine, table, counted, enough),
        twins=_twin_sums(engine, table, counted, twin_contests(contests, twins, sums)),
        crossed=_twin_sums(
            engine, table, counted, () if crossed is None else crossed_contests(contests, sums, crossed)
        ),
    )


def _twin_sums(
    engine: Engine, table: ValueTable, counted: Counted, places: Sequence[tuple[int, int]]
) -> tuple[TwinSums, ...]:
    with reading(table.key):
        return sum_twins(engine, _pairs_of(table), places, largest=2.0 * counted.largest, rows=counted.rows)


def _sum_values(
    engine: Engine, table: ValueTable, counted: Counted, contests: Sequence[Against]
) -> list[list[ValueSums]]:
    """Sums of every contest: the whole first, then its slices; none where the models share no example."""
    numbered = list(enumerate(contests))
    pairs = [(i, contest) for i, contest in numbered if contest.baseline is not None]
    alone = [(i, contest) for i, contest in numbered if contest.baseline is None]
    found: list[list[ValueSums]] = [[] for _ in contests]
    if pairs:
        view = _pairs_of(table)
        # Sums, slices and buckets read the pairs: they are joined once.
        engine.create_table(view, _contests_of(engine, table, pairs, view, "offline_pairs"))
        _collect(engine, table, found, _sums_statement(table, view, "difference", counted, _PAIRED))
    if alone:
        view = f"{table.name} alone"
        engine.create_view(view, _contests_of(engine, table, alone, view, "offline_singles"))
        _collect(engine, table, found, _sums_statement(table, view, "candidate", counted, _ALONE))
    return found


def _bucket_sums(
    engine: Engine, table: ValueTable, counted: Counted, shared: Mapping[int, int]
) -> dict[int, Buckets]:
    """Differences by bucket of the contests just added up. shared: examples by number of contest.

    An example is a bucket of its own where there are no more than ``MOST_BUCKETS``.
    """
    numbers = sorted(shared)
    found: dict[int, Buckets] = {}
    for first in range(0, len(numbers), _AT_ONCE):
        found |= _bucketed(engine, table, counted, {i: shared[i] for i in numbers[first : first + _AT_ONCE]})
    return found


def _bucketed(
    engine: Engine, table: ValueTable, counted: Counted, shared: Mapping[int, int]
) -> dict[int, Buckets]:
    engine.put_table(
        "offline_bucketed",
        {
            "contest": Given(type="BIGINT", values=list(shared)),
            "hashed": Given(type="BOOLEAN", values=[n > MOST_BUCKETS for n in shared.values()]),
        },
    )
    statement = compile_query(
        "offline_buckets",
        pairs=identifier(_pairs_of(table)),
        bucket=Sql(f"cast({hash_of(Sql('p.example'))} % {MOST_BUCKETS} as varchar)"),
        sums=_sums(counted, {"difference": 2.0}),
    )
    with reading(table.key):
        rows = engine.fetch(statement)
    n, difference = rows["shared"], sum_of(rows, _sum_name("difference"))
    bounds = np.searchsorted(rows["contest"], [*shared, np.inf])
    return {
        i: Buckets(difference=difference[first:last], shared=n[first:last])
        for i, first, last in zip(shared, bounds[:-1], bounds[1:], strict=True)
    }


_PAIRED = {"candidate": 1.0, "base": 1.0, "difference": 2.0, "square": 4.0}
_ALONE = {"candidate": 1.0, "square": 1.0}
_SQUARED = {"difference": Sql("(difference * difference)"), "candidate": Sql("(candidate * candidate)")}


def _pairs_of(table: ValueTable) -> str:
    return f"{table.name} in pairs"


def _contests_of(
    engine: Engine, table: ValueTable, numbered: Sequence[tuple[int, Against]], view: str, query: str
) -> Statement:
    """The statement that gives the examples of contests, which have the number of their place."""
    contests = f"contests of {view}"
    columns = {"contest": Given(type="BIGINT", values=[i for i, _ in numbered])}
    for side in ("model", "baseline", "metric"):
        values = [getattr(contest, side) for _, contest in numbered]
        columns[side] = Given(type="VARCHAR", values=values)
    engine.put_table(contests, columns)
    return compile_query(
        query,
        values=identifier(table.name),
        contests=identifier(contests),
        slices=table.slices,
        slice_tables=tables_of(table.slices),
    )


def _sums_statement(
    table: ValueTable, view: str, counted_by: str, counted: Counted, sizes: Mapping[str, float]
) -> Statement:
    return compile_query(
        "offline_sums",
        examples=identifier(view),
        counted=identifier(counted_by),
        slices=table.slices,
        sums=_sums(counted, sizes, squared=_SQUARED[counted_by]),
    )


def _sums(counted: Counted, sizes: Mapping[str, float], *, squared: Sql | None = None) -> list[SumColumn]:
    """Exact sums of columns; their largest values are ``sizes`` times the largest value, of squares its square."""
    columns = []
    for name, size in sizes.items():
        value = squared if name == "square" and squared is not None else identifier(name)
        bound = size * counted.largest * (counted.largest if name == "square" else 1.0)
        grid = make_grid(bound, counted.rows, integer=False, parts=3)
        columns += exact_sum(_sum_name(name), value, grid)
    return columns


def _sum_name(name: str) -> str:
    return f"sum of {name}"


def _collect(engine: Engine, table: ValueTable, found: list[list[ValueSums]], statement: Statement) -> None:
    with reading(table.key):
        rows = engine.fetch(statement)
    totals = {name: _total(rows, name) for name in _PAIRED}
    names, values = text_or_none(rows["slice_name"]), text_or_none(rows["slice_value"])
    for i, contest in enumerate(rows["contest"]):
        sums = {name: float(total[i]) for name, total in totals.items()}
        found[int(contest)].append(
            ValueSums(
                slice_name=names[i],
                slice_value=values[i],
                evaluated=int(rows["evaluated"][i]),
                shared=int(rows["shared"][i]),
                **sums,
            )
        )
    order = {each.name: i for i, each in enumerate(table.slices)}
    for sums_of_contest in found:
        sums_of_contest.sort(key=lambda s: _place(s, order))


def _place(sums: ValueSums, order: Mapping[str, int]) -> tuple[object, ...]:
    """The whole, then slices as the study lists them; what is not known comes last."""
    if sums.slice_name is None:
        return (-1,)
    return order[sums.slice_name], sums.slice_value is None, natural_order(sums.slice_value or "")


def _total(rows: Columns, name: str) -> FloatArray:
    """A sum of the statement; of a model alone the difference is the value, and its baseline nothing."""
    if _sum_name(name) in rows:
        return sum_of(rows, _sum_name(name))
    return sum_of(rows, _sum_name("candidate")) if name == "difference" else np.zeros(len(rows["contest"]))
