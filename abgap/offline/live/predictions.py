"""Live predictions from the log to records: what every model was worth in every arm, beside its test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Engine, Given
from abgap.offline.live.binary import Examples, Gauge, is_fit, measurable, scales_of
from abgap.offline.live.days import DaySums, put_periods
from abgap.offline.live.intake import PREDICTIONS, LiveLog, open_live
from abgap.offline.live.reporting import Findings, Side, Sums, TestValues, make_findings
from abgap.offline.live.scale import Scale
from abgap.offline.live.served import Served, arms_of, serve
from abgap.offline.live.unit_sums import Sizes
from abgap.offline.matching import ServedModels
from abgap.offline.predictions.definitions import BinaryMetric, decisions_at, wanted_metrics
from abgap.offline.predictions.intake import Predictions, open_predictions
from abgap.offline.predictions.measured import declared_threshold, why_unfit
from abgap.sources.sql import Named, Sql, identifier
from abgap.study.model import Study

_WHOLE = Sql("cast(null as varchar)")
_JUDGED = "place is not null and is_old = 1"


def measure_predictions(
    engine: Engine, study: Study, directory: Path, ran: Sequence[ServedModels]
) -> Findings:
    """Measure the live predictions of a study; its units have to be enrolled.

    Raises DataError when the log, the test set or the outcomes cannot be used.
    """
    log = open_live(engine, study, directory, PREDICTIONS)
    predictions = open_predictions(engine, study, directory)
    if log is None or predictions is None:
        raise TypeError("live predictions are measured as the test set is, and need both")
    arms = arms_of(ran)
    served = serve(engine, study, log, arms)
    wanted = wanted_metrics(study, predictions)
    metrics = measurable(wanted)
    scales = scales_of(metrics, study, study.study.alpha, decisions_at(predictions))
    work = _Work(engine, log, predictions, served, metrics)
    followed = [s for s in scales if s.name in study.gap.offline] or list(scales[:1])
    names = {scale.name for scale in followed}
    sums = Sums(
        live=work.live(),
        paired=work.paired(),
        tested=work.tested(scales),
        scores=work.score_differences(),
        fits={arm: work.fitting(arm.model) for arm in served.counts},
        days=work.days([metric for metric in metrics if metric.name in names]),
        followed=followed,
    )
    left = tuple(metric.name for metric in wanted if metric not in metrics)
    return make_findings(log, served, scales, sums, seed=study.study.seed, not_measured=left)


class _Work:
    """The statements, one way of breaking down after the other."""

    def __init__(
        self,
        engine: Engine,
        log: LiveLog,
        predictions: Predictions,
        served: Served,
        metrics: Sequence[BinaryMetric],
    ) -> None:
        self._engine, self._log = engine, log
        self._predictions, self._served, self._metrics = predictions, served, metrics

    def fitting(self, model: str) -> frozenset[str]:
        """The metrics that the live scores of a model can have."""
        return frozenset(
            metric.name
            for metric in self._metrics
            if is_fit(metric, scored=self._log.scored, probabilities=model in self._log.probabilities)
        )

    def _gauge(self, metrics: Sequence[BinaryMetric], *, live: bool) -> Gauge:
        predicted = self._predictions.models.values()
        scored = self._log.scored if live else self._predictions.scored
        likely = bool(self._log.probabilities) if live else any(m.probabilities for m in predicted)
        threshold = declared_threshold(self._predictions) if scored else 0.5
        return Gauge(metrics=tuple(metrics), threshold=threshold, probabilities=scored and likely)

    def _examples(self, *, paired: bool) -> Examples:
        condition = f"{_JUDGED} and offline_score is not null" if paired else _JUDGED
        return Examples(
            source=identifier(self._served.table),
            place=Sql("place"),
            unit=Sql("unit"),
            score=Sql("score"),
            base=Sql("offline_score") if paired else None,
            where=Sql(condition),
        )

    def live(self) -> Side:
        """What was served, whole and by slice."""
        return self._side(self._examples(paired=False))

    def paired(self) -> Side:
        """What has both scores, whole and by slice; nothing without offline scores."""
        return self._side(self._examples(paired=True)) if self._log.with_offline else {}

    def _side(self, examples: Examples) -> Side:
        gauge = self._gauge(self._metrics, live=True)
        parts = {None: _WHOLE} | {s.name: s.column for s in self._log.slices}
        return {
            name: gauge.sums(self._engine, examples, part, self._served.sizes) for name, part in parts.items()
        }

    def tested(self, scales: Sequence[Scale]) -> TestValues:
        """What the test set says of the models that were live."""
        return {
            (self._served.arms[at.place].model, scale.name, name, at.part): scale.measure(sums)
            for name, by_place in self._test_set().items()
            for at, sums in by_place.items()
            for metric, scale in zip(self._metrics, scales, strict=True)
            if why_unfit(self._predictions, metric, self._served.arms[at.place].model) is None
        }

    def _test_set(self) -> Side:
        """The same metrics of the test examples of the models that were live, by the slices that live rows have too."""
        models = [arm.model for arm in self._served.arms]
        known = [i for i, model in enumerate(models) if model in self._predictions.models]
        self._engine.put_table(
            "live_models",
            {
                "place": Given(type="BIGINT", values=known),
                "model": Given(type="VARCHAR", values=[models[i] for i in known]),
            },
        )
        shared = [s for s in self._predictions.slices if s.name in {live.name for live in self._log.slices}]
        slices = [Named(name=s.column, value=s.column) for s in shared]
        self._engine.create_view("live_test_set", compile_query("live_test_set", slices=slices))
        usable = [m.usable for m in self._predictions.models.values()]
        sizes = Sizes(most=1, units=max(usable, default=1))
        gauge = self._gauge(self._metrics, live=False)
        examples = Examples(
            source=identifier("live_test_set"), place=Sql("place"), unit=Sql("unit"), score=Sql("score")
        )
        parts: Mapping[str | None, Sql] = {None: _WHOLE} | {s.name: s.column for s in shared}
        return {name: gauge.sums(self._engine, examples, part, sizes) for name, part in parts.items()}

    def score_differences(self) -> Mapping[int, tuple[int, int, float]]:
        """By arm: requests with both scores, those where they differ, and the largest difference."""
        if not self._log.with_offline:
            return {}
        statement = compile_query("live_scores", params={"near": NEAR}, served=identifier(self._served.table))
        found = self._engine.fetch(statement)
        return {
            int(place): (int(found["compared"][i]), int(found["differing"][i]), float(found["largest"][i]))
            for i, place in enumerate(found["place"])
        }

    def days(self, metrics: Sequence[BinaryMetric]) -> DaySums:
        """The metrics that are followed, period by period."""
        put_periods(self._engine, self._served, labels=True)
        dated = compile_query("live_dated", served=identifier(self._served.table))
        self._engine.create_view("live_dated", dated)
        examples = Examples(
            source=identifier("live_dated"), place=Sql("place"), unit=Sql("unit"), score=Sql("score")
        )
        adder = self._gauge(metrics, live=True).adder(
            self._engine, examples, Sql("period"), self._served.sizes
        )
        sums = adder.add_up(self._engine, "live_orders")
        units = {arm: count.units for arm, count in self._served.counts.items()}
        return DaySums(sums=sums, across=adder.across_days(self._engine), units=units)


NEAR = 1e-9
"""Scores that differ by no more than this are the same."""
