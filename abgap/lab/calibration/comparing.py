"""Rates of one comparison of two arms: do its intervals hold the effect, does its test reject where there is none?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from abgap.lab.calibration.measured import ALPHA, Measured, What, share_covered, share_rejected
from abgap.records.vocabulary import LiftMethod
from abgap.stats.arrays import BoolArray
from abgap.stats.contrast import Contrast
from abgap.stats.intervals import difference_interval, lift_interval, p_value
from abgap.stats.moments import Univariate
from abgap.stats.reliability import few_beyond, rests_on_few
from abgap.stats.rule import FIXED, Rule

Sizes: TypeAlias = tuple[int, int]

LIFT = 0.2
SIZES: tuple[Sizes, ...] = (
    (50, 50),
    (90, 10),
    (500, 500),
    (900, 100),
    (5_000, 5_000),
    (9_000, 1_000),
    (50_000, 50_000),
    (90_000, 10_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Both arms as they are, and what is concluded from.

    needed: units in an arm that slopes or strata ask for. quantile: which one the value is, None for sums of units.
    denominators: of a ratio, in both arms.
    """

    control: Univariate
    treatment: Univariate
    contrast: Contrast
    needed: int = 0
    quantile: float | None = None
    denominators: tuple[Univariate, Univariate] | None = None

    @property
    def warned(self) -> BoolArray:
        """Where abgap says that the interval cannot be trusted."""
        if self.quantile is not None:
            return few_beyond(self.control.n, self.treatment.n, self.quantile)
        few = np.minimum(self.control.n, self.treatment.n) < self.needed
        of_ratio = rests_on_few(*self.denominators) if self.denominators is not None else few
        return rests_on_few(self.control, self.treatment) | few | of_ratio


Draw: TypeAlias = Callable[[Sizes, float], Compared]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One kind of data with one method. draw: arms with a lift. control: their value without it, None for A/A only."""

    group: str
    case: str
    draw: Draw
    control: float | None = None
    rule: Rule = FIXED
    method: LiftMethod = LiftMethod.FIELLER


def compare(setting: Setting, sizes: Sizes) -> Iterator[Measured]:
    """Coverage of the difference and of the lift, and false positives."""
    without = setting.draw(sizes, 0.0)
    p = p_value(without.contrast, setting.rule, setting.method)
    yield _measured(setting, "test", "false positives", share_rejected(p), sizes, without)
    if setting.control is None:
        return
    arms, truth = setting.draw(sizes, LIFT), LIFT * setting.control
    difference = difference_interval(arms.contrast, ALPHA, setting.rule, setting.method)
    lift = lift_interval(arms.contrast, ALPHA, setting.rule, setting.method)
    # Other lift methods make the interval of the difference from that of the lift.
    if setting.method is LiftMethod.FIELLER:
        covered = share_covered(difference.low, difference.high, truth)
        yield _measured(setting, "difference", "coverage", covered, sizes, arms)
    yield _measured(setting, "lift", "coverage", share_covered(lift.low, lift.high, LIFT), sizes, arms)


def _measured(
    setting: Setting, name: str, what: What, found: tuple[float, int], sizes: Sizes, arms: Compared
) -> Measured:
    rate, runs = found
    return Measured(
        group=f"{setting.group}: {name}",
        case=setting.case,
        units=units_of(sizes),
        what=what,
        nominal=ALPHA if what == "false positives" else 1.0 - ALPHA,
        rate=rate,
        runs=runs,
        warned=float(np.mean(arms.warned)),
    )


def units_of(sizes: Sizes) -> str:
    """Units of both arms in words."""
    return f"{sizes[0]:,} / {sizes[1]:,}"
