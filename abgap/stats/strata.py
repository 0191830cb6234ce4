"""Units by stratum: what the effect is within strata, what their mix adds, and the effect as if the mix were equal.

One code for means and ratios: every unit has a y and an x, and the value of an arm is sum y over sum x; for a mean
x is 1. Strata lie along the last axis and may be empty; those too small are put together first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import MIN_UNITS, BoolArray, first_reason
from abgap.stats.contrast import Contrast, ratio_contrast
from abgap.stats.moments import Bivariate, Univariate, is_constant, linear_variance, merge_bivariate

# What cannot be computed is NaN, and the contrast says why.
_QUIET = np.errstate(divide="ignore", invalid="ignore", over="ignore")


class Strata(NamedTuple):
    """Both arms by stratum (last axis). merged: how many strata were too small and became one, the last."""

    control: Bivariate
    treatment: Bivariate
    merged: npt.NDArray[np.intp]

    @property
    def filled(self) -> npt.NDArray[np.intp]:
        """How many strata have units."""
        return np.asarray(np.sum((self.control.n > 0) | (self.treatment.n > 0), axis=-1))


class Mix(NamedTuple):
    """A difference taken apart, ``overall = within + mix``, each with the control value of all units."""

    overall: Contrast
    within: Contrast
    mix: Contrast


def of_means(arm: Univariate) -> Bivariate:
    """Return a mean as the ratio that it is: over 1 for every unit."""
    none = np.zeros_like(arm.n)
    return Bivariate(
        n=arm.n, mean_y=arm.mean, variance_y=arm.variance, mean_x=none + 1.0, variance_x=none, covariance=none
    )


def merge_small(control: Bivariate, treatment: Bivariate) -> Strata:
    """Put small strata together, as one more stratum at the end.

    Small is a stratum whose units of both arms, divided as all units are, would be fewer than twice ``MIN_UNITS`` in an
    arm; the few that have fewer than ``MIN_UNITS`` nevertheless go with them. To go by the units in the arms alone
    would put together what chance has divided worst, and no variance allows for that. The rest takes in further
    strata, the smaller first, until it has ``MIN_UNITS`` in each arm. Strata come back in the order of their size;
    those that were merged are empty there.
    """
    order = np.argsort(control.n + treatment.n, axis=-1, kind="stable")
    control, treatment = (
        Bivariate(**{f.name: np.take_along_axis(getattr(arm, f.name), order, axis=-1) for f in fields(arm)})
        for arm in (control, treatment)
    )
    units, fewest = control.n + treatment.n, np.minimum(control.n, treatment.n)
    of_arms = np.sum(control.n, axis=-1), np.sum(treatment.n, axis=-1)
    smaller_arm = _over(np.minimum(*of_arms), of_arms[0] + of_arms[1])[..., None]
    small = (units > 0) & ((units * smaller_arm < 2 * MIN_UNITS) | (fewest < MIN_UNITS))
    # Small ones first, else by size as they are.
    first = np.argsort(~small, axis=-1, kind="stable")
    in_turn = [np.take_along_axis(n, first, axis=-1) for n in (control.n, treatment.n)]
    so_far = np.minimum(*(np.cumsum(n, axis=-1) for n in in_turn))
    position, smalls = np.arange(units.shape[-1]), np.sum(small, axis=-1)[..., None]
    complete = (so_far >= MIN_UNITS) & (position >= smalls - 1)
    end = np.where(np.any(complete, axis=-1), np.argmax(complete, axis=-1), position.size - 1)[..., None]
    rank = np.argsort(first, axis=-1, kind="stable")
    rest = (units > 0) & (rank <= end) & (smalls > 0)
    return Strata(_with_rest(control, rest), _with_rest(treatment, rest), np.sum(rest, axis=-1))


@_QUIET
def post_stratified(strata: Strata) -> Contrast:
    """Compare two arms as if strata had the same shares in both: those of all units together.

    ``D = r_t - r_c``, the y and x of each arm averaged with the pooled shares W. Its variance is that given the
    strata, ``sum W^2 s^2 / n``, and that of the shares, which are those of a sample: ``sum W (D_s - D)^2 / N``
    (Miratrix, Sekhon and Yu 2013). The lift divides by the control value of all units as it is, like any other;
    its covariance with the difference counts both parts. With one stratum this is the plain comparison.
    """
    arms = strata.control, strata.treatment
    units = strata.control.n + strata.treatment.n
    total = np.sum(units, axis=-1)
    share = units / total[..., None]
    control, treatment = (_Weighted.of(arm, share) for arm in arms)
    raw = _Weighted.of(strata.control, control.own_share)
    between = treatment.off - control.off
    joint = np.sum(control.own_share * raw.off * between, axis=-1) / total
    return _instead(
        _plain(strata),
        difference=treatment.value - control.value,
        cells=[control.cells(control), treatment.cells(treatment)],
        sampled=np.sum(share * between**2, axis=-1) / total,
        covariance=joint - np.sum(control.cells(raw), axis=-1),
        units=[arm.n for arm in arms],
    )


@_QUIET
def decompose_mix(strata: Strata) -> Mix:
    """Take a difference apart into effects within strata and the difference in their mix (Kitagawa 1955).

    ``within = sum w_s (r_ts - r_cs)`` with the mean of both arms' shares, ``mix = sum (w_ts - w_cs) r_s`` with the mean
    of both arms' values; nothing is left over. Shares are of units, for a ratio of its denominator. The
    variances are those of the delta method, in which shares are estimated like values.
    """
    control, treatment = _Stratified.of(strata.control), _Stratified.of(strata.treatment)
    gap, share = treatment.value - control.value, 0.5 * (treatment.share + control.share)
    shift, level = treatment.share - control.share, 0.5 * (treatment.value + control.value)
    plain = _plain(strata)
    of_control = control.moved(control.value, control.share)

    def part(amount: FloatArray, of_arms: tuple[_Moved, _Moved]) -> Contrast:
        return _instead(
            plain,
            difference=np.sum(amount, axis=-1),
            cells=[control.cells(of_arms[0], of_arms[0]), treatment.cells(of_arms[1], of_arms[1])],
            sampled=np.zeros(plain.difference.shape),
            covariance=np.sum(control.cells(of_arms[0], of_control), axis=-1),
            units=[strata.control.n, strata.treatment.n],
        )

    return Mix(
        overall=plain,
        within=part(share * gap, (control.moved(0.5 * gap, -share), treatment.moved(0.5 * gap, share))),
        mix=part(shift * level, (control.moved(-level, 0.5 * shift), treatment.moved(level, 0.5 * shift))),
    )


@dataclass(frozen=True, slots=True)
class _Weighted:
    """An arm whose strata are weighted. off: how far a stratum's value lies from the arm's, in the arm's scale."""

    arm: Bivariate
    share: FloatArray
    own_share: FloatArray
    value: FloatArray
    scale: FloatArray
    off: FloatArray

    @classmethod
    def of(cls, arm: Bivariate, share: FloatArray) -> _Weighted:
        y, scale = (np.sum(share * mean, axis=-1) for mean in (arm.mean_y, arm.mean_x))
        value = _over(y, scale)
        off = _over(arm.mean_y - value[..., None] * arm.mean_x, scale[..., None])
        return cls(arm, share, _over(arm.n, np.sum(arm.n, axis=-1)[..., None]), value, scale, off)

    def cells(self, other: _Weighted) -> FloatArray:
        """The covariance of two weightings of the same arm given the strata, stratum by stratum."""
        arm, a, b = self.arm, self.value[..., None], other.value[..., None]
        per_unit = arm.variance_y - (a + b) * arm.covariance + a * b * arm.variance_x
        if other is self:
            per_unit = linear_variance(arm, a)
        return _over(self.share * other.share * per_unit, arm.n * (self.scale * other.scale)[..., None])


