"""Tests of one gain: the one that fits the metric, with the interval that never contradicts it.

Means over examples get the paired t, functions of counts the delta method, ROC-AUC DeLong, average precision the
infinitesimal jackknife, all with t quantiles over the examples that carry them. Calibration errors are put side by side
and not tested.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.offline.moments import difference_moments
from abgap.offline.predictions.cells import Part
from abgap.offline.predictions.definitions import BinaryMetric, Needs
from abgap.offline.predictions.measured import Measured, why_unfit
from abgap.offline.predictions.pair_order import PairOrder
from abgap.offline.predictions.pairs import Buckets, PairPart, PairTally
from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.records.moments import FloatArray
from abgap.stats.arrays import MIN_UNITS, finite_or_none
from abgap.stats.classification import counts_of, paired_moments, value_of
from abgap.stats.moments import Univariate
from abgap.stats.paired import Comparison, paired_difference
from abgap.stats.paired_resampling import PairedSums, mean_of_sums
from abgap.stats.roc import DifferenceSums, areas, average_precision_difference, delong

_LOSS_OF = {"log_loss": "log_loss", "brier": "squared_error"}
# What divides by the examples that a model calls positive.
_OF_ALARMS = frozenset({"precision", "mcc"})
_MEANS = frozenset({"accuracy", "expected_cost", *_LOSS_OF})


class Scarce(NamedTuple):
    """What there is least of, and what it is called, one and many of it."""

    n: int
    one: str
    many: str = ""

    @property
    def said(self) -> str:
        """Number and noun."""
        return f"{self.n} {self.one if self.n == 1 else self.many or f'{self.one}s'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """A gain with both values, before it becomes a contest. moments: of differences by example, for a mean."""

    value: float | None
    base: float | None
    gain: Estimable
    p_value: float | None = None
    moments: Univariate | None = None


def judge_gain(
    measured: Measured,
    metric: BinaryMetric,
    part: PairPart,
    tally: PairTally,
    order: PairOrder | None,
    alpha: float,
) -> Tested:
    """Judge the gain of a metric over a part. order: None where only one label occurs, or no order is wanted."""
    unfit = [why_unfit(measured.predictions, metric, side) for side in part[:2]]
    if any(unfit):
        return Tested(value=None, base=None, gain=undefined(next(why for why in unfit if why)))
    if metric.of_counts is not None:
        return _of_counts(metric, tally, alpha)
    if metric.base in _LOSS_OF:
        return _of_mean(metric, tally.losses[_LOSS_OF[metric.base]], alpha)
    if metric.needs is Needs.ORDER:
        return _of_order(metric, order, alpha)
    return _of_bins(measured, metric, part, tally)


def _of_counts(metric: BinaryMetric, tally: PairTally, alpha: float) -> Tested:
    formula = metric.of_counts
    if formula is None:
        raise TypeError(f"{metric.name} is not of counts")
    sides = [counts_of(tally.decided.sum(axis=2)), counts_of(tally.decided.sum(axis=1))]
    value, base = (finite_or_none(value_of(formula, side)) for side in sides)
    if value is None or base is None:
        return Tested(value=value, base=base, gain=undefined(metric.undefined))
    moments = paired_moments(formula, tally.decided)
    is_mean = metric.base in _MEANS
    found = paired_difference(moments if is_mean else _over_carriers(metric, tally, moments), alpha)
    gain = _interval(found, alpha, "paired-t" if is_mean else "delta", _scarcest(metric, tally, sides))
    p = finite_or_none(found.p_value) if isinstance(gain, Interval) else None
    return Tested(value=value, base=base, gain=gain, p_value=p, moments=moments if is_mean else None)


def _over_carriers(metric: BinaryMetric, tally: PairTally, moments: Univariate) -> Univariate:
    """The same gain with the spread and the degrees of freedom that the examples which carry it can give.

    A recall is a mean over positives, whatever number of negatives stands beside them: with ten of them the normal
    quantile finds a gain in one of eight comparisons of equal models. So it gets the paired t over positives.
    """
    negatives, positives = tally.decided.sum(axis=(1, 2))
    of = {"recall": positives, "specificity": negatives, "precision": moments.n}
    n = np.maximum(of.get(metric.base, min(negatives, positives)), 2.0)
    spread = moments.variance * (moments.n - 1.0) / moments.n**2
    return Univariate(n=n, mean=moments.mean, variance=spread * n**2 / (n - 1.0))


def _scarcest(metric: BinaryMetric, tally: PairTally, sides: Sequence[FloatArray]) -> Scarce:
    """What there is least of among what the metric divides by. sides: tp, fp, fn, tn of both models."""
    if metric.base in _MEANS:
        return Scarce(int(tally.n), "example")
    rarer = Scarce(int(min(tally.by_label)), "example of the rarer label", "examples of the rarer label")
    if metric.base not in _OF_ALARMS:
        return rarer
    alarms = int(min(float(side[0] + side[1]) for side in sides))
    return min(rarer, Scarce(alarms, "example called positive", "examples called positive"))


def _of_mean(metric: BinaryMetric, sums: DifferenceSums, alpha: float) -> Tested:
    if not sums.n:
        return Tested(value=None, base=None, gain=undefined(metric.undefined))
    moments = difference_moments(sums.n, sums.difference, sums.square)
    found = paired_difference(moments, alpha)
    gain = _interval(found, alpha, "paired-t", Scarce(int(sums.n), "example"))
    return Tested(
        value=sums.candidate / sums.n,
        base=sums.base / sums.n,
        gain=gain,
        p_value=finite_or_none(found.p_value),
        moments=moments,
    )


def _of_order(metric: BinaryMetric, order: PairOrder | None, alpha: float) -> Tested:
    if order is None:
        return Tested(value=None, base=None, gain=undefined(metric.undefined))
    negatives, positives = order.placements
    if metric.base == "roc_auc":
        values, method = areas(positives, negatives), "delong"
        found = delong(positives, negatives, alpha)
    else:
        values = (order.precisions[0] / positives.n, order.precisions[1] / positives.n)
        method = "infinitesimal jackknife"
        found = average_precision_difference(order.influences[1], order.influences[0], values, alpha)
    rarer = int(min(negatives.n, positives.n))
    scarce = Scarce(rarer, "example of the rarer label", "examples of the rarer label")
    gain = _interval(found, alpha, method, scarce)
    return Tested(value=values[0], base=values[1], gain=gain, p_value=finite_or_none(found.p_value))


def _of_bins(measured: Measured, metric: BinaryMetric, part: PairPart, tally: PairTally) -> Tested:
    """Calibration errors side by side: they are biased upwards by chance, so that their difference is not tested."""
    sides = [Part(side, part.slice_name, part.slice_value) for side in part[:2]]
    complete = all(side in measured.tallies and measured.tallies[side].n == tally.n for side in sides)
    values = [measured.value(metric, side).value if complete else None for side in sides]
    detail = "chance alone makes calibration errors larger, of the better model too; compare log loss or Brier score"
    return Tested(
        value=values[0],
        base=values[1],
        gain=NotEstimable(reason=Reason.NO_INTERVAL_GIVEN, detail=detail),
    )


def _interval(found: Comparison, alpha: float, method: str, scarce: Scarce) -> Estimable:
    """The interval of a comparison, or why there is none."""
    reason: Reason | None = found.problem.item()
    if scarce.n < MIN_UNITS:
        detail = f"only {scarce.said}, at least {MIN_UNITS} are needed"
        return NotEstimable(reason=Reason.TOO_FEW_UNITS, detail=detail)
    if reason is not None:
        return NotEstimable(reason=reason, detail="the two models do not differ, so nothing can be tested")
    estimate, low, high = (float(x) for x in (found.difference, found.low, found.high))
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method=method)


def sums_of(metric: BinaryMetric, buckets: Buckets | None) -> PairedSums | None:
    """What the paired bootstrap and the exchange test draw; None for a metric that is not made of sums."""
    if buckets is None:
        return None
    if metric.of_counts is not None:
        formula = metric.of_counts
        return PairedSums(
            candidate=buckets.candidate,
            baseline=buckets.base,
            metric=lambda sums: np.asarray(formula(sums), dtype=np.float64),
        )
    loss = buckets.losses.get(_LOSS_OF.get(metric.base, ""))
    if loss is None:
        return None
    candidate, base = (np.stack([side, buckets.n], axis=-1) for side in loss)
    return PairedSums(candidate=candidate, baseline=base, metric=mean_of_sums)


def undefined(why: str) -> NotEstimable:
    """Why a metric has no value."""
    return NotEstimable(reason=Reason.NOT_DEFINED, detail=why)
