"""Position ``i`` of the computed arrays made into one record, with its reasons and notes in words."""

from __future__ import annotations

import numpy as np

from abgap.online.arms import Pairs
from abgap.online.families import Corrected
from abgap.online.inference import Inference
from abgap.online.resampled import draw_notes
from abgap.online.traits import TraitColumn
from abgap.records import (
    Bayesian,
    Estimable,
    Estimate,
    Interval,
    Kind,
    Moments,
    NonInferiority,
    NotEstimable,
    Reason,
    Unadjusted,
)
from abgap.records.moments import FloatArray
from abgap.records.words import percent, plural
from abgap.stats.arrays import MIN_UNITS, Bounds, CheckedBounds, finite_or_none
from abgap.stats.covariates import ENOUGH_UNITS, ENOUGH_UNITS_BY_ARM
from abgap.stats.effect_size import cohen_d
from abgap.stats.estimable import estimable_at
from abgap.stats.procedure import Procedure

# What the interval of a difference is called, where it is not Welch's.
_METHODS = {Kind.RATIO: "delta", Kind.QUANTILE: "order-statistics"}


class RecordMaker:
    """Turns position ``i`` of the arrays into one Estimate."""

    def __init__(
        self,
        moments: Moments,
        pairs: Pairs,
        traits: TraitColumn,
        numbers: Inference,
        corrected: Corrected,
        shrunk: Bounds,
        procedure: Procedure,
    ) -> None:
        self.moments, self.pairs, self.traits = moments, pairs, traits
        self.numbers, self.shrunk, self.procedure = numbers, shrunk, procedure
        self.corrected = corrected
        self.of_draws = draw_notes(numbers, corrected, procedure.alpha)
        verdicts = numbers.verdicts
        d = cohen_d(numbers.contrasts.judged, Bounds(*verdicts.difference[:3]))
        of_shares = zip(numbers.share_effect, d, strict=True)
        size, low, high = (np.where(verdicts.score, h, other) for h, other in of_shares)
        self.effects = CheckedBounds(size, low, high, verdicts.difference.problem)
        self.level = 1.0 - procedure.alpha
        # What most comparisons do not have is found at once: there are thousands of them.
        self.is_adjusted = numbers.contrasts.is_adjusted
        self.is_shrunk = np.asarray(np.isfinite(np.stack(shrunk)).all(axis=0))
        self.without_history = self._share_without_history()
        self.cut_off = self._share_cut_off()
        self.is_capped = np.asarray(np.isfinite(self._of_both(moments.capped_units)).all(axis=0))

    def _of_both(self, column: FloatArray) -> FloatArray:
        """A column of the moments in control and treatment, (2, comparisons)."""
        return np.stack([column[self.pairs.control], column[self.pairs.treatment]])

    @np.errstate(divide="ignore", invalid="ignore")
    def _share_without_history(self) -> FloatArray:
        """Units of both arms whose covariates are not known; NaN where there are none."""
        n = self._of_both(self.moments.n).sum(axis=0)
        return np.asarray(
            self._of_both(self.moments.without_history).sum(axis=0) / np.where(n > 0, n, np.nan)
        )

    @np.errstate(divide="ignore", invalid="ignore")
    def _share_cut_off(self) -> FloatArray:
        """Share of the value of both arms that the cap cut off; NaN where the value is not above zero."""
        m = self.moments
        n, numerator = self._of_both(m.n), self._of_both(m.numerator_mean)
        kept = np.where(np.isnan(numerator), self._of_both(m.mean), numerator)
        cut_off = (n * self._of_both(m.capped_value)).sum(axis=0)
        value = cut_off + (n * kept).sum(axis=0)
        return np.where(value > 0.0, cut_off / value, np.nan)

    def estimate(self, i: int) -> Estimate:
        """The record."""
        m, x = self.moments, self.numbers
        control, treatment = self.pairs.control[i], self.pairs.treatment[i]
        trait = self.traits[i]
        adjusted = finite_or_none(self.corrected.p[i])
        difference_method, lift_method = self.methods(i, adjusted=True)
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
            difference=self.estimable(i, x.verdicts.difference, difference_method),
            lift=self.estimable(i, x.verdicts.lift, lift_method),
            p_value=finite_or_none(x.verdicts.p[i]),
            p_adjusted=adjusted,
            adjustment=self.corrected.how[i],
            significant=adjusted is not None and adjusted < self.procedure.alpha,
            effect_size=self.effect_size(i),
            mde=finite_or_none(x.mde[i]),
            power_at_smallest_worthwhile=finite_or_none(x.power[i]),
            equivalence_p=finite_or_none(x.equivalence[i]),
            non_inferiority=self.non_inferiority(i),
            covariate_variance_removed=finite_or_none(x.contrasts.variance_removed[i]),
            unadjusted=self.unadjusted(i),
            share_without_history=finite_or_none(self.without_history[i]),
            type_s=finite_or_none(x.exaggeration.type_s[i]),
            type_m=finite_or_none(x.exaggeration.type_m[i]),
            shrunk_lift=self.shrunk_lift(i),
            bayesian=self.bayesian(i),
            capped_units=self.capped(i),
            capped_value_share=finite_or_none(self.cut_off[i]),
            notes=self.notes(i),
        )

    def methods(self, i: int, *, adjusted: bool) -> tuple[str, str]:
        """What the intervals of the difference and of the lift are called."""
        verdicts = self.numbers.verdicts if adjusted else self.numbers.raw
        if verdicts.draws[i] > 0:
            return "bootstrap", "bootstrap"
        if verdicts.score[i]:
            return "score", "score"
        is_ratio = not np.isnan(self.moments.denominator_mean[self.pairs.control[i]])
        plain = "delta" if is_ratio else _METHODS.get(self.traits[i].kind, "welch")
        how = "stratified" if self.numbers.contrasts.strata.strata[i] else "adjusted"
        method = f"{plain}-{how}" if adjusted and self.is_adjusted[i] else plain
        return self.procedure.name_of(method), self.procedure.name_of(self.procedure.lift_method.value)

    def effect_size(self, i: int) -> Estimable:
        """Cohen's h where the difference is by the score method, else d."""
        x = self.numbers
        if self.traits[i].kind is Kind.QUANTILE:
            detail = "a quantile is no mean of units, so there is no standard deviation to divide by"
            return NotEstimable(reason=Reason.NOT_DEFINED, detail=detail)
        return self.estimable(i, self.effects, "cohen-h" if x.verdicts.score[i] else "cohen-d")

    def unadjusted(self, i: int) -> Unadjusted | None:
        """The same comparison without covariates and strata, where there are any."""
        if not self.is_adjusted[i]:
            return None
        raw, (difference_method, lift_method) = self.numbers.raw, self.methods(i, adjusted=False)
        return Unadjusted(
            difference=self.estimable(i, raw.difference, difference_method),
            lift=self.estimable(i, raw.lift, lift_method),
            p_value=finite_or_none(raw.p[i]),
        )

    def shrunk_lift(self, i: int) -> Interval | None:
        """The lift of a slice, pulled towards the other slices."""
        if not self.is_shrunk[i]:
            return None
        estimate, low, high = (float(column[i]) for column in self.shrunk)
        return self.interval(estimate, low, high, "shrunk")

    def bayesian(self, i: int) -> Bayesian | None:
        """The Bayesian summary, where the study asks for one."""
        prior, found = self.procedure.prior, self.numbers.posterior
        if prior is None or found is None or not np.isfinite([column[i] for column in found]).all():
            return None
        return Bayesian(
            lift=self.interval(
                float(found.estimate[i]), float(found.low[i]), float(found.high[i]), "posterior"
            ),
            probability_better=float(found.better[i]),
            expected_loss_of_shipping=float(found.loss_of_shipping[i]),
            expected_loss_of_keeping=float(found.loss_of_keeping[i]),
            prior_lift=prior.lift,
            prior_sd=prior.sd,
        )

    def interval(self, estimate: float, low: float, high: float, method: str) -> Interval:
        """An interval of the study's level."""
        return Interval(estimate=estimate, low=low, high=high, level=self.level, method=method)

    def estimable(self, i: int, found: CheckedBounds, method: str) -> Estimable:
        """An interval, or why there is none."""
        return estimable_at(
            found,
            i,
            level=self.level,
            method=method,
            why=lambda reason: self.why_not(i, reason),
        )

    def why_not(self, i: int, reason: Reason) -> str:
        """The reason in words."""
        m = self.moments
        units = "clusters" if self.procedure.by_cluster else "units"
        control, treatment = (int(m.n[rows[i]]) for rows in (self.pairs.control, self.pairs.treatment))
        counts = f"{control} {units} in control, {treatment} in treatment"
        return {
            Reason.NO_UNITS: f"an arm has no {units} with a value ({counts})",
            Reason.TOO_FEW_UNITS: (
                f"{counts}; at least {MIN_UNITS} in each arm are needed"
                if min(control, treatment) < MIN_UNITS
                else f"fewer than {MIN_UNITS} {units} carry the denominator in an arm ({counts})"
            ),
            Reason.ZERO_VARIANCE: self.why_no_spread(i),
            Reason.NO_DENOMINATOR: self.why_no_denominator(i),
            Reason.CONTROL_NEAR_ZERO: "the control value cannot be told from zero, so a lift has no bounds",
            Reason.NO_VARIANCE_GIVEN: "no variance is given for an arm",
            Reason.TOO_FEW_VALUES: (
                "an arm has too few values beyond the quantile for its interval, or no variance is given for it"
            ),
            Reason.NOT_POSITIVE: "a logarithm needs a value above zero in both arms",
        }.get(reason, reason.value.replace("_", " "))

    def why_no_spread(self, i: int) -> str:
        """What has taken all variation: there was none, or covariates and strata explain it."""
        if self.is_explained(i):
            return f"{self.explained_by(i)}, so nothing is left to test"
        control, treatment = (
            self.moments.mean[rows[i]] for rows in (self.pairs.control, self.pairs.treatment)
        )
        if control == treatment:
            return "every unit has the same value, so nothing can be tested"
        return "the values do not vary within the arms, so nothing can be tested"

    def is_explained(self, i: int) -> bool:
        """Whether units differ, but not beyond what covariates or strata say of them."""
        contrasts = self.numbers.contrasts
        return contrasts.judged.problem[i] is Reason.ZERO_VARIANCE and contrasts.raw.problem[i] is None

    def explained_by(self, i: int) -> str:
        """What explains every difference."""
        what = "strata" if self.numbers.contrasts.strata.strata[i] else "covariates"
        return f"the {what} explain every difference between units"

    def why_no_denominator(self, i: int) -> str:
        """Where a denominator is missing: in the arm itself, or only in draws of the bootstrap."""
        if self.numbers.verdicts.draws[i] > 0 and self.numbers.contrasts.judged.problem[i] is None:
            return "in some draws of the bootstrap an arm has no denominator"
        return "the denominator is zero in an arm"

    def non_inferiority(self, i: int) -> NonInferiority | None:
        """The test of the margin, where one is declared."""
        margin = self.traits[i].non_inferiority_margin
        if margin is None:
            return None
        p = finite_or_none(self.numbers.non_inferiority[i])
        return NonInferiority(margin=margin, p_value=p, holds=p is not None and p < self.procedure.alpha)

    def capped(self, i: int) -> int | None:
        """Units of both arms whose value was cut."""
        if not self.is_capped[i]:
            return None
        cut = self.moments.capped_units
        return int(cut[self.pairs.control[i]] + cut[self.pairs.treatment[i]])

    def notes(self, i: int) -> tuple[str, ...]:
        """What a reader of the numbers has to know."""
        by_cluster = ("n counts clusters, which were randomised; values are per unit",)
        return (
            *(by_cluster if self.procedure.by_cluster else ()),
            *self.adjustment_notes(i),
            *self.explained_notes(i),
            *self.reliability_notes(i),
            *([self.of_draws[i]] if i in self.of_draws else []),
        )

    def explained_notes(self, i: int) -> tuple[str, ...]:
        """That nothing is left to test, where the comparison without adjustment can be tested."""
        if not self.is_explained(i):
            return ()
        return (f"{self.explained_by(i)}: nothing is left to test; the unadjusted comparison stands beside",)

    def reliability_notes(self, i: int) -> tuple[str, ...]:
        """Where intervals can be off (docs/calibration.md); nothing where there is no interval."""
        contrasts = self.numbers.contrasts
        if not contrasts.rests_on_few[i] or contrasts.judged.problem[i] is not None:
            return ()
        if contrasts.is_share[i]:
            return (
                "few successes or failures are expected in an arm, so that test and intervals go in steps",
            )
        if self.traits[i].kind is Kind.QUANTILE:
            return (
                "few units lie beyond the quantile in an arm, so that test and intervals are too careful",
            )
        note = (
            "few units carry the value of an arm: test and intervals can be off, most in arms of unequal size"
        )
        return (f"{note}; a cap or more units help",)

    def adjustment_notes(self, i: int) -> tuple[str, ...]:
        """What was done to make the estimate more precise."""
        found = self.numbers.contrasts.strata
        if found.asked[i]:
            return (self.strata_note(i), *self.few_units_note(i, ENOUGH_UNITS * int(found.strata[i])))
        removed = self.numbers.contrasts.variance_removed[i]
        if np.isnan(removed):
            return ()
        without, share = finite_or_none(self.without_history[i]), ""
        if without is not None:
            share = f"; {percent(without, decimals=0)} of units have no such value before exposure"
        adjusted = (
            "adjusted for the value before exposure, which removes "
            f"{percent(removed, decimals=0)} of the variance{share}; "
            "the lift divides by the unadjusted control mean"
        )
        rows = [self.pairs.control[i], self.pairs.treatment[i]]
        covariates = max(len(self.moments.covariate_means[row] or (0,)) for row in rows)
        enough = ENOUGH_UNITS_BY_ARM if self.procedure.slopes_by_arm else ENOUGH_UNITS
        return (adjusted, *self.few_units_note(i, enough * covariates))

    def few_units_note(self, i: int, enough: int) -> tuple[str, ...]:
        """Where slopes or strata are fitted on so few units that their own error tells."""
        rows = [self.pairs.control[i], self.pairs.treatment[i]]
        if self.moments.n[rows].min() >= enough:
            return ()
        return (f"with fewer than {enough} units in an arm the adjusted interval is slightly too short",)

    def strata_note(self, i: int) -> str:
        """What post-stratification did, or that it could not be done."""
        found, name = self.numbers.contrasts.strata, self.traits[i].stratify_by
        if not found.strata[i]:
            return f"not post-stratified: the slices by {name} do not hold all units, or are too small"
        merged = f", one of them of {plural(found.merged[i], 'small slice')}" if found.merged[i] else ""
        share = float(self.numbers.contrasts.variance_removed[i])
        effect = ""
        if np.isfinite(share):
            size = percent(abs(share), decimals=0)
            effect = (
                f", which removes {size} of the variance"
                if share >= 0.0
                else f", which adds {size} to the variance"
            )
        return (
            f"post-stratified by {name} ({found.strata[i]} strata{merged}){effect}; "
            "the lift divides by the unadjusted control mean"
        )
