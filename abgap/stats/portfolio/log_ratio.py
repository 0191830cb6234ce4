"""The effect on an online metric as a log ratio, with its errors: what the portfolio adds up and compares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray
from abgap.records.vocabulary import Reason
from abgap.stats.contrast import Contrast


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRatios:
    """``log(treatment / control)`` of arms; arrays of one shape, NaN where a mean is not above zero.

    Without variances the value is there and its variance is NaN.

    to_difference, to_control: how the value answers to the difference and to the control mean (delta method).
    """

    value: FloatArray
    variance: FloatArray
    to_difference: FloatArray
    to_control: FloatArray


def log_ratios(contrast: Contrast) -> LogRatios:
    """Return the log ratios by the delta method; ``var = s_t^2/(n_t m_t^2) + s_c^2/(n_c m_c^2)`` for plain means.

    With covariates the difference is the adjusted one, relative to the unadjusted control mean.
    """
    treatment = contrast.control + contrast.difference
    told = contrast.usable | (contrast.problem == Reason.NO_VARIANCE_GIVEN)
    known = told & (contrast.control > 0.0) & (treatment > 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_difference = np.where(known, 1.0 / treatment, np.nan)
        to_control = np.where(known, 1.0 / treatment - 1.0 / contrast.control, np.nan)
        value = np.where(known, np.log(treatment / contrast.control), np.nan)
    variance = (
        to_difference**2 * contrast.variance
        + to_control**2 * contrast.control_variance
        + 2.0 * to_difference * to_control * contrast.covariance
    )
    return LogRatios(value=value, variance=variance, to_difference=to_difference, to_control=to_control)


def shared_control(
    contrast: Contrast, ratios: LogRatios, first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]
) -> FloatArray:
    """Return the covariance of the log ratios of two arms against one control, by position.

    The errors of two differences share the control's (adjusted) mean, whose variance is minus the covariance of a
    difference with the control mean: exactly so without covariates, up to the error of the slopes with them.
    """
    covariance = contrast.covariance
    differences = -(covariance[first] + covariance[second]) / 2.0
    control = np.sqrt(contrast.control_variance[first] * contrast.control_variance[second])
    by_difference, by_control = ratios.to_difference, ratios.to_control
    return np.asarray(
        by_difference[first] * by_difference[second] * differences
        + by_difference[first] * by_control[second] * covariance[first]
        + by_control[first] * by_difference[second] * covariance[second]
        + by_control[first] * by_control[second] * control
    )
