"""What came of a number over all replicates of a world: how far off, how often told, how often its interval held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.stats.uniformity import binomial_interval

LEVEL = 0.95
COVERAGE = (0.92, 0.98)
"""What the share of intervals that hold the truth should be."""


class Outcome(NamedTuple):
    """One number of one replicate: its truth, and what was told of it; NaN where that was refused."""

    truth: float
    estimate: float
    low: float = np.nan
    high: float = np.nan

    @classmethod
    def refused(cls, truth: float) -> Outcome:
        """No number was given."""
        return cls(truth, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """One number of one world. told: of ``runs`` replicates; the others had words instead.

    truth: on average. bias, bias_error: mean of estimate less truth over what was told, with its Monte-Carlo standard
    error; median_error: median of the same. covered, below, above: intervals that held the truth, lay below it, and
    above it; None for numbers without one.
    """

    runs: int
    told: int
    truth: float
    bias: float
    bias_error: float
    median_error: float
    covered: int | None
    below: int | None
    above: int | None

    @property
    def coverage(self) -> float:
        """Share of intervals that held the truth; NaN where there is none."""
        return self.covered / self.told if self.covered is not None and self.told else float("nan")

    @property
    def unbiased(self) -> bool:
        """Whether the mean lies within three Monte-Carlo standard errors of the truth."""
        return abs(self.bias) <= 3.0 * self.bias_error

    def coverage_interval(self) -> tuple[float, float]:
        """Of the share, by Clopper and Pearson."""
        return binomial_interval(self.covered or 0, self.told, LEVEL) if self.told else (0.0, 1.0)

    def holds(self, low: float = COVERAGE[0], high: float = COVERAGE[1]) -> bool | None:
        """Whether the coverage is in these bounds; None where only its error keeps it from being so."""
        if low <= self.coverage <= high:
            return True
        least, most = self.coverage_interval()
        return False if most < low or least > high else None


def tally_of(outcomes: Iterable[Outcome]) -> Tally:
    """Count the outcomes of all replicates."""
    found = np.array([tuple(each) for each in outcomes], dtype=np.float64).reshape(-1, 4)
    told = np.isfinite(found[:, 1])
    truth, estimate, low, high = found[told].T
    off = estimate - truth
    intervals = bool(told.any()) and not bool(np.isnan(low).any() or np.isnan(high).any())
    below, above = high < truth, low > truth
    several = off.size > 1
    return Tally(
        runs=len(found),
        told=int(told.sum()),
        truth=float(found[:, 0].mean()),
        bias=float(off.mean()) if off.size else 0.0,
        bias_error=float(off.std(ddof=1) / np.sqrt(off.size)) if several else 0.0,
        median_error=float(np.median(off)) if off.size else 0.0,
        covered=int((~below & ~above).sum()) if intervals else None,
        below=int(below.sum()) if intervals else None,
        above=int(above.sum()) if intervals else None,
    )