class _Moved(NamedTuple):
    """How far a unit moves a number: ``by_x * x + by_rest * (y - r x)``, r the value of its stratum."""

    by_x: FloatArray
    by_rest: FloatArray


@dataclass(frozen=True, slots=True)
class _Stratified:
    """An arm by stratum. value: of each stratum; share: its part of the arm's x; scale: mean of the arm's x."""

    arm: Bivariate
    value: FloatArray
    share: FloatArray
    scale: FloatArray

    @classmethod
    def of(cls, arm: Bivariate) -> _Stratified:
        units = np.sum(arm.n, axis=-1)[..., None]
        scale = np.sum(arm.n * arm.mean_x, axis=-1)[..., None] / units
        value = np.where(arm.n > 0.0, _over(arm.mean_y, arm.mean_x), 0.0)
        return cls(arm, value, _over(arm.n * arm.mean_x, units * scale), scale)

    def moved(self, by_share: FloatArray, by_value: FloatArray) -> _Moved:
        """How far a unit moves ``sum by_share * share + by_value * value``."""
        centre = np.sum(self.share * by_share, axis=-1, keepdims=True)
        return _Moved(_over(by_share - centre, self.scale), _over(by_value, self.share * self.scale))

    def cells(self, first: _Moved, second: _Moved) -> FloatArray:
        """The covariance of two numbers that units move so far, stratum by stratum."""
        arm = self.arm
        apart = arm.variance_x + arm.mean_x**2
        with_rest = arm.covariance - self.value * arm.variance_x
        per_unit = (
            first.by_x * second.by_x * apart
            + first.by_rest * second.by_rest * linear_variance(arm, self.value)
            + (first.by_x * second.by_rest + first.by_rest * second.by_x) * with_rest
        )
        return np.asarray(arm.n * per_unit / np.sum(arm.n, axis=-1)[..., None] ** 2)


