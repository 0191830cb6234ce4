"""How many units a test needs, and how small an effect a test of given size detects, before it is run.

From the mean and the variance of a unit as logs of the past have them. One function per question gives the power of
the very test that the scorecard will make: its statistic, its variance, its degrees of freedom. Sizes and detectable
effects are that power turned round, so that the three cannot contradict each other.

Effects are relative to the size of the control mean, as everywhere. The units of a test are those of all its arms; a
comparison is of control with one treatment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import MIN_UNITS, BoolArray, Floats, set_same_shape
from abgap.stats.proportions import Successes, constrained_variance
from abgap.stats.rule import FIXED, Rule
from abgap.stats.tails import noncentral_t_sf, normal_cdf, normal_quantile, t_quantile

Curve: TypeAlias = Callable[[FloatArray], FloatArray]

# Halvings of the bracket: enough for the last digit from a few units to 10^15.
_HALVINGS = 100
_MOST_UNITS = 1e15
LARGEST_EFFECT = 1e6
"""No lift, margin or band is larger: a million times the control value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A comparison that is planned; arrays of one shape.

    mean: of control. variance: of a unit. residual: what covariates leave of it; the same without any. binary: whether
    the metric is a share without covariates, which is tested by score. control_part, treatment_part: the parts of the
    units of the test that control and this treatment get.
    """

    mean: FloatArray
    variance: FloatArray
    residual: FloatArray
    binary: BoolArray
    control_part: FloatArray
    treatment_part: FloatArray

    def __post_init__(self) -> None:
        set_same_shape(self, ("mean", "variance", "residual", "control_part", "treatment_part"))

    @property
    def size(self) -> FloatArray:
        """What an effect is relative to; NaN for a mean of zero."""
        return np.where(self.mean == 0.0, np.nan, np.abs(self.mean))

    @property
    def fewest_units(self) -> FloatArray:
        """Units of the test below which an arm has too few for any test."""
        return np.asarray(MIN_UNITS / np.minimum(self.control_part, self.treatment_part))


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def superiority_power(
    design: Design, units: Floats, lift: Floats, alpha: float, rule: Rule = FIXED
) -> FloatArray:
    """Return the probability that the two-sided test at ``alpha`` rejects when this is the true lift.

    Means and ratios: Welch's t, whose power is that of the noncentral t with Satterthwaite's degrees of freedom, both
    arms having the variance of the past. Shares: the pooled z, whose variance is that of the pooled share where it
    decides and that of both shares where it varies (Fleiss, Levin, Paik 2003). NaN where a share would leave 0..1.
    A sequential rule is read once at this size; looking earlier as well only adds to its power.
    """
    lift = np.asarray(lift, dtype=np.float64)
    errors = _errors(design, units, lift)
    shift = lift * design.size / np.sqrt(errors[0] + errors[1])
    by_t = _above(design, units, errors, shift, alpha, rule) + _above(
        design, units, errors, -shift, alpha, rule
    )
    if rule is not FIXED:
        return by_t
    return np.where(design.binary, _score_power(design, units, lift, alpha), by_t)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def non_inferiority_power(
    design: Design,
    units: Floats,
    margin: Floats,
    alpha: float,
    direction_sign: Floats,
    lift: Floats = 0.0,
    rule: Rule = FIXED,
) -> FloatArray:
    """Return the probability that the one-sided test at ``alpha`` shows the treatment not worse by ``margin``.

    The margin is relative, so the control mean's own variance enters: for ``T = d D + M |m|`` it is ``V_D + 2 d M C +
    M^2 V_m`` with ``C = -residual / n_c``. Shares are tested by score, whose variance is that of the shares on the
    margin where it decides (Farrington, Manning 1990). direction_sign: +1 where more is better, -1 where less is.
    lift: the true one.
    """
    sign, margin = np.asarray(direction_sign, dtype=np.float64), np.asarray(margin, dtype=np.float64)
    errors = _errors(design, units, lift)
    n_control = design.control_part * np.asarray(units, dtype=np.float64)
    joint = -np.sign(design.mean) * errors[0]
    variance = errors[0] + errors[1] + 2.0 * sign * margin * joint + margin**2 * design.variance / n_control
    shift = (sign * np.asarray(lift) + margin) * design.size / np.sqrt(variance)
    by_t = _above(design, units, errors, shift, 2.0 * alpha, rule)
    if rule is not FIXED or not np.any(design.binary):
        return by_t
    return np.where(design.binary, _score_margin_power(design, units, margin, alpha, sign, lift), by_t)


def equivalence_power(
    design: Design, units: Floats, band: Floats, alpha: float, lift: Floats = 0.0, rule: Rule = FIXED
) -> FloatArray:
    """Return the probability that both one-sided tests (TOST) at ``alpha`` show the lift inside the band.

    ``P(above the lower border) + P(below the upper one) - 1``, not below 0 (Chow, Shao, Wang 2008).
    """
    sides = [non_inferiority_power(design, units, band, alpha, sign, lift, rule) for sign in (1.0, -1.0)]
    return np.maximum(sides[0] + sides[1] - 1.0, 0.0)


def units_for(design: Design, power_of_units: Curve, power: Floats) -> FloatArray:
    """Return the fewest units of the test with at least this power: a real number, to be shared among the arms.

    power_of_units: one of the functions above as a function of the units. NaN where no number of units gives it.
    """
    low = design.fewest_units
    high = np.full_like(low, _MOST_UNITS)
    return first_reaching(power_of_units, power, low, high)


def effect_for(power_of_effect: Curve, power: Floats, largest: FloatArray) -> FloatArray:
    """Return the smallest effect (lift, margin or band) that is found with at least this power.

    power_of_effect: one of the functions above as a function of the effect's size. largest: beyond which there is none,
    such as ``LARGEST_EFFECT``. NaN where even that is too small.
    """
    return first_reaching(power_of_effect, power, np.zeros_like(largest), largest)


def largest_lift(design: Design, direction_sign: Floats) -> FloatArray:
    """Return the largest size of a lift in this direction that a metric can have: a share stays in 0..1."""
    sign = np.broadcast_to(np.asarray(direction_sign, dtype=np.float64), design.mean.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(sign > 0, (1.0 - design.mean) / design.size, 1.0)
    return np.where(design.binary, room, LARGEST_EFFECT)


def per_arm(units: FloatArray, part: Floats) -> FloatArray:
    """Return the whole units of an arm that gets this part of the test."""
    wanted = np.asarray(units) * np.asarray(part)
    # What the search leaves above a whole number is rounding.
    return np.asarray(np.ceil(wanted - 1e-9 * np.maximum(wanted, 1.0)))


def first_step_alpha(alpha: float, comparisons: int) -> float:
    """Return the level of Holm's first step over so many comparisons: what the smallest p-value has to be below."""
    return alpha / comparisons


