"""What a significant result would be worth if the true lift were only so large: type S and type M errors.

A test with little power that comes out significant has overstated the effect, and may have its sign wrong
(Gelman and Carlin 2014). Both follow from the size of the test and an assumed lift, never from the
observed effect.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Floats, only_where, same_shape
from abgap.stats.contrast import Contrast
from abgap.stats.rule import FIXED, Rule
from abgap.stats.tails import normal_cdf


class Exaggeration(NamedTuple):
    """power: chance of significance. type_s: share of significant results with the wrong sign.

    type_m: mean size of significant estimates over the true size.
    """

    power: FloatArray
    type_s: FloatArray
    type_m: FloatArray


@np.errstate(divide="ignore", invalid="ignore")
def exaggeration(effect: Floats, standard_error: Floats, critical: Floats) -> Exaggeration:
    """Return power, type S and type M of a normal estimate of this true effect (Lu, Qiu and Deng 2019).

    critical: standard errors from which on an estimate is significant. With l the effect in standard errors:
    ``power = Phi(l - z) + Phi(-l - z)``, ``S = Phi(-l - z) / power`` and
    ``M = [phi(l + z) + phi(l - z) + l (Phi(l + z) + Phi(l - z) - 1)] / (l power)``. An effect of zero has no sign to
    get wrong: type S is then one half, and type M is NaN.
    """
    effect, standard_error, z = same_shape(effect, standard_error, critical)
    size = np.abs(effect / standard_error)
    right, wrong = normal_cdf(size - z), normal_cdf(-size - z)
    power = right + wrong
    # Phi(l + z) - 1 = -Phi(-l - z), with its own digits.
    found = _density(size + z) + _density(size - z) + size * (right - wrong)
    return Exaggeration(power, wrong / power, np.where(size > 0.0, found / (size * power), np.nan))


def exaggeration_at(
    contrast: Contrast, relative_lift: Floats, alpha: float, *, rule: Rule = FIXED
) -> Exaggeration:
    """Return the same for a two-sided test of this size if this is the true lift; NaN with a problem.

    relative_lift: fraction of the size of the control mean; NaN where none is assumed.
    """
    effect = np.asarray(relative_lift, dtype=np.float64) * contrast.control_size
    critical = rule.large_sample_critical(contrast.units, alpha)
    found = exaggeration(effect, contrast.standard_error, critical)
    return Exaggeration(*(only_where(contrast.usable, value) for value in found))


def _density(value: FloatArray) -> FloatArray:
    """Return the density of the standard normal."""
    return np.asarray(np.exp(-0.5 * value**2) / np.sqrt(2.0 * np.pi))
