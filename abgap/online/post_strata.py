"""Comparisons over all units made as if slices had the same shares in both arms, where a metric asks for it.

Slices of a metric are in the moments already, so nothing is read again. Slices have to be known before the variant
could change them, and to hold all units; where they do not, the plain comparison stands and a note says so.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from abgap.online.arms import Pairs
from abgap.online.codes import is_null
from abgap.online.stratum_rows import Wanted, find_strata, has_strata
from abgap.online.traits import TraitColumn
from abgap.records import Moments
from abgap.stats.contrast import Contrast
from abgap.stats.strata import post_stratified


@dataclass(frozen=True, slots=True, kw_only=True)
class PostStrata:
    """Contrasts, post-stratified where asked for. asked: where; strata: how many were used, 0 for none.

    merged: how many slices were too small alone and went into one of them.
    """

    contrast: Contrast
    asked: npt.NDArray[np.bool_]
    strata: npt.NDArray[np.intp]
    merged: npt.NDArray[np.intp]


def post_stratify(moments: Moments, pairs: Pairs, traits: TraitColumn, plain: Contrast) -> PostStrata:
    """Put post-stratified contrasts in place of the plain ones of metrics with ``stratify_by``."""
    rows = pairs.treatment
    asked = traits.where(lambda trait: trait.stratify_by is not None)
    asked &= is_null(moments.slice_name[rows]) & is_null(moments.period[rows])
    able = [i for i in np.flatnonzero(asked).tolist() if has_strata(moments, int(rows[i]), traits[i].kind)]
    wanted = [_wanted(moments, pairs, i, str(traits[i].stratify_by)) for i in able]
    columns = {field.name: getattr(plain, field.name).copy() for field in fields(plain)}
    count, merged = (np.zeros(len(rows), dtype=np.intp) for _ in range(2))
    for positions, strata in find_strata(moments, wanted):
        places = np.array(able, dtype=np.intp)[positions]
        found = post_stratified(strata)
        use = (strata.filled >= 2) & (found.n_control == plain.n_control[places])
        use &= found.n_treatment == plain.n_treatment[places]
        for name, column in columns.items():
            column[places[use]] = getattr(found, name)[use]
        count[places[use]], merged[places[use]] = strata.filled[use], strata.merged[use]
    return PostStrata(contrast=Contrast(**columns), asked=asked, strata=count, merged=merged)


def _wanted(moments: Moments, pairs: Pairs, i: int, slice_name: str) -> Wanted:
    control, treatment = pairs.control[i], pairs.treatment[i]
    return Wanted(
        experiment=str(moments.experiment[treatment]),
        metric=str(moments.metric[treatment]),
        control=str(moments.variant[control]),
        treatment=str(moments.variant[treatment]),
        slice_name=slice_name,
    )
