"""Slices held against each other: does the lift differ, does its sign, and is a difference one of mix alone.

For every metric, treatment arm and slice name: Cochran's Q for one common lift, Gail and Simon's test, and the
difference taken apart into effects within slices and the mix of slices. P-values of Q are corrected by
Benjamini-Hochberg over the metrics, arms and slice names of an experiment that have the same role. Sentences are
in ``heterogeneity_words.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from abgap.online.heterogeneity_words import heterogeneity_sentence
from abgap.online.scorecard import Scorecard
from abgap.online.stratum_rows import Wanted, find_strata, has_strata
from abgap.records import Estimable, Estimate, Heterogeneity, MixDecomposition, NotEstimable
from abgap.records.moments import FloatArray
from abgap.stats.arrays import CheckedBounds, IndexArray, finite_or_none
from abgap.stats.contrast import Contrast
from abgap.stats.estimable import estimable_at, in_words
from abgap.stats.heterogeneity import common_lift_test, opposite_signs_test
from abgap.stats.intervals import difference_interval, lift_is_bounded, relative_difference
from abgap.stats.multiplicity import benjamini_hochberg
from abgap.stats.procedure import Procedure
from abgap.stats.shrinkage import random_effects
from abgap.stats.strata import decompose_mix


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The slices of one comparison. first: position of one of them among the pairs; the rest is its numbers."""

    first: int
    slices: int
    tested: int
    common_lift: float | None
    q: float | None
    p_value: float | None
    i_squared: float | None
    gail_simon_p: float | None
    lift_sd: float | None


def make_heterogeneity(card: Scorecard, estimates: Iterable[Estimate]) -> tuple[Heterogeneity, ...]:
    """One record per metric, treatment arm and slice name, in the order of the comparisons.

    estimates: where the difference over all units is told; it is repeated, not computed again in another way.
    """
    found = [g for positions in card.groups for g in _tested(card, positions)]
    groups = sorted(found, key=lambda group: group.first)
    keys = [_wanted(card, group.first) for group in groups]
    mixes = _mixes(card, groups, keys, _unadjusted_differences(estimates))
    adjusted = _adjusted(card, groups, keys)
    arms: dict[str, set[str]] = {}
    for key in keys:
        arms.setdefault(key.experiment, set()).add(key.treatment)
    records = (
        _record(card, group, key, mixes.get(i), finite_or_none(adjusted[i]))
        for i, (group, key) in enumerate(zip(groups, keys, strict=True))
    )
    return tuple(
        replace(
            record,
            sentence=heterogeneity_sentence(
                record, card.procedure, several_arms=len(arms[record.experiment]) > 1
            ),
        )
        for record in records
    )


def _tested(card: Scorecard, positions: IndexArray) -> Iterator[_Group]:
    """The tests of groups of one size, of which each is a row of positions."""
    slices = card.numbers.contrasts.judged.take(positions)
    use = lift_is_bounded(slices, card.procedure.alpha, card.procedure.rule)
    common, signs = common_lift_test(slices, use), opposite_signs_test(slices, use)
    lift, error = relative_difference(slices)
    spread = np.sqrt(
        random_effects(np.where(use, lift, np.nan), np.where(use, error, np.nan) ** 2).tau_squared
    )
    for i, row in enumerate(positions):
        yield _Group(
            first=int(row[0]),
            slices=len(row),
            tested=int(common.tested[i]),
            common_lift=finite_or_none(common.common_effect[i]),
            q=finite_or_none(common.q[i]),
            p_value=finite_or_none(common.p_value[i]),
            i_squared=finite_or_none(common.i_squared[i]),
            gail_simon_p=finite_or_none(signs.p_value[i]),
            lift_sd=finite_or_none(spread[i]),
        )


