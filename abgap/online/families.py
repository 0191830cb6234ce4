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
    for row, trait in zip(pairs.treatment, traits, strict=True):
        adjustment = _adjustment(trait.role, moments.slice_name[row], moments.period[row])
        over = (
            moments.experiment[row],
            trait.role,
            trait.name if moments.slice_name[row] is not None else None,
        )
        codes.append(labels.setdefault((adjustment, *over), len(labels)))
        adjustments.append(adjustment)
    return np.array(codes, dtype=np.intp), adjustments


def _adjustment(role: Role, slice_name: object, period: object) -> Adjustment:
    if period is not None:
        return Adjustment.NONE
    if slice_name is not None:
        return Adjustment.BENJAMINI_HOCHBERG
    return {Role.PRIMARY: Adjustment.HOLM, Role.SECONDARY: Adjustment.BENJAMINI_HOCHBERG}.get(
        role, Adjustment.NONE
    )


def _adjust(p: FloatArray, families: npt.NDArray[np.intp], adjustments: Sequence[Adjustment]) -> FloatArray:
    """The corrected p-values, each in its family."""
    how = np.array([a.value for a in adjustments], dtype=object)
    by_holm = how == Adjustment.HOLM.value
    by_bh = how == Adjustment.BENJAMINI_HOCHBERG.value
    adjusted = p.copy()
    adjusted[by_holm] = holm(p[by_holm], families[by_holm])
    adjusted[by_bh] = benjamini_hochberg(p[by_bh], families[by_bh])
    return adjusted
