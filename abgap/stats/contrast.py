"""Treatment against control: the difference, the control value it is relative to, and how they vary jointly.

Everything said about an effect (interval, p-value, lift, non-inferiority, equivalence, power) is
computed from a ``Contrast``, so that none of them can contradict another. The builders differ only in what
a unit's value is: the value itself, its part in a ratio (delta method), what is left of it after covariates
(``covariates.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import MIN_UNITS, BoolArray, first_reason, no_reason, set_same_shape
from abgap.stats.moments import (
    Bivariate,
    Univariate,
    is_constant,
    ratio_unit_variance,
    ratio_value,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Treatment minus control, in the metric's own units; arrays of one shape.

    difference, variance, df: the estimate, its variance, and the degrees of freedom of that variance.
    control, control_variance: the control mean the lift is relative to, never adjusted, and its variance.
    covariance: of the difference with that control mean.
    n_control, n_treatment: units. pooled_sd: standard deviation of the unadjusted values within arms.
    problem: why nothing may be concluded from this element, or None.
    """

    difference: FloatArray
    variance: FloatArray
    df: FloatArray
    control: FloatArray
    control_variance: FloatArray
    covariance: FloatArray
    n_control: FloatArray
    n_treatment: FloatArray
    pooled_sd: FloatArray
    problem: ObjectArray

    def __post_init__(self) -> None:
        set_same_shape(self, [field.name for field in fields(self) if field.name != "problem"])

    def take(self, where: npt.NDArray[np.intp]) -> Contrast:
        """The elements at these positions, in their shape."""
        return Contrast(**{field.name: getattr(self, field.name)[where] for field in fields(self)})

    @property
    def usable(self) -> BoolArray:
        """Where something may be concluded."""
        return no_reason(self.problem)

    @property
    def units(self) -> FloatArray:
        """Of both arms together."""
        return self.n_control + self.n_treatment

    @property
    def standard_error(self) -> FloatArray:
        """Of the difference."""
        return np.sqrt(self.variance)

    @property
    def control_size(self) -> FloatArray:
        """What a lift is relative to: the control mean without its sign, NaN when it is zero."""
        return np.where(self.control == 0.0, np.nan, np.abs(self.control))

    @property
    def lift_covariance(self) -> FloatArray:
        """Covariance of the difference with ``control_size``."""
        return np.sign(self.control) * self.covariance


def mean_contrast(control: Univariate, treatment: Univariate) -> Contrast:
    """Compare two means with unequal variances (Welch), degrees of freedom after Satterthwaite."""
    errors = _mean_variance(control), _mean_variance(treatment)
    return contrast_of(control, treatment, treatment.mean - control.mean, errors, -errors[0])


def ratio_contrast(control: Bivariate, treatment: Bivariate) -> Contrast:
    """Compare two ratios of sums (y over x) by the delta method over the units that were randomised."""
    control_ratio, treatment_ratio = (
        Univariate(n=arm.n, mean=ratio_value(arm), variance=ratio_unit_variance(arm))
        for arm in (control, treatment)
    )
    return mean_contrast(control_ratio, treatment_ratio)


def contrast_of(
    control: Univariate,
    treatment: Univariate,
    difference: FloatArray,
    errors: tuple[FloatArray, FloatArray],
    covariance: FloatArray,
) -> Contrast:
    """Build a contrast from unadjusted arms and each arm's part in the variance of the difference."""
    variance = errors[0] + errors[1]
    return Contrast(
        difference=difference,
        variance=variance,
        df=_satterthwaite(errors, control.n, treatment.n),
        control=control.mean,
        control_variance=_mean_variance(control),
        covariance=covariance,
        n_control=control.n,
        n_treatment=treatment.n,
        pooled_sd=_pooled_sd(control, treatment),
        problem=_problem(control, treatment, variance),
    )


def _problem(control: Univariate, treatment: Univariate, variance: FloatArray) -> ObjectArray:
    """Say why nothing may be concluded; units without a mean are a ratio without denominator."""
    fewest = np.minimum(control.n, treatment.n)
    undefined = np.isnan(control.mean) | np.isnan(treatment.mean)
    largest = np.maximum(np.abs(control.mean), np.abs(treatment.mean))
    return first_reason(
        (~(fewest > 0), Reason.NO_UNITS),
        (fewest < MIN_UNITS, Reason.TOO_FEW_UNITS),
        (undefined, Reason.NO_DENOMINATOR),
        (~np.isfinite(variance), Reason.NO_VARIANCE_GIVEN),
        (is_constant(largest, variance * fewest), Reason.ZERO_VARIANCE),
    )


def _mean_variance(arm: Univariate) -> FloatArray:
    """Return the variance of an arm's mean."""
    return per_unit(arm.variance, arm.n)


@np.errstate(divide="ignore", invalid="ignore")
def per_unit(variance: FloatArray, n: FloatArray) -> FloatArray:
    """Return the variance of a mean of ``n`` units; NaN without any."""
    return np.where(n > 0, variance / n, np.nan)


@np.errstate(divide="ignore", invalid="ignore")
def _satterthwaite(
    errors: tuple[FloatArray, FloatArray], n_control: FloatArray, n_treatment: FloatArray
) -> FloatArray:
    """Return the degrees of freedom of a sum of two variances; by their shares, so that nothing overflows."""
    of_control, of_treatment = (part / (errors[0] + errors[1]) for part in errors)
    return 1.0 / (of_control**2 / (n_control - 1.0) + of_treatment**2 / (n_treatment - 1.0))


@np.errstate(divide="ignore", invalid="ignore")
def _pooled_sd(control: Univariate, treatment: Univariate) -> FloatArray:
    """Return the standard deviation within arms, weighted by their degrees of freedom."""
    squares = (control.n - 1.0) * control.variance + (treatment.n - 1.0) * treatment.variance
    return np.sqrt(squares / (control.n + treatment.n - 2.0))
