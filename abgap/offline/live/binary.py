"""Binary metrics of served requests and of test examples, by the same formulas, with variances by unit.

What a row adds to a metric is a term: its decision, its losses, its placement in the order of scores. A metric is then
a function of sums of terms (``stats/clustered.py``). With two scores (served, and of the offline pipeline) both are
measured on the same rows, so that their difference is paired.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine
from abgap.offline.directions import direction_of
from abgap.offline.live.scale import Carriers, Scale
from abgap.offline.live.unit_sums import Place, Sizes, Term, UnitSums
from abgap.offline.predictions.cells import probability_terms
from abgap.offline.predictions.definitions import COST_OPTIMAL, BinaryMetric, Needs, definition_of
from abgap.sources.sql import Named, Sql, identifier, literal
from abgap.stats.clustered import (
    BASE_COUNTS,
    COUNTS,
    ClusterSums,
    Influenced,
    of_counts,
    of_mean,
    of_order,
)
from abgap.study.model import Study

_LOSSES = {"log_loss": ("log_loss", 37.0), "brier": ("squared_error", 1.0)}
_ORDER = "roc_auc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Rows that are measured: ``source`` after FROM, with place, unit, score and base as SQL over it.

    base: the second score of the same rows, None without one.
    """

    source: Sql
    place: Sql
    unit: Sql
    score: Sql
    base: Sql | None = None
    where: Sql | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """Measures binary metrics. threshold: scores from it on are called. probabilities: whether losses can be taken."""

    metrics: tuple[BinaryMetric, ...]
    threshold: float
    probabilities: bool

    def sums(self, engine: Engine, examples: Examples, part: Sql, sizes: Sizes) -> dict[Place, ClusterSums]:
        """The sums of every place, broken down by ``part``."""
        return self.adder(engine, examples, part, sizes).add_up(engine, "live_orders")

    def adder(self, engine: Engine, examples: Examples, part: Sql, sizes: Sizes) -> UnitSums:
        """The view of terms made, and what adds it up."""
        statement = compile_query(
            "live_examples",
            source=examples.source,
            place=examples.place,
            unit=examples.unit,
            part=part,
            score=examples.score,
            base=examples.base,
            where=examples.where,
        )
        engine.create_view("live_examples", statement)
        paired = examples.base is not None
        terms = list(self._terms(paired=paired))
        orders = compile_query(
            "live_orders",
            base=paired,
            ordered=self._ordered,
            terms=[Named(name=identifier(term.name), value=term.value) for term in terms],
        )
        engine.create_view("live_orders", orders)
        return UnitSums(terms=terms, blocks=list(self._blocks(paired=paired)), sizes=sizes)

    @property
    def _ordered(self) -> bool:
        return any(metric.base == _ORDER for metric in self.metrics)

    @property
    def _losses(self) -> list[str]:
        return (
            [metric.base for metric in self.metrics if metric.base in _LOSSES] if self.probabilities else []
        )

    def _terms(self, *, paired: bool) -> Iterator[Term]:
        sides = ("", "base_") if paired else ("",)
        yield _whole("rows", "true")
        for side in sides:
            score = "base" if side else "score"
            called = f"{score} >= {literal(self.threshold)}"
            yield _whole(f"{side}tp", f"y_true = 1 and {called}")
            yield _whole(f"{side}fp", f"y_true = 0 and {called}")
            if not side:
                yield _whole("fn", f"y_true = 1 and not {called}")
                yield _whole("tn", f"y_true = 0 and not {called}")
            for base in dict.fromkeys(self._losses):
                name, largest = _LOSSES[base]
                value = probability_terms(Sql(score), Sql("y_true"))[name]
                guarded = Sql(f"case when {score} >= 0 and {score} <= 1 then {value} else 0e0 end")
                yield Term(name=side + name, value=guarded, largest=largest)
            if self._ordered:
                yield from _placements(side)
        if self._ordered:
            yield _whole("positives", "y_true = 1")
            yield _whole("negatives", "y_true = 0")

    def _blocks(self, *, paired: bool) -> Iterator[Sequence[str]]:
        yield (*COUNTS, *(BASE_COUNTS if paired else ()))
        for base in dict.fromkeys(self._losses):
            name = _LOSSES[base][0]
            yield ("rows", name, *([f"base_{name}"] if paired else []))
        if self._ordered:
            second = ("base_above", "base_below") if paired else ()
            yield ("above", "below", "positives", "negatives", *second)


