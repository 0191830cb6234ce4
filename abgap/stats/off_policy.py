"""What another policy would have earned, out of decisions that were logged with their propensities.

A decision of weight w (what the target policy would have chosen it with, over what it was chosen with) stands for w
decisions of the target. Four estimators from the same sums over units (a unit is a request, or a decision where
decisions stand alone):

- IPS, ``sum w r / n`` (Horvitz and Thompson 1952): unbiased where the logging policy tries everything.
- clipped IPS, ``sum min(w, c) r / n`` (Ionides 2008): less variance, and for rewards above zero too low.
- SNIPS, ``sum w r / sum w`` (Hajek 1971; Swaminathan and Joachims 2015): moves with the rewards when these are shifted.
- DR, mean of ``q(pi) + w (r - q(a))`` (Dudik, Langford and Li 2011): right when the weights or the rewards expected
  are.

Each is a ratio of two sums, and its standard error that of the sum of its influences (delta method, between units, so
that decisions of one request may depend on each other). Refused where the effective sample ``(sum w)^2 / sum w^2`` or
the mean weight, which is 1 where the log can stand for the target, say that the numbers mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import MIN_UNITS

COLUMNS = ("decisions", "reward", "weight", "weighted", "clipped", "doubly")
"""Sums per unit: of decisions, r, w, w r, min(w, c) r, and q(pi) + w (r - q(a))."""

LEAST_EFFECTIVE = 100.0
MEAN_WEIGHT = (0.8, 1.25)
# What is left of a variance at this share of its terms is rounding.
_ROUNDING = 2.0**-44


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicySums:
    """Sums over units of ``COLUMNS`` (..., 6) and of their products (..., 6, 6), and what is told by single decisions.

    units: how many. squared_weight: sum of w^2 over decisions. largest_weight: the largest w. cut: decisions with w
    above the clip. unsupported: sum over decisions of the target's probability of actions that no log has.
    """

    units: FloatArray
    total: FloatArray
    product: FloatArray
    squared_weight: FloatArray
    largest_weight: FloatArray
    cut: FloatArray
    unsupported: FloatArray


class Estimated(NamedTuple):
    """An estimate with its standard error, and the change from what the logging policy earned, with that change's."""

    value: FloatArray
    standard_error: FloatArray
    gain: FloatArray
    gain_standard_error: FloatArray


class WeightDiagnostics(NamedTuple):
    """mean, largest: of the weights. effective: sample size they are worth. cut, unsupported: shares of decisions."""

    mean: FloatArray
    largest: FloatArray
    effective: FloatArray
    cut: FloatArray
    unsupported: FloatArray


# estimator -> numerator, denominator
RATIOS = {
    "logged": ("reward", "decisions"),
    "ips": ("weighted", "decisions"),
    "clipped_ips": ("clipped", "decisions"),
    "snips": ("weighted", "weight"),
    "dr": ("doubly", "decisions"),
}


@np.errstate(divide="ignore", invalid="ignore")
def diagnostics(sums: OffPolicySums) -> WeightDiagnostics:
    """Return what the weights say about themselves; NaN without decisions."""
    decisions, weight = (sums.total[..., COLUMNS.index(name)] for name in ("decisions", "weight"))
    return WeightDiagnostics(
        mean=weight / decisions,
        largest=sums.largest_weight,
        effective=weight**2 / sums.squared_weight,
        cut=sums.cut / decisions,
        unsupported=sums.unsupported / decisions,
    )


def refusal(units: float, mean_weight: float, effective: float) -> Reason | None:
    """Return why nothing can be told of a target policy, None when it can."""
    if units < MIN_UNITS:
        return Reason.TOO_FEW_UNITS
    if not effective >= LEAST_EFFECTIVE:
        return Reason.SMALL_EFFECTIVE_SAMPLE
    low, high = MEAN_WEIGHT
    return None if low <= mean_weight <= high else Reason.WEIGHTS_OFF


@np.errstate(divide="ignore", invalid="ignore")
def estimate(sums: OffPolicySums, name: str) -> Estimated:
    """Return the estimate of one of ``RATIOS``.

    The variance of means is between units (with n - 1); that of SNIPS is the sum of squares of Swaminathan and
    Joachims, without.
    """
    value, influence = _influence(sums, *RATIOS[name])
    logged, of_logged = _influence(sums, *RATIOS["logged"])
    bessel = sums.units / (sums.units - 1.0)
    own = np.ones_like(bessel) if name == "snips" else bessel
    return Estimated(
        value=value,
        standard_error=np.sqrt(_variance(sums.product, influence) * own),
        gain=value - logged,
        gain_standard_error=np.sqrt(_variance(sums.product, influence - of_logged) * bessel),
    )


def _influence(sums: OffPolicySums, numerator: str, denominator: str) -> tuple[FloatArray, FloatArray]:
    """A ratio of sums, and what each of a unit's own sums adds to it."""
    top, bottom = COLUMNS.index(numerator), COLUMNS.index(denominator)
    size = sums.total[..., bottom]
    value = sums.total[..., top] / size
    influence = np.zeros_like(sums.total)
    influence[..., top] = 1.0 / size
    influence[..., bottom] = -value / size
    return value, influence


def _variance(product: FloatArray, influence: FloatArray) -> FloatArray:
    """The sum over units of their squared influence; exactly zero where only rounding is left."""
    terms = influence[..., :, None] * product * influence[..., None, :]
    found = np.sum(terms, axis=(-2, -1))
    return np.where(found <= _ROUNDING * np.sum(np.abs(terms), axis=(-2, -1)), 0.0, found)
