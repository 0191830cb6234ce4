"""Pairs every treatment row of the moments with its control row, and adds days up to cumulative rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from abgap.online.joint import joint_columns, joint_of, layout_of
from abgap.records import Moments
from abgap.stats.moments import Univariate, merge_joint

IndexArray = npt.NDArray[np.intp]


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
    for i, (metric, period) in enumerate(zip(moments.metric, moments.period, strict=True)):
        if period is not None and metric in metrics:
            arms.setdefault((moments.experiment[i], metric, moments.variant[i]), []).append(i)
            periods.setdefault((moments.experiment[i], metric), set()).add(period)
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
