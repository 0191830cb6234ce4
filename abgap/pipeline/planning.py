"""A test planned from the study's own past: for every metric the units, the weeks, and what each week would detect.

A metric is tested in its role, as the scorecard will: guardrails against their margin, the others for a lift; on
request all for equivalence. Whatever the study cannot answer is a sentence in place of the number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from abgap.errors import UsageError
from abgap.online.history import Traffic, UnitHistory, steady_traffic, traffic_of, unit_history
from abgap.pipeline.analysis import Analysis
from abgap.pipeline.planned_metric import Aim, ArmSplit, MetricPlan, plan_metric, whole_units
from abgap.records import Role
from abgap.records.planning import PlannedMetric, PlannedOption, PlannedTest, TestPlan
from abgap.records.words import count, percent, plural
from abgap.stats.planning import first_step_alpha
from abgap.study.load import LoadedStudy
from abgap.study.model import Metric, Study
from abgap.study.procedure import procedure_of

WEEKS = (1, 2, 3, 4, 6, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What is asked for; None: as the study has it.

    experiment: whose logs are the history, the one with most units by default. metrics: only these. lift, margin: in
    place of the declared ones. equivalence: show that effects are too small to matter. share: of the traffic. split:
    parts of the arms, control first. weeks: one more week to look at. units_per_week: traffic, where the logs have no
    days. all_arms: take means and variances from all arms, not from control alone.
    """

    experiment: str | None = None
    metrics: tuple[str, ...] = ()
    lift: float | None = None
    margin: float | None = None
    equivalence: bool = False
    power: float = 0.8
    alpha: float | None = None
    share: float = 1.0
    split: tuple[float, ...] = (0.5, 0.5)
    weeks: int | None = None
    units_per_week: float | None = None
    all_arms: bool = False


def with_uncapped_twins(loaded: LoadedStudy) -> LoadedStudy:
    """The study with every capped metric once more without its cap: one pass over the logs answers both."""
    metrics = loaded.study.metrics
    twins = {_twin(name): _uncapped(metric) for name, metric in metrics.items() if metric.cap_percentile}
    return replace(loaded, study=loaded.study.model_copy(update={"metrics": {**twins, **metrics}}))


def _twin(name: str) -> str:
    return f"{name} without its cap"


def _uncapped(metric: Metric) -> Metric:
    return metric.model_copy(update={"cap_percentile": None})


def _twins(study: Study) -> dict[str, str]:
    """The uncapped twin of each metric that has one."""
    metrics = study.metrics
    return {
        name: _twin(name)
        for name, metric in metrics.items()
        if metric.cap_percentile and metrics.get(_twin(name)) == _uncapped(metric)
    }


def plan_test(analysis: Analysis, request: PlanRequest) -> TestPlan:
    """Plan a test with the metrics of a study, which declares the experiment that is asked for.

    Raises UsageError when there are no units to learn from, or no metric of that name.
    """
    return _Planner(analysis, request).plan()


