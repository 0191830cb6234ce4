"""A set of effects pulled towards their mean, by as much as they scatter through chance.

The normal-normal model: each effect is measured with a known variance, and the true effects have a mean
and a variance tau^2 of their own. The most striking of many slices owes part of its size to luck; the shrunk
effect is what to expect of it. The same mean and tau^2 are those of a random-effects meta-analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray, only_where

SpreadMethod: TypeAlias = Literal["dersimonian-laird", "paule-mandel", "reml"]

MIN_PARTS = 3
"""Fewest effects that are shrunk: two say next to nothing of how effects scatter."""

# Nodes over all tau from 0 on, in typical standard errors, with their weights: tau = u / (1 - u), u in 0..1.
_U, _U_WEIGHT = (0.5 * np.array(side) for side in np.polynomial.legendre.leggauss(32))
# How often, and at how many places, those u are looked for whose density is above exp(-13) of the best.
_SCANS, _SCANNED, _NEGLIGIBLE = 3, 24, 13.0
TAU, TAU_WEIGHT = (_U + 0.5) / (0.5 - _U), _U_WEIGHT / (0.5 - _U) ** 2

_DOUBLINGS = 60
_HALVINGS = 100
_STEPS = 1000
_SETTLED = 1e-12


class RandomEffects(NamedTuple):
    """tau_squared: variance of the true effects. mean, standard_error: of their mean."""

    tau_squared: FloatArray
    mean: FloatArray
    standard_error: FloatArray


class Shrunk(NamedTuple):
    """Effects after shrinkage, with the variance of each; NaN for those that were not there."""

    effect: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True)
class _Parts:
    """Effects (last axis) with their variances; absent ones have weight 0 throughout.

    share: how much of the common mean is in each, 1 unless effects were turned to independent ones.
    """

    use: BoolArray
    effect: FloatArray
    variance: FloatArray
    share: FloatArray

    @classmethod
    def of(cls, effect: FloatArray, variance: FloatArray, share: FloatArray | None = None) -> _Parts:
        """Take those that have an effect and a positive variance."""
        use = np.isfinite(effect) & np.isfinite(variance) & (variance > 0.0)
        share = np.ones_like(effect) if share is None else share
        return cls(use, np.where(use, effect, 0.0), np.where(use, variance, 1.0), np.where(use, share, 0.0))

    @property
    def count(self) -> FloatArray:
        """How many there are."""
        return np.asarray(np.sum(self.use, axis=-1), dtype=np.float64)

    def weight(self, tau_squared: FloatArray) -> FloatArray:
        """One over the variance of an effect around the mean of all."""
        return np.where(self.use, 1.0 / (self.variance + tau_squared[..., None]), 0.0)

    def total(self, weight: FloatArray, power: int = 1) -> FloatArray:
        """What all say of the mean together: the sum of weights, to a power."""
        return np.asarray(np.sum(weight**power * self.share**2, axis=-1))

    def mean(self, weight: FloatArray) -> FloatArray:
        """The weighted mean, NaN without parts."""
        total = self.total(weight)
        summed = np.sum(weight * self.share * self.effect, axis=-1)
        return np.asarray(summed / np.where(total > 0.0, total, np.nan))

    def trace(self, weight: FloatArray) -> FloatArray:
        """How fast the sum of squares falls with tau^2, at first."""
        return np.asarray(np.sum(weight, axis=-1) - self.total(weight, 2) / self.total(weight))

    def scatter(self, weight: FloatArray, power: int = 1) -> FloatArray:
        """The sum of squares around the weighted mean, by a power of the weights."""
        off = self.effect - self.share * self.mean(weight)[..., None]
        return np.asarray(np.sum(np.where(self.use, weight**power * off**2, 0.0), axis=-1))


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def random_effects(
    effect: FloatArray,
    variance: FloatArray,
    method: SpreadMethod = "paule-mandel",
    share: FloatArray | None = None,
) -> RandomEffects:
    """Estimate the mean and the variance of true effects (last axis) from measured ones.

    variance: of each measurement; parts that are NaN do not count. share: how much of the mean is in each, 1 when
    None; others come from effects with shared errors (``abgap.stats.portfolio.meta``). method: Paule and Mandel (1982),
    who need no normality; DerSimonian and Laird (1986); or restricted maximum likelihood (Viechtbauer 2005). The
    standard error is ``1 / sqrt(sum of weights)``, with tau^2 as if known. NaN below two parts.
    """
    parts = _Parts.of(effect, variance, share)
    spread = {"dersimonian-laird": _dersimonian_laird, "paule-mandel": _paule_mandel, "reml": _reml}[method]
    several = parts.count >= 2.0
    tau_squared = spread(parts)
    weight = parts.weight(tau_squared)
    with np.errstate(divide="ignore"):
        error = 1.0 / np.sqrt(parts.total(weight))
    found = RandomEffects(tau_squared, parts.mean(weight), error)
    return RandomEffects(*(only_where(several, value) for value in found))


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def shrink(effect: FloatArray, variance: FloatArray) -> Shrunk:
    """Pull effects (last axis) towards their mean: ``mu + B (y - mu)`` with ``B = tau^2 / (tau^2 + v)``.

    The mean and variance of that over the posterior of tau, whose prior is flat (Gelman 2006), mu being known up to
    ``1 / sum of weights``. Putting in one estimate of tau instead gives intervals that are too short for a dozen
    effects. NaN below three effects, where such a posterior does not exist.
    """
    parts = _Parts.of(effect, variance)
    chance, given = _over_tau(parts)
    chance = np.moveaxis(chance, -1, 0)[..., None]
    mean = sum(p * found.effect for p, found in zip(chance, given, strict=True))
    spread = sum(p * (f.variance + (f.effect - mean) ** 2) for p, f in zip(chance, given, strict=True))
    usable = parts.use & (parts.count >= MIN_PARTS)[..., None]
    return Shrunk(only_where(usable, np.asarray(mean)), only_where(usable, np.asarray(spread)))


class GivenTau(NamedTuple):
    """What effects are if tau is known.

    log_likelihood: restricted, of this tau. mean, mean_variance: of the true effects. pull: how far each measured
    effect is pulled towards its share of the mean, 0..1. effect, variance: of each.
    """

    log_likelihood: FloatArray
    tau: FloatArray
    mean: FloatArray
    mean_variance: FloatArray
    pull: FloatArray
    effect: FloatArray
    variance: FloatArray


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def over_tau(
    effect: FloatArray, variance: FloatArray, share: FloatArray
) -> tuple[FloatArray, Sequence[GivenTau]]:
    """Return the posterior behind ``shrink`` in full: the chance of each node of tau (last axis), and what it implies.

    share: as for ``random_effects``.
    """
    return _over_tau(_Parts.of(effect, variance, share))


def _over_tau(parts: _Parts) -> tuple[FloatArray, Sequence[GivenTau]]:
    scale = np.sqrt(
        _spread(parts) + parts.count / np.sum(parts.weight(np.zeros(parts.use.shape[:-1])), axis=-1)
    )
    low, high = _likely(parts, scale)
    nodes = [low + (high - low) * (u + 0.5) for u in _U]
    given = [_given_tau(parts, scale * u / (1.0 - u)) for u in nodes]
    logs = np.stack(
        [
            found.log_likelihood + np.log(weight) - 2.0 * np.log1p(-u)
            for found, weight, u in zip(given, _U_WEIGHT, nodes, strict=True)
        ],
        axis=-1,
    )
    chance = np.exp(logs - logs.max(axis=-1, keepdims=True))
    return chance / np.sum(chance, axis=-1, keepdims=True), given


def _spread(parts: _Parts) -> FloatArray:
    """Variance of the effects as measured, a few noisy ones included: too large a unit of tau does no harm."""
    off = np.where(
        parts.use, parts.effect - parts.share * parts.mean(parts.use.astype(np.float64))[..., None], 0.0
    )
    return np.asarray(np.sum(off**2, axis=-1) / parts.count)


def _likely(parts: _Parts, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The range of u in which tau may lie, ``tau = scale u / (1 - u)``, found by looking closer and closer."""
    low, high = np.zeros_like(scale), np.ones_like(scale)
    for _ in range(_SCANS):
        step = (high - low) / _SCANNED
        places = [low + step * (at + 0.5) for at in range(_SCANNED)]
        logs = np.stack([_log_density(parts, scale, u) for u in places], axis=-1)
        logs = np.where(np.isnan(logs), -np.inf, logs)
        kept = logs >= logs.max(axis=-1, keepdims=True) - _NEGLIGIBLE
        first, after = np.argmax(kept, axis=-1), _SCANNED - np.argmax(kept[..., ::-1], axis=-1)
        low, high = np.maximum(low, low + step * (first - 0.5)), np.minimum(high, low + step * (after + 0.5))
    return low, high


