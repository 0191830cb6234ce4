"""One study being analysed: every stage runs when it is first asked for, and only once.

logs -> moments (``measured.py``) -> estimates; scores -> offline rows; both and the checks -> gaps -> portfolio.
Commands ask for the stage they show; the report asks for all but units divided anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from abgap.engine.opening import open_engine
from abgap.engine.protocol import Relation
from abgap.engine.waiting import load_meanwhile
from abgap.pipeline.measured import MeasuredUnits
from abgap.pipeline.reading_order import ReadingOrder
from abgap.study.load import LoadedStudy

if TYPE_CHECKING:
    from abgap.gap.analysis import GapAnalysis
    from abgap.gap.funnel import FunnelDraws
    from abgap.offline.matching import ServedModels
    from abgap.online.plan import Plan
    from abgap.online.rerandomised import Splits
    from abgap.online.scorecard import Scorecard
    from abgap.online.sums import Sums
    from abgap.online.wide import Progress
    from abgap.pipeline.cache import Cache
    from abgap.pipeline.diagnosis import DiagnosisStages
    from abgap.pipeline.live_stages import LiveStages
    from abgap.pipeline.offline_stages import OfflineStages
    from abgap.pipeline.portfolio import PortfolioStages
    from abgap.records import Check, Estimate, Heterogeneity, Trend

# What a stage computes with is imported by the stage, once it runs: loading all of abgap takes as long as adding up
# millions of units, and a study uses half of it. Statistics bring scipy, which moments do not need. What will be
# needed for sure is imported while the engine is busy.
_FROM_VALUES = ("abgap.online.unit_values", "abgap.online.sums")
_FROM_LOGS = ("abgap.online.logs", "abgap.online.sums")
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


class Analysis(MeasuredUnits):
    """From moments to findings: each stage computed on first use."""

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
