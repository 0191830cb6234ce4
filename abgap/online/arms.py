"""Pairs every treatment row of the moments with its control row, and adds days up to cumulative rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from abgap.online.codes import coded, is_null, together
from abgap.online.joint import joint_columns, joint_of, layout_of
from abgap.records import Moments
from abgap.stats.arrays import IndexArray
from abgap.stats.moments import Univariate, merge_joint


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Row positions of equal length: ``treatment[i]`` is held against ``control[i]``."""

    control: IndexArray
    treatment: IndexArray


def pair_arms(moments: Moments, controls: Mapping[str, str]) -> Pairs:
    """All treatment rows that have a control row with the same metric, slice and period.

    controls: the control variant of each experiment. Rows of folds and of funnels are not paired.
    """
    experiment = coded(moments.experiment)
    names = (moments.metric, moments.slice_name, moments.slice_value, moments.period)
    key = together(experiment, *map(coded, names))
    usable = is_null(moments.fold) & is_null(moments.stage_means)
    is_control = np.asarray(experiment.each(controls.get).column() == moments.variant, dtype=bool)
    of_control = np.full(int(key.max(initial=-1)) + 1, -1, dtype=np.intp)
    rows = np.flatnonzero(usable & is_control)
    of_control[key[rows]] = rows
    treatment = np.flatnonzero(usable & ~is_control & (of_control[key] >= 0))
    return Pairs(control=of_control[key[treatment]], treatment=treatment)


def denominator(moments: Moments, rows: IndexArray) -> Univariate:
    """The denominator of a ratio in the given rows; NaN in the rows of other metrics."""
    mean, variance = moments.denominator_mean[rows], moments.denominator_variance[rows]
    return Univariate(n=moments.n[rows], mean=mean, variance=variance)


def univariate(moments: Moments, rows: IndexArray) -> Univariate:
    """The metric's value in the given rows."""
    return Univariate(n=moments.n[rows], mean=moments.mean[rows], variance=moments.variance[rows])


def cumulate(moments: Moments, metrics: Collection[str], *, cumulative: Collection[str] = ()) -> Moments:
    """The rows of ``metrics`` by period, each merged with all earlier periods of the same arm.

    cumulative: metrics whose rows by period are of all units so far already (quantiles). Ratios are merged by their
    parts. An arm without units in a period stays as it was before, so that arms can be compared in every period since
    both have units. The result has only period rows.
    """
    arms: dict[tuple[object, ...], list[int]] = {}
    periods: dict[tuple[object, ...], set[str]] = {}
    by_day = np.flatnonzero(~is_null(moments.period))
    for i, metric in zip(by_day.tolist(), moments.metric[by_day], strict=True):
        if metric in metrics:
            arms.setdefault((moments.experiment[i], metric, moments.variant[i]), []).append(i)
            periods.setdefault((moments.experiment[i], metric), set()).add(moments.period[i])
    merged: dict[str, Any] = {f.name: [] for f in fields(Moments)}
    for (experiment, metric, _), rows in arms.items():
        rows.sort(key=lambda i: str(moments.period[i]))
        arm = moments.take(np.array(rows, dtype=np.intp))
        so_far = arm if metric in cumulative else _accumulated(arm)
        all_periods = np.array(sorted(periods[experiment, metric]), dtype=object)
        last = np.searchsorted(so_far.period.astype(str), all_periods.astype(str), side="right") - 1
        filled = so_far.take(np.asarray(last[last >= 0], dtype=np.intp))
        for f in fields(Moments):
            merged[f.name].append(all_periods[last >= 0] if f.name == "period" else getattr(filled, f.name))
    if not arms:
        return moments.take(np.zeros(0, dtype=np.intp))
    return Moments(**{name: np.concatenate(parts) for name, parts in merged.items()})


def _accumulated(arm: Moments) -> Moments:
    """The rows of one arm in time order, each replaced by the moments of all units so far."""
    layout = layout_of(arm)
    so_far = np.tri(len(arm), dtype=bool)
    merged = merge_joint(joint_of(arm, layout), so_far)
    changes: dict[str, Any] = joint_columns(merged, layout)
    for name in ("n", "capped_units", "without_history"):
        changes[name] = np.cumsum(getattr(arm, name))
    changes["capped_value"] = np.cumsum(arm.n * arm.capped_value) / np.maximum(changes["n"], 1.0)
    return replace(arm, **changes)
