"""Ten folds read twice: what a decision sees without the units of a fold, and what that fold adds to each effect.

Moments of nine folds are merged exactly, so that a decision on them is the one that would have been made without the
tenth. What a fold adds is linear in its units: their deviation from the mean of both arms (of a ratio by its linearised
value, less what covariates explain), in shares of the arm. Slopes, centre and control mean are those of all units: they
shift effects by no more than the square of an error, while the parts of all folds add up to the effect itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from abgap.online.codes import coded, grouped, is_null
from abgap.online.joint import Layout, covaried, joint_columns, joint_of, layout_of
from abgap.online.moments import concatenate, make_rows
from abgap.records import Moments
from abgap.records.moments import FloatArray, ObjectArray
from abgap.stats.arrays import BoolArray, IndexArray, no_reason
from abgap.stats.covariates import adjusted_contrast, pooled_slopes
from abgap.stats.intervals import relative_difference
from abgap.stats.moments import Joint, merge_joint


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmParts:
    """What each fold adds to the relative lift of arms: (K, F), in the metric's own direction.

    experiment, treatment: (K,). variance: (K,), of the lift. control_value: (K,), what it is relative to, above 0.
    """

    experiment: ObjectArray
    treatment: ObjectArray
    parts: FloatArray
    variance: FloatArray
    control_value: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folded:
    """One metric in folds. arms: (experiment, variant) of each row; joint: (arms, folds, ...)."""

    metric: str
    arms: tuple[tuple[str, str], ...]
    layout: Layout
    joint: Joint

    def merged(self, selected: BoolArray) -> Joint:
        return merge_joint(self.joint, selected)

    def table(self, merged: Joint, at: int) -> Moments:
        """The moments of one choice of folds."""
        chosen = Joint(n=merged.n[:, at], means=merged.means[:, at], covariances=merged.covariances[:, at])
        names = np.array([*self.arms, ("", "")], dtype=object)[:-1]
        columns = joint_columns(chosen, self.layout) | {
            "experiment": names[:, 0],
            "variant": names[:, 1],
            "metric": np.full(len(names), self.metric, dtype=object),
            "n": chosen.n,
        }
        return make_rows(len(names), columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Experiments without each of the folds, all in one table. experiments: what its names stand for, and the fold."""

    moments: Moments
    experiments: Mapping[str, tuple[str, int]]


class Folds:
    """The moments of all folds, by metric. count: how many folds there are."""

    def __init__(self, moments: Moments, metrics: Collection[str]) -> None:
        """moments: rows of single folds (others are passed over) of these metrics, in whose order they stand."""
        of_all = is_null(moments.slice_name) & is_null(moments.period)
        folds = moments.take(of_all & ~is_null(moments.fold))
        numbers = sorted(set(folds.fold.tolist()))
        self.count = len(numbers)
        where = {number: at for at, number in enumerate(numbers)}
        named = coded(folds.metric)
        self._metrics = {
            metric: _folded(metric, folds.take(named.codes == named.values.index(metric)), where)
            for metric in metrics
            if metric in named.values
        }

    def __contains__(self, metric: str) -> bool:
        return metric in self._metrics

    def without_each(self) -> LeftOut:
        """The moments of all folds but one, for every fold in order; of one fold metric by metric."""
        others = ~np.eye(self.count, dtype=bool)
        merged = [(folded, folded.merged(others)) for folded in self._metrics.values()]
        names: dict[tuple[str, int], str] = {}
        tables = []
        for fold in range(self.count):
            table = concatenate([folded.table(joint, fold) for folded, joint in merged])
            keys = [names.setdefault((name, fold), str(len(names))) for name in table.experiment]
            tables.append(replace(table, experiment=np.array([*keys, None], dtype=object)[:-1]))
        return LeftOut(
            moments=concatenate(tables), experiments={key: of_fold for of_fold, key in names.items()}
        )

    def parts(self, metric: str, controls: Mapping[str, str]) -> ArmParts:
        """What every fold adds to the lift of every treatment arm that can be compared with its control."""
        folded = self._metrics[metric]
        row = {arm: at for at, arm in enumerate(folded.arms)}
        found = [
            (at, row[experiment, controls[experiment]])
            for (experiment, variant), at in row.items()
            if controls.get(experiment) not in {None, variant} and (experiment, controls[experiment]) in row
        ]
        pairs = np.array(found, dtype=np.intp).reshape(-1, 2)
        return _parts(folded, treatment=pairs[:, 0], control=pairs[:, 1])


