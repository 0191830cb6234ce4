"""How many queries or examples two models have to share before a gain of a given size is found.

The power is that of the paired t-test the comparison makes: the noncentral t with n - 1 degrees of freedom.
"""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import MIN_UNITS, Floats
from abgap.stats.planning import first_reaching
from abgap.stats.tails import noncentral_t_sf, t_quantile

_MOST_PAIRS = 1e15


@np.errstate(invalid="ignore", over="ignore")
def paired_power(pairs: Floats, effect_size: Floats, alpha: float) -> FloatArray:
    """Return the chance that the two-sided paired t-test at ``alpha`` finds a gain.

    effect_size: the gain over the standard deviation of the differences (Cohen's d_z), of any sign.
    """
    pairs = np.asarray(pairs, dtype=np.float64)
    shift = np.abs(np.asarray(effect_size, dtype=np.float64)) * np.sqrt(pairs)
    critical = t_quantile(1.0 - alpha / 2.0, pairs - 1.0)
    return noncentral_t_sf(critical, pairs - 1.0, shift) + noncentral_t_sf(critical, pairs - 1.0, -shift)


def pairs_needed(effect_size: Floats, alpha: float, power: float = 0.8) -> FloatArray:
    """Return the fewest pairs with at least this power, at least ``MIN_UNITS``; NaN where no number has it."""
    size = np.asarray(effect_size, dtype=np.float64)
    least, most = np.full_like(size, MIN_UNITS), np.full_like(size, _MOST_PAIRS)
    found = first_reaching(lambda n: paired_power(n, size, alpha), power, least, most)
    # What the search leaves above a whole number is rounding.
    return np.asarray(np.ceil(found - 1e-9 * found))
