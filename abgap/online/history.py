"""What the past says about a test to come: how units were, and how many new ones came day by day.

Means and variances come from the moments of an experiment that was run, traffic from the days on which its units
were first exposed. The number of different units grows ever more slowly, because the same people come back; a rate
per week taken from the whole would promise too many.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np

from abgap.online.counts import DAY, ArmCounts
from abgap.online.joint import covaried
from abgap.records import Moments
from abgap.records.moments import FloatArray
from abgap.stats.arrays import finite_or_none
from abgap.stats.covariates import Covaried, adjusted_contrast
from abgap.stats.moments import Univariate

_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """New units per day, in the order of days; beyond them as on average over the last week there is.

    known_days: how many days are observed, 0 when a rate was given instead.
    """

    daily: FloatArray
    known_days: int

    def units_after(self, days: float) -> float:
        """Different units that have come in so many days."""
        so_far = np.concatenate([[0.0], np.cumsum(self.daily)])
        beyond = max(days - len(self.daily), 0.0) * self.rate
        return float(np.interp(days, np.arange(len(so_far)), so_far)) + beyond

    def days_for(self, units: float) -> float:
        """Days until so many units have come; infinite when they never will."""
        so_far = np.concatenate([[0.0], np.cumsum(self.daily)])
        if units <= so_far[-1]:
            day = int(np.searchsorted(so_far, units))
            return day - (so_far[day] - units) / self.daily[day - 1] if day else 0.0
        return len(self.daily) + (units - so_far[-1]) / self.rate if self.rate > 0.0 else math.inf

    @property
    def rate(self) -> float:
        """New units a day beyond what is known."""
        return float(np.mean(self.daily[-_WEEK:]))


def traffic_of(counts: ArmCounts) -> Traffic | None:
    """The new units of an experiment, all arms together; None when its units have no days."""
    by_day = {value: sum(arms.values()) for (part, value), arms in counts.parts.items() if part == DAY}
    try:
        days = {dt.date.fromisoformat(day): n for day, n in by_day.items()}
    except ValueError:  # imported moments may name periods as they like
        return None
    if not days:
        return None
    first, last = min(days), max(days)
    length = (last - first).days + 1
    daily = np.array([days.get(first + dt.timedelta(days=i), 0) for i in range(length)], dtype=np.float64)
    return Traffic(daily=daily, known_days=length)


def steady_traffic(units_per_week: float) -> Traffic:
    """Traffic that is only known as a rate."""
    return Traffic(daily=np.full(_WEEK, units_per_week / _WEEK), known_days=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitHistory:
    """How the units of a metric were. residual: the variance that covariates leave, None without covariates.

    is_ratio: whether there are denominators: of a ratio, or of values per unit over clusters.
    """

    n: int
    mean: float | None
    variance: float | None
    residual: float | None
    is_ratio: bool = False


def unit_history(arms: Moments) -> UnitHistory:
    """Mean and variance of a unit over rows of the same metric, one row per arm: variances within arms, pooled."""
    counted = arms.take(arms.n > 0)
    n = counted.n
    if not len(counted):
        return UnitHistory(n=0, mean=None, variance=None, residual=None)
    weight = n * np.where(np.isnan(counted.denominator_mean), 1.0, counted.denominator_mean)
    mean = np.sum(weight * counted.mean) / np.sum(weight) if np.sum(weight) != 0.0 else math.nan
    variance = _pooled(n, counted.variance)
    return UnitHistory(
        n=int(np.sum(n)),
        mean=finite_or_none(mean),
        variance=finite_or_none(variance),
        residual=_residual(counted, variance),
        is_ratio=not bool(np.isnan(counted.denominator_mean).all()),
    )


def _pooled(n: FloatArray, second: FloatArray) -> float:
    freedom = np.maximum(n - 1.0, 0.0)
    total = float(np.sum(freedom))
    return float(np.sum(np.where(freedom > 0.0, freedom * second, 0.0))) / total if total else math.nan


def _residual(arms: Moments, variance: float) -> float | None:
    """What is left of the variance when the covariates are taken out, with slopes pooled within the arms."""
    given = covaried(arms, np.arange(len(arms)))
    if not (given.known.all() and math.isfinite(variance)):
        return None
    freedom = np.maximum(arms.n - 1.0, 0.0)
    share = freedom / np.sum(freedom)
    both = Covaried(
        value=Univariate(n=np.asarray(np.sum(arms.n)), mean=np.asarray(0.0), variance=np.asarray(variance)),
        means=np.zeros(given.means.shape[1]),
        covariances=np.tensordot(share, given.covariances, axes=1),
        crosses=np.tensordot(share, given.crosses, axes=1),
    )
    # An arm against one that is just like it: what the adjustment removes of the difference, it removes of the arm.
    removed = float(adjusted_contrast(both, both)[1])
    return variance * (1.0 - removed) if math.isfinite(removed) else variance
