"""Two independent proportions by the score method: one method for few and for many successes.

The test and both intervals come from the same statistic, the squared score of the constrained
likelihood, so that they cannot contradict each other: an interval excludes no difference exactly when
``p < alpha``. The test is the pooled z (Pearson's chi-square without continuity correction); the
interval of the difference is Mee's (1984), that of the lift Koopman's (1984) for the ratio, minus one.

How the limits are found. Along the boundary of the interval both constrained estimates are known in
closed form given the Lagrange multiplier of the constraint, and the squared score grows with it; so each
limit is one bisection over the multiplier, without the cubic equation that loses half the digits near
zero and n successes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import (
    MIN_UNITS,
    Bounds,
    CheckedBounds,
    Floats,
    bounds,
    checked_bounds,
    first_reason,
    no_reason,
    only_where,
    same_shape,
    set_same_shape,
)
from abgap.stats.tails import normal_quantile, normal_two_sided_p

# Halvings of the bracket: enough for the last digit with 10^9 units per arm.
_HALVINGS = 80


class _Arm(NamedTuple):
    """Successes out of n in one arm."""

    x: FloatArray
    n: FloatArray

    @property
    def share(self) -> FloatArray:
        """Of successes."""
        return self.x / self.n

    @property
    def failures(self) -> FloatArray:
        """The share of failures, with its own digits when it is small."""
        return (self.n - self.x) / self.n


@dataclass(frozen=True, slots=True, kw_only=True)
class Successes:
    """Units that did it, out of all units, in control and treatment; arrays of one shape."""

    control: FloatArray
    n_control: FloatArray
    treatment: FloatArray
    n_treatment: FloatArray

    def __post_init__(self) -> None:
        set_same_shape(self, ("control", "n_control", "treatment", "n_treatment"))

    def take(self, rows: npt.NDArray[np.intp]) -> Successes:
        """The comparisons at these positions."""
        return Successes(
            control=self.control[rows],
            n_control=self.n_control[rows],
            treatment=self.treatment[rows],
            n_treatment=self.n_treatment[rows],
        )

    @property
    def arms(self) -> tuple[_Arm, _Arm]:
        """Control and treatment."""
        return _Arm(self.control, self.n_control), _Arm(self.treatment, self.n_treatment)

    @property
    def problem(self) -> ObjectArray:
        """Why nothing may be concluded, or None."""
        fewest = np.minimum(self.n_control, self.n_treatment)
        unknown = np.isnan(self.control) | np.isnan(self.treatment)
        return first_reason(
            (~(fewest > 0) | unknown, Reason.NO_UNITS), (fewest < MIN_UNITS, Reason.TOO_FEW_UNITS)
        )


@np.errstate(divide="ignore", invalid="ignore")
def score_p_value(successes: Successes) -> tuple[FloatArray, ObjectArray]:
    """Return the two-sided p-value of equal proportions by the pooled z, and why there is none.

    ``ZERO_VARIANCE`` where nobody or everybody in both arms did it.
    """
    control, treatment = successes.arms
    pooled = _Arm(control.x + treatment.x, control.n + treatment.n)
    variance = pooled.share * pooled.failures * (1.0 / control.n + 1.0 / treatment.n)
    p = normal_two_sided_p((treatment.share - control.share) / np.sqrt(variance))
    problem = first_reason((~(variance > 0.0), Reason.ZERO_VARIANCE), after=successes.problem)
    return only_where(no_reason(problem), p), problem


@np.errstate(divide="ignore", invalid="ignore")
def score_difference(successes: Successes, alpha: float) -> CheckedBounds:
    """Return the difference of the proportions, treatment minus control, with Mee's score interval."""
    control, treatment = successes.arms
    (low_t, low_c), (high_c, high_t) = (
        _apart(treatment, control, alpha),
        _apart(control, treatment, alpha),
    )
    return checked_bounds(successes.problem, treatment.share - control.share, low_t - low_c, high_t - high_c)


@np.errstate(divide="ignore", invalid="ignore")
def score_lift(successes: Successes, alpha: float) -> CheckedBounds:
    """Return the relative lift, ratio of the proportions minus one, with Koopman's score interval.

    ``CONTROL_NEAR_ZERO`` where nobody in control did it: the ratio has then no upper limit.
    """
    control, treatment = successes.arms
    low = _ratio_low(treatment, control, alpha)
    high = 1.0 / _ratio_low(control, treatment, alpha)
    problem = first_reason((control.x <= 0.0, Reason.CONTROL_NEAR_ZERO), after=successes.problem)
    return checked_bounds(problem, treatment.share / control.share - 1.0, low - 1.0, high - 1.0)


@np.errstate(divide="ignore", invalid="ignore")
def score_statistic_at(successes: Successes, lift: Floats) -> FloatArray:
    """Return the signed score by which the ratio of the proportions lies above one plus this hypothetical lift.

    ``(p_t - r p_c) / sqrt(r^2 p~_c q~_c / n_c + p~_t q~_t / n_t)`` with the estimates that are constrained to the ratio
    ``r``; Koopman's interval is where its square stays below the critical value. lift: a fraction above -1. NaN where
    nothing may be concluded.
    """
    control, treatment = successes.arms
    ratio = 1.0 + np.asarray(lift, dtype=np.float64)
    variance = constrained_variance(successes, ratio)
    score = (treatment.share - ratio * control.share) / np.sqrt(variance)
    return only_where(no_reason(successes.problem) & (variance > 0.0) & (ratio > 0.0), score)


