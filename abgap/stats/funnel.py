"""Where along a chain of stages the total changed, with nothing left over.

``revenue per user = sessions per user x clicks per session x ... x revenue per order``: each stage is
the mean of one per-unit sum over the mean of the one before, so that the log lifts of the stages add up
to that of the total. In money a stage gets its log lift times the logarithmic mean of the totals (LMDI,
Ang 2004), and these contributions add up to the change of the total. Where a stage is zero or negative
in an arm there is no logarithm: then each stage gets its Shapley value, the average over all orders in
which the stages could have changed.

This is accounting, not cause: later stages compare different units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import MIN_UNITS, BoolArray, Bounds, first_reason, no_reason
from abgap.stats.resampling import percentile_bounds
from abgap.stats.rule import FIXED, Rule

# Gauss-Legendre on 0..1: exact for the Shapley polynomials up to 48 stages, to rounding for the
# logarithmic mean.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_Z: FloatArray = 0.5 * (_NODES + 1.0)
_DZ: FloatArray = 0.5 * _WEIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelArm:
    """Per-unit sums X_1..X_k of one arm, in the order of the stages.

    n: units (...). means: (..., k). covariance: of the units' sums (..., k, k), ddof 1; NaN when not given.
    """

    n: FloatArray
    means: FloatArray
    covariance: FloatArray

    @property
    def broken(self) -> BoolArray:
        """Where a sum is missing, or is not zero although the one before it is."""
        detached = (_before(self.means) == 0.0) & (self.means != 0.0)
        return np.asarray(np.any(detached | np.isnan(self.means), axis=-1))


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelDecomposition:
    """The change of the total, stage by stage; arrays of stages are (..., k), the others (...).

    control, treatment: the stage's ratio in each arm, NaN where the stage before it is zero.
    log_lift: of each stage; they add up to total_log_lift. money: the stage's part in the change of the
    total per unit, in the total's own units. method: ``lmdi`` or ``shapley``. problem: why there are no
    intervals (their ends are NaN), or None. ``NOT_POSITIVE``: a stage is zero or negative in an arm, so
    that there are no log lifts, and the money is by Shapley. ``NO_DENOMINATOR``: a stage is not zero
    after one that is, so that the stages do not multiply to the total and there is no money either.
    ``TOO_FEW_UNITS``, ``NO_VARIANCE_GIVEN``: the decomposition stands without intervals.
    """

    control: FloatArray
    treatment: FloatArray
    log_lift: Bounds
    money: Bounds
    total_log_lift: Bounds
    method: ObjectArray
    problem: ObjectArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _LogRatios:
    """Logs of the stage ratios of one arm (..., k), and the covariance of these estimates (..., k, k)."""

    value: FloatArray
    covariance: FloatArray

    @property
    def total(self) -> FloatArray:
        """Log of the arm's total."""
        return np.asarray(np.sum(self.value, axis=-1))

    @property
    def variance(self) -> FloatArray:
        """Of each stage."""
        return np.asarray(np.maximum(np.diagonal(self.covariance, axis1=-2, axis2=-1), 0.0))

    @property
    def with_total(self) -> FloatArray:
        """Covariance of each stage with the total."""
        return np.asarray(np.sum(self.covariance, axis=-1))

    @property
    def total_variance(self) -> FloatArray:
        """Of the total."""
        return np.asarray(np.maximum(np.sum(self.covariance, axis=(-2, -1)), 0.0))


def decompose_funnel(
    control: FunnelArm, treatment: FunnelArm, alpha: float, rule: Rule = FIXED
) -> FunnelDecomposition:
    """Split the change of the last sum's mean into its stages, with intervals of level ``1 - alpha``.

    Delta method from the full covariance of the per-unit sums; the intervals of the money also count that
    the logarithmic mean of the totals is estimated.
    """
    ratios = _ratios(control.means), _ratios(treatment.means)
    problem = _problem(control, treatment)
    positive = np.all((control.means > 0.0) & (treatment.means > 0.0), axis=-1)
    before, after = (_log_ratios(arm, positive) for arm in (control, treatment))
    critical = rule.large_sample_critical(control.n + treatment.n, alpha)
    critical = np.where(no_reason(problem), critical, np.nan)
    money, money_error = _lmdi(before, after)
    money = np.where(positive[..., None], money, _shapley(*ratios))
    money = np.where((control.broken | treatment.broken)[..., None], np.nan, money)
    stage_error = np.sqrt(before.variance + after.variance)
    total_error = np.sqrt(before.total_variance + after.total_variance)
    return FunnelDecomposition(
        control=ratios[0],
        treatment=ratios[1],
        log_lift=_around(after.value - before.value, critical[..., None] * stage_error),
        money=_around(money, critical[..., None] * money_error),
        total_log_lift=_around(after.total - before.total, critical * total_error),
        method=np.where(positive, "lmdi", "shapley").astype(object),
        problem=problem,
    )


