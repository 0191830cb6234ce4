"""What the finished test could have seen, and how much more of it an open verdict needs.

Read off the estimate's own minimum detectable effect, so that these figures never contradict the scorecard.
Power is always that at a lift worth having or at the expected lift, never at the observed one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from abgap.records import Estimate, Interval
from abgap.stats import power
from abgap.stats.contrast import Contrast
from abgap.stats.procedure import Procedure


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Power figures of one estimate; None where a number they need is missing.

    mde: relative lift detectable with 80 % power. units_control, units_treatment: what the smallest
    worthwhile lift needs for 80 % power, split as they were. weeks: further weeks at the traffic so far,
    0 when reached.
    """

    mde: float | None = None
    at_delta: float | None = None
    at_expected: float | None = None
    units_control: int | None = None
    units_treatment: int | None = None
    weeks: float | None = None

    @property
    def units(self) -> int | None:
        """Units per arm, the larger arm when they differ."""
        if self.units_control is None or self.units_treatment is None:
            return None
        return max(self.units_control, self.units_treatment)


def power_of(
    estimate: Estimate,
    *,
    delta: float | None,
    expected: Interval | None,
    procedure: Procedure,
    days: float | None,
) -> Power:
    """The figures for one estimate. delta: smallest worthwhile lift; days: how long the experiment ran."""
    if not estimate.mde:
        return Power()
    aims_at = None if expected is None else expected.estimate
    if not delta and not aims_at:
        return Power(mde=estimate.mde)
    contrast = _contrast(estimate, estimate.mde, procedure)
    found = _sized(estimate, contrast, delta, procedure, days) if delta else Power(mde=estimate.mde)
    if not aims_at:
        return found
    at_expected = power.power_at(contrast, aims_at, procedure.alpha, rule=procedure.rule)
    return replace(found, at_expected=float(at_expected))


def margin_power_of(estimate: Estimate, *, margin: float, procedure: Procedure, days: float | None) -> Power:
    """The figures for a guardrail that in truth did not change, to be shown within its margin.

    One-sided at ``alpha``: what a two-sided test at twice ``alpha`` needs to see an effect of the margin.
    """
    if not estimate.mde:
        return Power()
    one_sided = replace(procedure, alpha=2.0 * procedure.alpha)
    return _sized(estimate, _contrast(estimate, estimate.mde, procedure), margin, one_sided, days)


@np.errstate(over="ignore")
def _sized(
    estimate: Estimate, contrast: Contrast, effect: float, procedure: Procedure, days: float | None
) -> Power:
    """Power at an effect, and the size of test that gives it 80 %."""
    at_effect = float(power.power_at(contrast, effect, procedure.alpha, rule=procedure.rule))
    needed = power.units_needed(contrast, effect, procedure.alpha, rule=procedure.rule)
    control, treatment = (float(units) for units in needed)
    if not math.isfinite(control + treatment):
        return Power(mde=estimate.mde, at_delta=at_effect)
    return Power(
        mde=estimate.mde,
        at_delta=at_effect,
        units_control=math.ceil(control),
        units_treatment=math.ceil(treatment),
        weeks=None if days is None else max(control / estimate.n_control - 1.0, 0.0) * days / 7.0,
    )


def _contrast(estimate: Estimate, mde: float, procedure: Procedure) -> Contrast:
    """The test as a contrast on the lift's own scale, with the standard error that its mde implies."""
    of_unit_error = _mde_of_unit_error(procedure, estimate.n_control, estimate.n_treatment)
    return _lift_contrast(mde / of_unit_error, estimate.n_control, estimate.n_treatment)


@cache
def _mde_of_unit_error(procedure: Procedure, n_control: int, n_treatment: int) -> float:
    contrast = _lift_contrast(1.0, n_control, n_treatment)
    return float(power.realised_mde(contrast, procedure.alpha, rule=procedure.rule))


def _lift_contrast(standard_error: float, n_control: int, n_treatment: int) -> Contrast:
    zero, one = np.asarray(0.0), np.asarray(1.0)
    return Contrast(
        difference=zero,
        variance=np.square(np.asarray(standard_error)),
        df=np.asarray(np.inf),
        control=one,
        control_variance=zero,
        covariance=zero,
        n_control=np.asarray(float(n_control)),
        n_treatment=np.asarray(float(n_treatment)),
        pooled_sd=one,
        problem=np.asarray(None, dtype=object),
    )
