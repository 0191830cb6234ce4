"""Slices that belong together, those of one metric, treatment arm and slice name; their lifts pulled together."""

from __future__ import annotations

import numpy as np

from abgap.online.arms import IndexArray, Pairs
from abgap.records import Moments
from abgap.stats.arrays import Bounds
from abgap.stats.contrast import Contrast
from abgap.stats.intervals import lift_is_bounded, relative_difference
from abgap.stats.procedure import Procedure
from abgap.stats.shrinkage import shrink


def group_slices(moments: Moments, pairs: Pairs) -> tuple[IndexArray, ...]:
    """Positions of slices among the pairs, one row per group; groups of equal size stand in one array."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for position, row in enumerate(pairs.treatment):
        if moments.slice_name[row] is not None and moments.period[row] is None:
            key = (
                moments.experiment[row],
                moments.metric[row],
                moments.variant[row],
                moments.slice_name[row],
            )
            groups.setdefault(key, []).append(position)
    by_size: dict[int, list[list[int]]] = {}
    for positions in groups.values():
        by_size.setdefault(len(positions), []).append(positions)
    return tuple(np.array(by_size[size], dtype=np.intp) for size in sorted(by_size))


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
