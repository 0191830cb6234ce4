"""Live lists from the log to records: every per-query metric of the test set, with what came of a request as judgement.

Every request is a query of its own, judged by its outcomes: an item of the list is relevant when an event followed. So
the statements that measure rankings measure these, and requests of one unit go together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Given
from abgap.offline.directions import direction_of
from abgap.offline.live.days import DaySums, put_periods
from abgap.offline.live.intake import RANKINGS, LiveLog, open_live
from abgap.offline.live.reporting import Findings, Sums, TestValues, make_findings
from abgap.offline.live.scale import Carriers, Scale
from abgap.offline.live.served import Served, arms_of, serve
from abgap.offline.live.unit_sums import Place, Sizes, Term, UnitSums
from abgap.offline.matching import ServedModels
from abgap.offline.ranking.definitions import Definition, RankingMetric, ranking_metrics
from abgap.offline.ranking.intake import Grades, Runs
from abgap.offline.ranking.values import (
    Board,
    largest_value,
    make_values,
    number_judgements,
    order_runs,
    put_models,
)
from abgap.sources.sql import Named, Sql, identifier
from abgap.stats.clustered import ClusterSums, Influenced, of_mean
from abgap.study.model import Study

_WHOLE = Sql("cast(null as varchar)")
_SERVED, _RECOMPUTED = "live_values", "live_recomputed"
_MODELS, _QUERIES, _GRADED = "live_run_models", "live_queries", "live_grades"
_UNDEFINED = "no request has a relevant item"


def measure_lists(engine: Engine, study: Study, directory: Path, ran: Sequence[ServedModels]) -> Findings:
    """Measure the live lists of a study; units have to be enrolled, and ``offline_values`` has to hold the test set.

    Raises DataError when the log or the outcomes cannot be used.
    """
    log = open_live(engine, study, directory, RANKINGS)
    if log is None:
        raise TypeError("there is no live log of rankings")
    served = serve(engine, study, log, arms_of(ran))
    asked = ranking_metrics(study.offline_metrics)
    metrics = _measurable(asked, log)
    work = _Lists(engine, log, served, metrics)
    scales = work.scales(study)
    followed = [s for s in scales if s.name in study.gap.offline] or list(scales[:1])
    names = frozenset(scale.name for scale in scales)
    sums = Sums(
        live=work.side(paired=False),
        paired=work.side(paired=True) if log.with_offline else {},
        tested=work.tested(study),
        scores={},
        fits=dict.fromkeys(served.counts, names),
        days=work.days(),
        followed=followed,
    )
    left = tuple(metric.name for metric in asked if metric.name not in names)
    return make_findings(log, served, scales, sums, seed=study.study.seed, not_measured=left)


def _measurable(metrics: Sequence[RankingMetric], log: LiveLog) -> list[RankingMetric]:
    """The metrics whose judgements the outcome stands for: those of its label, and those of none."""
    label = log.outcome.label
    labels = {metric.definition.label for metric in metrics} - {None}
    only = labels if label is None and len(labels) == 1 else {label}
    return [
        metric
        for metric in metrics
        if metric.definition.kind != "revenue"
        and (metric.definition.label is None or metric.definition.label in only)
    ]


class _Lists:
    """The statements, one way of breaking down after the other."""

    def __init__(
        self, engine: Engine, log: LiveLog, served: Served, metrics: Sequence[RankingMetric]
    ) -> None:
        self._engine, self._log, self._served, self._metrics = engine, log, served, metrics
        self._definitions = [replace(metric.definition, label=None) for metric in metrics]
        engine.create_view("live_judgements", compile_query("live_judgements"))
        runs = Runs(
            relations={},
            models=("live",),
            rows={},
            splits={},
            grades=(Grades(label=None, rows=log.rows, smallest=0.0, largest=1.0),),
        )
        numbered = number_judgements(
            engine, runs, judgements="live_judgements", numbered=_QUERIES, graded=_GRADED
        )
        put_models(engine, _MODELS, {"live": None})
        self._board, self._columns = self._values(numbered, Sql("l.score"), _SERVED)
        if log.with_offline:
            _, self._base = self._values(numbered, Sql("l.offline_score"), _RECOMPUTED)

    def _values(self, numbered: Board, score: Sql, table: str) -> tuple[Board, Mapping[Definition, Sql]]:
        """The lists in the order of a score, and the table of their values."""
        runs = f"{table}: runs"
        statement = compile_query("live_runs", score=score, recomputed=table == _RECOMPUTED)
        self._engine.create_view(runs, statement)
        board = order_runs(self._engine, numbered, rankings=runs, models=_MODELS, places=f"{table}: places")
        return board, make_values(self._engine, board, self._definitions, label=0, table=table)

    def scales(self, study: Study) -> tuple[Scale, ...]:
        """The metrics as everything that is measured by unit takes them."""
        outcome = self._log.outcome
        told = f"judged by events of {outcome.fact} within {outcome.within_days:g} days"
        return tuple(
            Scale(
                name=metric.name,
                definition=f"{definition.words}; {told}",
                direction=direction_of(study, metric.name),
                undefined=_UNDEFINED,
                alpha=study.study.alpha,
                value=partial(_mean, f"value {i}", f"known {i}"),
                base=partial(_mean, f"base {i}", f"known {i}"),
                carriers=partial(_carriers, f"known {i}"),
                rows=partial(_rows, f"known {i}"),
            )
            for i, (metric, definition) in enumerate(zip(self._metrics, self._definitions, strict=True))
        )

    def _adder(self, table: str, part: Sql, *, paired: bool) -> UnitSums:
        terms = list(self._terms(paired=paired))
        statement = compile_query(
            "live_lists",
            served=identifier(table),
            part=part,
            values=identifier(_SERVED),
            base=identifier(_RECOMPUTED) if paired else None,
            terms=[Named(name=identifier(term.name), value=term.value) for term in terms],
        )
        self._engine.create_view("live_lists", statement)
        sides = ("value", "base", "known") if paired else ("value", "known")
        blocks = [[f"{side} {i}" for side in sides] for i in range(len(self._definitions))]
        return UnitSums(terms=terms, blocks=blocks, sizes=self._served.sizes)

    def _terms(self, *, paired: bool) -> Iterator[Term]:
        for i, definition in enumerate(self._definitions):
            value = f"v.{self._columns[definition]}"
            largest = largest_value(definition, self._board, 0)
            # A request without a relevant item has no value by either score: what is judged is the same.
            yield Term(name=f"value {i}", value=Sql(f"coalesce({value}, 0e0)"), largest=largest)
            known = Sql(f"case when {value} is null then 0e0 else 1e0 end")
            yield Term(name=f"known {i}", value=known, integer=True)
            if paired:
                base = Sql(f"coalesce(b.{self._base[definition]}, 0e0)")
                yield Term(name=f"base {i}", value=base, largest=largest)

    def side(self, *, paired: bool) -> dict[str | None, Mapping[Place, ClusterSums]]:
        """What was served (and has offline scores), whole and by slice."""
        parts = {None: _WHOLE} | {s.name: Sql(f"s.{s.column}") for s in self._log.slices}
        return {
            name: self._adder(self._served.table, part, paired=paired).add_up(self._engine, "live_lists")
            for name, part in parts.items()
        }

    def days(self) -> DaySums:
        """The metrics period by period."""
        put_periods(self._engine, self._served, labels=False)
        dated = compile_query("live_dated", served=identifier(self._served.table))
        self._engine.create_view("live_lists_dated", dated)
        adder = self._adder("live_lists_dated", Sql("s.period"), paired=False)
        sums = adder.add_up(self._engine, "live_lists")
        units = {arm: count.units for arm, count in self._served.counts.items()}
        return DaySums(sums=sums, across=adder.across_days(self._engine), units=units)

    def tested(self, study: Study) -> TestValues:
        """What the queries of the test set say of the models that were live; nothing without a metric to measure."""
        if not self._metrics:
            return {}
        models = [arm.model for arm in self._served.arms]
        self._engine.put_table(
            "live_models",
            {
                "place": Given(type="BIGINT", values=list(range(len(models)))),
                "model": Given(type="VARCHAR", values=models),
            },
        )
        self._engine.create_view("live_test_lists", compile_query("live_test_lists"))
        largest = max((largest_value(d, self._board, 0) for d in self._definitions), default=1.0)
        terms = [
            Term(name="value", value=Sql("value"), largest=max(largest, _LARGEST)),
            Term(name="known", value=Sql("known"), integer=True),
        ]
        adder = UnitSums(
            terms=terms, blocks=[["value", "known"]], sizes=Sizes(most=1, units=_QUERIES_AT_MOST)
        )
        found = adder.add_up(self._engine, "live_test_lists")
        scale = replace(
            self.scales(study)[0],
            value=partial(_mean, "value", "known"),
            carriers=partial(_carriers, "known"),
            rows=partial(_rows, "known"),
        )
        return {
            (models[at.place], str(at.part), None, None): scale.measure(sums) for at, sums in found.items()
        }


_LARGEST = 1e3
"""Of a value on the test set, whose grades may be larger than those of outcomes."""
_QUERIES_AT_MOST = 2**24


def _mean(column: str, rows: str, sums: ClusterSums) -> Influenced:
    return of_mean(sums, column, rows)


def _carriers(rows: str, sums: ClusterSums) -> Carriers:
    return Carriers(sums.totals[rows], "request")


def _rows(rows: str, sums: ClusterSums) -> int:
    return int(sums.totals[rows])
