"""The slices of both arms as strata: rows of the moments side by side, whether or not an arm has units there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from abgap.records import Kind, Moments
from abgap.stats.arrays import IndexArray
from abgap.stats.moments import Bivariate, Univariate
from abgap.stats.strata import Strata, merge_small, of_means

# Whose value over all units is made of those of its strata.
_ADDITIVE = frozenset({Kind.MEAN, Kind.PROPORTION, Kind.RATIO, Kind.RETENTION})


class Wanted(NamedTuple):
    """One comparison whose units are wanted by stratum."""

    experiment: str
    metric: str
    control: str
    treatment: str
    slice_name: str


def has_strata(moments: Moments, row: int, kind: Kind) -> bool:
    """Whether the value of all units is made of those of its strata: no quantile, no ratio without its parts."""
    return kind in _ADDITIVE and (kind is not Kind.RATIO or bool(np.isfinite(moments.denominator_mean[row])))


def find_strata(moments: Moments, wanted: Sequence[Wanted]) -> Iterator[tuple[IndexArray, Strata]]:
    """The strata of all that is wanted: positions in ``wanted``, and theirs, those of equal number together.

    A comparison without any slice rows is left out.
    """
    rows = _rows_by_slice(moments) if wanted else {}
    by_size: dict[int, list[tuple[int, list[int], list[int]]]] = {}
    for position, w in enumerate(wanted):
        sides = [
            rows.get((w.experiment, w.metric, arm, w.slice_name), {}) for arm in (w.control, w.treatment)
        ]
        values = list(dict.fromkeys(value for side in sides for value in side))
        if values:
            of_control, of_treatment = ([side.get(v, -1) for v in values] for side in sides)
            by_size.setdefault(len(values), []).append((position, of_control, of_treatment))
    for size in sorted(by_size):
        positions, *arms = (np.array(column, dtype=np.intp) for column in zip(*by_size[size], strict=True))
        control, treatment = (_units(moments, rows) for rows in arms)
        yield positions, merge_small(control, treatment)


def _rows_by_slice(moments: Moments) -> dict[tuple[object, ...], dict[object, int]]:
    """The rows of an arm's slices, by slice value."""
    found: dict[tuple[object, ...], dict[object, int]] = {}
    columns = (moments.experiment, moments.metric, moments.variant, moments.slice_name)
    plain = zip(moments.period, moments.fold, moments.stage_means, strict=True)
    for row, (key, others) in enumerate(zip(zip(*columns, strict=True), plain, strict=True)):
        if key[-1] is not None and others == (None, None, None):
            found.setdefault(key, {})[moments.slice_value[row]] = row
    return found


def _units(moments: Moments, rows: IndexArray) -> Bivariate:
    """The units in these rows, none where there is no row: numerator over denominator, or the value over 1."""
    n = np.where(rows >= 0, moments.n[rows], 0.0)
    plain = of_means(Univariate(n=n, mean=moments.mean[rows], variance=moments.variance[rows]))
    is_ratio = np.isfinite(moments.denominator_mean[rows])
    return Bivariate(
        n=n,
        mean_y=np.where(is_ratio, moments.numerator_mean[rows], plain.mean_y),
        variance_y=np.where(is_ratio, moments.numerator_variance[rows], plain.variance_y),
        mean_x=np.where(is_ratio, moments.denominator_mean[rows], plain.mean_x),
        variance_x=np.where(is_ratio, moments.denominator_variance[rows], plain.variance_x),
        covariance=np.where(is_ratio, moments.covariance[rows], plain.covariance),
    )
