"""Moments made into estimates: every treatment against its control, for every metric, slice and day, in one pass.

All comparisons are computed together as arrays and become records only at the end. A metric is judged in
its role: primaries are corrected by Holm over the metrics and arms of an experiment, secondaries by
Benjamini-Hochberg over the same, slices by Benjamini-Hochberg per metric; guardrails are non-inferiority
tests of their own; diagnostics and days stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.online.arms import Pairs, cumulate, pair_arms, univariate, with_covariate
from abgap.online.moments import concatenate
from abgap.records import (
    Adjustment,
    Direction,
    Estimable,
    Estimate,
    Interval,
    Kind,
    Moments,
    NonInferiority,
    NotEstimable,
    Reason,
    Role,
)
from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.words import percent
from abgap.stats.arrays import MIN_UNITS, Bounds, finite_or_none
from abgap.stats.contrast import Contrast, adjusted_contrast
from abgap.stats.effect_size import cohen_d
from abgap.stats.intervals import difference_interval, fieller_lift, p_value
from abgap.stats.multiplicity import benjamini_hochberg, holm
from abgap.stats.noninferiority import equivalence_p, non_inferiority_p
from abgap.stats.power import power_at, realised_mde
from abgap.stats.proportions import Successes, cohen_h, score_difference, score_lift, score_p_value

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricTraits:
    """What the scorecard needs to know of a metric. cumulative: whether it is followed by day."""

    name: str
    kind: Kind
    role: Role
    direction: Direction
    smallest_worthwhile_lift: float | None
    non_inferiority_margin: float | None
    cumulative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbers:
    """Everything computed for every pair; arrays of one length."""

    contrast: Contrast
    p: FloatArray
    difference: Bounds
    lift: Bounds
    difference_problem: ObjectArray
    lift_problem: ObjectArray
    effect: Bounds
    mde: FloatArray
    power: FloatArray
    equivalence: FloatArray
    non_inferiority: FloatArray
    variance_removed: FloatArray
    score: BoolArray


def make_estimates(
    moments: Moments, controls: Mapping[str, str], metrics: Mapping[str, MetricTraits], *, alpha: float
) -> tuple[Estimate, ...]:
    """All estimates, in the order of the moments: whole experiments, slices, then cumulative days.

    controls: the control variant of each experiment. alpha: the study's level.
    """
    known = np.array(
        [m in metrics and p is None for m, p in zip(moments.metric, moments.period, strict=True)], dtype=bool
    )
    followed = {name for name, traits in metrics.items() if traits.cumulative}
    moments = concatenate([moments.take(known), cumulate(moments, followed)])
    pairs = pair_arms(moments, controls)
    traits = [metrics[name] for name in moments.metric[pairs.treatment]]
    numbers = _compute(moments, pairs, traits, alpha)
    families, adjustments = _families(moments, pairs, traits)
    adjusted = _adjust(numbers.p, families, adjustments)
    build = _Builder(moments, pairs, traits, numbers, adjusted, adjustments, alpha)
    return tuple(build.estimate(i) for i in range(len(pairs.treatment)))


def _compute(moments: Moments, pairs: Pairs, traits: Sequence[MetricTraits], alpha: float) -> _Numbers:
    contrast, removed = adjusted_contrast(
        with_covariate(moments, pairs.control), with_covariate(moments, pairs.treatment)
    )
    score = np.array([t.kind is Kind.PROPORTION for t in traits], dtype=bool) & np.isnan(removed)
    successes = _successes(moments, pairs)
    deltas = _numbers(t.smallest_worthwhile_lift for t in traits)
    p_score, problem_score = score_p_value(successes)
    lift = fieller_lift(contrast, alpha)
    lift_score = score_lift(successes, alpha)
    difference_score = score_difference(successes, alpha)
    return _Numbers(
        contrast=contrast,
        p=np.where(score, p_score, p_value(contrast)),
        difference=_choose(score, Bounds(*difference_score[:3]), difference_interval(contrast, alpha)),
        lift=_choose(score, Bounds(*lift_score[:3]), Bounds(*lift[:3])),
        difference_problem=np.where(score, problem_score, contrast.problem),
        lift_problem=np.where(score, lift_score[3], lift[3]),
        effect=_choose(score, cohen_h(successes, alpha), cohen_d(contrast, alpha)),
        mde=realised_mde(contrast, alpha),
        power=power_at(contrast, deltas, alpha),
        equivalence=equivalence_p(contrast, deltas),
        non_inferiority=non_inferiority_p(
            contrast,
            _numbers(t.non_inferiority_margin for t in traits),
            _numbers(t.direction.sign for t in traits),
        ),
        variance_removed=removed,
        score=score,
    )


def _successes(moments: Moments, pairs: Pairs) -> Successes:
    def side(rows: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        arm = univariate(moments, rows)
        # A count of successes, whatever rounding the share went through.
        return np.asarray(np.round(np.clip(arm.n * arm.mean, 0.0, arm.n)), dtype=np.float64), arm.n

    (control, n_control), (treatment, n_treatment) = side(pairs.control), side(pairs.treatment)
    return Successes(control=control, n_control=n_control, treatment=treatment, n_treatment=n_treatment)


def _numbers(values: Iterable[float | None]) -> FloatArray:
    return np.array([np.nan if v is None else v for v in values], dtype=np.float64)


def _choose(where: BoolArray, yes: Bounds, no: Bounds) -> Bounds:
    return Bounds(*(np.where(where, a, b) for a, b in zip(yes, no, strict=True)))


# --- multiplicity ---------------------------------------------------------------------------------------------------


def _families(
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
    how = np.array([a.value for a in adjustments], dtype=object)
    by_holm = how == Adjustment.HOLM.value
    by_bh = how == Adjustment.BENJAMINI_HOCHBERG.value
    adjusted = p.copy()
    adjusted[by_holm] = holm(p[by_holm], families[by_holm])
    adjusted[by_bh] = benjamini_hochberg(p[by_bh], families[by_bh])
    return adjusted


# --- records --------------------------------------------------------------------------------------------------------


class _Builder:
    """Turns position ``i`` of the arrays into one Estimate."""

    def __init__(
        self,
        moments: Moments,
        pairs: Pairs,
        traits: Sequence[MetricTraits],
        numbers: _Numbers,
        adjusted: FloatArray,
        adjustments: Sequence[Adjustment],
        alpha: float,
    ) -> None:
        self.moments, self.pairs, self.traits = moments, pairs, traits
        self.numbers, self.adjusted, self.adjustments, self.alpha = numbers, adjusted, adjustments, alpha

    def estimate(self, i: int) -> Estimate:
        m, x = self.moments, self.numbers
        control, treatment = self.pairs.control[i], self.pairs.treatment[i]
        trait = self.traits[i]
        adjusted = finite_or_none(self.adjusted[i])
        difference_method, lift_method = self.methods(i)
        return Estimate(
            experiment=str(m.experiment[treatment]),
            metric=trait.name,
            role=trait.role,
            kind=trait.kind,
            direction=trait.direction,
            control=str(m.variant[control]),
            treatment=str(m.variant[treatment]),
            slice_name=m.slice_name[treatment],
            slice_value=m.slice_value[treatment],
            period=m.period[treatment],
            n_control=int(m.n[control]),
            n_treatment=int(m.n[treatment]),
            value_control=finite_or_none(m.mean[control]),
            value_treatment=finite_or_none(m.mean[treatment]),
            difference=self.estimable(i, x.difference, x.difference_problem, difference_method),
            lift=self.estimable(i, x.lift, x.lift_problem, lift_method),
            p_value=finite_or_none(x.p[i]),
            p_adjusted=adjusted,
            adjustment=self.adjustments[i],
            significant=adjusted is not None and adjusted < self.alpha,
            effect_size=self.estimable(
                i, x.effect, x.difference_problem, "cohen-h" if x.score[i] else "cohen-d"
            ),
            mde=finite_or_none(x.mde[i]),
            power_at_smallest_worthwhile=finite_or_none(x.power[i]),
            equivalence_p=finite_or_none(x.equivalence[i]),
            non_inferiority=self.non_inferiority(i),
            covariate_variance_removed=finite_or_none(x.variance_removed[i]),
            capped_units=self.capped(i),
            notes=self.notes(i),
        )

    def methods(self, i: int) -> tuple[str, str]:
        if self.numbers.score[i]:
            return "score", "score"
        if not np.isnan(self.numbers.variance_removed[i]):
            return "welch-adjusted", "fieller"
        return ("delta" if self.traits[i].kind is Kind.RATIO else "welch"), "fieller"

    def estimable(self, i: int, found: Bounds, problems: ObjectArray, method: str) -> Estimable:
        estimate, low, high = (float(column[i]) for column in found)
        if problems[i] is not None or not np.isfinite([estimate, low, high]).all():
            reason = Reason(problems[i]) if problems[i] is not None else Reason.ZERO_VARIANCE
            return NotEstimable(reason=reason, detail=self.why_not(i, reason))
        return Interval(estimate=estimate, low=low, high=high, level=1.0 - self.alpha, method=method)

    def why_not(self, i: int, reason: Reason) -> str:
        m = self.moments
        counts = f"{int(m.n[self.pairs.control[i]])} units in control, {int(m.n[self.pairs.treatment[i]])} in treatment"
        return {
            Reason.NO_UNITS: f"an arm has no units with a value ({counts})",
            Reason.TOO_FEW_UNITS: f"{counts}; at least {MIN_UNITS} in each arm are needed",
            Reason.ZERO_VARIANCE: "every unit has the same value, so nothing can be tested",
            Reason.NO_DENOMINATOR: "the denominator is zero in an arm",
            Reason.CONTROL_NEAR_ZERO: "the control value cannot be told from zero, so a lift has no bounds",
            Reason.NO_VARIANCE_GIVEN: "no variance is given for an arm",
        }.get(reason, reason.value.replace("_", " "))

    def non_inferiority(self, i: int) -> NonInferiority | None:
        margin = self.traits[i].non_inferiority_margin
        if margin is None:
            return None
        p = finite_or_none(self.numbers.non_inferiority[i])
        return NonInferiority(margin=margin, p_value=p, holds=p is not None and p < self.alpha)

    def capped(self, i: int) -> int | None:
        cut = self.moments.capped_units[[self.pairs.control[i], self.pairs.treatment[i]]]
        return None if np.isnan(cut).any() else int(cut.sum())

    def notes(self, i: int) -> tuple[str, ...]:
        m = self.moments
        rows = [self.pairs.control[i], self.pairs.treatment[i]]
        notes = []
        removed = self.numbers.variance_removed[i]
        if not np.isnan(removed):
            without, n = m.without_history[rows].sum(), m.n[rows].sum()
            share = ""
            if np.isfinite(without) and n > 0:
                share = f"; {percent(without / n, decimals=0)} of units have no such value before exposure"
            notes.append(
                "adjusted for the value before exposure, which removes "
                f"{percent(removed, decimals=0)} of the variance{share}; "
                "the lift divides by the unadjusted control mean"
            )
        return tuple(notes)
