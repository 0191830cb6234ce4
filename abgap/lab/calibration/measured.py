"""One rate that was simulated, what it should be, and whether it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray

What: TypeAlias = Literal["coverage", "false positives"]

ALPHA = 0.05
_ERRORS = 3.0
_NEARLY_ALL = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A rate over independent runs.

    group: estimator or rule. case: how the data were made. units: of control and treatment. what: share of intervals
    with the truth in them, or of tests that reject where there is nothing. nominal: what it should be. rate: what it
    was, over ``runs`` in which there was a number. at_most: whether it is a bound by construction, so that only the
    unsafe side counts. warned: in which share of the runs abgap says that the number cannot be trusted.
    """

    group: str
    case: str
    units: str
    what: What
    nominal: float
    rate: float
    runs: int
    at_most: bool = False
    warned: float = 0.0

    @property
    def reach(self) -> float:
        """Three Monte-Carlo standard errors of the nominal rate."""
        return _ERRORS * math.sqrt(self.nominal * (1.0 - self.nominal) / self.runs)

    @property
    def holds(self) -> bool:
        """Whether the rate is the nominal one, as far as so many runs can tell."""
        return self._unsafe <= self.reach and (self.at_most or -self._unsafe <= self.reach)

    @property
    def is_warned(self) -> bool:
        """Whether abgap says of nearly every such estimate that it cannot be trusted."""
        return self.warned >= _NEARLY_ALL

    @property
    def errs_safely(self) -> bool:
        """Whether intervals are too wide rather than too short, tests too careful rather than too bold."""
        return self._unsafe < 0.0

    @property
    def _unsafe(self) -> float:
        """How far the rate lies on the side that does harm."""
        return self.nominal - self.rate if self.what == "coverage" else self.rate - self.nominal


def share_covered(low: FloatArray, high: FloatArray, truth: float | FloatArray) -> tuple[float, int]:
    """The share of intervals that hold the truth, and how many there are; those that were refused do not count."""
    known = ~np.isnan(low)
    return float(np.mean(((low <= truth) & (high >= truth))[known])), int(known.sum())


def share_rejected(p: FloatArray, alpha: float = ALPHA) -> tuple[float, int]:
    """The share of tests that reject, and how many there are."""
    known = ~np.isnan(p)
    return float(np.mean(p[known] < alpha)), int(known.sum())


def share_true(found: BoolArray) -> tuple[float, int]:
    """The share that is true, and how many there are."""
    return float(np.mean(found)), int(found.size)
