"""The families that p-values are corrected in: by the role of a metric, over metrics, arms and slices.

Primaries are corrected by Holm over the metrics and arms of an experiment, secondaries by Benjamini-Hochberg over
the same, slices by Benjamini-Hochberg per metric over slices and arms; guardrails are non-inferiority tests that a
launch needs all of, so each is made at alpha; diagnostics and days stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.online.arms import Pairs
from abgap.online.codes import Coded, coded, is_null, together
from abgap.online.traits import TraitColumn
from abgap.records import Adjustment, Moments, Role
from abgap.records.moments import FloatArray
from abgap.stats.multiplicity import benjamini_hochberg, holm

_BY_ROLE = {Role.PRIMARY: Adjustment.HOLM, Role.SECONDARY: Adjustment.BENJAMINI_HOCHBERG}


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The p-values of all comparisons, each corrected in its family: how, and how many tests the family has."""

    p: FloatArray
    how: Coded[Adjustment]
    tests: npt.NDArray[np.intp]


def correct(moments: Moments, pairs: Pairs, traits: TraitColumn, p: FloatArray) -> Corrected:
    """The corrected p-values of all comparisons."""
    families, how = _find_families(moments, pairs, traits)
    tests = np.bincount(families, weights=~np.isnan(p)).astype(np.intp)[families]
    return Corrected(p=_adjust(p, families, how), how=how, tests=tests)


def _find_families(
    moments: Moments, pairs: Pairs, traits: TraitColumn
) -> tuple[npt.NDArray[np.intp], Coded[Adjustment]]:
    """The family each comparison is corrected in, and how."""
    rows = pairs.treatment
    slices = ~is_null(moments.slice_name[rows])
    adjustment = traits.each(lambda trait: _BY_ROLE.get(trait.role, Adjustment.NONE)).column()
    adjustment[slices] = Adjustment.BENJAMINI_HOCHBERG
    adjustment[~is_null(moments.period[rows])] = Adjustment.NONE
    # Slices are corrected metric by metric.
    metric = traits.each(lambda trait: trait.name).column()
    metric[~slices] = None
    how, role = coded(adjustment), traits.each(lambda trait: trait.role)
    return together(how, coded(moments.experiment[rows]), role, coded(metric)), how


def _adjust(p: FloatArray, families: npt.NDArray[np.intp], adjustments: Coded[Adjustment]) -> FloatArray:
    """The corrected p-values, each in its family."""
    adjusted = p.copy()
    by_holm = adjustments.where(lambda how: how is Adjustment.HOLM)
    by_bh = adjustments.where(lambda how: how is Adjustment.BENJAMINI_HOCHBERG)
    adjusted[by_holm] = holm(p[by_holm], families[by_holm])
    adjusted[by_bh] = benjamini_hochberg(p[by_bh], families[by_bh])
    return adjusted