@np.errstate(divide="ignore", invalid="ignore")
def constrained_variance(successes: Successes, ratio: FloatArray) -> FloatArray:
    """Return the variance of ``p_t - ratio p_c`` at the most likely shares that have this ratio."""
    control, treatment = successes.arms
    # The constrained share of control is the smaller root of a quadratic, by the product of its roots.
    leading = ratio * (control.n + treatment.n)
    half = 0.5 * (control.n + treatment.x + ratio * (treatment.n + control.x))
    constant = control.x + treatment.x
    root = np.sqrt(np.maximum(half**2 - leading * constant, 0.0))
    p_control = constant / (half + root)
    p_treatment = np.minimum(ratio * p_control, 1.0)
    return np.asarray(
        p_treatment * (1.0 - p_treatment) / treatment.n
        + ratio**2 * p_control * np.maximum(1.0 - p_control, 0.0) / control.n
    )


@np.errstate(divide="ignore", invalid="ignore")
def cohen_h(successes: Successes, alpha: float) -> Bounds:
    """Return Cohen's h, difference of ``2 arcsin sqrt(p)``, with its interval.

    The interval is h of the shares at either end of the difference's score interval, so that it excludes 0 exactly
    when that does; with many units it is ``h +- z sqrt(1/n_c + 1/n_t)``.
    """
    control, treatment = successes.arms
    (low_t, low_c), (high_c, high_t) = _apart(treatment, control, alpha), _apart(control, treatment, alpha)
    h, low, high = (
        2.0 * (np.arcsin(np.sqrt(of_treatment)) - np.arcsin(np.sqrt(of_control)))
        for of_treatment, of_control in (
            (treatment.share, control.share),
            (low_t, low_c),
            (high_t, high_c),
        )
    )
    return bounds(no_reason(successes.problem), h, low, high)


def _apart(first: _Arm, second: _Arm, alpha: float) -> tuple[FloatArray, FloatArray]:
    """Return both shares where the first minus the second is at its lower score limit.

    With multiplier m the constrained estimates solve ``p^ - p = (m/n) p (1-p)``, the first pulled down
    and the second up, and the squared score is ``m^2 (p1 q1/n1 + p2 q2/n2)``.
    """
    target = normal_quantile(1.0 - alpha / 2.0) ** 2

    def constrained(m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        p_first, q_first = _pulled_down(first.share, first.failures, m / first.n)
        # Pulling the share of successes up is pulling that of failures down.
        q_second, p_second = _pulled_down(second.failures, second.share, m / second.n)
        return p_first, q_first, p_second, q_second

    def squared_score(m: FloatArray) -> FloatArray:
        p_first, q_first, p_second, q_second = constrained(m)
        return m**2 * (p_first * q_first / first.n + p_second * q_second / second.n)

    # Once m is twice the units, at least half of the way to the limit -1 is done: the score is m way / 2.
    way = first.share + second.failures
    enough = np.maximum(2.0 * np.maximum(first.n, second.n), 2.0 * target / way)
    m = _solve_increasing(squared_score, np.where(way > 0.0, enough, 0.0), target)
    p_first, _, p_second, _ = constrained(m)
    return p_first, p_second


def _ratio_low(first: _Arm, second: _Arm, alpha: float) -> FloatArray:
    """Return the lower score limit of the first proportion over the second.

    With multiplier m the constrained estimates are ``(x1 - m)/(n1 - m)`` and ``(x2 + m)/(n2 + m)``, and
    the squared score is ``m^2 (q1^/(x1 - m) + q2^/(x2 + m))``. The first estimate is read off its share
    of the score instead, which also holds when all of the first arm did it and its estimate leaves 1
    only at ``m = n1``.
    """
    target = normal_quantile(1.0 - alpha / 2.0) ** 2

    def squared_score(m: FloatArray) -> FloatArray:
        return m**2 * (first.failures / (first.x - m) + second.failures / (second.x + m))

    m = _solve_increasing(squared_score, first.x, target)
    odds_against = first.n * (target / m**2 - second.failures / (second.x + m))
    p_first = 1.0 / (1.0 + np.maximum(odds_against, 0.0))
    p_second = (second.x + m) / (second.n + m)
    return np.where(first.x == 0.0, 0.0, p_first / p_second)


def _pulled_down(p_hat: FloatArray, q_hat: FloatArray, pull: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the root p of ``p_hat - p = pull p (1 - p)`` in 0..1, and 1 - p, neither by cancellation."""
    root = np.sqrt((1.0 - pull) ** 2 + 4.0 * pull * q_hat)
    p = 2.0 * p_hat / (1.0 + pull + root)
    q = np.where(pull < 1.0, 2.0 * q_hat / (1.0 - pull + root), (pull - 1.0 + root) / (2.0 * pull))
    return p, q


def _solve_increasing(
    function: Callable[[FloatArray], FloatArray], upper: FloatArray, goal: FloatArray
) -> FloatArray:
    """Return where an increasing function on 0..upper reaches the goal; ``upper`` where it does not."""
    low, high = np.zeros_like(upper), upper
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        below = function(middle) < goal
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return high


def wilson_interval(successes: Floats, n: Floats, alpha: float) -> Bounds:
    """Return a share with its score interval (Wilson 1927), which holds for few successes too."""
    x, n = same_shape(successes, n)
    z = normal_quantile(1.0 - alpha / 2.0)
    share = x / n
    centre = (share + z**2 / (2.0 * n)) / (1.0 + z**2 / n)
    reach = z / (1.0 + z**2 / n) * np.sqrt(share * (1.0 - share) / n + z**2 / (4.0 * n**2))
    return Bounds(share, centre - reach, centre + reach)