class _Planner:
    """Collects what the study knows and puts it together."""

    def __init__(self, analysis: Analysis, request: PlanRequest) -> None:
        self.analysis, self.request = analysis, request
        self.study = analysis.study
        self.twins = _twins(self.study)
        self.alpha = request.alpha or self.study.study.alpha
        self.rule = procedure_of(self.study).rule
        self.experiment = self._experiment()
        self.traffic = self._traffic()

    def plan(self) -> TestPlan:
        request, traffic = self.request, self.traffic
        whole = self.analysis.counts[self.experiment].whole
        arms = whole if request.all_arms else {self._control: whole.get(self._control, 0)}
        split = ArmSplit.of(request.split)
        weekly = None if traffic is None else whole_units(traffic.units_after(7.0) * request.share)
        return TestPlan(
            experiment=self.experiment,
            history="all arms" if request.all_arms else self._control,
            units_in_history=sum(arms.values()),
            days_in_history=traffic.known_days or None if traffic is not None else None,
            weekly_units=weekly,
            share=request.share,
            split=split.parts,
            alpha=self.alpha,
            power=request.power,
            metrics=tuple(self._metrics(split)),
            notes=tuple(self._notes(split)),
        )

    @property
    def _control(self) -> str:
        return self.analysis.declared[self.experiment].control

    def _experiment(self) -> str:
        """The experiment whose logs are the history. Raises UsageError when none has units."""
        counts = {name: sum(arms.whole.values()) for name, arms in self.analysis.counts.items()}
        asked = self.request.experiment
        known = {name: counts.get(name, 0) for name in self.analysis.declared}
        name = asked if asked is not None else max(known, key=known.__getitem__)
        if not known[name]:
            which = f"experiment {name!r} has no" if asked else "no experiment has"
            raise UsageError(f"{which} analysed units, so there is no history to plan from")
        return name

    def _traffic(self) -> Traffic | None:
        if self.request.units_per_week is not None:
            return steady_traffic(self.request.units_per_week)
        found = traffic_of(self.analysis.counts[self.experiment])
        if found is None and self.request.weeks is not None:
            raise UsageError(
                "--weeks needs to know how many units come in, and the data have no days of exposure",
                hint="say it with --units-per-week",
            )
        return found

    def _metrics(self, split: ArmSplit) -> Iterator[PlannedMetric]:
        comparisons = self._comparisons(split)
        for name, metric in self._planned.items():
            aim = self._aim(metric, 1 if metric.role is not Role.PRIMARY else comparisons)
            for option, history in self._histories(name):
                yield plan_metric(
                    MetricPlan(
                        name=name, metric=metric, option=option, history=history, aim=aim, split=split,
                        traffic=self.traffic, share=self.request.share, weeks=self._weeks,
                    )
                )  # fmt: skip

    @property
    def _own(self) -> dict[str, Metric]:
        """The metrics as the study declares them."""
        twins = set(self.twins.values())
        return {name: metric for name, metric in self.study.metrics.items() if name not in twins}

    @property
    def _planned(self) -> dict[str, Metric]:
        """The metrics to plan, in the order of the study."""
        own = self._own
        unknown = [name for name in self.request.metrics if name not in own]
        if unknown:
            raise UsageError(f"the study declares no metric {unknown[0]!r}; there are: {', '.join(own)}")
        return {
            name: metric
            for name, metric in own.items()
            if not self.request.metrics or name in self.request.metrics
        }

    @property
    def _weeks(self) -> tuple[int, ...]:
        return tuple(sorted({*WEEKS, *((self.request.weeks,) if self.request.weeks else ())}))

    def _comparisons(self, split: ArmSplit) -> int:
        """How many tests Holm corrects the primary metrics for: all of the study, whichever are planned."""
        primaries = sum(metric.role is Role.PRIMARY for metric in self._own.values())
        return max(primaries, 1) * split.treatments

    def _aim(self, metric: Metric, comparisons: int) -> Aim:
        """What the test of a metric is to show, and at which level."""
        request = self.request
        delta = request.lift if request.lift is not None else metric.smallest_worthwhile_lift
        margin = request.margin if request.margin is not None else metric.non_inferiority_margin
        aim = Aim(
            test=PlannedTest.SUPERIORITY, effect=delta, alpha=self.alpha, power=request.power, rule=self.rule,
            missing="no smallest_worthwhile_lift is declared; declare it, or say --lift",
        )  # fmt: skip
        if request.equivalence:
            return replace(aim, test=PlannedTest.EQUIVALENCE)
        if metric.role is Role.GUARDRAIL:
            missing = "no non_inferiority_margin is declared; declare it, or say --margin"
            return replace(aim, test=PlannedTest.NON_INFERIORITY, effect=margin, missing=missing)
        return replace(aim, alpha=first_step_alpha(self.alpha, comparisons))

    def _histories(self, name: str) -> Iterator[tuple[PlannedOption, UnitHistory]]:
        """The metric as declared, without its covariates, and without its cap."""
        history = self._history(name)
        yield PlannedOption.AS_DECLARED, history
        if history.residual is not None:
            yield PlannedOption.WITHOUT_COVARIATE, replace(history, residual=None)
        if name in self.twins:
            yield PlannedOption.WITHOUT_CAP, self._history(self.twins[name])

    def _history(self, name: str) -> UnitHistory:
        moments, request = self.analysis.moments, self.request
        columns = (moments.slice_name, moments.period, moments.fold)
        whole = np.logical_and.reduce(
            [np.array([x is None for x in column], dtype=bool) for column in columns]
        )
        arms = np.ones(len(moments), dtype=bool) if request.all_arms else moments.variant == self._control
        return unit_history(
            moments.take(whole & arms & (moments.experiment == self.experiment) & (moments.metric == name))
        )

    def _notes(self, split: ArmSplit) -> Iterator[str]:
        traffic, declared = self.traffic, list(self._planned.values())
        comparisons = self._comparisons(split)
        if traffic is None:
            yield (
                "How many units come in is not known, because the data have no days of exposure: "
                "say it with --units-per-week to get weeks."
            )
        elif traffic.known_days:
            last = min(traffic.known_days, 7)
            yield (
                f"New units are those of the {plural(traffic.known_days, 'day')} in the history; "
                f"after that, the average of its last {plural(last, 'day')}, {count(traffic.rate)} a day."
            )
        if comparisons > 1 and not self.request.equivalence:
            yield (
                f"Primary metrics are planned at alpha {self.alpha:g} / {comparisons}, the first step of Holm's "
                f"correction for {comparisons} comparisons; when others are found too, less is enough."
            )
        if any(metric.role is Role.GUARDRAIL for metric in declared) and not self.request.equivalence:
            yield (
                "Guardrails are planned as non-inferiority tests of a change that does not move them, one-sided "
                f"at alpha {self.alpha:g}."
            )
        if self.study.is_clustered:
            yield "Clusters were randomised: every number of units here is one of clusters."
        if any(metric.stratify_by is not None or metric.bootstrap for metric in declared):
            yield "Post-stratification and the bootstrap are not planned for: sizes are those of the plain tests."
        if self.study.study.lift_interval != "fieller":
            yield (
                f'lift_interval = "{self.study.study.lift_interval}" tests lifts; sizes are those of the test of the '
                "difference, which are about the same."
            )
        if self.study.study.looks == "sequential":
            units = count(self.study.study.sequential_units)
            yield (
                f"Looks are sequential, tuned to {units} units of both arms: sizes are for one look at that size, "
                "and a test may end earlier."
            )
        if self.request.equivalence:
            yield (
                "Equivalence is planned for an effect of zero: both one-sided tests at "
                f"alpha {self.alpha:g} have to hold."
            )
        power = percent(self.request.power, decimals=0)
        yield f"Each metric by itself is found with a power of {power}; all together with less."
