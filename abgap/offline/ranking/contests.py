"""Models compared by their ranking metrics, query by query, through the same statements as ready-made scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from abgap.engine.protocol import Engine
from abgap.offline.contest import Contest, Findings
from abgap.offline.example_contests import NO_BASELINE, compare_examples, terms_of
from abgap.offline.example_values import ValueTable, count_values, measure
from abgap.offline.gain_pairs import Crossed
from abgap.offline.pairs import contests_of
from abgap.offline.queries import open_queries
from abgap.offline.ranking.evaluate import VALUES, Rankings
from abgap.offline.sums import RankingSums
from abgap.offline.twin_sums import twin_pairs
from abgap.records import Check, NotEstimable, Reason, Status
from abgap.records.checks import make_check, quoted_names
from abgap.records.order import natural_order
from abgap.study.model import Study

NO_SIDE = NotEstimable(
    reason=Reason.NOT_DEFINED, detail="how far two models agree is a value of both, and no gain of either"
)
UNTESTED = NotEstimable(
    reason=Reason.NO_INTERVAL_GIVEN,
    detail="one number of a model, no mean over queries: there is no paired test",
)


def add_up_rankings(
    engine: Engine, study: Study, directory: Path, ran: Sequence[tuple[str, str]]
) -> RankingSums:
    """Add up the values per query that ``evaluate_rankings`` left in the engine, for all that is compared."""
    queries = open_queries(engine, study, directory)
    table = ValueTable(name=VALUES, key="offline.rankings", slices=queries.slices)
    counted = count_values(engine, table)
    contests = contests_of(counted.evaluated, ran, study.offline.production)
    twins = twin_pairs(study.offline_metrics, counted.evaluated)
    crossed = Crossed(ran=ran, metrics=study.gap.offline)
    measured = measure(engine, table, counted, contests, twins=twins, crossed=crossed)
    return RankingSums(relations=queries.relations, queries=measured)


def compare_rankings(
    sums: RankingSums, rankings: Rankings, study: Study, ran: Sequence[tuple[str, str]]
) -> Findings:
    """Every contest judged, with what is known of its metric. ran: (model, baseline) of experiments."""
    terms = terms_of(
        study,
        definitions=rankings.definitions,
        counts=rankings.counts,
        notes=rankings.notes,
        lazy=rankings.lazy,
    )
    # Whatever the metrics are: coverage and overlap may be the only ones.
    compared = contests_of(((model, "") for model in rankings.models), ran, study.offline.production)
    pairs = [(contest.model, contest.baseline) for contest in compared]
    overlapping = frozenset((model, metric) for model, _, metric in rankings.overlaps)
    return Findings(
        known=frozenset(sums.queries.evaluated) | frozenset(rankings.reach) | overlapping,
        contests=(
            *compare_examples(sums.queries, terms),
            *_reached(pairs, rankings),
            *_overlapping(pairs, rankings),
        ),
    )


def grade_checks(rankings: Rankings) -> list[Check]:
    """A warning for metrics that count documents graded 1 and more, where no grade reaches 1."""
    if not rankings.faint:
        return []
    largest = max(rankings.faint.values())
    sentence = (
        f"No grade of [offline.judgements] reaches 1 (the largest is {largest:g}), and a document is relevant from 1 "
        f"on, so nothing is relevant to {quoted_names(sorted(rankings.faint, key=natural_order))}: scale the grades."
    )
    return [make_check("faint_grades", None, Status.WARN, sentence, value=largest, threshold=1.0)]


def _overlapping(pairs: Sequence[tuple[str, str | None]], rankings: Rankings) -> Iterator[Contest]:
    """How far the lists of a model and of its baseline agree; it belongs to both, so that there is no gain."""
    for (model, other, metric), (value, n) in rankings.overlaps.items():
        if (model, other) in pairs:
            yield Contest(
                model=model,
                baseline=other,
                metric=metric,
                definition=rankings.definitions[metric],
                n=n,
                value=value,
                baseline_value=None,
                gain=NO_SIDE,
            )


def _reached(pairs: Sequence[tuple[str, str | None]], rankings: Rankings) -> Iterator[Contest]:
    """Coverage: one number of a model, shown beside that of its baseline at face value."""
    for (model, metric), value in rankings.reach.items():
        for baseline in (base for of, base in pairs if of == model):
            beside = None if baseline is None else rankings.reach[baseline, metric]
            yield Contest(
                model=model,
                baseline=baseline,
                metric=metric,
                definition=rankings.definitions[metric],
                n=None,
                value=value,
                baseline_value=beside,
                gain=NO_BASELINE if baseline is None else UNTESTED,
            )