def _plain(strata: Strata) -> Contrast:
    """Return the comparison of all units, whatever their strata."""
    return ratio_contrast(merge_bivariate(strata.control), merge_bivariate(strata.treatment))


def _instead(
    plain: Contrast,
    *,
    difference: FloatArray,
    cells: Sequence[FloatArray],
    sampled: FloatArray,
    covariance: FloatArray,
    units: Sequence[FloatArray],
) -> Contrast:
    """Return the plain comparison with another difference.

    cells: its variance, stratum by stratum of each arm with so many units. sampled: what is to be added. Degrees of
    freedom after Satterthwaite, over all cells.
    """
    variance = sampled + sum(np.sum(cell, axis=-1) for cell in cells)
    # By their shares, so that nothing overflows.
    unsure = sum(
        np.sum(np.where(n > 1.0, (cell / variance[..., None]) ** 2 / (n - 1.0), 0.0), axis=-1)
        for cell, n in zip(cells, units, strict=True)
    )
    df = np.asarray(1.0 / unsure)
    largest = np.maximum(np.abs(plain.control), np.abs(plain.control + plain.difference))
    fewest = np.minimum(plain.n_control, plain.n_treatment)
    problem = first_reason(
        (np.isnan(difference), Reason.NO_DENOMINATOR),
        (~np.isfinite(variance), Reason.NO_VARIANCE_GIVEN),
        (is_constant(largest, variance * fewest), Reason.ZERO_VARIANCE),
        after=plain.problem,
    )
    return replace(
        plain, difference=difference, variance=variance, df=df, covariance=covariance, problem=problem
    )


def _with_rest(arm: Bivariate, rest: BoolArray) -> Bivariate:
    """Return the strata, empty where they go into the rest, and behind them the rest; empty ones are 0 in all."""
    columns = {f.name: getattr(arm, f.name) for f in fields(arm)}
    merged = merge_bivariate(Bivariate(**{**columns, "n": np.where(rest, arm.n, 0.0)}))
    n = np.concatenate([np.where(rest, 0.0, arm.n), merged.n[..., None]], axis=-1)
    joined = {
        name: np.where(n > 0.0, np.concatenate([column, getattr(merged, name)[..., None]], axis=-1), 0.0)
        for name, column in columns.items()
    }
    return Bivariate(**{**joined, "n": n})


@np.errstate(divide="ignore", invalid="ignore")
def _over(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return the quotient: 0 for nothing of nothing, NaN for something of nothing."""
    return np.where(whole == 0.0, np.where(part == 0.0, 0.0, np.nan), part / whole)
