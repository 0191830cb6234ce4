"""Metrics that differ by the labels they count alone, and the sums that pair their gains query by query."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import exact_sum, make_grid, sum_of
from abgap.engine.protocol import Engine, Given
from abgap.offline.sums import Against, TwinSums, ValueSums
from abgap.sources.sql import Sql, identifier
from abgap.study.model import OfflineMetric


def twins_of(declared: Mapping[str, OfflineMetric], metric: str) -> tuple[str, ...]:
    """Declared metrics of the same base that count another label."""
    base, label = _kind(declared, metric)
    return tuple(
        name
        for name in declared
        if name != metric and _kind(declared, name)[0] == base and _kind(declared, name)[1] != label
    )


def _kind(declared: Mapping[str, OfflineMetric], name: str) -> tuple[str, str | None]:
    """The base of a metric, and the label that it counts."""
    found = declared.get(name)
    return (name, None) if found is None else (found.metric or name, found.label)


def twin_pairs(
    declared: Mapping[str, OfflineMetric], known: Collection[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """All metrics that are twins, either way round. known: (model, metric) with values."""
    metrics = {metric for _, metric in known}
    found = {(metric, twin) for metric in metrics for twin in twins_of(declared, metric)}
    return frozenset(found | {(twin, metric) for metric, twin in found})


def twin_contests(
    contests: Sequence[Against], twins: Collection[tuple[str, str]], sums: Sequence[Sequence[ValueSums]]
) -> list[tuple[int, int]]:
    """Places of contests of one model and baseline whose metrics are twins, each two once."""
    by_models: dict[tuple[str, str | None], list[int]] = {}
    for i, contest in enumerate(contests):
        if twins and contest.baseline is not None and sums[i]:
            by_models.setdefault((contest.model, contest.baseline), []).append(i)
    return [
        (i, j)
        for places in by_models.values()
        for i in places
        for j in places
        if i < j and (contests[i].metric, contests[j].metric) in twins
    ]


def sum_twins(
    engine: Engine, pairs: str, places: Sequence[tuple[int, int]], *, largest: float, rows: int
) -> tuple[TwinSums, ...]:
    """Sums over the examples that both of two contests have a difference in.

    pairs: table of the differences by contest. largest: no difference is larger; rows: nor are there more examples.
    """
    if not places:
        return ()
    numbers = {
        "twin": range(len(places)),
        "contest": [first for first, _ in places],
        "other": [second for _, second in places],
    }
    given = {name: Given(type="BIGINT", values=list(values)) for name, values in numbers.items()}
    engine.put_table("offline_twins", given)
    values = {
        "one": ("a.difference", largest),
        "other": ("b.difference", largest),
        "product": ("(a.difference * b.difference)", largest * largest),
    }
    sums = [
        column
        for name, (value, bound) in values.items()
        for column in exact_sum(f"sum of {name}", Sql(value), make_grid(bound, rows, integer=False, parts=3))
    ]
    found = engine.fetch(compile_query("offline_twins", pairs=identifier(pairs), sums=sums))
    one, other, product = (sum_of(found, f"sum of {name}") for name in values)
    at = {int(twin): row for row, twin in enumerate(found["twin"])}
    return tuple(
        TwinSums(
            first=first,
            second=second,
            shared=int(found["shared"][at[i]]) if i in at else 0,
            first_sum=float(one[at[i]]) if i in at else 0.0,
            second_sum=float(other[at[i]]) if i in at else 0.0,
            product=float(product[at[i]]) if i in at else 0.0,
        )
        for i, (first, second) in enumerate(places)
    )
