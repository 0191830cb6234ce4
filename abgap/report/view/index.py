"""Results looked up by experiment, and the order in which a reader should meet the experiments.

Decided here: which gap pair speaks for an arm (the first of the study's pairs), and that experiments come by
decision and then by what is at stake.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from abgap.records import (
    Check,
    Direction,
    Estimable,
    Estimate,
    ExperimentResult,
    Gap,
    Heterogeneity,
    Interval,
    MetricDefinition,
    NotEstimable,
    Reason,
    Results,
    Role,
    Status,
    Trend,
    VerdictName,
)
from abgap.report.marks import DECISION_ORDER

_T = TypeVar("_T")
LESS = "lower is better"


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Results by experiment. ranked: the experiments, most important first. number: their place, from 1.

    less_offline: the offline metrics of which less is better.
    """

    results: Results
    ranked: tuple[ExperimentResult, ...]
    number: dict[str, int]
    metrics: dict[str, MetricDefinition]
    totals: dict[str, list[Estimate]]
    by_slice: dict[str, list[Estimate]]
    by_period: dict[str, list[Estimate]]
    gaps: dict[str, list[Gap]]
    checks: dict[str | None, list[Check]]
    heterogeneity: dict[str, list[Heterogeneity]]
    trends: dict[str, list[Trend]]
    less_offline: frozenset[str]

    def headline_gaps(self, experiment: str) -> list[Gap]:
        """One gap per treatment arm: that of the study's first pair of metrics."""
        first: dict[str, Gap] = {}
        for gap in self.gaps[experiment]:
            first.setdefault(gap.treatment, gap)
        return list(first.values())

    def spoken_for(self, experiment: ExperimentResult) -> Gap | None:
        """The pair that the experiment's headline is about; its arm is the one the decision is about."""
        gaps = self.headline_gaps(experiment.name)
        return next((gap for gap in gaps if gap.sentence == experiment.headline), gaps[0] if gaps else None)

    def spoken_arm(self, experiment: ExperimentResult) -> str | None:
        """The arm the decision is about; None when that cannot be told.

        Without a gap pair it is the arm whose name leads the sentences about the experiment.
        """
        if spoken := self.spoken_for(experiment):
            return spoken.treatment
        said = (experiment.headline, experiment.decision_reason, experiment.next_action)
        arms = self.arms(experiment)
        led = (arm for arm in arms if any(text.startswith(f"{arm}: ") for text in said))
        return arms[0] if len(arms) == 1 else next(led, None)

    def arm_order(self, experiment: ExperimentResult, arms: Iterable[str]) -> list[str]:
        """Distinct treatment arms, the one the decision is about first."""
        spoken = self.spoken_arm(experiment)
        return sorted(dict.fromkeys(arms), key=lambda arm: arm != spoken)

    def arms(self, experiment: ExperimentResult) -> list[str]:
        """The treatment arms, in the order of the study."""
        return [arm for arm in experiment.arms if arm != experiment.control]

    def label(self, experiment: str, treatment: str) -> str:
        """The short name of an arm in pictures: ``3``, or ``3b`` for the second of several arms."""
        number = self.number[experiment]
        arms = self.arms(self.ranked[number - 1])
        letter = _letters(arms.index(treatment)) if len(arms) > 1 and treatment in arms else ""
        return f"{number}{letter}"

    def anchor(self, experiment: str, sections: int) -> str:
        """The anchor of an experiment's section, or nothing when it has none."""
        number = self.number.get(experiment, 0)
        return f"e{number}" if 0 < number <= sections else ""

    def headline_metric(self, experiment: str) -> str | None:
        """The business metric that speaks for an experiment."""
        if gaps := self.gaps[experiment]:
            return gaps[0].business_metric
        totals = self.totals[experiment]
        primary = (estimate.metric for estimate in totals if estimate.role is Role.PRIMARY)
        return next(primary, totals[0].metric if totals else None)

    def worthwhile(self, metric: str) -> float | None:
        """The smallest worthwhile lift of a metric, as a fraction."""
        definition = self.metrics.get(metric)
        return definition.smallest_worthwhile_lift if definition else None

    def direction_note(self, metric: str) -> str:
        """What stands beside a metric of which less is better, since its numbers keep their signs."""
        definition = self.metrics.get(metric)
        down = definition is not None and definition.direction is Direction.DOWN
        return LESS if down or metric in self.less_offline else ""

    def headed(self, metric: str) -> str:
        """A metric in the head of a column or axis, with its direction when less is better."""
        return ", ".join(part for part in (metric, self.direction_note(metric)) if part)

    def lift(self, gap: Gap) -> Estimable:
        """The online lift of a pair with the sign that the metric has, as in the scorecard."""
        return self.as_measured(gap.online_lift, gap.business_metric)

    def gain(self, gap: Gap) -> tuple[Estimable, float | None]:
        """The offline gain of a pair and its face value with the signs that the metric has."""
        face = gap.offline_face_value
        if face is not None and self.direction_note(gap.offline_metric):
            face = -face
        return self.as_measured(gap.offline_gain, gap.offline_metric), face

    def as_measured(self, turned: Estimable, metric: str) -> Estimable:
        """A number that was turned so that up is good, turned back."""
        if isinstance(turned, Interval) and self.direction_note(metric):
            return turned.flipped()
        return turned

    def trusted(self, experiment: str) -> bool:
        """Whether no blocking check failed and no verdict says otherwise."""
        failed = any(c.blocking and c.status is Status.FAIL for c in self.checks[experiment])
        doubted = any(g.verdict is VerdictName.UNTRUSTWORTHY for g in self.gaps[experiment])
        return not (failed or doubted)


