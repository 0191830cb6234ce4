"""Each stage of a funnel once more per unit that was randomised: the comparison that is causal.

Orders per click compares those who clicked, and a treatment that brings other people to click changes who they are.
Orders per unit has the same denominator in both arms whatever the treatment does, so its lift is an effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.records import Estimable, Reason
from abgap.stats.arrays import MIN_UNITS, finite_or_none
from abgap.stats.contrast import mean_contrast
from abgap.stats.estimable import estimable_at
from abgap.stats.funnel import FunnelArm
from abgap.stats.intervals import lift_interval
from abgap.stats.moments import Univariate
from abgap.stats.procedure import Procedure

_WHY_NOT = {
    Reason.TOO_FEW_UNITS: f"an arm has fewer than {MIN_UNITS} units",
    Reason.NO_DENOMINATOR: "an arm has no value of the stage",
    Reason.NO_VARIANCE_GIVEN: "the moments carry no variance of the stage",
    Reason.ZERO_VARIANCE: "the stage does not vary within the arms",
    Reason.CONTROL_NEAR_ZERO: "the control value cannot be told from zero",
    Reason.NOT_POSITIVE: "a logarithm needs a value above zero in both arms",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PerUnit:
    """What a stage counts, per unit of each arm, and its relative lift."""

    control: float | None
    treatment: float | None
    lift: Estimable


def stages_per_unit(control: FunnelArm, treatment: FunnelArm, procedure: Procedure) -> tuple[PerUnit, ...]:
    """The sums that the stages divide, each as a mean per unit, by Welch and the study's interval of lifts."""
    contrast = mean_contrast(_means(control), _means(treatment))
    found = lift_interval(contrast, procedure.alpha, procedure.rule, procedure.lift_method)
    method = procedure.name_of(procedure.lift_method.value)

    return tuple(
        PerUnit(
            control=finite_or_none(control.means[i]),
            treatment=finite_or_none(treatment.means[i]),
            lift=estimable_at(found, i, level=1.0 - procedure.alpha, method=method, why=_why_not),
        )
        for i in range(control.means.size)
    )


def _why_not(reason: Reason) -> str:
    return _WHY_NOT.get(reason, "an arm has no units")


def _means(arm: FunnelArm) -> Univariate:
    return Univariate(n=arm.n, mean=arm.means, variance=np.diagonal(arm.covariance))