def _log_density(parts: _Parts, scale: FloatArray, u: FloatArray) -> FloatArray:
    """The logarithm of the posterior density of u, up to a constant."""
    return _log_likelihood(parts, parts.weight((scale * u / (1.0 - u)) ** 2)) - 2.0 * np.log1p(-u)


def _log_likelihood(parts: _Parts, weight: FloatArray) -> FloatArray:
    """Restricted, by the weights that go with a tau."""
    logs = np.sum(np.log(np.where(parts.use, weight, 1.0)), axis=-1)
    return np.asarray(0.5 * (logs - np.log(parts.total(weight)) - parts.scatter(weight)))


@np.errstate(divide="ignore", invalid="ignore")
def _given_tau(parts: _Parts, tau: FloatArray) -> GivenTau:
    """Return the normal posterior for this tau, and its restricted likelihood."""
    weight = parts.weight(tau**2)
    total = parts.total(weight)
    mean = parts.mean(weight)
    centre = parts.share * mean[..., None]
    kept = 1.0 - parts.variance * weight
    return GivenTau(
        log_likelihood=_log_likelihood(parts, weight),
        tau=tau,
        mean=mean,
        mean_variance=1.0 / total,
        pull=1.0 - kept,
        effect=centre + kept * (parts.effect - centre),
        variance=kept * parts.variance + ((1.0 - kept) * parts.share) ** 2 / total[..., None],
    )


