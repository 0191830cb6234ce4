"""Slices that belong together, those of one metric, treatment arm and slice name; their lifts pulled together."""

from __future__ import annotations

import numpy as np

from abgap.online.arms import IndexArray, Pairs
from abgap.records import Moments
from abgap.stats.arrays import MIN_UNITS, BoolArray, Bounds
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


def lifts_are_comparable(
    moments: Moments, pairs: Pairs, positions: IndexArray, slices: Contrast, procedure: Procedure
) -> BoolArray:
    """Tell which slices may be held against others: the lift is bounded, and enough units carry it.

    A ratio rests on the units that have a denominator. Where few of many have one, its delta-method variance is
    far too small, which one slice among many is bound to show. So in both arms at least ``MIN_UNITS`` units have to
    count, ``(sum x)^2 / sum x^2`` being how many that are (Kish 1965).
    """
    usable = lift_is_bounded(slices, procedure.alpha, procedure.rule)
    for rows in (pairs.control[positions], pairs.treatment[positions]):
        n, mean, variance = (
            moments.n[rows],
            moments.denominator_mean[rows],
            moments.denominator_variance[rows],
        )
        # Of the squares of the denominators the mean, against the square of their mean.
        usable &= ~(n * mean**2 < MIN_UNITS * (mean**2 + variance))
    return usable


def shrink_lifts(
    moments: Moments,
    pairs: Pairs,
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
        usable = lifts_are_comparable(moments, pairs, positions, slices, procedure)
        shrunk = shrink(np.where(usable, lift, np.nan), np.where(usable, error, np.nan) ** 2)
        critical = procedure.rule.large_sample_critical(slices.units, procedure.alpha)
        margin = critical * np.sqrt(shrunk.variance)
        found.estimate[positions] = shrunk.effect
        found.low[positions], found.high[positions] = shrunk.effect - margin, shrunk.effect + margin
    return found