def index_of(results: Results) -> Index:
    """Group everything once; the order within a group stays that of the results."""
    gaps = _grouped(results.gaps, lambda gap: gap.experiment)
    whole = (e for e in results.estimates if e.slice_name is None and e.period is None)
    totals = _grouped(whole, lambda estimate: estimate.experiment)
    ranked = tuple(sorted(results.experiments, key=lambda e: _importance(e, gaps[e.name], totals[e.name])))
    return Index(
        results=results,
        ranked=ranked,
        number={experiment.name: place for place, experiment in enumerate(ranked, start=1)},
        metrics={metric.name: metric for metric in results.metrics},
        totals=totals,
        by_slice=_grouped((e for e in results.estimates if e.slice_name is not None), lambda e: e.experiment),
        by_period=_grouped(
            (e for e in results.estimates if e.period is not None and e.slice_name is None),
            lambda e: e.experiment,
        ),
        gaps=gaps,
        checks=_grouped(results.checks, lambda check: check.experiment),
        heterogeneity=_grouped(results.heterogeneity, lambda found: found.experiment),
        trends=_grouped(results.trends, lambda trend: trend.experiment),
        less_offline=frozenset(row.metric for row in results.offline if row.direction is Direction.DOWN),
    )


def gain_is_established(gap: Gap) -> bool:
    """Whether the offline gain of a pair counts as one; a bare value is taken at face value."""
    if isinstance(gap.offline_gain, NotEstimable):
        taken = gap.offline_gain.reason is Reason.NO_INTERVAL_GIVEN
        return taken and gap.offline_face_value is not None and gap.offline_face_value > 0.0
    return gap.offline_gain.low > 0.0


def _importance(
    experiment: ExperimentResult, gaps: list[Gap], totals: list[Estimate]
) -> tuple[int, float, float, int, str]:
    """Sort key: decision, money at stake, size of the effect, number of units; all larger first."""
    money = max((abs(gap.money_per_year.estimate) for gap in gaps if gap.money_per_year), default=0.0)
    lifts = [gap.online_lift for gap in gaps[:1]] or [e.lift for e in totals if e.role is Role.PRIMARY]
    effect = max((abs(lift.estimate) for lift in lifts if isinstance(lift, Interval)), default=0.0)
    units = sum(experiment.arms.values())
    return DECISION_ORDER.index(experiment.decision), -money, -effect, -units, experiment.name


def _grouped(items: Iterable[_T], key: Callable[[_T], object]) -> dict[Any, list[_T]]:
    groups: dict[Any, list[_T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return groups


def _letters(place: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    text = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(ord("a") + rest) + text
    return text
