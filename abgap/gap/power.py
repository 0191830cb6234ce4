"""What the finished test could have seen, and how much more of it an open verdict needs.

Read off the estimate's own minimum detectable effect, so that these figures never contradict the scorecard.
Power is always that at a lift worth having or at the expected lift, never at the observed one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from abgap.records import Estimate, Interval
from abgap.stats import power
from abgap.stats.contrast import Contrast


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
    estimate: Estimate, *, delta: float | None, expected: Interval | None, alpha: float, days: float | None
) -> Power:
    """The figures for one estimate. delta: smallest worthwhile lift; days: how long the experiment ran."""
    if not estimate.mde:
        return Power()
    contrast = _contrast(estimate, estimate.mde, alpha)
    at_expected = None
    if expected is not None and expected.estimate != 0.0:
        at_expected = float(power.power_at(contrast, expected.estimate, alpha))
    if delta is None:
        return Power(mde=estimate.mde, at_expected=at_expected)
    control, treatment = (float(units) for units in power.units_needed(contrast, delta, alpha))
    return Power(
        mde=estimate.mde,
        at_delta=float(power.power_at(contrast, delta, alpha)),
        at_expected=at_expected,
        units_control=math.ceil(control),
        units_treatment=math.ceil(treatment),
        weeks=_weeks(control / estimate.n_control, days),
    )


def margin_power_of(estimate: Estimate, *, margin: float, alpha: float, days: float | None) -> Power:
    """The figures for a guardrail that in truth did not change, to be shown within its margin.

    One-sided at ``alpha``: what a two-sided test at twice ``alpha`` needs to see an effect of the margin.
    """
    if not estimate.mde:
        return Power()
    contrast = _contrast(estimate, estimate.mde, alpha)
    control, treatment = (float(units) for units in power.units_needed(contrast, margin, 2.0 * alpha))
    return Power(
        mde=estimate.mde,
        at_delta=float(power.power_at(contrast, margin, 2.0 * alpha)),
        units_control=math.ceil(control),
        units_treatment=math.ceil(treatment),
        weeks=_weeks(control / estimate.n_control, days),
    )


def _weeks(times: float, days: float | None) -> float | None:
    """Further weeks until the test is ``times`` its present size."""
    return None if days is None else max(times - 1.0, 0.0) * days / 7.0


def _contrast(estimate: Estimate, mde: float, alpha: float) -> Contrast:
    """The test as a contrast on the lift's own scale, with the standard error that its mde implies."""
    unit = _lift_contrast(estimate, 1.0)
    return _lift_contrast(estimate, mde / float(power.realised_mde(unit, alpha)))


def _lift_contrast(estimate: Estimate, standard_error: float) -> Contrast:
    zero, one = np.asarray(0.0), np.asarray(1.0)
    return Contrast(
        difference=zero,
        variance=np.asarray(standard_error**2),
        df=np.asarray(np.inf),
        control=one,
        control_variance=zero,
        covariance=zero,
        n_control=np.asarray(float(estimate.n_control)),
        n_treatment=np.asarray(float(estimate.n_treatment)),
        pooled_sd=one,
        problem=np.asarray(None, dtype=object),
    )
