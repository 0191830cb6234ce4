"""Numeric predictions, of examples (regression) and of series over time (forecasting), made into contests.

Lazy solutions are built from the same examples: always the mean, always the median, always 0; for forecasts the last
value of the training series, and that of the same place in its last season.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from abgap.engine.catalogue import Statement, compile_query
from abgap.engine.protocol import Engine, Given
from abgap.offline.contest import Contest
from abgap.offline.tasks.contests import WHOLE, Lazies, Procedure, contests_of, lazies_of
from abgap.offline.tasks.examples import example_key, read_truths
from abgap.offline.tasks.metric import TaskMetric, wanted_metrics
from abgap.offline.tasks.sums import Adder, Part, SliceColumn, Terms, bucket_of
from abgap.records.checks import quoted_names
from abgap.records.words import plural
from abgap.sources.sql import Sql, identifier, literal
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.error_sums import ERROR_SCORES
from abgap.stats.paired_resampling import MOST_BUCKETS
from abgap.study.model import Study

_WHERE = "offline.predictions"
_DEFINITIONS = {
    "mae": "mean absolute error",
    "mse": "mean squared error",
    "rmse": "root of the mean squared error",
    "r2": "R2: 1 - sum of squared errors / sum of squares of the truth around its mean",
    "bias": "mean of prediction minus truth; nearer to 0 is better",
    "mape": "mean of |error| / |truth|, a fraction",
    "smape": "mean of 200 |error| / (|truth| + |prediction|), from 0 to 200; 0 where both are 0",
    "wape": "sum of |error| / sum of |truth|, a fraction",
    "mase": "mean of |error| / mean absolute step of the training series{season} (Hyndman and Koehler 2006)",
}
_DEFAULT = {
    "regression": ("mae", "mse", "rmse", "r2", "bias"),
    "forecast": ("mae", "rmse", "mape", "smape", "wape", "mase", "bias"),
}
_UNDEFINED = {
    "r2": "the truth does not vary",
    "wape": "every truth is 0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truths:
    """What is known of the truth. zeros: examples whose truth is 0, in words; unscaled: series without a scale."""

    examples: int
    series: int
    mean: float
    median: float
    zeros: str
    unscaled: str

    @property
    def together(self) -> str | None:
        """What is tested as one where there are series enough: errors of neighbouring steps go together."""
        if not MIN_UNITS <= self.series < self.examples:
            return None
        return "series" if self.series <= MOST_BUCKETS else "groups of series"


def number_contests(
    engine: Engine,
    study: Study,
    slices: Sequence[str],
    procedure: Procedure,
    *,
    season: int | None,
) -> list[Contest]:
    """Every metric of every model of the view ``predictions``, and of every pair.

    slices: their names; the view has them as numbered columns. season: rows of a season of the training series, None
    when there is none (the table ``training_scales`` is there otherwise).
    """
    return _Numbers(engine, study, slices, season=season).contests(procedure)


class _Numbers:
    def __init__(self, engine: Engine, study: Study, slices: Sequence[str], *, season: int | None) -> None:
        self._engine, self._study, self._season = engine, study, season
        source = study.offline.predictions
        self._task = "regression" if source is None else source.task
        self._with_series = source is not None and "series" in source.columns
        self._timed = source is not None and "at" in source.columns
        self._slices = SliceColumn.numbered(slices)

    def contests(self, procedure: Procedure) -> list[Contest]:
        truths = self._truths()
        metrics = self._metrics(truths)
        self._make_terms(truths)
        names = tuple(dict.fromkeys(term for metric in metrics for term in metric.score.terms))
        squared = tuple(dict.fromkeys(metric.score.terms[0] for metric in metrics if metric.score.mean))
        terms = Terms(
            table="task_terms",
            names=names,
            squared=squared,
            slices=self._slices,
            together=truths.together,
        )
        adder = Adder(self._engine, terms, where=_WHERE)
        lazies = self._lazies(truths, terms, metrics)
        return contests_of(adder.by_model(), adder.by_pair(procedure.pairs), metrics, procedure, lazies)

    def _truths(self) -> Truths:
        found = read_truths(self._engine, "task_truths", self._slices, with_series=self._with_series)
        target = Terms(table="task_targets", names=("y_true",), squared=(), slices=())
        total = Adder(self._engine, target, where=_WHERE).total("y_true")
        n = int(found["examples"])
        return Truths(
            examples=n,
            series=int(found["series"]),
            mean=total / max(n, 1),
            median=float(found["median"] or 0.0),
            zeros=self._zeros(int(found["zeros"])),
            unscaled=self._unscaled(),
        )

    def _zeros(self, count: int) -> str:
        if not count:
            return "a truth is 0"
        shown = self._engine.fetch(compile_query("task_zeros"))["example"]
        more = ", ..." if count > len(shown) else ""
        return (
            f"the truth is 0 in {plural(count, 'example')} ({quoted_names(list(shown))}{more}), and MAPE "
            "divides by it; take WAPE or MAE, or leave them out"
        )

    def _unscaled(self) -> str:
        if self._season is None:
            return "there is no training series to take its scale from: add [offline.training]"
        shown = self._engine.fetch(compile_query("unscaled_series"))["series"]
        names = quoted_names(list(shown))
        return (
            f"series without a scale, because they do not change in training or are too short there: {names}"
        )

    def _metrics(self, truths: Truths) -> list[TaskMetric]:
        scaled = self._season is not None
        season = f" ({self._season} steps before)" if self._season and self._season > 1 else ""
        known = {
            name: TaskMetric(
                name=name,
                base=name,
                score=score,
                definition=_DEFINITIONS[name].format(season=season),
                undefined={"mape": truths.zeros, "mase": truths.unscaled, **_UNDEFINED}.get(
                    name, "there are no examples"
                ),
            )
            for name, score in ERROR_SCORES.items()
        }
        default = [name for name in _DEFAULT[self._task] if name != "mase" or scaled]
        return wanted_metrics(self._study, known, default)

    def _make_terms(self, truths: Truths) -> None:
        key = example_key(with_series=self._with_series)
        self._engine.create_view("task_keys", compile_query("task_keys", example=key, slices=self._slices))
        if truths.together is not None:
            bucket = bucket_of(Sql("k.series"), truths.series)
        else:
            bucket = bucket_of(Sql("k.example"), truths.examples)
        statement = compile_query(
            "task_numbers", bucket=bucket, scaled=self._season is not None, slices=self._slices
        )
        self._engine.create_view("task_numbers", statement)
        self._engine.create_table("task_terms", self._terms_of("task_numbers", truths))

    def _terms_of(self, table: str, truths: Truths) -> Statement:
        return compile_query(
            "number_terms",
            table=identifier(table),
            centre=literal(truths.mean),
            slices=self._slices,
            scaled=self._season is not None,
        )

    def _lazies(self, truths: Truths, terms: Terms, metrics: Sequence[TaskMetric]) -> Lazies:
        constants = {"mean": truths.mean, "median": truths.median, "zero": 0.0}
        self._engine.put_table(
            "lazy_constants",
            {
                "name": Given(type="VARCHAR", values=list(constants)),
                "value": Given(type="DOUBLE", values=list(constants.values())),
            },
        )
        scaled, season = self._season is not None, self._season or 1
        seasonal = scaled and season > 1 and self._timed
        if seasonal:
            statement = compile_query("lazy_seasons", season=literal(season))
            self._engine.create_table("lazy_seasons", statement)
        statement = compile_query("lazy_numbers", scaled=scaled, seasonal=seasonal, slices=self._slices)
        self._engine.create_view("lazy_numbers", statement)
        self._engine.create_table("lazy_terms", self._terms_of("lazy_numbers", truths))
        lazy = Terms(table="lazy_terms", names=terms.names, squared=(), slices=terms.slices)
        found = lazies_of(Adder(self._engine, lazy, where=_WHERE).by_model(), metrics)
        return _without_rounding(found, metrics, truths)


def _without_rounding(found: Lazies, metrics: Sequence[TaskMetric], truths: Truths) -> Lazies:
    """What always saying the mean gets in closed form, and not what rounding left of it: skill is a share of that.

    Over all examples its bias and its R2 are 0, in a slice where its mean is that of all.
    """
    rounding = {"bias": 1e-12 * max(abs(truths.mean), abs(truths.median)), "r2": 1e-12}
    sizes = {metric.name: rounding[metric.base] for metric in metrics if metric.base in rounding}

    def cleaned(key: tuple[str, Part], name: str, value: float) -> float:
        exact = key[1] == WHOLE and name == "mean"
        return 0.0 if key[0] in sizes and (exact or abs(value) <= sizes[key[0]]) else value

    return {
        key: {name: cleaned(key, name, value) for name, value in values.items()}
        for key, values in found.items()
    }
