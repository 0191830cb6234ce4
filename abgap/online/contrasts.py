"""Moments of paired arms made into contrasts: what is judged, and the same without any adjustment."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abgap.online.arms import Pairs, denominator, univariate
from abgap.online.joint import covaried
from abgap.online.post_strata import PostStrata, post_stratify
from abgap.online.traits import TraitColumn
from abgap.records import Kind, Moments, Reason
from abgap.records.moments import FloatArray, ObjectArray
from abgap.stats.arrays import BoolArray, first_reason
from abgap.stats.contrast import Contrast, mean_contrast
from abgap.stats.covariates import adjusted_contrast
from abgap.stats.procedure import Procedure
from abgap.stats.proportions import Successes
from abgap.stats.reliability import few_beyond, few_carry, few_successes, rests_on_few


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasts:
    """Every pair compared; arrays of one length.

    judged: what tests and intervals are made from. raw: the same arms without covariates and strata.
    variance_removed: by them, NaN where there are none. successes: units of arms as counts; is_share: where they are
    meant. rests_on_few: where few units carry the value, or few have successes, so that intervals can be off.
    """

    judged: Contrast
    raw: Contrast
    variance_removed: FloatArray
    successes: Successes
    is_share: BoolArray
    rests_on_few: BoolArray
    strata: PostStrata

    @property
    def is_adjusted(self) -> BoolArray:
        """Where covariates or strata are used."""
        return np.isfinite(self.variance_removed)


def make_contrasts(moments: Moments, pairs: Pairs, traits: TraitColumn, procedure: Procedure) -> Contrasts:
    """Compare all pairs."""
    judged, removed = adjusted_contrast(
        covaried(moments, pairs.control),
        covaried(moments, pairs.treatment),
        by_arm=procedure.slopes_by_arm,
    )
    plain = univariate(moments, pairs.control), univariate(moments, pairs.treatment)
    raw = mean_contrast(*plain)
    successes = _successes(moments, pairs)
    # Shares over clusters are ratios.
    in_units = np.isnan(moments.denominator_mean[pairs.treatment])
    is_share = in_units & traits.where(lambda t: t.kind.is_share)
    is_quantile = traits.where(lambda t: t.kind is Kind.QUANTILE)
    strata = post_stratify(moments, pairs, traits, judged)
    few = few_carry(denominator(moments, pairs.control)) | few_carry(denominator(moments, pairs.treatment))
    with np.errstate(divide="ignore", invalid="ignore"):
        by_strata = 1.0 - strata.contrast.variance / raw.variance
    return Contrasts(
        judged=_refused(strata.contrast, is_quantile, few),
        raw=_refused(raw, is_quantile, few),
        variance_removed=np.where(strata.strata > 0, by_strata, removed),
        successes=successes,
        is_share=is_share,
        rests_on_few=_rests_on_few(moments, pairs, successes, is_share, traits),
        strata=strata,
    )


def _rests_on_few(
    moments: Moments,
    pairs: Pairs,
    successes: Successes,
    is_share: BoolArray,
    traits: TraitColumn,
) -> BoolArray:
    """Where too little carries the metric of each pair: successes, values beyond a quantile, or units."""
    arms = univariate(moments, pairs.control), univariate(moments, pairs.treatment)
    below = denominator(moments, pairs.control), denominator(moments, pairs.treatment)
    beyond = traits.numbers(lambda t: t.quantile)
    of_kind = (
        (is_share, few_successes(successes)),
        (
            traits.where(lambda t: t.kind is Kind.QUANTILE),
            few_beyond(arms[0].n, arms[1].n, beyond),
        ),
    )
    return np.select(
        [where for where, _ in of_kind],
        [few for _, few in of_kind],
        default=rests_on_few(*arms) | rests_on_few(*below),
    )


def _refused(contrast: Contrast, is_quantile: BoolArray, few: BoolArray) -> Contrast:
    """The contrast with the refusals that its kind of metric brings.

    A quantile without a variance has too few values beyond it. few: where too few units have a denominator.
    """
    none_given = is_quantile & np.asarray(contrast.problem == Reason.NO_VARIANCE_GIVEN, dtype=bool)
    problem: ObjectArray = np.where(none_given, Reason.TOO_FEW_VALUES, contrast.problem)
    return replace(contrast, problem=first_reason((few, Reason.TOO_FEW_UNITS), after=problem))


def _successes(moments: Moments, pairs: Pairs) -> Successes:
    def side(rows: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
        arm = univariate(moments, rows)
        # A count of successes, whatever rounding the share went through.
        return np.asarray(np.round(np.clip(arm.n * arm.mean, 0.0, arm.n)), dtype=np.float64), arm.n

    (control, n_control), (treatment, n_treatment) = side(pairs.control), side(pairs.treatment)
    return Successes(control=control, n_control=n_control, treatment=treatment, n_treatment=n_treatment)
