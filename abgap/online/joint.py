"""The columns of the moments table that describe one metric together: its value or parts, and its covariates.

A row of the table holds them in columns of their own and in lists; statistics want a vector of means and a matrix of
covariances. This module goes there and back, so that nothing else knows how a row is laid out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from abgap.online.codes import is_null
from abgap.records import Moments
from abgap.records.moments import FloatArray, ObjectArray
from abgap.stats.arrays import IndexArray
from abgap.stats.covariates import Covaried
from abgap.stats.moments import Bivariate, Joint, Univariate, ratio_unit_variance, ratio_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the vector of a metric holds. values: 1, or 2 for a ratio. covariates: how many. listed: in lists."""

    values: int
    covariates: int
    listed: bool


def layout_of(arm: Moments) -> Layout:
    """The layout of the rows of one metric."""
    lists = [found for found in arm.covariate_means if found is not None]
    listed = len(lists) > 0
    alone = 0 if np.isnan(arm.covariate_mean).all() else 1
    is_ratio = not np.isnan(arm.denominator_mean).all()
    return Layout(
        values=2 if is_ratio else 1,
        covariates=max(map(len, lists)) if listed else alone,
        listed=listed,
    )


def joint_of(arm: Moments, layout: Layout) -> Joint:
    """Every row as one vector: the value, or numerator and denominator, then the covariates."""
    values, k = layout.values, layout.covariates
    means = np.full((len(arm), values + k), np.nan)
    covariances = np.full((len(arm), values + k, values + k), np.nan)
    if values == 2:
        parts = _ratio(arm, np.arange(len(arm)))
        means[:, 0], means[:, 1] = parts.mean_y, parts.mean_x
        covariances[:, 0, 0], covariances[:, 1, 1] = parts.variance_y, parts.variance_x
        covariances[:, 0, 1] = covariances[:, 1, 0] = parts.covariance
    else:
        means[:, 0], covariances[:, 0, 0] = arm.mean, arm.variance
    for row in range(len(arm)) if k else ():
        x_means, x_covariances, crosses = _covariates(arm, row, layout)
        means[row, values:], covariances[row, values:, values:] = x_means, x_covariances
        covariances[row, :values, values:] = crosses
        covariances[row, values:, :values] = crosses.T
    return Joint(n=arm.n, means=means, covariances=covariances)


def _covariates(arm: Moments, row: int, layout: Layout) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means (k), covariances (k, k) and crosses (values, k) of a row; NaN where it has none."""
    values, k = layout.values, layout.covariates
    if not layout.listed:
        return (
            np.array([arm.covariate_mean[row]]),
            np.array([[arm.covariate_variance[row]]]),
            np.array([[arm.covariate_covariance[row]]]),
        )
    shapes = {"covariate_means": (k,), "covariate_covariances": (k, k), "covariate_crosses": (values, k)}
    means, covariances, crosses = (
        np.full(shape, np.nan)
        if getattr(arm, name)[row] is None
        else np.asarray(getattr(arm, name)[row], dtype=np.float64).reshape(shape)
        for name, shape in shapes.items()
    )
    return means, covariances, crosses


def joint_columns(rows: Joint, layout: Layout) -> dict[str, FloatArray | ObjectArray]:
    """The columns of vectors, one per row: the way back, with value and variance of a ratio."""
    values, k = layout.values, layout.covariates
    means, second = rows.means, rows.covariances
    columns: dict[str, Any] = {}
    if values == 2:
        parts = Bivariate(
            n=rows.n,
            mean_y=means[:, 0],
            variance_y=second[:, 0, 0],
            mean_x=means[:, 1],
            variance_x=second[:, 1, 1],
            covariance=second[:, 0, 1],
        )
        columns |= ratio_columns(parts)
    else:
        columns |= {"mean": means[:, 0], "variance": second[:, 0, 0]}
    if k and layout.listed:
        size = len(means)
        columns |= {
            "covariate_means": as_lists(means[:, values:]),
            "covariate_covariances": as_lists(second[:, values:, values:].reshape(size, -1)),
            "covariate_crosses": as_lists(second[:, :values, values:].reshape(size, -1)),
        }
    elif k:
        columns |= {
            "covariate_mean": means[:, 1],
            "covariate_variance": second[:, 1, 1],
            "covariate_covariance": second[:, 0, 1],
        }
    return columns


def ratio_columns(parts: Bivariate) -> dict[str, FloatArray]:
    """The columns of a ratio: its value, variance and parts."""
    return {
        "mean": ratio_value(parts),
        "variance": ratio_unit_variance(parts),
        "numerator_mean": parts.mean_y,
        "numerator_variance": parts.variance_y,
        "denominator_mean": parts.mean_x,
        "denominator_variance": parts.variance_x,
        "covariance": parts.covariance,
    }


def as_lists(rows: FloatArray) -> ObjectArray:
    """One tuple of floats per row, as an object column."""
    column = np.empty(len(rows), dtype=object)
    column[:] = [tuple(float(x) for x in row) for row in rows]
    return column


def _ratio(moments: Moments, rows: IndexArray) -> Bivariate:
    return Bivariate(
        n=moments.n[rows],
        mean_y=moments.numerator_mean[rows],
        variance_y=moments.numerator_variance[rows],
        mean_x=moments.denominator_mean[rows],
        variance_x=moments.denominator_variance[rows],
        covariance=moments.covariance[rows],
    )


def covaried(moments: Moments, rows: IndexArray) -> Covaried:
    """The metric's value in the given rows with its covariates; a ratio by its linearised value."""
    listed = np.flatnonzero(~is_null(moments.covariate_means[rows])).tolist()
    width = max([1, *(len(moments.covariate_means[rows[i]]) for i in listed)])
    means = np.zeros((len(rows), width))
    covariances = np.zeros((len(rows), width, width))
    crosses = np.zeros((len(rows), width))
    means[:, 0] = moments.covariate_mean[rows]
    covariances[:, 0, 0] = moments.covariate_variance[rows]
    crosses[:, 0] = moments.covariate_covariance[rows]
    for i in listed:
        k = len(moments.covariate_means[rows[i]])
        means[i, :k], covariances[i, :k, :k], crosses[i, :k] = _linearised(moments, rows[i])
    value = Univariate(n=moments.n[rows], mean=moments.mean[rows], variance=moments.variance[rows])
    return Covaried(value=value, means=means, covariances=covariances, crosses=crosses)


def _linearised(moments: Moments, row: np.intp) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Means, covariances and crosses of listed covariates; of a ratio r with ``(y - r x) / mean x``."""
    one = moments.take(np.array([row], dtype=np.intp))
    layout = layout_of(one)
    means, covariances, crosses = _covariates(one, 0, layout)
    if layout.values == 1:
        return means, covariances, crosses[0]
    bottom = float(one.denominator_mean[0])
    if bottom == 0.0:
        return means, covariances, np.full(layout.covariates, np.nan)
    return means, covariances, (crosses[0] - one.mean[0] * crosses[1]) / bottom
