"""Every ranking metric under other definitions, added up for each comparison: does a win depend on one of them?

One thing at a time is changed: the gain, how ties count, the cut-off, what empty queries count as, whether gains are
normalised, what average precision is divided by. Changes that cannot matter (ties where there are none, exponential
gain of grades 0 and 1) are left out, so that they do not count as survived.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Columns, Engine, Given
from abgap.offline.ranking.definitions import Definition, RankingMetric, Ties
from abgap.offline.ranking.intake import Grades, Runs
from abgap.offline.ranking.values import Board, hits_of, largest_value, make_values, values_of
from abgap.offline.sums import Against, ValueSums
from abgap.sources.sql import Sql, identifier

CUTS = (5, 10, 20, 50)
_ANY_CUT = frozenset({"ndcg", "dcg", "rr", "ap"})
_TIES: Mapping[Ties, str] = {
    "docid": "ties by document id",
    "expected": "the mean over ties",
    "best": "ties in their best order",
    "worst": "ties in their worst order",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherDefinition:
    """One comparison under another definition. change: from the declared one, in words.

    shift: sums of the declared difference minus this one, query by query; its candidate is the declared difference, its
    base this one. None where they count other queries, or in other units.
    """

    change: str
    definition: str
    sums: ValueSums
    shift: ValueSums | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepSums:
    """A comparison under the declared definition and under others. declared: what the study says, in words."""

    against: Against
    declared: str
    sums: ValueSums
    others: tuple[OtherDefinition, ...]


def alternatives(
    definition: Definition, made: Board, grades: Grades, *, has_empty: bool
) -> Iterator[tuple[str, Definition]]:
    """What else the metric could have meant over these rankings: the change in words, and the definition."""
    if definition.has_gain and grades.smallest >= 0 and 1.0 < grades.largest <= 60.0:
        other, words = (
            ("exp", "exponential gain") if definition.gain == "linear" else ("linear", "linear gain")
        )
        yield words, replace(definition, gain=other)  # type: ignore[arg-type]
    if made.is_tied:
        for ties, words in _TIES.items():
            if ties != definition.ties:
                yield words, replace(definition, ties=ties)
    if definition.kind != "rprec":
        yield from _cuts(definition, made)
    if has_empty:
        skips = definition.empty == "skip"
        words = f"queries without relevant documents {'as zero' if skips else 'left out'}"
        yield words, replace(definition, empty="zero" if skips else "skip")
    if definition.has_ideal:
        normalised = definition.kind == "ndcg"
        words = "gains not normalised (DCG)" if normalised else "normalised gains (NDCG)"
        yield words, replace(definition, kind="dcg" if normalised else "ndcg")
    if definition.kind == "ap" and definition.cut is not None:
        whole = definition.denominator == "reachable"
        words = f"divided by {'all relevant documents' if whole else 'min(relevant, k)'}"
        yield words, replace(definition, denominator="relevant" if whole else "reachable")


def _cuts(definition: Definition, made: Board) -> Iterator[tuple[str, Definition]]:
    # A cut-off behind the last document changes nothing but the ideal.
    known = [cut for cut in CUTS if cut < made.longest and cut != definition.cut]
    for cut in known:
        yield f"the first {cut} only", replace(definition, cut=cut)
    if definition.cut is not None and definition.kind in _ANY_CUT and made.longest > definition.cut:
        yield "without a cut-off", replace(definition, cut=None)


def sweep_definitions(
    engine: Engine,
    runs: Runs,
    made: Board,
    by_label: Mapping[int, Sequence[RankingMetric]],
    pairs: Sequence[tuple[str, str]],
    *,
    empty: Mapping[str, int],
) -> tuple[SweepSums, ...]:
    """Add up every pair (model, baseline) under the other definitions of every metric.

    empty: queries without relevant documents by metric.
    """
    if not pairs:
        return ()
    columns = {
        "pair": Given(type="BIGINT", values=list(range(len(pairs)))),
        "model": Given(type="VARCHAR", values=[model for model, _ in pairs]),
        "baseline": Given(type="VARCHAR", values=[base for _, base in pairs]),
    }
    engine.put_table("ranking_pairs", columns)
    found: list[SweepSums] = []
    for label, metrics in by_label.items():
        others = {
            metric.name: list(
                alternatives(
                    metric.definition, made, runs.grades[label], has_empty=empty.get(metric.name, 0) > 0
                )
            )
            for metric in metrics
        }
        found += _of_label(engine, made, label, metrics, others, pairs)
    return tuple(found)


def _of_label(
    engine: Engine,
    made: Board,
    label: int,
    metrics: Sequence[RankingMetric],
    others: Mapping[str, Sequence[tuple[str, Definition]]],
    pairs: Sequence[tuple[str, str]],
) -> list[SweepSums]:
    wanted = {metric.definition: None for metric in metrics}
    wanted |= {definition: None for of in others.values() for _, definition in of}
    definitions, table = list(wanted), f"ranking_sweep {label + 1}"
    hits = hits_of(values_of(label))
    columns = make_values(engine, made, definitions, label=label, table=table, hits=hits)
    distinct = list(dict.fromkeys(columns.values()))
    largest = {columns[d]: largest_value(d, made, label) for d in definitions}
    sums = [c for i, column in enumerate(distinct) for c in _sums(i, column, largest[column], made.queries)]
    shifts: dict[tuple[Sql, Sql], int] = {}
    for metric in metrics:
        for _, other in others[metric.name]:
            if _has_same_units(metric.definition, other):
                shifts.setdefault((columns[metric.definition], columns[other]), len(shifts))
    for pair, place in shifts.items():
        sums += _shift_sums(place, *pair, sum(largest[column] for column in pair), made.queries)
    rows = engine.fetch(compile_query("ranking_differences", table=identifier(table), sums=sums))
    places = {column: i for i, column in enumerate(distinct)}

    def of_pair(definition: Definition, row: int) -> ValueSums:
        return _read(rows, places[columns[definition]], row)

    def shift_of(declared: Definition, other: Definition, row: int) -> ValueSums | None:
        place = shifts.get((columns[declared], columns[other]))
        if place is None:
            return None
        return _read_shift(rows, place, of_pair(declared, row), of_pair(other, row), row)

    return [
        SweepSums(
            against=Against(model=model, baseline=baseline, metric=metric.name),
            declared=metric.definition.words,
            sums=of_pair(metric.definition, row),
            others=tuple(
                OtherDefinition(
                    change=change,
                    definition=d.words,
                    sums=of_pair(d, row),
                    shift=shift_of(metric.definition, d, row),
                )
                for change, d in others[metric.name]
            ),
        )
        for row, (model, baseline) in enumerate(pairs)
        for metric in metrics
    ]


def _sums(i: int, column: Sql, largest: float, queries: int) -> list[SumColumn]:
    """Count and exact sums of one definition, over queries where both models have a value."""
    m, b = f"m.{column}", f"b.{column}"
    values = {
        "candidate": (f"case when {b} is not null then {m} end", largest),
        "base": (f"case when {m} is not null then {b} end", largest),
        "difference": (f"({m} - {b})", largest),
        "square": (f"(({m} - {b}) * ({m} - {b}))", largest * largest),
    }
    found = [SumColumn(value=Sql(f"count({m} - {b})"), name=identifier(f"shared {i}"))]
    for name, (value, bound) in values.items():
        grid = make_grid(bound, queries, integer=False)
        found += exact_sum(f"{name} {i}", Sql(f"({value})"), grid)
    return found


def _has_same_units(declared: Definition, other: Definition) -> bool:
    """Whether a gain may be subtracted from the other: of gains that are not normalised, only with one kind of gain."""
    if "dcg" not in {declared.kind, other.kind}:
        return True
    return declared.kind == other.kind and declared.gain == other.gain


def _shift_sums(i: int, declared: Sql, other: Sql, largest: float, queries: int) -> list[SumColumn]:
    """Count and exact sums of what a change of definition moves, over queries where both have both values."""
    moved = f"((m.{declared} - b.{declared}) - (m.{other} - b.{other}))"
    found = [SumColumn(value=Sql(f"count{moved}"), name=identifier(f"moved queries {i}"))]
    for name, value, bound in (
        ("moved", moved, largest),
        ("moved square", f"({moved} * {moved})", largest * largest),
    ):
        found += exact_sum(f"{name} {i}", Sql(value), make_grid(bound, queries, integer=False))
    return found


def _read_shift(rows: Columns, i: int, declared: ValueSums, other: ValueSums, row: int) -> ValueSums | None:
    shared = int(rows[f"moved queries {i}"][row])
    if not declared.shared == other.shared == shared:
        return None
    return ValueSums(
        slice_name=None,
        slice_value=None,
        evaluated=declared.evaluated,
        shared=shared,
        candidate=declared.difference,
        base=other.difference,
        difference=float(sum_of(rows, f"moved {i}")[row]),
        square=float(sum_of(rows, f"moved square {i}")[row]),
    )


def _read(rows: Columns, i: int, row: int) -> ValueSums:
    totals = {
        name: float(sum_of(rows, f"{name} {i}")[row])
        for name in ("candidate", "base", "difference", "square")
    }
    return ValueSums(
        slice_name=None,
        slice_value=None,
        evaluated=int(rows["evaluated"][row]),
        shared=int(rows[f"shared {i}"][row]),
        **totals,
    )
