"""Contrasts made into tests and intervals, in one pass over all pairs.

Plain shares are judged by the score method, everything else by the study's rule and lift method. Both give p, the
interval of the difference and that of the lift from one statistic, so none of them contradicts another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.online.contrasts import Contrasts
from abgap.online.traits import TraitColumn
from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.vocabulary import LiftMethod
from abgap.stats.arrays import BoolArray, Bounds, CheckedBounds, no_reason
from abgap.stats.bayesian import Posterior, lift_posterior
from abgap.stats.contrast import Contrast
from abgap.stats.exaggeration import Exaggeration, exaggeration_at
from abgap.stats.intervals import (
    difference_interval,
    lift_interval,
    lift_is_bounded,
    p_value,
    relative_difference,
)
from abgap.stats.noninferiority import (
    equivalence_p,
    non_inferiority_p,
    score_equivalence_p,
    score_non_inferiority_p,
)
from abgap.stats.power import power_at, realised_mde
from abgap.stats.procedure import Procedure
from abgap.stats.proportions import cohen_h, score_difference, score_lift, score_p_value


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdicts:
    """The test and its two intervals of every pair.

    score: where shares are by the score method. draws: of the bootstrap, where all is out of them, else 0.
    """

    p: FloatArray
    difference: CheckedBounds
    lift: CheckedBounds
    score: BoolArray
    draws: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """Everything computed for every pair; arrays of one length. raw: the verdicts without adjustment."""

    contrasts: Contrasts
    verdicts: Verdicts
    raw: Verdicts
    share_effect: Bounds
    mde: FloatArray
    power: FloatArray
    exaggeration: Exaggeration
    equivalence: FloatArray
    non_inferiority: FloatArray
    posterior: Posterior | None


def infer(contrasts: Contrasts, traits: TraitColumn, procedure: Procedure) -> Inference:
    """Test every contrast as the study says."""
    alpha, rule, method = procedure.alpha, procedure.rule, procedure.lift_method
    judged = contrasts.judged
    deltas = traits.numbers(lambda t: t.smallest_worthwhile_lift)
    margins = traits.numbers(lambda t: t.non_inferiority_margin)
    signs = traits.numbers(lambda t: t.direction.sign)
    verdicts = _judge(contrasts, judged, contrasts.is_share & ~contrasts.is_adjusted, procedure)
    # Score tests search for their values: they are made of shares only, and not of all.
    where = np.flatnonzero(verdicts.score)
    shares = contrasts.successes.take(where)
    effect = Bounds(*(_at(where, found, np.full(len(traits), np.nan)) for found in cohen_h(shares, alpha)))
    return Inference(
        contrasts=contrasts,
        verdicts=verdicts,
        raw=_judge(contrasts, contrasts.raw, contrasts.is_share, procedure)
        if contrasts.is_adjusted.any()
        else verdicts,
        share_effect=effect,
        mde=realised_mde(judged, alpha, rule=rule),
        power=power_at(judged, deltas, alpha, rule=rule),
        exaggeration=exaggeration_at(judged, deltas, alpha, rule=rule),
        equivalence=_at(
            where, score_equivalence_p(shares, deltas[where]), equivalence_p(judged, deltas, rule, method)
        ),
        non_inferiority=_at(
            where,
            score_non_inferiority_p(shares, margins[where], signs[where]),
            non_inferiority_p(judged, margins, signs, rule, method),
        ),
        posterior=_posterior(judged, signs, procedure),
    )


def _at(where: npt.NDArray[np.intp], found: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Numbers found at some positions, others elsewhere."""
    result = otherwise.copy()
    result[where] = found
    return result


def _judge(contrasts: Contrasts, contrast: Contrast, shares: BoolArray, procedure: Procedure) -> Verdicts:
    alpha, rule, method = procedure.alpha, procedure.rule, procedure.lift_method
    difference = difference_interval(contrast, alpha, rule, method)
    found = Verdicts(
        p=p_value(contrast, rule, method),
        difference=CheckedBounds(*difference, contrast.problem),
        lift=lift_interval(contrast, alpha, rule, method),
        score=np.zeros(shares.shape, dtype=bool),
        draws=np.zeros(shares.shape),
    )
    if method is not LiftMethod.FIELLER:
        # Where there is no such lift, what is left is tested as by default.
        shares = shares & ~no_reason(found.lift.problem)
    if procedure.is_sequential or not shares.any():
        return found
    successes = contrasts.successes
    p, problem = score_p_value(successes)
    by_score = score_difference(successes, alpha)._replace(problem=problem)
    return Verdicts(
        p=np.where(shares, p, found.p),
        difference=_choose(shares, by_score, found.difference),
        lift=_choose(shares, score_lift(successes, alpha), found.lift)
        if method is LiftMethod.FIELLER
        else found.lift,
        score=shares,
        draws=found.draws,
    )


def _posterior(contrast: Contrast, signs: FloatArray, procedure: Procedure) -> Posterior | None:
    """The Bayesian summary where the study asks for one; NaN where a lift is not about normal."""
    if procedure.prior is None:
        return None
    lift, error = relative_difference(contrast)
    usable = lift_is_bounded(contrast, procedure.alpha)
    return lift_posterior(lift, np.where(usable, error, np.nan) ** 2, signs, procedure.prior, procedure.alpha)


def _choose(where: BoolArray, yes: CheckedBounds, no: CheckedBounds) -> CheckedBounds:
    estimate, low, high = (np.where(where, a, b) for a, b in zip(yes[:3], no[:3], strict=True))
    problem: ObjectArray = np.where(where, yes.problem, no.problem)
    return CheckedBounds(estimate, low, high, problem)
