"""What chasing one metric came to, as abgap finds it in the files: the target, everything else, the money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from abgap.gap.expected import shortfall
from abgap.lab.kpi_trap.cases import ABROAD, CLEAN, HOME, INPUT, MARKET, PERTURBED
from abgap.lab.kpi_trap.variants import Models, Variant, Way
from abgap.records import Estimate, Gap, Interval, OfflineRow, Results
from abgap.report.marks import offline_reading

SIDES = ((MARKET, HOME, ABROAD), (INPUT, CLEAN, PERTURBED))
"""Slices that are held against each other: fairness between markets, robustness to noisy numbers."""
HELD_APART = ("recall", "specificity")
BUSINESS, CHARGEBACKS = "net_revenue_per_user", "chargebacks_per_user"
_ALPHA = 0.05
# A threshold moves decisions. The scores that were shifted to show it are nobody's probabilities.
_OF_PROBABILITIES = ("calibration_error", "log_loss")


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """A metric in two slices, for the baseline and for a variant. widened: the change of the distance between them."""

    metric: str
    slice_name: str
    first: str
    second: str
    baseline: tuple[float, float]
    variant: tuple[float, float]
    widened: Interval

    @property
    def distances(self) -> tuple[float, float]:
        """By how much the first slice is ahead, for the baseline and for the variant."""
        return self.baseline[0] - self.baseline[1], self.variant[0] - self.variant[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One variant. gain: its row in the chased metric. rows: all its metrics over all cases; worse: those that fell."""

    variant: Variant
    gain: OfflineRow
    rows: tuple[OfflineRow, ...]
    worse: tuple[OfflineRow, ...]
    apart: tuple[Apart, ...]

    @property
    def reached(self) -> bool:
        """Whether the chased metric is better, beyond chance."""
        return _reads(self.gain, "better")

    def row(self, metric: str) -> OfflineRow:
        """One metric over all cases."""
        return next(row for row in self.rows if row.metric == metric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Online:
    """What an A/B test said of a variant. chargebacks: their lift, where more is worse."""

    gap: Gap
    revenue: Interval
    chargebacks: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The whole experiment."""

    outcomes: tuple[Outcome, ...]
    online: dict[str, Online]

    def of(self, target: str, way: Way = Way.WEIGHTING) -> Outcome:
        """The outcome of chasing a metric in one way."""
        return next(o for o in self.outcomes if (o.variant.target, o.variant.way) == (target, way))


def judge(models: Models, results: Results) -> Judged:
    """Read every variant's fate out of the results of the study."""
    outcomes = tuple(_outcome(variant, results.offline) for variant in models.variants)
    found = {gap.experiment: gap for gap in results.gaps if gap.experiment == f"chasing_{gap.offline_metric}"}
    return Judged(
        outcomes=outcomes,
        online={name: _online(gap, results.estimates) for name, gap in found.items()},
    )


def _outcome(variant: Variant, rows: Iterable[OfflineRow]) -> Outcome:
    mine = [row for row in rows if row.model == variant.name]
    whole = tuple(row for row in mine if row.slice_name is None)
    ignored = _OF_PROBABILITIES if variant.way is Way.THRESHOLD else ()
    return Outcome(
        variant=variant,
        gain=next(row for row in whole if row.metric == variant.target),
        rows=whole,
        worse=tuple(row for row in whole if row.metric not in ignored and _reads(row, "worse")),
        apart=tuple(_apart(mine, metric, *side) for side in SIDES for metric in HELD_APART),
    )


def _reads(row: OfflineRow, word: str) -> bool:
    return offline_reading(row, alpha=_ALPHA).word == word


def _apart(rows: Sequence[OfflineRow], metric: str, slice_name: str, first: str, second: str) -> Apart:
    better, worse = (
        next(r for r in rows if (r.metric, r.slice_name, r.slice_value) == (metric, slice_name, value))
        for value in (first, second)
    )
    return Apart(
        metric=metric,
        slice_name=slice_name,
        first=first,
        second=second,
        baseline=(_known(better.baseline_value), _known(worse.baseline_value)),
        variant=(_known(better.value), _known(worse.value)),
        # The slices share no case, so their gains are independent.
        widened=shortfall(_interval(better.gain), _interval(worse.gain)),
    )


def _online(gap: Gap, estimates: Iterable[Estimate]) -> Online:
    by_metric = {
        e.metric: e
        for e in estimates
        if e.experiment == gap.experiment and e.period is None and e.slice_name is None
    }
    return Online(
        gap=gap,
        revenue=_interval(by_metric[BUSINESS].lift),
        chargebacks=_interval(by_metric[CHARGEBACKS].lift),
    )


def _known(value: float | None) -> float:
    if value is None:
        raise ValueError("a metric of the experiment has no value")
    return value


def _interval(value: object) -> Interval:
    if not isinstance(value, Interval):
        raise TypeError(f"an estimate of the experiment has no interval: {value}")
    return value