def _wanted(card: Scorecard, position: int) -> Wanted:
    """What a comparison is of."""
    m, control, treatment = card.moments, card.pairs.control[position], card.pairs.treatment[position]
    return Wanted(
        experiment=str(m.experiment[treatment]),
        metric=str(m.metric[treatment]),
        control=str(m.variant[control]),
        treatment=str(m.variant[treatment]),
        slice_name=str(m.slice_name[treatment]),
    )


def _adjusted(card: Scorecard, groups: list[_Group], keys: list[Wanted]) -> FloatArray:
    """P-values of Q, corrected in their families."""
    labels: dict[tuple[object, ...], int] = {}
    family = [
        labels.setdefault((key.experiment, card.traits[group.first].role), len(labels))
        for group, key in zip(groups, keys, strict=True)
    ]
    p = [np.nan if group.p_value is None else group.p_value for group in groups]
    return benjamini_hochberg(p, np.array(family, dtype=np.intp))


def _unadjusted_differences(estimates: Iterable[Estimate]) -> dict[tuple[str, str, str], Estimable]:
    """The difference over all units without covariates, by experiment, metric and treatment."""
    return {
        (e.experiment, e.metric, e.treatment): e.difference
        if e.unadjusted is None
        else e.unadjusted.difference
        for e in estimates
        if e.slice_name is None and e.period is None
    }


def _mixes(
    card: Scorecard,
    groups: list[_Group],
    keys: list[Wanted],
    overalls: Mapping[tuple[str, str, str], Estimable],
) -> Mapping[int, MixDecomposition]:
    """The differences taken apart, by position in ``groups``; where the metric allows it, and there are strata."""
    able = [
        i
        for i, group in enumerate(groups)
        if has_strata(card.moments, int(card.pairs.treatment[group.first]), card.traits[group.first].kind)
    ]
    found: dict[int, MixDecomposition] = {}
    for positions, strata in find_strata(card.moments, [keys[i] for i in able]):
        parts = [_intervals(part, card.procedure) for part in decompose_mix(strata)]
        filled = strata.filled
        for i, position in enumerate(positions):
            if filled[i] >= 2:
                overall, within, mix = (part[i] for part in parts)
                key = keys[able[position]]
                overall = overalls.get((key.experiment, key.metric, key.treatment), overall)
                found[able[position]] = MixDecomposition(
                    overall=overall,
                    within=within,
                    mix=mix,
                    strata=int(filled[i]),
                    merged=int(strata.merged[i]),
                    reversal=_opposite(overall, within),
                )
    return found


def _opposite(overall: Estimable, within: Estimable) -> bool:
    """Whether both are told from zero, on different sides of it."""
    if isinstance(overall, NotEstimable) or isinstance(within, NotEstimable):
        return False
    both = overall.excludes_zero() and within.excludes_zero()
    return both and (overall.estimate > 0.0) != (within.estimate > 0.0)


def _intervals(contrast: Contrast, procedure: Procedure) -> list[Estimable]:
    """The differences of a contrast as records."""
    found = difference_interval(contrast, procedure.alpha, procedure.rule)
    checked, method = CheckedBounds(*found, contrast.problem), procedure.name_of("delta")
    return [
        estimable_at(checked, i, level=1.0 - procedure.alpha, method=method, why=in_words)
        for i in range(len(contrast.problem))
    ]


def _record(
    card: Scorecard, group: _Group, key: Wanted, mix: MixDecomposition | None, adjusted: float | None
) -> Heterogeneity:
    """The record, without its sentence."""
    trait = card.traits[group.first]
    return Heterogeneity(
        experiment=key.experiment,
        metric=key.metric,
        role=trait.role,
        control=key.control,
        treatment=key.treatment,
        slice_name=key.slice_name,
        tested=group.tested,
        left_out=group.slices - group.tested,
        common_lift=group.common_lift,
        q=group.q,
        df=None if group.q is None else group.tested - 1,
        p_value=group.p_value,
        p_adjusted=adjusted,
        i_squared=group.i_squared,
        lift_sd=group.lift_sd,
        gail_simon_p=group.gail_simon_p,
        decomposition=mix,
        sentence="",
    )
