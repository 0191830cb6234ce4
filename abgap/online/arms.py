"""Pairs every treatment row of the moments with its control row, and adds days up to cumulative rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from abgap.records import Moments
from abgap.records.moments import FloatArray
from abgap.stats.moments import Bivariate, Univariate, merge_bivariate, ratio_unit_variance, ratio_value

IndexArray = npt.NDArray[np.intp]

# The columns of two values per unit, in the order of a Bivariate: y's mean and variance, x's, their covariance.
_COVARIATE = ("mean", "variance", "covariate_mean", "covariate_variance", "covariate_covariance")
_RATIO = ("numerator_mean", "numerator_variance", "denominator_mean", "denominator_variance", "covariance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Row positions of equal length: ``treatment[i]`` is held against ``control[i]``."""

    control: IndexArray
    treatment: IndexArray


def pair_arms(moments: Moments, controls: Mapping[str, str]) -> Pairs:
    """All treatment rows that have a control row with the same metric, slice and period.

    controls: the control variant of each experiment. Rows of folds and of funnels are not paired.
    """
    keys = list(
        zip(
            moments.experiment,
            moments.metric,
            moments.slice_name,
            moments.slice_value,
            moments.period,
            strict=True,
        )
    )
    usable = [
        fold is None and means is None for fold, means in zip(moments.fold, moments.stage_means, strict=True)
    ]
    is_control = [controls.get(e) == v for e, v in zip(moments.experiment, moments.variant, strict=True)]
    of_control = {keys[i]: i for i in range(len(keys)) if usable[i] and is_control[i]}
    treatment = [i for i in range(len(keys)) if usable[i] and not is_control[i] and keys[i] in of_control]
    return Pairs(
        control=np.array([of_control[keys[i]] for i in treatment], dtype=np.intp),
        treatment=np.array(treatment, dtype=np.intp),
    )


def univariate(moments: Moments, rows: IndexArray) -> Univariate:
    """The metric's value in the given rows."""
    return Univariate(n=moments.n[rows], mean=moments.mean[rows], variance=moments.variance[rows])


def with_covariate(moments: Moments, rows: IndexArray) -> Bivariate:
    """The metric's value (y) with its covariate (x) in the given rows."""
    my, vy, mx, vx, covariance = (getattr(moments, name)[rows] for name in _COVARIATE)
    return Bivariate(
        n=moments.n[rows], mean_y=my, variance_y=vy, mean_x=mx, variance_x=vx, covariance=covariance
    )


def cumulate(moments: Moments, metrics: Collection[str]) -> Moments:
    """The rows of ``metrics`` by period, each merged with all earlier periods of the same arm.

    Ratios are merged by their parts. The result has only period rows.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for i, (metric, period) in enumerate(zip(moments.metric, moments.period, strict=True)):
        if period is not None and metric in metrics:
            groups.setdefault((moments.experiment[i], moments.variant[i], metric), []).append(i)
    rows = [sorted(group, key=lambda i: str(moments.period[i])) for group in groups.values()]
    order = np.array([i for group in rows for i in group], dtype=np.intp)
    merged = {f.name: getattr(moments, f.name)[order].copy() for f in fields(Moments)}
    start = 0
    for group in rows:
        _accumulate(merged, slice(start, start + len(group)))
        start += len(group)
    return Moments(**merged)


def _accumulate(columns: dict[str, FloatArray], rows: slice) -> None:
    """Replace the moments in ``rows`` (one arm in time order) by those of all units so far."""
    if np.isnan(columns["denominator_mean"][rows]).all():
        _store(columns, rows, _running(columns, rows, _COVARIATE), _COVARIATE)
    else:
        ratio = _running(columns, rows, _RATIO)
        columns["mean"][rows], columns["variance"][rows] = ratio_value(ratio), ratio_unit_variance(ratio)
        _store(columns, rows, ratio, _RATIO)
    for name in ("n", "capped_units", "without_history"):
        columns[name][rows] = np.cumsum(columns[name][rows])


def _store(columns: dict[str, FloatArray], rows: slice, merged: Bivariate, names: Sequence[str]) -> None:
    values = (merged.mean_y, merged.variance_y, merged.mean_x, merged.variance_x, merged.covariance)
    for name, value in zip(names, values, strict=True):
        columns[name][rows] = value


def _running(columns: dict[str, FloatArray], rows: slice, names: Sequence[str]) -> Bivariate:
    """Moments of the first row, the first two, the first three, ... of ``rows``."""
    n, (my, vy, mx, vx, cov) = columns["n"][rows], (columns[name][rows] for name in names)
    steps = [
        Bivariate(n=n[i], mean_y=my[i], variance_y=vy[i], mean_x=mx[i], variance_x=vx[i], covariance=cov[i])
        for i in range(len(n))
    ]
    so_far = steps[0]
    results = [so_far]
    for step in steps[1:]:
        so_far = merge_bivariate(so_far, step)
        results.append(so_far)
    return Bivariate(**{f.name: np.array([getattr(r, f.name) for r in results]) for f in fields(Bivariate)})
