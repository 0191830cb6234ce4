"""What a ranking shows, whoever judges it: novelty and diversity of its first documents, and how much of the catalogue.

Novelty and diversity have a value for every query and are compared as any metric. Coverage is one number of a model,
no mean over queries, so that nothing is tested: it is shown at face value, and its row says why. The overlap of two
models (Webber, Moffat and Zobel, "A similarity measure for indefinite rankings", TOIS 2010) is no quality of either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.exact import exact_sum, make_grid, sum_of
from abgap.engine.protocol import Engine, Given
from abgap.errors import DataError
from abgap.offline.catalogue.lookup import parse_metric
from abgap.offline.ranking.items import ITEMS, Items
from abgap.sources.sql import Sql, identifier, literal
from abgap.study.model import OfflineMetric

USUAL_CUT = 10
_Kind: TypeAlias = Literal["novelty", "diversity", "coverage", "rbo"]
_KINDS: Mapping[str, _Kind] = {
    "novelty": "novelty",
    "diversity": "diversity",
    "coverage": "coverage",
    "rbo": "rbo",
}
PERSISTENCE = 0.9
"""How likely a reader of a list goes on to its next document, for the overlap of two lists."""
# -log2 of the smallest share that can be counted.
_MOST_BITS = 64.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMetric:
    """A metric of the first ``cut`` documents of every list."""

    name: str
    kind: _Kind
    cut: int

    def words(self, items: Items) -> str:
        """The definition in full."""
        first = f"of the first {self.cut} documents, ties by document id descending"
        if self.kind == "novelty":
            of = (
                "share of the items' popularity"
                if items.has_popularity
                else "share of all lists that show them"
            )
            return f"novelty@{self.cut}: mean of -log2 of the {of}, {first}"
        if self.kind == "diversity":
            return f"diversity@{self.cut}: share of pairs with different categories, {first}"
        if self.kind == "rbo":
            return (
                f"RBO@{self.cut}: rank-biased overlap with the baseline's list (p = {PERSISTENCE}), {first}"
            )
        of = "all items" if items.count else "the items that any model showed"
        return f"coverage@{self.cut}: share of {of}, {first}; one number of a model, no mean over queries"


def shown_metrics(declared: Mapping[str, OfflineMetric]) -> tuple[ShownMetric, ...]:
    """The metrics of what is shown that the study declares."""
    parsed = ((name, *parse_metric(metric.metric or name)) for name, metric in declared.items())
    return tuple(
        ShownMetric(name=name, kind=_KINDS[base], cut=cut or USUAL_CUT)
        for name, base, cut in parsed
        if base in _KINDS
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was found. values: name, table and column of metrics with values per query. reach: by model and metric.

    overlaps: mean over queries and their number, by model, other model and metric.
    """

    values: tuple[tuple[str, str, Sql], ...] = ()
    definitions: Mapping[str, str]
    reach: Mapping[tuple[str, str], float]
    overlaps: Mapping[tuple[str, str, str], tuple[float, int]] = field(default_factory=dict)


def measure_shown(engine: Engine, metrics: Sequence[ShownMetric], items: Items) -> Shown:
    """Compute them over runs in order. Raises DataError when items have no category and diversity is wanted."""
    if not metrics:
        return Shown(definitions={}, reach={})
    top = max(metric.cut for metric in metrics)
    engine.create_table("ranking_shown", compile_query("ranking_shown", top=literal(top)))
    values: list[tuple[str, str, Sql]] = []
    reach: dict[tuple[str, str], float] = {}
    overlaps: dict[tuple[str, str, str], tuple[float, int]] = {}
    for i, metric in enumerate(metrics, start=1):
        table = f"ranking_shown {i}"
        if metric.kind == "coverage":
            reach |= _reach(engine, metric, items)
            continue
        if metric.kind == "rbo":
            overlaps |= _overlaps(engine, metric)
            continue
        if metric.kind == "novelty":
            engine.create_table(table, _novelty(metric, items))
        else:
            _refuse_without_categories(metric, items)
            engine.create_table(table, compile_query("ranking_diversity", cut=literal(metric.cut)))
        values.append((metric.name, table, identifier("value")))
    words = {metric.name: metric.words(items) for metric in metrics}
    return Shown(values=tuple(values), definitions=words, reach=reach, overlaps=overlaps)


def _novelty(metric: ShownMetric, items: Items) -> Statement:
    grid = make_grid(_MOST_BITS, metric.cut, integer=False)
    sums = exact_sum("bits", Sql("(-ln(p.share) / ln(2))"), grid)
    total = " + ".join(f"s.{column.name}" for column in reversed(sums))
    # One is added to every popularity, so that an item that nobody took yet is rare, not impossible.
    brought = literal(items.popularity + items.count) if items.has_popularity else None
    return compile_query(
        "ranking_novelty", cut=literal(metric.cut), sums=sums, value=Sql(f"({total})"), brought=brought
    )


def _refuse_without_categories(metric: ShownMetric, items: Items) -> None:
    if not items.grouped:
        raise DataError(
            f"{ITEMS}: {metric.name!r} needs categories, and no item has one; map them: columns = {{ category = ... }}"
        )


def _reach(engine: Engine, metric: ShownMetric, items: Items) -> dict[tuple[str, str], float]:
    found = engine.fetch(compile_query("ranking_reach", cut=literal(metric.cut), listed=bool(items.count)))
    of = items.count
    if not of:
        ((of,),) = engine.rows(f"SELECT count(DISTINCT item) FROM ranking_shown WHERE place <= {metric.cut}")
    return {
        (str(model), metric.name): float(n) / of
        for model, n in zip(found["model"], found["items"], strict=True)
    }


def _overlaps(engine: Engine, metric: ShownMetric) -> dict[tuple[str, str, str], tuple[float, int]]:
    cut, p = metric.cut, PERSISTENCE
    weights = [(1.0 - p) * p ** (depth - 1) for depth in range(1, cut)] + [p ** (cut - 1)]
    columns = {
        "depth": Given(type="BIGINT", values=list(range(1, cut + 1))),
        "weight": Given(type="DOUBLE", values=weights),
    }
    engine.put_table("overlap_depths", columns)
    ((rows,),) = engine.rows("SELECT count(*) FROM ranking_shown")
    sums = exact_sum("overlap", Sql("added"), make_grid(2.0, int(rows) * cut, integer=False, parts=3))
    found = engine.fetch(compile_query("ranking_overlaps", cut=literal(cut), sums=sums))
    total, queries = sum_of(found, "overlap"), found["queries"]
    return {
        (str(model), str(other), metric.name): (float(total[i] / queries[i]), int(queries[i]))
        for i, (model, other) in enumerate(zip(found["model"], found["other"], strict=True))
    }
