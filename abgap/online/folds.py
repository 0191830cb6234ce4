"""Ten permanent folds: a tenth of the units each, by a hash of their ids, with moments of their own.

A unit is in the same fold in every experiment, study and run, whatever the seed. So a method can be fitted on some
folds and judged on the others, and two experiments over the same units can be compared on units that they do not share.
Sums are exact, so that the ten folds merge to the whole. A pass of their own makes them, when they are asked for.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.hashing import fold_of
from abgap.engine.protocol import Engine
from abgap.online import tables
from abgap.online.codes import is_null
from abgap.online.plan import Plan
from abgap.online.sums import Sums, sum_units
from abgap.online.wide import Progress, WideTable
from abgap.records import Moments
from abgap.records.moments import ObjectArray
from abgap.sources.sql import identifier


def sum_folds(engine: Engine, plan: Plan, wide: WideTable, *, progress: Progress) -> Sums:
    """Add up ``unit_outcomes`` by fold; units need ids. The fold stands where a slice would."""
    engine.create_view(tables.UNIT_FOLDS, compile_query("unit_folds", fold=fold_of(identifier("unit"))))
    by_fold = replace(wide, source=tables.UNIT_FOLDS, cells=tables.FOLD_CELLS, slices=("fold",), by_day=False)
    return sum_units(engine, plan, by_fold, progress=progress)


def as_folds(moments: Moments) -> Moments:
    """The rows of single folds, the number of the fold in ``fold``."""
    of_folds = moments.take(~is_null(moments.slice_name))
    fold: ObjectArray = np.empty(len(of_folds), dtype=object)
    fold[:] = [int(value) for value in of_folds.slice_value]
    nothing: ObjectArray = np.full(len(of_folds), None, dtype=object)
    return replace(of_folds, slice_name=nothing, slice_value=nothing, fold=fold)
