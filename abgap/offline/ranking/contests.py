"""Models compared by their ranking metrics, query by query, through the same statements as ready-made scores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from abgap.engine.protocol import Engine
from abgap.offline.contest import Findings
from abgap.offline.example_contests import compare_examples, terms_of
from abgap.offline.example_values import ValueTable, count_values, measure
from abgap.offline.pairs import contests_of
from abgap.offline.queries import open_queries
from abgap.offline.ranking.evaluate import VALUES, Rankings
from abgap.offline.sums import RankingSums
from abgap.study.model import Study


def add_up_rankings(
    engine: Engine, study: Study, directory: Path, ran: Sequence[tuple[str, str]]
) -> RankingSums:
    """Add up the values per query that ``evaluate_rankings`` left in the engine, for all that is compared."""
    queries = open_queries(engine, study, directory)
    table = ValueTable(name=VALUES, key="offline.rankings", slices=queries.slices)
    counted = count_values(engine, table)
    contests = contests_of(counted.evaluated, ran, study.offline.production)
    return RankingSums(relations=queries.relations, queries=measure(engine, table, counted, contests))


def compare_rankings(sums: RankingSums, rankings: Rankings, study: Study) -> Findings:
    """Every contest judged, with what is known of its metric."""
    terms = terms_of(
        study,
        definitions=rankings.definitions,
        counts=rankings.counts,
        notes=rankings.notes,
        lazy=rankings.lazy,
    )
    return Findings(
        known=frozenset(sums.queries.evaluated), contests=tuple(compare_examples(sums.queries, terms))
    )
