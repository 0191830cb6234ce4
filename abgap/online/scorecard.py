"""Moments made into estimates: every treatment against its control, for every metric, slice and day, in one pass.

All comparisons are computed together as arrays and become records only at the end: pairs of arms (``arms.py``),
contrasts (``contrasts.py``), tests and intervals (``inference.py``), corrected p-values (``families.py``), records
(``estimate_records.py``). Slices are held against each other in ``heterogeneity.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from abgap.online.arms import Pairs, cumulate, pair_arms
from abgap.online.codes import coded, is_null
from abgap.online.contrasts import make_contrasts
from abgap.online.estimate_records import RecordMaker
from abgap.online.families import Corrected, correct
from abgap.online.inference import Inference, infer
from abgap.online.moments import concatenate
from abgap.online.resampled import with_resamples
from abgap.online.resamples import Resamples
from abgap.online.slice_groups import group_slices, shrink_lifts
from abgap.online.traits import MetricTraits, TraitColumn, traits_of
from abgap.records import Estimate, Kind, Moments
from abgap.stats.arrays import IndexArray
from abgap.stats.procedure import Procedure


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """Every comparison of a study, by position.

    corrected: its p-values. groups: of slices that belong together (``slice_groups.py``).
    """

    moments: Moments
    pairs: Pairs
    traits: TraitColumn
    numbers: Inference
    corrected: Corrected
    groups: tuple[IndexArray, ...]
    procedure: Procedure


def compare_arms(
    moments: Moments,
    controls: Mapping[str, str],
    metrics: Mapping[str, MetricTraits],
    procedure: Procedure,
    *,
    resamples: Resamples | None = None,
) -> Scorecard:
    """All comparisons, in the order of the moments: whole experiments, slices, then cumulative days.

    controls: the control variant of each experiment. procedure: how the study tests. resamples: draws of the
    bootstrap, of the metrics that ask for it.
    """
    known = coded(moments.metric).where(lambda name: name in metrics) & is_null(moments.period)
    followed = {name for name, traits in metrics.items() if traits.cumulative}
    quantiles = {name for name, traits in metrics.items() if traits.kind is Kind.QUANTILE}
    moments = concatenate([moments.take(known), cumulate(moments, followed, cumulative=quantiles)])
    pairs = pair_arms(moments, controls)
    traits = traits_of(moments.metric[pairs.treatment], metrics)
    numbers = infer(make_contrasts(moments, pairs, traits, procedure), traits, procedure)
    if resamples is not None:
        numbers = with_resamples(numbers, moments, pairs, traits, resamples, procedure)
    return Scorecard(
        moments=moments,
        pairs=pairs,
        traits=traits,
        numbers=numbers,
        corrected=correct(moments, pairs, traits, numbers.verdicts.p),
        groups=group_slices(moments, pairs),
        procedure=procedure,
    )


def make_estimates(card: Scorecard, rows: Iterable[int] | None = None) -> tuple[Estimate, ...]:
    """The comparisons as records, in the same order; rows: positions of those that are wanted, all when None."""
    shrunk = shrink_lifts(card.numbers.contrasts.judged, card.groups, card.procedure)
    make = RecordMaker(
        card.moments, card.pairs, card.traits, card.numbers, card.corrected, shrunk, card.procedure
    )
    return tuple(make.estimate(i) for i in (range(len(card.pairs.treatment)) if rows is None else rows))


def whole_comparisons(card: Scorecard, metrics: Collection[str]) -> list[int]:
    """Positions of the whole-experiment comparisons of these metrics."""
    moments, rows = card.moments, card.pairs.treatment
    wanted = card.traits.where(lambda trait: trait.name in metrics)
    whole = is_null(moments.slice_name[rows]) & is_null(moments.period[rows])
    positions: list[int] = np.flatnonzero(wanted & whole).tolist()
    return positions