def resampled_funnel(
    result: FunnelDecomposition, control: FloatArray, treatment: FloatArray, alpha: float
) -> FunnelDecomposition:
    """Return one decomposition with percentiles of bootstrap draws in place of its intervals.

    control, treatment: means of the stages in every draw, (draws, k), both from the same draws. A draw in which
    a stage is zero has no logarithm there, and counts as beyond both ends.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [np.log(np.where(means > 0.0, means, np.nan)) for means in (control, treatment)]
    changes = logs[1] - logs[0]
    log_lift = np.diff(changes, axis=-1, prepend=0.0)
    path = np.exp(logs[0][:, -1:] * (1.0 - _Z) + logs[1][:, -1:] * _Z) * _DZ
    money = np.sum(path, axis=-1)[:, None] * log_lift
    return replace(
        result,
        log_lift=percentile_bounds(result.log_lift.estimate, log_lift.T, alpha),
        money=percentile_bounds(result.money.estimate, money.T, alpha),
        total_log_lift=percentile_bounds(result.total_log_lift.estimate, changes[:, -1], alpha),
    )


def _around(estimate: FloatArray, margin: FloatArray) -> Bounds:
    """Build symmetric intervals."""
    return Bounds(estimate, estimate - margin, estimate + margin)


def _before(means: FloatArray) -> FloatArray:
    """Return what each stage is relative to: the mean of the sum before it, one unit for the first."""
    return np.concatenate([np.ones_like(means[..., :1]), means[..., :-1]], axis=-1)


@np.errstate(divide="ignore", invalid="ignore")
def _ratios(means: FloatArray) -> FloatArray:
    """Return the stage ratios of an arm; NaN where the stage before is zero."""
    earlier = _before(means)
    return np.where(earlier == 0.0, np.nan, means / earlier)


def _problem(control: FunnelArm, treatment: FunnelArm) -> ObjectArray:
    """Say why there are no intervals, per funnel."""
    fewest = np.minimum(control.n, treatment.n)
    not_positive = np.any((control.means <= 0.0) | (treatment.means <= 0.0), axis=-1)
    given = np.all(np.isfinite(control.covariance + treatment.covariance), axis=(-2, -1))
    return first_reason(
        (~(fewest > 0), Reason.NO_UNITS),
        (control.broken | treatment.broken, Reason.NO_DENOMINATOR),
        (np.asarray(not_positive), Reason.NOT_POSITIVE),
        (fewest < MIN_UNITS, Reason.TOO_FEW_UNITS),
        (np.asarray(~given), Reason.NO_VARIANCE_GIVEN),
    )


@np.errstate(divide="ignore", invalid="ignore")
def _log_ratios(arm: FunnelArm, positive: BoolArray) -> _LogRatios:
    """Return logs of the stage ratios and their covariance, NaN where a stage is not positive.

    The log of a mean has covariance ``s_ij / (n m_i m_j)``, and a stage is the difference of two neighbours.
    """
    means = np.where(positive[..., None], arm.means, np.nan)
    of_means = arm.covariance / (arm.n[..., None, None] * means[..., :, None] * means[..., None, :])
    logs = np.log(means)
    for axis in (-2, -1):
        first = np.zeros_like(np.take(of_means, [0], axis=axis))
        of_means = np.diff(of_means, axis=axis, prepend=first)
    return _LogRatios(value=np.diff(logs, axis=-1, prepend=np.zeros_like(logs[..., :1])), covariance=of_means)


def _lmdi(before: _LogRatios, after: _LogRatios) -> tuple[FloatArray, FloatArray]:
    """Return log lift times logarithmic mean of the totals for each stage, and its standard error.

    The logarithmic mean is ``integral of T^z C^(1-z)`` over z in 0..1, which needs no care where the
    totals are equal; its derivatives by log T and log C carry a factor z and 1 - z.
    """
    log_lift = after.value - before.value
    path = np.exp(before.total[..., None] * (1.0 - _Z) + after.total[..., None] * _Z) * _DZ
    mean = np.sum(path, axis=-1)[..., None]
    by_after = log_lift * np.sum(path * _Z, axis=-1)[..., None]
    by_before = log_lift * np.sum(path * (1.0 - _Z), axis=-1)[..., None]
    variance = sum(
        slope**2 * arm.total_variance[..., None]
        + 2.0 * sign * slope * mean * arm.with_total
        + mean**2 * arm.variance
        for arm, slope, sign in ((after, by_after, 1.0), (before, by_before, -1.0))
    )
    return mean * log_lift, np.sqrt(np.maximum(variance, 0.0))


def _shapley(control: FloatArray, treatment: FloatArray) -> FloatArray:
    """Return the contribution of each stage, averaged over all orders in which the ratios could have changed.

    The average is the integral over z in 0..1 of the other stages' product when each of them is the
    fraction z of its way along: the binomial terms of that product integrate to the Shapley weights. A
    stage that is undefined in one arm is taken from the other, so that it contributes nothing.
    """
    control, treatment = (
        np.where(np.isnan(own), np.where(np.isnan(other), 0.0, other), own)
        for own, other in ((control, treatment), (treatment, control))
    )
    change = treatment - control
    along = control[..., None] + change[..., None] * _Z
    stages = range(control.shape[-1])
    others = [np.prod(np.delete(along, stage, axis=-2), axis=-2) for stage in stages]
    return np.stack([change[..., stage] * np.sum(others[stage] * _DZ, axis=-1) for stage in stages], axis=-1)
