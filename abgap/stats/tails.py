"""Quantiles and tail areas of the normal, t and chi-square distributions.

Straight from scipy.special: importing scipy.stats costs most of a second, and tails computed as
``1 - cdf`` lose all digits where they matter. Infinite degrees of freedom mean the normal.
"""

from __future__ import annotations

import numpy as np
from scipy import special

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Bounds, Floats, same_shape

# Scipy looks for noncentralities up to ten times this size.
_SEARCHED = 1e5
# Of the integral over a correlation.
_NODE, _NODE_WEIGHT = (np.asarray(side) for side in np.polynomial.legendre.leggauss(48))


def normal_quantile(p: Floats) -> FloatArray:
    """Return the value below which a standard normal lies with probability ``p``."""
    return np.asarray(special.ndtri(np.asarray(p, dtype=np.float64)))


def normal_cdf(value: Floats) -> FloatArray:
    """Return the probability that a standard normal lies below ``value``."""
    return np.asarray(special.ndtr(np.asarray(value, dtype=np.float64)))


def normal_two_sided_p(stat: Floats) -> FloatArray:
    """Return the probability of a standard normal at least as far from zero as ``stat``."""
    return np.asarray(2.0 * normal_cdf(-np.abs(stat)))


def t_quantile(p: Floats, df: Floats) -> FloatArray:
    """Return the value below which Student's t with ``df`` degrees of freedom lies with probability ``p``."""
    p, df = same_shape(p, df)
    return np.where(np.isinf(df), special.ndtri(p), special.stdtrit(df, p))


def t_sf(stat: Floats, df: Floats) -> FloatArray:
    """Return the probability that Student's t with ``df`` degrees of freedom lies above ``stat``."""
    stat, df = same_shape(stat, df)
    return np.where(np.isinf(df), special.ndtr(-stat), special.stdtr(df, -stat))


def t_two_sided_p(stat: Floats, df: Floats) -> FloatArray:
    """Return the probability of Student's t at least as far from zero as ``stat``."""
    return 2.0 * t_sf(np.abs(stat), df)


def noncentral_t_sf(stat: Floats, df: Floats, shift: Floats) -> FloatArray:
    """Return the probability that noncentral t with ``df`` degrees of freedom lies above ``stat``.

    shift: the noncentrality. Far out, where the series of scipy gives up, it is that of the shifted normal.
    """
    stat, df, shift = same_shape(stat, df, shift)
    # The distribution of the other sign's lower tail: no digits are lost in 1 - cdf.
    above = np.asarray(special.nctdtr(df, -shift, -stat))
    far = np.isnan(above) & np.isfinite(stat + shift)
    return np.where(far, special.ndtr(shift - stat), above)


def noncentrality(p: Floats, df: Floats, stat: Floats) -> FloatArray:
    """Return the noncentrality under which noncentral t lies below ``stat`` with probability ``p``.

    The search of scipy ends early: a few steps by the slope of the normal approximation (Johnson and Welch 1940) give
    the rest of the digits. Beyond where it searches there is that approximation.
    """
    p, df, stat = same_shape(p, df, stat)
    found = np.asarray(special.nctdtrinc(df, p, stat))
    quantile, spread = special.ndtri(p), np.sqrt(1.0 + 0.5 * stat**2 / df)
    slope = np.exp(-0.5 * quantile**2) / np.sqrt(2.0 * np.pi) / spread
    for _ in range(4):
        found = found + (special.nctdtr(df, found, stat) - p) / slope
    searched = np.isfinite(found) & (np.abs(stat) < _SEARCHED)
    return np.where(searched, found, stat * (1.0 - 0.25 / df) - quantile * spread)


def bivariate_normal_cdf(x: Floats, y: Floats, correlation: Floats) -> FloatArray:
    """Return the probability that two standard normals lie below ``x`` and ``y``; the correlation is inside -1..1.

    Its derivative by the correlation is the density at (x, y) (Plackett 1954); the integral over the arcsine of the
    correlation has no singularity (Drezner and Wesolowsky 1990).
    """
    x, y, correlation = same_shape(x, y, correlation)
    ends = np.isinf(x) | np.isinf(y)
    h, k, r = (np.where(ends, 0.0, value)[..., None] for value in (x, y, correlation))
    angle = 0.5 * np.arcsin(r) * (1.0 + _NODE)
    sine, cosine = np.sin(angle), np.cos(angle)
    density = np.exp(-0.5 * ((h - k * sine) ** 2 / cosine**2 + k**2))
    grown = np.sum(_NODE_WEIGHT * density, axis=-1) * np.arcsin(r[..., 0]) / (4.0 * np.pi)
    return np.asarray(special.ndtr(x) * special.ndtr(y) + np.where(ends, 0.0, grown))


def chi2_sf(stat: Floats, df: Floats) -> FloatArray:
    """Return the probability that chi-square with ``df`` degrees of freedom lies above ``stat``.

    NaN where ``df`` is not positive.
    """
    stat, df = same_shape(stat, df)
    return np.where(df > 0, special.chdtrc(df, stat), np.nan)


def normal_bounds(value: FloatArray, standard_error: FloatArray, alpha: float) -> Bounds:
    """Return the normal interval of level ``1 - alpha``."""
    reach = normal_quantile(1.0 - alpha / 2.0) * standard_error
    return Bounds(value, value - reach, value + reach)