def _dersimonian_laird(parts: _Parts) -> FloatArray:
    """Return tau^2 by the method of moments: ``(Q - (k - 1)) / (sum w - sum w^2 / sum w)``."""
    weight = parts.weight(np.zeros(parts.use.shape[:-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(
            np.maximum((parts.scatter(weight) - (parts.count - 1.0)) / parts.trace(weight), 0.0)
        )


def _paule_mandel(parts: _Parts) -> FloatArray:
    """Return the tau^2 with which Q equals its degrees of freedom, by bisection; 0 where it is smaller at once."""
    freedom = parts.count - 1.0
    low = np.zeros(parts.use.shape[:-1])
    high = low + np.max(np.where(parts.use, parts.variance, 0.0), axis=-1)
    for _ in range(_DOUBLINGS):
        short = parts.scatter(parts.weight(high)) > freedom
        if not np.any(short):
            break
        high = np.where(short, 2.0 * high, high)
    for _ in range(_HALVINGS):
        if np.all(high - low <= np.spacing(high)):
            break
        middle = 0.5 * (low + high)
        more = parts.scatter(parts.weight(middle)) > freedom
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.where(low > 0.0, 0.5 * (low + high), 0.0)


def _reml(parts: _Parts) -> FloatArray:
    """Return tau^2 by restricted maximum likelihood, from Paule and Mandel's by Fisher scoring."""
    tau_squared = _paule_mandel(parts)
    for _ in range(_STEPS):
        weight = parts.weight(tau_squared)
        with np.errstate(divide="ignore", invalid="ignore"):
            score = parts.scatter(weight, power=2) - parts.trace(weight)
            step = 0.5 * score * _tau_variance(parts, tau_squared)
        moved = np.maximum(tau_squared + np.nan_to_num(step), 0.0)
        if np.all(np.abs(moved - tau_squared) <= _SETTLED * moved):
            return moved
        tau_squared = moved
    return tau_squared


def _tau_variance(parts: _Parts, tau_squared: FloatArray) -> FloatArray:
    """Return the variance of tau^2 by restricted maximum likelihood: two over the trace of P P."""
    weight = parts.weight(tau_squared)
    with np.errstate(divide="ignore", invalid="ignore"):
        total, second, third = (parts.total(weight, power) for power in (1, 2, 3))
        squares = np.sum(weight**2, axis=-1) - 2.0 * third / total + (second / total) ** 2
        return np.asarray(2.0 / squares)