def measurable(metrics: Sequence[BinaryMetric]) -> tuple[BinaryMetric, ...]:
    """The metrics that are made of sums over units; the others are left to the test set."""
    return tuple(
        metric
        for metric in metrics
        if not metric.name.endswith(COST_OPTIMAL)
        and (metric.of_counts is not None or metric.base in _LOSSES or metric.base == _ORDER)
    )


def _whole(name: str, condition: str) -> Term:
    value = "1e0" if condition == "true" else f"case when {condition} then 1e0 else 0e0 end"
    return Term(name=name, value=Sql(value), integer=True)


def _placements(side: str) -> Iterator[Term]:
    """Of a positive the share of negatives below it, of a negative that of positives above it; ties count half."""
    below = f"(({side}upto - {side}positives_upto) + (n - positives) - ({side}called - {side}found))"
    above = f"({side}found + positives - {side}positives_upto)"
    yield Term(
        name=f"{side}above",
        value=Sql(
            f"case when y_true = 1 and n > positives then {below} / (2e0 * (n - positives)) else 0e0 end"
        ),
    )
    yield Term(
        name=f"{side}below",
        value=Sql(f"case when y_true = 0 and positives > 0 then {above} / (2e0 * positives) else 0e0 end"),
    )


def influenced(metric: BinaryMetric, sums: ClusterSums, *, base: bool = False) -> Influenced:
    """A metric of a part, and its influence; of the second score with ``base``."""
    if metric.of_counts is not None:
        return of_counts(sums, metric.of_counts, base=base)
    if metric.base == _ORDER:
        return of_order(sums, base=base)
    name = _LOSSES[metric.base][0]
    return of_mean(sums, f"base_{name}" if base else name, "rows")


def scales_of(metrics: Sequence[BinaryMetric], study: Study, alpha: float, where: str) -> tuple[Scale, ...]:
    """The metrics as everything that is measured by unit takes them. where: how scores became decisions."""
    return tuple(
        Scale(
            name=metric.name,
            definition=definition_of(metric, where if metric.needs is Needs.DECISION else None),
            direction=direction_of(study, metric.name),
            undefined=metric.undefined,
            alpha=alpha,
            value=partial(influenced, metric),
            base=partial(influenced, metric, base=True),
            carriers=partial(_carriers, metric),
            rows=_rows,
        )
        for metric in metrics
    )


def _rows(sums: ClusterSums) -> int:
    return int(sums.totals["rows"])


def _carriers(metric: BinaryMetric, sums: ClusterSums) -> Carriers:
    """The rows that carry a value, which is what its t has degrees of freedom from."""
    t = sums.totals
    positives = Carriers(t["tp"] + t["fn"], "positive request")
    negatives = Carriers(t["fp"] + t["tn"], "negative request")
    if metric.base in {"accuracy", "expected_cost", *_LOSSES}:
        return Carriers(positives.n + negatives.n, "request")
    if metric.base == "recall":
        return positives
    if metric.base == "specificity":
        return negatives
    rarer = min(positives, negatives)
    return min(rarer, Carriers(t["tp"] + t["fp"], "alarm")) if metric.base in {"precision", "mcc"} else rarer


def is_fit(metric: BinaryMetric, *, scored: bool, probabilities: bool) -> bool:
    """Whether scores can have a metric."""
    if metric.needs is Needs.DECISION:
        return True
    return scored and (metric.needs is not Needs.PROBABILITY or probabilities)
