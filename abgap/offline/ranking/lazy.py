"""Rankers that learnt nothing of a query, under every declared metric: any order of the candidates, and popularity.

Candidates are what some model returned for the query: to hand a lazy ranker what is judged would give it the answer
wherever few documents are judged. As models return different ones there are more candidates than places in any list,
so that a lazy list is no longer than the longest list that a model returned for the query: otherwise it would find
more for its length alone. A random order is taken as the mean over all orders, so nothing is drawn. Popularity is what
the items bring, or in how many other queries a document is relevant: the query's own judgement is left out, as nobody
knows it beforehand; equally popular documents stand in every order. Where queries are many, a sample of them by a hash
of their names is enough: both are means, and no model is judged by the second digit of what a lazy one gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from abgap.engine.catalogue import compile_query
from abgap.engine.hashing import hash_of
from abgap.engine.protocol import Engine
from abgap.offline.ranking.definitions import RankingMetric
from abgap.offline.ranking.items import Items
from abgap.offline.ranking.values import (
    Board,
    averages,
    largest_value,
    make_values,
    order_runs,
    put_models,
)
from abgap.sources.sql import Sql, literal

MOST_QUERIES = 2_000
"""Beyond about so many queries a sample of them is ranked by lazy rankers."""

_NAMES = ("random", "popularity")
_MODELS, _RANKINGS, _PLACES, _SAMPLE = "lazy_models", "lazy_rankings", "lazy_places", "ranking_sample"


def lazy_rankers(
    engine: Engine,
    made: Board,
    by_label: Mapping[int, Sequence[RankingMetric]],
    items: Items,
) -> dict[str, dict[str, float]]:
    """What each lazy ranker gets, by metric and its name; without those that no query gives a value to."""
    if not by_label:
        return {}
    bound = int(min(1.0, MOST_QUERIES / made.queries) * 2**32) if made.queries else 0
    engine.create_table(
        _SAMPLE,
        compile_query("ranking_sample", hash=hash_of(Sql("query")), bound=literal(max(bound, 1))),
    )
    engine.create_table("ranking_candidates", compile_query("ranking_candidates", grades=made.grades))
    engine.create_view(
        _RANKINGS, compile_query(_RANKINGS, grades=made.grades, popularity=items.has_popularity)
    )
    put_models(engine, _MODELS, dict.fromkeys(_NAMES))
    lazy = order_runs(engine, made, rankings=_RANKINGS, models=_MODELS, places=_PLACES)
    lazy = replace(lazy, asked=_SAMPLE, within=made.places)
    found: dict[str, dict[str, float]] = {}
    for label, metrics in by_label.items():
        found |= _of_label(engine, lazy, label, metrics)
    return found


def _of_label(
    engine: Engine, lazy: Board, label: int, metrics: Sequence[RankingMetric]
) -> dict[str, dict[str, float]]:
    definitions = [replace(metric.definition, ties="expected") for metric in metrics]
    table = f"lazy_values {label + 1}"
    columns = make_values(engine, lazy, definitions, label=label, table=table)
    largest = max(largest_value(definition, lazy, label) for definition in definitions)
    seen = averages(engine, table, [columns[d] for d in definitions], [], largest, lazy.queries)
    return {
        metric.name: {name: seen[name].means[i] for name in _NAMES if seen[name].counted[i]}
        for i, metric in enumerate(metrics)
    }
