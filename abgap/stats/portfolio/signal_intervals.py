"""Intervals of slope, correlation and reliability for a dozen experiments: all values that a test does not reject.

The slope is a ratio of two noisy numbers, and with a dozen experiments of unequal size bootstrap percentiles of it
hold the truth too seldom (docs/portfolio.md). Each interval here inverts a test instead. The error of a statistic is
that under the value tested, from normal true effects with the estimated covariance (``sampling.py``), widened by the
design effect of experiments with several arms. None where a test rejects no value on one side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.sampling import Traces, design_effect, traces
from abgap.stats.portfolio.total_covariance import TotalCovariance, total_covariance
from abgap.stats.tails import normal_quantile, t_quantile

_HALVINGS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An estimate with the ends of its interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Effects on gain and lift with what intervals are made from; all errors are known."""

    effects: Effects
    total: TotalCovariance
    traces: Traces
    alpha: float

    @classmethod
    def of(cls, effects: Effects, alpha: float) -> Signal:
        """Take effects on gain and lift, in this order (one axis has a reliability); intervals are ``1 - alpha``."""
        total = total_covariance(effects)
        return cls(effects=effects, total=total, traces=traces(effects, total.weights), alpha=alpha)

    def slope(self) -> Found | None:
        """Return true lift per unit of true gain, ``Lambda_xy / Lambda_xx``.

        All b with ``(Lambda_xy - b Lambda_xx)^2 <= c Var(b)`` (Fieller 1954): Var(b) is the variance under gains that
        do not go with ``lift - b gain``, quadratic in b. ``c = (n - 1) t^2 / (t^2 + n - 2)`` with n experiments and
        the quantile t of n - 2 degrees of freedom, which for errors of 0 and equal weights is the interval of
        least squares. None where gains hardly differ by more than their errors: every slope would fit.
        """
        (xx, xy), _ = self.total.signal
        if not xx > 0.0:
            return None
        slope = float(xy / xx)
        form = np.array([[-slope, 0.5], [0.5, 0.0]])
        wide = self._critical() * design_effect(self.effects, self.total, form, self.total.signal)
        wide /= self.total.kept**2
        errors = xx * self.traces.one + self.traces.two[0, 0]
        lifts = errors + self.total.signal * (self.traces.none * xx + self.traces.one[0, 0])
        # Where errors hide part of the lifts their variance may seem below 0: that of errors is the least there is.
        ends = [self._not_rejected(variance, wide) for variance in (errors, lifts)]
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        return _around(slope, low, high) if math.isfinite(high) and math.isfinite(low) else None

    def _not_rejected(self, variance: FloatArray, wide: float) -> tuple[float, float]:
        """The slopes b with ``(Lambda_xy - b Lambda_xx)^2 <= wide Var(b)``; infinite ends where there are none.

        variance: (2, 2), of what ``lift - b gain`` adds, by its parts in gain and lift.
        """
        (xx, xy), _ = self.total.signal
        two = self.traces.two
        constant = xy**2 - wide * (variance[1, 1] + two[0, 1, 0, 1])
        half = xy * xx - wide * (variance[0, 1] + 0.5 * (two[0, 1, 0, 0] + two[0, 0, 0, 1]))
        leading = xx**2 - wide * (variance[0, 0] + two[0, 0, 0, 0])
        if not leading > 0.0:
            return -math.inf, math.inf
        inside = half**2 - leading * constant
        reach = math.sqrt(max(inside, 0.0)) / leading
        # A quadratic that is nowhere below 0 rejects every slope, and adds none.
        return (half / leading - reach, half / leading + reach) if inside >= 0.0 else (math.inf, -math.inf)

    def correlation(self) -> Found | None:
        """Return the correlation of true gains and true lifts.

        All r with ``|Lambda_xy - r sqrt(Lambda_xx Lambda_yy)|`` within the normal quantile times its standard error
        by the delta method under r. None where the signal is not positive definite.
        """
        (xx, xy), (_, yy) = self.total.signal
        if not (xx > 0.0 and yy > 0.0 and xy**2 < xx * yy):
            return None
        return self._correlation(0.0)

    def quality(self, usual: float) -> Found:
        """Return the correlation of gains, as a test of the usual size measures them, with true lifts.

        ``Lambda_xy / sqrt((Lambda_xx + usual) Lambda_yy)`` with the variance of the errors of such a test, taken as
        known (Tripuraneni, Richardson, D'Amour, Soriano and Yadlowsky 2023); the interval as that of the correlation.
        Where the latter would be beyond 1 it counts as 1, which bounds the estimate. The signals of gains and of
        lifts are above 0.
        """
        return self._correlation(usual)

    def _correlation(self, added: float) -> Found:
        """The correlation with a variance added to that of true gains."""
        (xx, xy), (_, yy) = self.total.signal
        scale, ratio = math.sqrt((xx + added) * yy), math.sqrt(yy / (xx + added))
        most = math.sqrt(xx / (xx + added))
        estimate = min(max(float(xy / scale), -most), most)
        at = np.array([-1.0, -0.5, 0.0, 0.5, 1.0])
        form = _matrices(-0.5 * at * ratio, np.full(5, 0.5), -0.5 * at / ratio)
        variance = self.traces.variance(form, _matrices(xx, at * scale, yy))
        own = np.array([[-0.5 * estimate * ratio, 0.5], [0.5, -0.5 * estimate / ratio]])
        wide = float(normal_quantile(1.0 - self.alpha / 2.0)) ** 2
        wide *= design_effect(self.effects, self.total, own, self.total.signal) / self.total.kept**2
        # Both sides are polynomials in r, of degree 4 at most: five values give them.
        above = np.polynomial.Polynomial.fit(at, (xy - at * scale) ** 2 - wide * variance, 4)
        ends = above.roots()
        real = ends[np.abs(ends.imag) < 1e-9].real
        low, high = real[real < xy / scale], real[real > xy / scale]
        return _around(estimate, max(low, default=-1.0), min(high, default=1.0), within=(-1.0, 1.0))

    def reliability(self, axis: int) -> Found:
        """Return the share of the axis' observed variance that is signal; not below 0.

        All signals under which an S so large, or so small, is not too seldom: S is that many times chi-square as its
        mean and variance say (Satterthwaite 1946; in meta-analysis Jackson 2013).
        """
        kept = self.total.kept
        noise, observed = float(self.total.noise[axis, axis]), float(self.total.observed[axis, axis])
        form = np.zeros_like(self.total.signal)
        form[axis, axis] = 1.0
        floor = np.diag(np.maximum(np.diagonal(self.total.signal), 0.0))
        wide = design_effect(self.effects, self.total, form, floor)
        none, one, two = (
            self.traces.none,
            self.traces.one[axis, axis],
            self.traces.two[axis, axis, axis, axis],
        )

        def below(signal: float) -> float:
            """Probability of an S below the observed one."""
            mean = signal + noise
            variance = 2.0 * wide * (signal**2 * none + 2.0 * signal * one + two) / kept**2
            freedom = 2.0 * mean**2 / variance
            return float(special.gammainc(freedom / 2.0, observed / mean * freedom / 2.0))

        low, high = (
            _where_falls_to(below, share, observed) for share in (1.0 - self.alpha / 2.0, self.alpha / 2.0)
        )
        estimate = max(float(self.total.reliability[axis]), 0.0)
        return _around(estimate, low / (low + noise) if low else 0.0, high / (high + noise) if high else 0.0)

    def _critical(self) -> float:
        """The critical value of the squared statistic of the slope."""
        freedom = self.total.experiments - 2.0
        squared = float(t_quantile(1.0 - self.alpha / 2.0, freedom)) ** 2
        return (freedom + 1.0) * squared / (squared + freedom)


def _matrices(xx: float | FloatArray, xy: FloatArray, yy: float | FloatArray) -> FloatArray:
    """Symmetric matrices, (n, 2, 2)."""
    first, cross, second = np.broadcast_arrays(xx, xy, yy)
    return np.asarray(np.stack([np.stack([first, cross], -1), np.stack([cross, second], -1)], -2))


def _around(
    estimate: float, low: float, high: float, *, within: tuple[float, float] = (-math.inf, math.inf)
) -> Found:
    """The interval, which holds its estimate whatever rounding does."""
    return Found(
        estimate=estimate,
        low=max(min(float(low), estimate), within[0]),
        high=min(max(float(high), estimate), within[1]),
    )


def _where_falls_to(below: Callable[[float], float], share: float, size: float) -> float:
    """The signal at which a probability that falls with it is ``share``; 0 where it is less from the start."""
    low, high = 0.0, size
    if below(size * 1e-12) <= share:
        return 0.0
    while below(high) > share:
        high *= 2.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        low, high = (middle, high) if below(middle) > share else (low, middle)
    return 0.5 * (low + high)
