"""One study being analysed: every stage runs when it is first asked for, and only once.

logs -> wide table (of units, or of clusters) -> sums -> moments -> estimates; scores -> offline rows; both and the
checks -> gaps. Quantiles, resamples, trends, folds and units divided anew are stages beside the sums. A study that
brings its moments starts in the middle. Commands ask for the stage they show; the report asks for all but divisions.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.opening import open_engine
from abgap.engine.protocol import Engine, Relation
from abgap.engine.waiting import load_meanwhile
from abgap.errors import UsageError
from abgap.online.experiments import (
    DeclaredExperiment,
    declared_experiments,
    is_analysed,
    register_experiments,
)
from abgap.pipeline.reading_order import ReadingOrder
from abgap.pipeline.stages import Stage, Stages
from abgap.records import Kind, Moments, Role
from abgap.study.load import LoadedStudy
from abgap.study.model import Study

if TYPE_CHECKING:
    from abgap.gap.analysis import GapAnalysis
    from abgap.gap.funnel import FunnelDraws
    from abgap.gap.inputs import ExperimentFacts
    from abgap.offline.matching import ServedModels
    from abgap.online.counts import ArmCounts
    from abgap.online.plan import Plan
    from abgap.online.rerandomised import Splits
    from abgap.online.resamples import Resamples
    from abgap.online.scorecard import Scorecard
    from abgap.online.sums import Sums
    from abgap.online.traits import MetricTraits
    from abgap.online.views import Views
    from abgap.online.wide import Progress, WideTable
    from abgap.pipeline.cache import Cache
    from abgap.pipeline.diagnosis import DiagnosisStages
    from abgap.pipeline.given import GivenStages
    from abgap.pipeline.live_stages import LiveStages
    from abgap.pipeline.offline_stages import OfflineStages
    from abgap.pipeline.portfolio import PortfolioStages
    from abgap.records import Check, Estimate, Heterogeneity, Trend

# What a stage computes with is imported by the stage, once it runs: loading all of abgap takes as long as adding up
# millions of units, and a study uses half of it. Statistics bring scipy, which moments do not need. What will be
# needed for sure is imported while the engine is busy.
_FROM_VALUES = ("abgap.online.unit_values", "abgap.online.sums")
_FROM_LOGS = ("abgap.online.logs", "abgap.online.sums")
_MOMENTS = ("numpy.ma", "abgap.online.moments")
_STATISTICS = (
    "abgap.online.scorecard",
    "abgap.online.diagnostics",
    "abgap.online.arm_checks",
    "abgap.offline.comparison",
    "abgap.gap.analysis",
)


@contextmanager
def open_analysis(
    loaded: LoadedStudy, *, progress: Progress, cache: Cache | None = None
) -> Iterator[Analysis]:
    """Open the engine for a study; everything it holds is gone at the end.

    cache: where results of earlier runs are, None to compute everything. What comes out of it was not made in
    the engine: who wants to query the tables of the stages opens the study without.
    """
    if cache is None:
        load_meanwhile("jinja2", *_FROM_VALUES if loaded.study.unit_values else _FROM_LOGS)
    else:
        load_meanwhile("abgap.pipeline.kept")
    with open_engine(loaded.study.engine, loaded.directory) as engine:
        yield Analysis(loaded, engine, progress, cache=cache)
        if cache is not None:
            cache.save_hashes()


class Analysis:
    """The stages of one study, each computed on first use."""

    def __init__(
        self, loaded: LoadedStudy, engine: Engine, progress: Progress, *, cache: Cache | None = None
    ) -> None:
        self.loaded = loaded
        self.engine = engine
        self.progress = progress
        self.stages = _stages(loaded, engine, cache)
        self.cache = cache

    @property
    def duckdb(self) -> DuckDBEngine:
        """The engine, for what only DuckDB can do. Raises UsageError when it is another one."""
        if not isinstance(self.engine, DuckDBEngine):
            raise UsageError(
                "SQL sessions and database files are made by DuckDB; add --engine duckdb, "
                "or print a compiled statement with `abgap sql --show NAME --dialect spark`"
            )
        return self.engine

    @property
    def study(self) -> Study:
        """The study itself."""
        return self.loaded.study

    @property
    def directory(self) -> Path:
        """What the study's paths are relative to."""
        return self.loaded.directory

    @cached_property
    def declared(self) -> dict[str, DeclaredExperiment]:
        """The experiments, known to the engine from here on."""
        if self.study.is_offline_only:
            return {}
        declared = self.stages.result(
            Stage(name="experiments", sources=("experiments",), parts=("experiments",)),
            lambda: declared_experiments(self.engine, self.study, self.directory),
        )
        if not declared:
            raise UsageError(
                f"{self.loaded.file.name}: no experiment is declared; add [experiments.NAME] with its control"
            )
        register_experiments(self.engine, list(declared.values()))
        return declared

    @cached_property
    def views(self) -> Views:
        """Exposures, fact tables and units under their canonical names."""
        from abgap.online.views import open_views

        self.progress("opening sources")
        return open_views(self.engine, self.study, self.directory)

    @cached_property
    def wide(self) -> WideTable | None:
        """What the wide table of units is made of; None when the study brings its moments."""
        _ = self.declared
        if self.study.moments is not None or self.study.is_offline_only:
            return None
        return self.stages.result(self.of_units("units"), lambda: self.made_wide, lambda wide: wide.relations)

    def of_units(self, name: str) -> Stage:
        """A stage that depends on all that units are made of."""
        keys = (
            "experiments",
            "exposures",
            "units",
            "unit_values",
            *(f"facts.{fact}" for fact in self.study.facts),
        )
        parts = ("exposures", "facts", "units", "unit_values", "experiments", "metrics", "funnels")
        return Stage(name=name, sources=keys, parts=parts)

    @cached_property
    def made_wide(self) -> WideTable:
        """The wide table, made in the engine."""
        wide = self._wide_units()
        if not wide.of_members:
            return wide
        from abgap.online.clusters import add_up_clusters

        self.progress("adding up clusters")
        return add_up_clusters(self.engine, self.study, wide)

    def _wide_units(self) -> WideTable:
        """The wide table with one row per unit, made in the engine."""
        from abgap.online.plan import make_plan

        plan = make_plan(self.study)
        _ = self.declared
        if self.study.unit_values is not None:
            from abgap.online.unit_values import units_from_values

            return units_from_values(
                self.engine, self.study, self.study.unit_values, plan, self.directory, self.progress
            )
        if self.study.exposures is None:
            raise UsageError(
                f"{self.loaded.file.name}: there is no data; declare [exposures], [unit_values] or [moments]"
            )
        from abgap.online.logs import units_from_logs
        from abgap.pipeline.kept_parts import keeping_parts

        with keeping_parts(self.cache, self.study.study.name) as keeper:
            return units_from_logs(
                self.engine, self.study, self.study.exposures, plan, self.views, self.progress, keeper=keeper
            )

    @cached_property
    def sums(self) -> Sums | None:
        """The exact sums over units; None when the study brings its moments."""
        if self.wide is None:
            return None
        from abgap.online.clusters import plan_of
        from abgap.online.sums import sum_units

        load_meanwhile(*_MOMENTS)
        plan = plan_of(self.study)
        return self.stages.result(
            self.of_units("sums"),
            lambda: sum_units(self.engine, plan, self.made_wide, progress=self.progress),
        )

    @cached_property
    def imported(self) -> tuple[Moments, Relation] | None:
        """The moments that the study brings, with the source they were read from."""
        if self.study.moments is None:
            return None
        from abgap.online.imported import read_moments

        self.progress("reading moments")
        source, kinds = self.study.moments, {name: metric.kind for name, metric in self.study.metrics.items()}
        return self.stages.result(
            Stage(name="moments", sources=("moments",), parts=("moments", "metrics")),
            lambda: read_moments(self.engine, source, kinds, self.directory),
            lambda found: {"moments": found[1]},
        )

    @cached_property
    def moments(self) -> Moments:
        """The moments table of all metrics and funnels."""
        if self.imported is not None:
            return self._of_the_study(self.imported[0].take(~self.given.rows_of_gains(self.imported[0])))
        from abgap.online.moments import concatenate, make_moments, make_rows

        if self.study.is_offline_only:
            return make_rows(0, {})
        if self.sums is None:
            raise UsageError("the study has no data")

        made = make_moments(self.sums, self.variants)
        return concatenate([made, self._quantiles]) if self._has_quantiles else made

    @property
    def _has_quantiles(self) -> bool:
        return any(metric.kind is Kind.QUANTILE for metric in self.study.metrics.values())

    @cached_property
    def _quantiles(self) -> Moments:
        """The moments of quantile metrics, which have a stage of their own: no sum tells them."""
        stage = self.of_units("quantiles")
        return self.stages.result(
            replace(stage, parts=(*stage.parts, "gap")), lambda: self._made_quantiles(self.made_wide)
        )

    def _made_quantiles(self, wide: WideTable) -> Moments:
        from abgap.online.intake import fact_source
        from abgap.online.plan import make_plan
        from abgap.online.quantiles import quantile_moments

        if self.sums is None:
            raise UsageError("the study has no data")
        self.progress("putting values in order")
        facts = {
            fact: fact_source(self.study, self.views, fact, wide.only_experiment)
            for fact in sorted(
                {m.fact for m in self.study.metrics.values() if m.kind is Kind.QUANTILE and m.fact}
            )
        }
        followed = {name for name, traits in self._traits().items() if traits.cumulative}
        return quantile_moments(
            self.engine,
            self.sums,
            wide,
            self.variants,
            facts,
            followed=followed,
            plan=make_plan(self.study),
        )

    @cached_property
    def folds(self) -> Moments | None:
        """The moments of the ten permanent folds; None where units have no ids, or moments are brought."""
        wide = self.wide
        if wide is None or not wide.has_units:
            return None
        from abgap.online.clusters import plan_of
        from abgap.online.folds import as_folds, sum_folds
        from abgap.online.moments import make_moments

        plan = plan_of(self.study)
        sums = self.stages.result(
            self.of_units("folds"),
            lambda: sum_folds(self.engine, plan, self.made_wide, progress=self.progress),
        )
        return as_folds(make_moments(sums, self.variants))

    @property
    def moments_and_folds(self) -> Moments:
        """All rows of the moments table; those of single folds come last."""
        from abgap.online.moments import concatenate

        return self.moments if self.folds is None else concatenate([self.moments, self.folds])

    def _of_the_study(self, moments: Moments) -> Moments:
        """The rows of declared experiments and variants."""
        arms = list(zip(moments.experiment, moments.variant, strict=True))
        analysed = {arm: is_analysed(self.variants, *arm) for arm in set(arms)}
        return moments.take(np.array([analysed[arm] for arm in arms], dtype=bool))

    @cached_property
    def counts(self) -> dict[str, ArmCounts]:
        """Analysed units per experiment and arm."""
        from abgap.online.counts import count_arms, count_units

        if self.sums is None:
            return count_arms(self.moments, self.study)
        return count_units(self.sums, self.variants)

    @cached_property
    def data_until(self) -> dt.datetime | None:
        """The last event or exposure (UTC) that has a time; of moments, what they say of it."""
        if self.imported is not None:
            from abgap.online.imported import noted_until

            return noted_until(self.imported[1])
        from abgap.online.wide import data_until

        return data_until(self.wide)

    @cached_property
    def variants(self) -> dict[str, tuple[str, ...] | None]:
        """The variants that count, per experiment; None for all that are seen."""
        return {name: e.variants for name, e in self.declared.items()}

    @cached_property
    def estimates(self) -> tuple[Estimate, ...]:
        """Every treatment against its control: by experiment, whole before slices before days, metric by metric."""
        from abgap.online.scorecard import make_estimates

        return tuple(sorted(make_estimates(self.scorecard), key=self._reading_order.of_estimate))

    @cached_property
    def judged_estimates(self) -> tuple[Estimate, ...]:
        """Those of whole experiments that verdicts and decisions rest on: few among thousands of experiments."""
        from abgap.gap.inputs import metrics_that_decide
        from abgap.online.scorecard import make_estimates, whole_comparisons

        rows = whole_comparisons(self.scorecard, metrics_that_decide(self.study))
        return tuple(sorted(make_estimates(self.scorecard, rows), key=self._reading_order.of_estimate))

    @cached_property
    def heterogeneity(self) -> tuple[Heterogeneity, ...]:
        """Slices held against each other, in the order of the estimates."""
        from abgap.online.heterogeneity import make_heterogeneity

        found = make_heterogeneity(self.scorecard, self.estimates)
        return tuple(sorted(found, key=self._reading_order.of_heterogeneity))

    @cached_property
    def trends(self) -> tuple[Trend, ...]:
        """How effects change with the days since exposure; asked for by reports, it reads the events once more."""
        wide = self.wide
        if wide is None or not wide.intakes or not wide.by_day or not self.study.study.novelty:
            return ()
        from abgap.online.moments import make_moments, make_rows
        from abgap.online.trend_records import make_trends
        from abgap.online.trends import plan_trends, trend_days
        from abgap.study.procedure import procedure_of

        wanted = trend_days(self.study, self.declared.values(), wide)
        if all(trend.days is None for trend in wanted):
            sums = None
        else:
            plan = plan_trends(self.study, wanted)
            stage = self.of_units("trends")
            sums = self.stages.result(
                replace(stage, parts=(*stage.parts, "gap")), lambda: self._trend_sums(plan)
            )
        moments = make_rows(0, {}) if sums is None else make_moments(sums, self.variants)
        arms = {f.name: (f.control, *f.treatments) for f in self.facts}
        return make_trends(moments, wanted, arms, self.study, procedure_of(self.study))

    def _trend_sums(self, plan: Plan) -> Sums:
        from abgap.online.trends import sum_trends
        from abgap.pipeline.kept_parts import keeping_parts

        wide = self.made_wide
        self.progress("following units by day")
        with keeping_parts(self.cache, self.study.study.name) as keeper:
            return sum_trends(self.engine, self.study, plan, self.views, wide, self.progress, keeper=keeper)

    @cached_property
    def scorecard(self) -> Scorecard:
        """All comparisons as arrays."""
        load_meanwhile(*_STATISTICS)
        moments = self.moments
        from abgap.online.scorecard import compare_arms
        from abgap.study.procedure import procedure_of

        self.progress("estimating")
        return compare_arms(
            moments, self.controls, self._traits(), procedure_of(self.study), resamples=self.resamples
        )

    @property
    def controls(self) -> dict[str, str]:
        """The control variant of every experiment."""
        return {name: e.control for name, e in self.declared.items()}

    @cached_property
    def resamples(self) -> Resamples | None:
        """The draws of the metrics that are to be resampled; None without any."""
        names = tuple(name for name, metric in self.study.metrics.items() if metric.bootstrap)
        return self._resampled(names, (), None) if names else None

    def _resampled(
        self, metrics: tuple[str, ...], funnels: tuple[str, ...], experiments: tuple[str, ...] | None
    ) -> Resamples | None:
        """Draws of the bootstrap; None where units have no ids, or moments are brought."""
        wide, sums = self.wide, self.sums
        if wide is None or sums is None or not wide.has_units:
            return None
        from abgap.online.resamples import Wanted, resample
        from abgap.stats.draws import fewest_draws

        head = self.study.study
        draws = max(self.study.bootstrap.replicates, fewest_draws(head.alpha))
        wanted = Wanted(
            metrics=metrics, funnels=funnels, experiments=experiments, draws=draws, seed=head.seed
        )
        return self.stages.result(
            replace(self.of_units("resamples"), more=wanted),
            lambda: resample(self.engine, sums.plan, self.made_wide, wanted, progress=self.progress),
        )

    def divided_anew(self, splits: Splits) -> Scorecard | None:
        """Both arms of every draw compared, draws in place of experiments; None where units have no ids."""
        wide, sums = self.wide, self.sums
        if wide is None or sums is None or not wide.has_units:
            return None
        from abgap.online.rerandomised import split_units
        from abgap.online.scorecard import compare_arms
        from abgap.study.procedure import procedure_of

        moments = self.stages.result(
            replace(self.of_units("splits"), more=splits),
            lambda: split_units(self.engine, sums, self.made_wide, splits, progress=self.progress),
        )
        controls = dict.fromkeys(moments.experiment, splits.control)
        self.progress("comparing what was divided anew")
        return compare_arms(moments, controls, self._traits(), procedure_of(self.study))

    def _traits(self) -> dict[str, MetricTraits]:
        from abgap.online.traits import MetricTraits

        followed = set(self.study.gap.business)
        return {
            name: MetricTraits(
                name=name,
                kind=metric.kind,
                role=metric.role,
                direction=metric.direction,
                smallest_worthwhile_lift=metric.smallest_worthwhile_lift,
                non_inferiority_margin=metric.non_inferiority_margin,
                cumulative=metric.role is Role.PRIMARY or name in followed,
                stratify_by=metric.stratify_by,
                quantile=metric.quantile,
            )
            for name, metric in self.study.metrics.items()
        }

    @cached_property
    def facts(self) -> tuple[ExperimentFacts, ...]:
        """Every experiment as it was run."""
        from abgap.pipeline.experiment_facts import experiment_facts

        return tuple(
            experiment_facts(self.study, e, self.counts.get(e.name), self.data_until)
            for e in self.declared.values()
        )

    @property
    def _reading_order(self) -> ReadingOrder:
        return ReadingOrder(self.facts, self.study.metrics)

    @cached_property
    def served(self) -> tuple[ServedModels, ...]:
        """Which model each arm ran."""
        from abgap.offline.matching import ServedModels

        return tuple(
            ServedModels(
                experiment=f.name, control=f.control, variants=(f.control, *f.treatments), models=f.models
            )
            for f in self.facts
        )

    @cached_property
    def offline(self) -> OfflineStages:
        """Everything about models that needs no experiment."""
        from abgap.pipeline.offline_stages import OfflineStages

        return OfflineStages(self)

    @cached_property
    def given(self) -> GivenStages:
        """Effects and offline gains that come ready."""
        from abgap.pipeline.given import GivenStages

        return GivenStages(self)

    @cached_property
    def live(self) -> LiveStages:
        """Quality in production."""
        from abgap.pipeline.live_stages import LiveStages

        return LiveStages(self)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """All data checks: of sources, of offline against online, then experiment by experiment."""
        load_meanwhile(*_STATISTICS)
        from abgap.pipeline.checking import quick_checks

        return quick_checks(self)

    @cached_property
    def thorough_checks(self) -> tuple[Check, ...]:
        """All data checks and those that scan the events once more: repeated events, and what units did."""
        from abgap.pipeline.checking import in_order, repeated_events

        quick = self.checks
        return in_order(self, (*repeated_events(self), *quick, *self.activity_checks))

    @cached_property
    def activity_checks(self) -> tuple[Check, ...]:
        """The data checks of what units did and when."""
        from abgap.pipeline.checking import activity_of_units

        return tuple(activity_of_units(self))

    @cached_property
    def gaps(self) -> GapAnalysis:
        """Verdicts, decisions and the portfolio."""
        load_meanwhile(*_STATISTICS)
        _ = self.moments
        from abgap.gap.analysis import analyse_gaps

        self.progress("judging")
        return analyse_gaps(
            self.study,
            experiments=self.facts,
            estimates=self._estimates_when_asked(),
            offline_rows=self.offline.rows,
            checks=self.checks,
            moments=self.moments,
            funnel_draws=self._funnel_draws(),
            gains=self.given.gains,
            expectations=self.portfolio.expectations,
        )

    def _estimates_when_asked(self) -> Iterator[Estimate]:
        yield from self.judged_estimates

    @cached_property
    def diagnosis(self) -> DiagnosisStages:
        """Why gains got lost."""
        from abgap.pipeline.diagnosis import DiagnosisStages

        return DiagnosisStages(self)

    @cached_property
    def diagnosed(self) -> GapAnalysis:
        """Verdicts, decisions and the portfolio, every pair with its reasons."""
        return self.diagnosis.diagnosed()

    @cached_property
    def portfolio(self) -> PortfolioStages:
        """All experiments together."""
        from abgap.pipeline.portfolio import PortfolioStages

        return PortfolioStages(self)

    def _funnel_draws(self) -> FunnelDraws:
        """Draws of the funnels that have few orders."""
        from abgap.gap.funnel import funnels_to_resample

        funnels, experiments = funnels_to_resample(self.study, self.moments)
        found = self._resampled((), funnels, experiments) if funnels else None
        if found is None:
            return {}
        return {
            (experiment, variant, name): draws
            for name, by_key in found.funnels.items()
            for (experiment, variant, *part), draws in by_key.items()
            if part == [None, None, None]
        }

    @property
    def relations(self) -> dict[str, Relation]:
        """Every source that was opened, by its key in the study."""
        opened = dict(self.wide.relations) if self.wide is not None else {}
        if self.imported is not None:
            opened["moments"] = self.imported[1]
        return (
            opened
            | self.offline.relations
            | self.live.relations
            | self.given.relations
            | self.diagnosis.relations
        )


def _stages(loaded: LoadedStudy, engine: Engine, cache: Cache | None) -> Stages:
    if cache is None:
        return Stages()
    from abgap.pipeline.kept import KeptStages

    return KeptStages(loaded, engine, cache)
