"""Slices that belong together, those of one metric, treatment arm and slice name; their lifts pulled together."""

from __future__ import annotations

import numpy as np

from abgap.online.arms import Pairs
from abgap.online.codes import coded, grouped, is_null
from abgap.records import Moments
from abgap.stats.arrays import Bounds, IndexArray, by_size
from abgap.stats.contrast import Contrast
from abgap.stats.intervals import lift_is_bounded, relative_difference
from abgap.stats.procedure import Procedure
from abgap.stats.shrinkage import shrink


def group_slices(moments: Moments, pairs: Pairs) -> tuple[IndexArray, ...]:
    """Positions of slices among the pairs, one row per group; groups of equal size stand in one array."""
    rows = pairs.treatment
    slices = np.flatnonzero(~is_null(moments.slice_name[rows]) & is_null(moments.period[rows]))
    keys = (moments.experiment, moments.metric, moments.variant, moments.slice_name)
    groups = grouped(*(coded(column[rows[slices]]) for column in keys))
    return by_size(slices[np.argsort(groups.of, kind="stable")], groups.rows)


def shrink_lifts(
    contrast: Contrast,
    groups: tuple[IndexArray, ...],
    procedure: Procedure,
) -> Bounds:
    """The lift of every slice as its group suggests; NaN for what is no slice, or has too few beside it."""
    shape = contrast.difference.shape
    found = Bounds(*(np.full(shape, np.nan) for _ in Bounds._fields))
    for positions in groups:
        slices = contrast.take(positions)
        lift, error = relative_difference(slices)
        usable = lift_is_bounded(slices, procedure.alpha, procedure.rule)
        shrunk = shrink(np.where(usable, lift, np.nan), np.where(usable, error, np.nan) ** 2)
        critical = procedure.rule.large_sample_critical(slices.units, procedure.alpha)
        margin = critical * np.sqrt(shrunk.variance)
        found.estimate[positions] = shrunk.effect
        found.low[positions], found.high[positions] = shrunk.effect - margin, shrunk.effect + margin
    return found