def _folded(metric: str, rows: Moments, where: Mapping[object, int]) -> _Folded:
    """The rows of one metric by arm and fold; an arm has no units in a fold without a row."""
    groups = grouped(coded(rows.experiment), coded(rows.variant))
    arms = list(zip(rows.experiment[groups.first], rows.variant[groups.first], strict=True))
    arm_at, fold_at = groups.of, coded(rows.fold).numbers(where.get).astype(np.intp)
    layout = layout_of(rows)
    flat, size = joint_of(rows, layout), layout.values + layout.covariates
    n = np.zeros((len(arms), len(where)))
    means = np.full((*n.shape, size), np.nan)
    covariances = np.full((*n.shape, size, size), np.nan)
    n[arm_at, fold_at], means[arm_at, fold_at] = flat.n, flat.means
    covariances[arm_at, fold_at] = flat.covariances
    return _Folded(
        metric=metric,
        arms=tuple(arms),
        layout=layout,
        joint=Joint(n=n, means=means, covariances=covariances),
    )


def _parts(folded: _Folded, *, treatment: IndexArray, control: IndexArray) -> ArmParts:
    whole = folded.merged(np.ones((1, folded.joint.n.shape[1]), dtype=bool))
    table = folded.table(whole, 0)
    arms = covaried(table, control), covaried(table, treatment)
    contrast, _ = adjusted_contrast(*arms)
    known = arms[0].known & arms[1].known
    slopes = np.where(known[:, None], np.nan_to_num(pooled_slopes(*arms)), 0.0)
    centre = _centre(whole, folded.layout, treatment, control)
    sides = [
        _deviations(folded, whole, rows, centre, slopes[:, : folded.layout.covariates])
        for rows in (control, treatment)
    ]
    _, error = relative_difference(contrast)
    size = contrast.control_size
    usable = no_reason(contrast.problem) & np.isfinite(size) & np.isfinite(error)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = (sides[1] - sides[0]) / size[:, None]
    names = np.array([*folded.arms, ("", "")], dtype=object)
    return ArmParts(
        experiment=names[treatment[usable], 0],
        treatment=names[treatment[usable], 1],
        parts=parts[usable],
        variance=error[usable] ** 2,
        control_value=size[usable],
    )


def _centre(whole: Joint, layout: Layout, treatment: IndexArray, control: IndexArray) -> FloatArray:
    """Per pair of arms (K, m + 1): the means of both together, and the ratio that values are linearised at."""
    n_t, n_c = whole.n[treatment], whole.n[control]
    means = whole.means[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        together = (n_t * means[treatment] + n_c * means[control]) / (n_t + n_c)
        bottom = together[:, 1] if layout.values == 2 else np.ones(len(together))
        return np.column_stack([together, together[:, 0] / bottom])


def _deviations(
    folded: _Folded, whole: Joint, rows: IndexArray, centre: FloatArray, slopes: FloatArray
) -> FloatArray:
    """By how much each fold lifts the value of an arm above the centre, (K, F); adds up to the whole arm's."""
    values, joint = folded.layout.values, folded.joint
    means = np.where((joint.n[rows] > 0)[..., None], joint.means[rows], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = joint.n[rows] / whole.n[rows]
        below = means[..., 1] if values == 2 else np.ones_like(share)
        size = whole.means[rows, 0, 1:2] if values == 2 else 1.0
        value = (means[..., 0] - centre[:, -1:] * below) / size
    covariates = means[..., values:] - centre[:, None, values:-1]
    explained = np.einsum("kfj,kj->kf", np.where(np.isfinite(covariates), covariates, 0.0), slopes)
    return np.asarray(np.where(share > 0.0, share * (value - explained), 0.0))
