"""Errors of several log ratios of one arm, and of arms with one control, out of moments of all metrics together.

Every log ratio is to first order a sum over units of both arms, so that the covariance of two of them is that of the
sums: with weights ``w`` on the means of an arm's entries (metrics and covariates) and their covariances ``C``,

    Cov = w_t C_t w_t' / n_t + w_c C_c w_c' / n_c,

and two arms with one control share ``w_c C_c v_c' / n_c``. The weights are the derivatives of
``log(1 + d / m_c)`` with the (adjusted) difference ``d = m_t - m_c - theta' (x_t - x_c)`` and the unadjusted control
mean: ``1 / T`` and ``-theta / T`` in treatment, ``-1 / m_c`` and ``theta / T`` in control, where ``T = m_c + d``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.covariates import Covaried, slopes
from abgap.stats.moments import Joint, Univariate
from abgap.stats.portfolio.effects import IndexArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a metric and its covariates stand among the entries."""

    value: int
    covariates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWeights:
    """What log ratios answer to: (K, metrics, entries), on the means of the entries of each arm.

    NaN where a mean is not above zero.
    """

    control: FloatArray
    treatment: FloatArray


def log_weights(
    control: Joint,
    treatment: Joint,
    metrics: Sequence[Places],
    *,
    by_arm: bool = False,
    differences: Collection[int] = (),
) -> LogWeights:
    """Return the weights of the log ratio of every metric in K arms. by_arm: as of ``adjusted_contrast``.

    differences: positions of metrics whose effect is the plain difference of the means instead.
    """
    shape = (*control.means.shape[:-1], len(metrics), control.means.shape[-1])
    found = LogWeights(control=np.zeros(shape), treatment=np.zeros(shape))
    for at, places in enumerate(metrics):
        if at in differences:
            found.treatment[..., at, places.value], found.control[..., at, places.value] = 1.0, -1.0
            continue
        x = list(places.covariates)
        theta = slopes(_covaried(control, places), _covaried(treatment, places), by_arm=by_arm)
        before, after = control.means[..., places.value], treatment.means[..., places.value]
        adjusted = after - np.sum(theta * (treatment.means - control.means)[..., x], axis=-1)
        known = (before > 0.0) & (adjusted > 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            by_treatment = np.where(known, 1.0 / adjusted, np.nan)
            by_control = np.where(known, -1.0 / before, np.nan)
        found.treatment[..., at, places.value], found.control[..., at, places.value] = (
            by_treatment,
            by_control,
        )
        found.treatment[..., at, x] = -theta * by_treatment[..., None]
        found.control[..., at, x] = theta * by_treatment[..., None]
    return found


def _covaried(arm: Joint, places: Places) -> Covaried:
    x = np.array(places.covariates, dtype=np.intp)
    value = Univariate(
        n=arm.n,
        mean=arm.means[..., places.value],
        variance=arm.covariances[..., places.value, places.value],
    )
    return Covaried(
        value=value,
        means=arm.means[..., x],
        covariances=arm.covariances[..., x[:, None], x],
        crosses=arm.covariances[..., places.value, x],
    )


def joint_errors(control: Joint, treatment: Joint, weights: LogWeights) -> FloatArray:
    """Return the covariances of the log ratios of each arm, (K, metrics, metrics)."""
    return _of(treatment, weights.treatment, weights.treatment) + _of(
        control, weights.control, weights.control
    )


def shared_errors(control: Joint, weights: LogWeights, first: IndexArray, second: IndexArray) -> FloatArray:
    """Return the covariances of the log ratios of pairs of arms with one control, (m, metrics, metrics).

    control: of every arm; the same in both arms of a pair.
    """
    of_pairs = Joint(n=control.n[first], means=control.means[first], covariances=control.covariances[first])
    return _of(of_pairs, weights.control[first], weights.control[second])


def _of(arm: Joint, left: FloatArray, right: FloatArray) -> FloatArray:
    found = left @ (arm.covariances / arm.n[..., None, None]) @ np.swapaxes(right, -1, -2)
    return np.asarray(found)


def rescaled(covariances: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Return covariances (..., p, p) with the standard deviations of rows and columns (..., p) put in place.

    first, second: by how much the deviations of rows and of columns are multiplied.
    """
    return covariances * first[..., :, None] * second[..., None, :]