@np.errstate(divide="ignore", invalid="ignore")
def _score_power(design: Design, units: Floats, lift: FloatArray, alpha: float) -> FloatArray:
    """Return the power of the pooled z at this lift."""
    control, treatment = design.mean, design.mean * (1.0 + lift)
    parts = design.control_part, design.treatment_part
    pooled = (parts[0] * control + parts[1] * treatment) / (parts[0] + parts[1])
    units = np.asarray(units, dtype=np.float64)
    decides = np.sqrt(pooled * (1.0 - pooled) * (1.0 / parts[0] + 1.0 / parts[1]) / units)
    varies = np.sqrt(
        (control * (1.0 - control) / parts[0] + treatment * (1.0 - treatment) / parts[1]) / units
    )
    distance = np.abs(treatment - control)
    critical = normal_quantile(1.0 - alpha / 2.0) * decides
    found = normal_cdf((distance - critical) / varies) + normal_cdf((-distance - critical) / varies)
    return np.where((treatment >= 0.0) & (treatment <= 1.0), found, np.nan)


@np.errstate(divide="ignore", invalid="ignore")
def _score_margin_power(
    design: Design, units: Floats, margin: FloatArray, alpha: float, sign: FloatArray, lift: Floats
) -> FloatArray:
    """Return the power of the score test of a margin: the shares as they will be on average."""
    n_control, n_treatment = (
        part * np.asarray(units, dtype=np.float64) for part in (design.control_part, design.treatment_part)
    )
    control, treatment = design.mean, design.mean * (1.0 + np.asarray(lift, dtype=np.float64))
    ratio = np.asarray(1.0 - sign * margin)
    expected = Successes(
        control=n_control * control,
        n_control=n_control,
        treatment=n_treatment * treatment,
        n_treatment=n_treatment,
    )
    decides = np.sqrt(constrained_variance(expected, ratio))
    varies = np.sqrt(
        treatment * (1.0 - treatment) / n_treatment + ratio**2 * control * (1.0 - control) / n_control
    )
    distance = sign * (treatment - ratio * control) - normal_quantile(1.0 - alpha) * decides
    return np.where(ratio > 0.0, normal_cdf(distance / varies), 1.0)


def _errors(design: Design, units: Floats, lift: Floats) -> tuple[FloatArray, FloatArray]:
    """Return the parts of control and treatment in the variance of the difference; a share's own at this lift."""
    units = np.asarray(units, dtype=np.float64)
    treated = design.mean * (1.0 + np.asarray(lift, dtype=np.float64))
    spread = np.where(treated <= 1.0, treated * (1.0 - treated), np.nan)
    treatment = np.where(design.binary, spread, design.residual)
    return design.residual / (design.control_part * units), treatment / (design.treatment_part * units)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def _above(
    design: Design,
    units: Floats,
    errors: tuple[FloatArray, FloatArray],
    shift: FloatArray,
    alpha: float,
    rule: Rule,
) -> FloatArray:
    """Return the chance that a statistic with this mean lies above the two-sided critical value at ``alpha``."""
    if rule is FIXED:
        df = _satterthwaite(design, units, errors)
        return noncentral_t_sf(t_quantile(1.0 - alpha / 2.0, df), df, shift)
    compared = (design.control_part + design.treatment_part) * np.asarray(units, dtype=np.float64)
    return normal_cdf(shift - rule.large_sample_critical(compared, alpha))


def _satterthwaite(design: Design, units: Floats, errors: tuple[FloatArray, FloatArray]) -> FloatArray:
    """Return the degrees of freedom of the planned difference."""
    units = np.asarray(units, dtype=np.float64)
    control, treatment = (part / (errors[0] + errors[1]) for part in errors)
    freedom = (design.control_part * units - 1.0, design.treatment_part * units - 1.0)
    return np.asarray(1.0 / (control**2 / freedom[0] + treatment**2 / freedom[1]))


def first_reaching(curve: Curve, goal: Floats, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return where a growing curve reaches the goal between two borders; NaN where it does not."""
    goal = np.asarray(goal, dtype=np.float64)
    there, already = curve(high) >= goal, curve(low) >= goal
    below, above = low, high
    for _ in range(_HALVINGS):
        # By ratio where the border allows it: sizes span fifteen orders of magnitude.
        middle = np.where(below > 0.0, np.sqrt(below * above), 0.5 * (below + above))
        reached = curve(middle) >= goal
        below, above = np.where(reached, below, middle), np.where(reached, middle, above)
    return np.where(already, low, np.where(there, above, np.nan))
