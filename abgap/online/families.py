"""The families that p-values are corrected in: by the role of a metric, over metrics, arms and slices.

Primaries are corrected by Holm over the metrics and arms of an experiment, secondaries by Benjamini-Hochberg over
the same, slices by Benjamini-Hochberg per metric over slices and arms; guardrails are non-inferiority tests that a
launch needs all of, so each is made at alpha; diagnostics and days stay as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.online.arms import Pairs
from abgap.online.traits import MetricTraits
from abgap.records import Adjustment, Moments, Role
from abgap.records.moments import FloatArray
from abgap.stats.multiplicity import benjamini_hochberg, holm

_BY_ROLE = {Role.PRIMARY: Adjustment.HOLM, Role.SECONDARY: Adjustment.BENJAMINI_HOCHBERG}


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The p-values of all comparisons, each corrected in its family: how, and how many tests the family has."""

    p: FloatArray
    how: Sequence[Adjustment]
    tests: npt.NDArray[np.intp]


def correct(moments: Moments, pairs: Pairs, traits: Sequence[MetricTraits], p: FloatArray) -> Corrected:
    """The corrected p-values of all comparisons."""
    families, how = _find_families(moments, pairs, traits)
    tests = np.bincount(families, weights=~np.isnan(p)).astype(np.intp)[families]
    return Corrected(p=_adjust(p, families, how), how=how, tests=tests)


def _find_families(
    moments: Moments, pairs: Pairs, traits: Sequence[MetricTraits]
) -> tuple[npt.NDArray[np.intp], list[Adjustment]]:
    """The family each comparison is corrected in, and how."""
    labels: dict[tuple[object, ...], int] = {}
    codes, adjustments = [], []
    rows = pairs.treatment
    parts = zip(moments.experiment[rows], moments.slice_name[rows], moments.period[rows], traits, strict=True)
    for experiment, slice_name, period, trait in parts:
        if period is not None:
            adjustment = Adjustment.NONE
        elif slice_name is not None:
            adjustment = Adjustment.BENJAMINI_HOCHBERG
        else:
            adjustment = _BY_ROLE.get(trait.role, Adjustment.NONE)
        key = (adjustment, experiment, trait.role, trait.name if slice_name is not None else None)
        codes.append(labels.setdefault(key, len(labels)))
        adjustments.append(adjustment)
    return np.array(codes, dtype=np.intp), adjustments


def _adjust(p: FloatArray, families: npt.NDArray[np.intp], adjustments: Sequence[Adjustment]) -> FloatArray:
    """The corrected p-values, each in its family."""
    by_holm = np.array([how is Adjustment.HOLM for how in adjustments], dtype=bool)
    by_bh = np.array([how is Adjustment.BENJAMINI_HOCHBERG for how in adjustments], dtype=bool)
    adjusted = p.copy()
    adjusted[by_holm] = holm(p[by_holm], families[by_holm])
    adjusted[by_bh] = benjamini_hochberg(p[by_bh], families[by_bh])
    return adjusted
