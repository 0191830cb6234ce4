"""From sources to moments: the stages that read what was measured on units, each computed on first use, and once.

logs -> wide table (of units, or of clusters) -> sums -> moments. Quantiles, resamples and folds are stages beside the
sums. A study that brings its moments starts in the middle.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Engine, Relation
from abgap.engine.waiting import load_meanwhile
from abgap.errors import UsageError
from abgap.online.experiments import (
    DeclaredExperiment,
    declared_experiments,
    is_analysed,
    register_experiments,
)
from abgap.pipeline.stages import Stage, Stages
from abgap.records import Kind, Moments, Role
from abgap.study.load import LoadedStudy
from abgap.study.model import Study

if TYPE_CHECKING:
    from abgap.gap.inputs import ExperimentFacts
    from abgap.online.counts import ArmCounts
    from abgap.online.resamples import Resamples
    from abgap.online.sums import Sums
    from abgap.online.traits import MetricTraits
    from abgap.online.views import Views
    from abgap.online.wide import Progress, WideTable
    from abgap.pipeline.cache import Cache
    from abgap.pipeline.given import GivenStages

# What a stage computes with is imported by the stage, once it runs: loading all of abgap takes as long as adding up
# millions of units, and a study uses half of it. What will be needed for sure is imported while the engine is busy.
_MOMENTS = ("numpy.ma", "abgap.online.moments")


class MeasuredUnits:
    """What was measured on the units of one study."""

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

    @cached_property
    def facts(self) -> tuple[ExperimentFacts, ...]:
        """Every experiment as it was run."""
        from abgap.pipeline.experiment_facts import experiment_facts

        return tuple(
            experiment_facts(self.study, e, self.counts.get(e.name), self.data_until)
            for e in self.declared.values()
        )

    @cached_property
    def given(self) -> GivenStages:
        """Effects and offline gains that come ready."""
        from abgap.pipeline.given import GivenStages

        return GivenStages(self)

    def _of_the_study(self, moments: Moments) -> Moments:
        """The rows of declared experiments and variants."""
        from abgap.online.codes import coded, grouped

        arms = moments.experiment, moments.variant
        analysed = partial(is_analysed, self.variants)
        return moments.take(grouped(*map(coded, arms)).where(analysed, *arms))

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


def _stages(loaded: LoadedStudy, engine: Engine, cache: Cache | None) -> Stages:
    if cache is None:
        return Stages()
    from abgap.pipeline.kept import KeptStages

    return KeptStages(loaded, engine, cache)
