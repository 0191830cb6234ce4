"""Ranking metrics of a study: from its sources to a table of values per query, with what has to be said beside them.

What was counted on the way belongs to every row: queries without relevant documents, queries missing from a run,
queries that nobody judged, and queries that ties decide, with the value in the best and in the worst order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Relation, reading
from abgap.errors import DataError
from abgap.offline.ranking.definitions import Definition, RankingMetric, ranking_metrics
from abgap.offline.ranking.intake import RANKINGS, Runs, grades_of, read_runs, refuse_grades
from abgap.offline.ranking.items import ITEMS, Items, open_items
from abgap.offline.ranking.lazy import lazy_rankers
from abgap.offline.ranking.other_definitions import SweepSums, sweep_definitions
from abgap.offline.ranking.shown import measure_shown, shown_metrics
from abgap.offline.ranking.values import (
    Averages,
    Board,
    averages,
    largest_value,
    make_values,
    put_in_order,
    show_values,
    values_of,
)
from abgap.records.words import count, plain, plural
from abgap.sources.sql import Sql
from abgap.study.model import Study

VALUES = "offline_values"
"""The view of values: model, metric, example, split, value."""
EMPTY = "without relevant documents"
"""What empty queries are counted under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rankings:
    """What is known of ranking metrics beside their values.

    definitions: in full words, by metric. means: of every model. counts: of special queries. notes: what a reader of
    the row has to know. lazy: the metric of rankers that learnt nothing, by metric and name. reach: coverage of models.
    overlaps: of the lists of two models, with the number of queries. faint: the largest grade by metric, where it takes
    1 to be relevant and no grade gets there.
    """

    relations: Mapping[str, Relation] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    definitions: Mapping[str, str] = field(default_factory=dict)
    means: Mapping[tuple[str, str], float] = field(default_factory=dict)
    counts: Mapping[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    notes: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    lazy: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    reach: Mapping[tuple[str, str], float] = field(default_factory=dict)
    overlaps: Mapping[tuple[str, str, str], tuple[float, int]] = field(default_factory=dict)
    faint: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """The runs of a study, in order, and what was made of them. by_label: metrics by place of their label."""

    facts: Rankings
    runs: Runs
    made: Board
    by_label: Mapping[int, Sequence[RankingMetric]]
    items: Items


def evaluate_rankings(engine: Engine, study: Study, directory: Path) -> Ranked | None:
    """Compute the ranking metrics of the study, None without any; the view ``offline_values`` holds them per query.

    Raises DataError when the rankings or the judgements cannot be used.
    """
    runs = read_runs(engine, study, directory)
    if runs is None:
        return None
    items = open_items(engine, study, directory)
    of_lists = shown_metrics(study.offline_metrics)
    metrics = ranking_metrics(study.offline_metrics, with_usual=not of_lists)
    _refuse_without_prices(metrics, items)
    by_label = metrics_by_label(runs, metrics)
    top = max((metric.cut for metric in of_lists), default=0)
    made = replace(put_in_order(engine, runs, top=top), price=items.largest_price)
    unknown = _unknown_queries(engine, runs, made)
    shown: list[tuple[str, str, Sql]] = []
    found = Rankings(relations={**runs.relations, **items.relations}, models=runs.models)
    for label, of_label in by_label.items():
        table = values_of(label)
        definitions = [d for metric in of_label for d in _with_bounds(metric.definition, made)]
        columns = make_values(engine, made, definitions, label=label, table=table)
        shown += [(metric.name, table, columns[metric.definition]) for metric in of_label]
        summary = _summary(engine, table, made, label, of_label, columns)
        found = _joined(found, made, of_label, summary, unknown)
    seen = measure_shown(engine, of_lists, items)
    show_values(engine, [*shown, *seen.values])
    facts = replace(
        found,
        definitions={**found.definitions, **seen.definitions},
        reach=seen.reach,
        overlaps=seen.overlaps,
        lazy=lazy_rankers(engine, made, by_label, items),
        faint=_faint_grades(runs, by_label),
    )
    return Ranked(facts=facts, runs=runs, made=made, by_label=by_label, items=items)


def sweep_rankings(engine: Engine, ranked: Ranked, pairs: Sequence[tuple[str, str]]) -> tuple[SweepSums, ...]:
    """Every pair (model, baseline) under other definitions of the metrics, added up."""
    empty = {metric: counts[EMPTY] for (_, metric), counts in ranked.facts.counts.items()}
    return sweep_definitions(
        engine,
        ranked.runs,
        ranked.made,
        ranked.by_label,
        pairs,
        empty=empty,
    )


def _refuse_without_prices(metrics: Sequence[RankingMetric], items: Items) -> None:
    wanting = [repr(metric.name) for metric in metrics if metric.definition.kind == "revenue"]
    if wanting and not items.priced:
        raise DataError(
            f"{ITEMS}: {', '.join(wanting)} needs prices, and no item has one; map them: columns = {{ price = ... }}"
        )


def metrics_by_label(runs: Runs, metrics: Sequence[RankingMetric]) -> dict[int, list[RankingMetric]]:
    """The metrics by the position of the label whose judgements they count. Raises DataError when there is none."""
    found: dict[int, list[RankingMetric]] = {}
    for metric in metrics:
        label = grades_of(runs, metric.definition.label, metrics=[metric.name])
        refuse_grades(runs.grades[label], is_exponential=metric.definition.gain == "exp")
        found.setdefault(label, []).append(metric)
    return found


def _faint_grades(runs: Runs, by_label: Mapping[int, Sequence[RankingMetric]]) -> dict[str, float]:
    """Metrics that count relevant documents of judgements with grades between 0 and 1 only: the largest of these."""
    return {
        metric.name: runs.grades[label].largest
        for label, metrics in by_label.items()
        for metric in metrics
        if not metric.definition.has_gain and 0.0 < runs.grades[label].largest < 1.0
    }


def _with_bounds(definition: Definition, made: Board) -> list[Definition]:
    """The definition, and where ties may matter what they could make of it."""
    if not made.is_tied:
        return [definition]
    return [definition, replace(definition, ties="best"), replace(definition, ties="worst")]


def _unknown_queries(engine: Engine, runs: Runs, made: Board) -> dict[str, int]:
    """Queries that a model ranked and nobody judged; read only where rows were left out."""
    if all(made.shapes[model].documents == rows for model, rows in runs.rows.items()):
        return {}
    if not any(shape.runs for shape in made.shapes.values()):
        raise DataError(
            f"{RANKINGS}: none of the ranked queries is judged; check that rankings and judgements name queries alike"
        )
    with reading(RANKINGS):
        rows = engine.fetch(compile_query("ranking_unknown"))
    return {str(model): int(n) for model, n in zip(rows["model"], rows["queries"], strict=True)}


def _summary(
    engine: Engine,
    table: str,
    made: Board,
    label: int,
    metrics: Sequence[RankingMetric],
    columns: Mapping[Definition, Sql],
) -> dict[str, Averages]:
    asked = [d for metric in metrics for d in _with_bounds(metric.definition, made)]
    bounds = [_with_bounds(metric.definition, made)[1:] for metric in metrics]
    pairs = [(columns[best], columns[worst]) for best, worst in filter(None, bounds)]
    largest = max(largest_value(d, made, label) for d in asked)
    return averages(engine, table, [columns[d] for d in asked], pairs, largest, made.queries)


def _joined(
    found: Rankings,
    made: Board,
    metrics: Sequence[RankingMetric],
    summary: Mapping[str, Averages],
    unknown: Mapping[str, int],
) -> Rankings:
    """What was found so far, and the metrics of another label."""
    means, counts, notes = dict(found.means), dict(found.counts), dict(found.notes)
    step = 3 if made.is_tied else 1
    for model, seen in summary.items():
        for i, metric in enumerate(metrics):
            key, ties = (model, metric.name), seen.differing[i] if made.is_tied else 0
            if seen.counted[step * i]:
                means[key] = seen.means[step * i]
            counts[key] = {
                EMPTY: seen.without_worth(metric.definition),
                "missing from the ranking": seen.missing,
                "not judged": unknown.get(model, 0),
                "decided by ties": ties,
            }
            means_of, counted = seen.means[step * i : step * i + 3], seen.counted[step * i]
            notes[key] = tuple(_notes(metric.definition, seen, ties, counted, means_of))
    definitions = dict(found.definitions) | {metric.name: metric.definition.words for metric in metrics}
    return replace(found, definitions=definitions, means=means, counts=counts, notes=notes)


def _notes(
    definition: Definition, seen: Averages, ties: int, counted: int, means: Sequence[float]
) -> list[str]:
    """What a reader of the row has to know. counted: queries with a value; means: and in the best and worst order."""
    found = []
    if ties:
        best, worst = means[1], means[2]
        found.append(
            f"equal scores decide {plural(ties, 'query')} of {count(counted)}: between {plain(worst)} in "
            f"their worst order and {plain(best)} in their best"
        )
    if seen.missing:
        found.append(f"{plural(seen.missing, 'query')} missing from the ranking counted as zero")
    if empty := seen.without_worth(definition):
        what = "left out" if definition.empty == "skip" else "counted as zero"
        found.append(f"{plural(empty, 'query')} without relevant documents {what}")
    return found
