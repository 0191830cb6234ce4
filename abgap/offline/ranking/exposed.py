"""Rankings judged by clicks, with where items were shown when these were collected: clicks weighted by propensity.

What is shown higher up is looked at, and clicked, more often. A click on an item that was looked at with probability p
stands for 1 / p clicks (inverse propensity scoring; Joachims, Swaminathan and Schnabel 2017). Every click counts as a
query with one relevant document: its metric is what the document's place is worth, so that a model's value is a mean
over clicks, plain or weighted, and sums over queries give both with their covariance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from types import SimpleNamespace

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.exact import SumColumn, exact_sum, make_grid, sum_of
from abgap.engine.protocol import Columns, Engine, Given, reading
from abgap.engine.values import refuse_size
from abgap.errors import DataError
from abgap.offline.ranking.definitions import Definition
from abgap.offline.ranking.evaluate import Ranked
from abgap.offline.ranking.intake import RANKINGS
from abgap.offline.ranking.values import hits_of, values_of
from abgap.records.moments import FloatArray
from abgap.records.words import have, plural
from abgap.sources.sql import Sql, identifier, literal

CLIP = 10.0
"""Where weights are cut for the value beside the one that counts."""
COLUMNS = ("n", "a", "w", "wa", "v", "va")
"""Sums per query: of gains, gain x change, and both again with the weight and with the weight cut."""
_PARTS = 3
_MOST_POSITIONS = 10
_DISCOUNT = "(0.6931471805599453e0 / ln({0}.place + 1))"
# What the place of the one relevant document is worth; of kinds that are no mean of such values there is none.
_WORTH: Mapping[str, str] = {
    "ndcg": _DISCOUNT,
    "rr": "(1e0 / {0}.place)",
    "ap": "(1e0 / {0}.place)",
    "recall": "1e0",
    "hit": "1e0",
    "precision": "(1e0 / {1})",
    "rprec": "1e0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickSums:
    """Clicks of one metric over two models. clicks: with a propensity; cut: of them those above the clip.

    units: queries. total (6), product (6, 6): sums over queries of ``COLUMNS`` and of their products. squared: sum of
    squared weights; largest: weight.
    """

    model: str
    baseline: str
    metric: str
    units: int
    clicks: int
    cut: int
    largest: float
    squared: float
    total: FloatArray
    product: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionCount:
    """Documents that were shown at a position, and those of them that were clicked."""

    position: float
    shown: int
    clicked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposedClicks:
    """All clicks of a study. clicks, weighted, positions: by metric; weighted are clicks with a propensity."""

    sums: tuple[ClickSums, ...] = ()
    clicks: Mapping[str, int] = field(default_factory=dict)
    weighted: Mapping[str, int] = field(default_factory=dict)
    positions: Mapping[str, tuple[PositionCount, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sizes:
    """What bounds the sums: clicks of one query, clicks of all, the largest gain and the largest weight."""

    per_query: int
    queries: int
    gain: float
    weight: float

    @property
    def columns(self) -> dict[str, float]:
        """The largest absolute value of every column of a click."""
        weighted = self.gain * self.weight
        return {
            "n": self.gain,
            "a": self.gain,
            "w": weighted,
            "wa": weighted,
            "v": weighted,
            "va": weighted,
            "squared": weighted * weighted,
        }


def read_exposed(
    engine: Engine, ranked: Ranked, pairs: Sequence[tuple[str, str]], metrics: Sequence[str]
) -> ExposedClicks:
    """Weigh the clicks of these metrics for every (model, baseline) that has rankings.

    Raises DataError when a propensity is no probability, or differs between rows of a document.
    """
    engine.create_table("ranking_exposures", compile_query("ranking_exposures"))
    least = _checked_least(engine)
    numbers = {model: i for i, model in enumerate(ranked.runs.models)}
    known = [pair for pair in pairs if set(pair) <= set(numbers)]
    found = ExposedClicks()
    if least is None or not known:
        return found
    _put_pairs(engine, known, numbers)
    for place, of_label in ranked.by_label.items():
        for metric in of_label:
            if metric.name in metrics and metric.definition.kind in _WORTH:
                sizes = _sizes(ranked, metric.definition, place, least)
                found = _with_metric(
                    engine, ranked, found, metric.name, metric.definition, place, sizes, known
                )
    return found


def _checked_least(engine: Engine) -> float | None:
    """The smallest propensity, None where there is none."""
    with reading(RANKINGS):
        found = engine.fetch_row(compile_query("ranking_exposure_intake"))
    where = f"{RANKINGS}.columns.propensity"
    if found["unfit"]:
        raise DataError(
            f"{where}: {plural(found['unfit'], 'row')} {have(found['unfit'])} no probability above 0 and up to 1; "
            "mend them, or leave them empty"
        )
    if found["disagrees"]:
        raise DataError(
            f"{where}: the rows of {plural(found['disagrees'], 'item')} disagree about position or propensity under a "
            "query; both are of the list that was live when labels were collected, whichever model the row is of"
        )
    return None if not found["documents"] else float(found["least"])


def _put_pairs(engine: Engine, pairs: Sequence[tuple[str, str]], numbers: Mapping[str, int]) -> None:
    columns = {
        "pair": list(range(len(pairs))),
        "model_id": [numbers[model] for model, _ in pairs],
        "base_id": [numbers[base] for _, base in pairs],
    }
    engine.put_table("click_pairs", {name: Given(type="BIGINT", values=v) for name, v in columns.items()})


def _sizes(ranked: Ranked, definition: Definition, place: int, least: float) -> _Sizes:
    grade = ranked.made.largest[place]
    gain = 2.0**grade - 1.0 if definition.gain == "exp" else grade
    gain = gain if definition.has_gain else 1.0
    refuse_size(f"{RANKINGS}.columns.propensity", "one over propensity", gain / least)
    return _Sizes(
        per_query=ranked.made.judged_longest, queries=ranked.made.queries, gain=gain, weight=1.0 / least
    )


def _with_metric(
    engine: Engine,
    ranked: Ranked,
    found: ExposedClicks,
    name: str,
    definition: Definition,
    place: int,
    sizes: _Sizes,
    pairs: Sequence[tuple[str, str]],
) -> ExposedClicks:
    """What was found so far, and one more metric."""
    grade = ranked.made.grades[place]
    counts = Sql(f"g.{grade} > 0" if definition.has_gain else f"g.{grade} >= 1")
    engine.create_table(
        "ranking_clicks", compile_query("ranking_clicks", gain=_gain(definition, grade), counts=counts)
    )
    told = engine.fetch_row(compile_query("ranking_click_counts"))
    rates = engine.fetch(compile_query("ranking_click_rates", counts=counts, most=literal(_MOST_POSITIONS)))
    statement = compile_query(
        "ranking_click_sums",
        params={"clip": CLIP},
        hits=identifier(hits_of(values_of(place))),
        of_model=worth_of(definition, "m"),
        of_base=worth_of(definition, "b"),
        **_sums(sizes),
    )
    rows = engine.fetch(statement)
    return ExposedClicks(
        sums=(*found.sums, *(_sums_at(rows, i, pairs, name) for i in range(len(rows["pair"])))),
        clicks={**found.clicks, name: int(told["clicks"])},
        weighted={**found.weighted, name: int(told["weighted"])},
        positions={**found.positions, name: _positions(rates)},
    )


def _gain(definition: Definition, grade: Sql) -> Sql:
    if not definition.has_gain:
        return Sql("1e0")
    return Sql(f"g.{grade}" if definition.gain == "linear" else f"(pow(2e0, g.{grade}) - 1)")


def worth_of(definition: Definition, hit: str) -> Sql:
    """What the place of the only relevant document is worth under a definition; nothing beyond the cut-off."""
    cut = 1 if definition.kind == "rprec" else definition.cut
    within = f"{hit}.place <= {cut}" if cut is not None else f"{hit}.place is not null"
    return Sql(f"case when {within} then {_WORTH[definition.kind].format(hit, cut)} else 0e0 end")


def _sums(sizes: _Sizes) -> dict[str, object]:
    """Exact sums over the clicks of a query, and those over queries of what they come to and of its products."""
    inner: list[SumColumn] = []
    columns: list[SimpleNamespace] = []
    sums: list[SumColumn] = []
    largest = sizes.columns
    for name, size in largest.items():
        parts = exact_sum(name, Sql(name), make_grid(size, sizes.per_query, integer=False, parts=_PARTS))
        inner += parts
        columns.append(SimpleNamespace(name=identifier(name), parts=[part.name for part in parts]))
        sums += _over_queries(f"sum {name}", identifier(name), size * sizes.per_query, sizes)
    for left, right in combinations_with_replacement(COLUMNS, 2):
        value = Sql(f"({identifier(left)} * {identifier(right)})")
        size = largest[left] * largest[right] * float(sizes.per_query) ** 2
        sums += _over_queries(f"sum {left} x {right}", value, size, sizes)
    return {"inner": inner, "columns": columns, "sums": sums}


def _over_queries(name: str, value: Sql, size: float, sizes: _Sizes) -> list[SumColumn]:
    return exact_sum(name, value, make_grid(size, sizes.queries, integer=False, parts=_PARTS))


def _sums_at(rows: Columns, i: int, pairs: Sequence[tuple[str, str]], metric: str) -> ClickSums:
    model, baseline = pairs[int(rows["pair"][i])]
    product: FloatArray = np.empty((len(COLUMNS), len(COLUMNS)))
    for left, right in combinations_with_replacement(COLUMNS, 2):
        at = COLUMNS.index(left), COLUMNS.index(right)
        product[at] = product[at[::-1]] = sum_of(rows, f"sum {left} x {right}")[i]
    return ClickSums(
        model=model,
        baseline=baseline,
        metric=metric,
        units=int(rows["units"][i]),
        clicks=int(rows["clicks"][i]),
        cut=int(rows["cut"][i]),
        largest=float(rows["largest"][i]),
        squared=float(sum_of(rows, "sum squared")[i]),
        total=np.array([sum_of(rows, f"sum {name}")[i] for name in COLUMNS]),
        product=product,
    )


def _positions(rates: Columns) -> tuple[PositionCount, ...]:
    return tuple(
        PositionCount(position=float(position), shown=int(shown), clicked=int(clicked))
        for position, shown, clicked in zip(rates["position"], rates["shown"], rates["clicked"], strict=True)
    )
