"""Does the lift differ between slices: Cochran's Q for a common lift, I2, and Gail and Simon's test for opposite signs.

Slices have different baselines, and an effect that is the same share everywhere is then a different amount
everywhere. So it is lifts that are held against each other. Each slice enters with the pivot that its
Fieller interval is made of, ``D - psi m``, and not with an estimated lift and its variance: these two go
together, and where lifts are measured badly a test built on them finds next to nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray, only_where
from abgap.stats.contrast import Contrast
from abgap.stats.tails import chi2_sf, normal_quantile, t_sf

# Steps to the common lift; each gains a digit or more, and the last ones change nothing.
_STEPS = 60


class Homogeneity(NamedTuple):
    """The test of one common effect; arrays of the shape of the slices without the last axis.

    tested: slices that entered. common_effect: the one that fits them best. q, df, p_value: of the test that
    it fits them all, NaN below two slices. i_squared: share of the variation beyond chance, ``1 - df / q``.
    """

    tested: FloatArray
    common_effect: FloatArray
    q: FloatArray
    df: FloatArray
    p_value: FloatArray
    i_squared: FloatArray


class QualitativeInteraction(NamedTuple):
    """Gail and Simon's test. q_up, q_down: evidence in slices that rose and that fell; p_value: of one sign only."""

    q_up: FloatArray
    q_down: FloatArray
    p_value: FloatArray


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def common_lift_test(slices: Contrast, use: BoolArray) -> Homogeneity:
    """Test that all slices (last axis) have one relative lift.

    ``Q = min over psi of sum (D - psi m)^2 / (V_D - 2 psi C + psi^2 V_m)``, Cochran's (1954) Q with the
    variances that hold if the lifts are equal. It stays the same when the arms are exchanged.
    use: slices that enter; the others are left out.
    """
    m, joint, v_m = slices.control_size, slices.lift_covariance, slices.control_variance
    use = use & slices.usable & np.isfinite(m)
    d, m, v_d, joint, v_m = (
        np.where(use, a, 0.0) for a in (slices.difference, m, slices.variance, joint, v_m)
    )
    psi = _share(np.sum(d, axis=-1), np.sum(m, axis=-1))
    for _ in range(_STEPS):
        rest, weight = _pivot(psi, use, d, m, v_d, joint, v_m)
        # The control mean, given what the pivot says of it: the slope of the pivot at the minimum of Q.
        fitted = m - rest * weight * (joint - psi[..., None] * v_m)
        psi = _share(np.sum(weight * fitted * d, axis=-1), np.sum(weight * fitted * m, axis=-1))
    rest, weight = _pivot(psi, use, d, m, v_d, joint, v_m)
    return _judged(psi, np.sum(weight * rest**2, axis=-1), weight * m**2, slices.df)


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def homogeneity(effect: FloatArray, variance: FloatArray, df: FloatArray | float = np.inf) -> Homogeneity:
    """Test that effects (last axis) with these variances are equal; parts that are NaN in either do not count.

    df: degrees of freedom of each variance. The p-value is Welch's (1951), which allows for variances that are
    estimated from few units; with infinite degrees of freedom it is that of chi-square. I2 is Higgins and
    Thompson's (2002).
    """
    use = np.isfinite(effect) & (variance > 0.0) & np.isfinite(variance)
    weight = np.where(use, 1.0 / np.where(use, variance, 1.0), 0.0)
    effect = np.where(use, effect, 0.0)
    centre = _share(np.sum(weight * effect, axis=-1), np.sum(weight, axis=-1))
    return _judged(centre, np.sum(weight * (effect - centre[..., None]) ** 2, axis=-1), weight, df)


def _judged(centre: FloatArray, q: FloatArray, weight: FloatArray, df: FloatArray | float) -> Homogeneity:
    """Judge Q; weight: of each part in the common effect, 0 for those that do not enter."""
    parts = np.sum(weight > 0.0, axis=-1).astype(np.float64)
    share = _share(weight, np.sum(weight, axis=-1)[..., None])
    unsure = np.sum(np.where(weight > 0.0, (1.0 - share) ** 2 / df, 0.0), axis=-1)
    several = parts >= 2.0
    q, freedom = only_where(several, q), only_where(several, parts - 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.where(q > freedom, 1.0 - freedom / q, 0.0)
    return Homogeneity(
        tested=parts,
        common_effect=centre,
        q=q,
        df=freedom,
        p_value=_welch_p(q, freedom, unsure),
        i_squared=only_where(several, beyond),
    )


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def opposite_signs_test(slices: Contrast, use: BoolArray) -> QualitativeInteraction:
    """Test that the effects of all slices (last axis) have one sign, in whatever sizes (Gail and Simon 1985).

    ``Q+ = sum of z^2 over slices that rose``, ``Q-`` the same over those that fell; the smaller one has, in
    the worst case, the tail ``sum over h of P(chi2_h > c) Binomial(h; K - 1, 1/2)``. z is the normal value with
    the p-value of the slice's own t, so that few units are allowed for.
    """
    use = use & slices.usable
    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(use, slices.difference / slices.standard_error, 0.0)
    squares = normal_quantile(t_sf(np.abs(t), np.where(use, slices.df, np.inf))) ** 2
    return gail_simon(np.where(use, np.sign(t) * np.sqrt(squares), np.nan))


@np.errstate(divide="ignore", invalid="ignore", over="ignore")
def gail_simon(z: FloatArray) -> QualitativeInteraction:
    """Return the test from the effects in standard errors (last axis); NaN does not count."""
    use = np.isfinite(z)
    up, down = (np.sum(np.where(use & side, z**2, 0.0), axis=-1) for side in (z > 0.0, z < 0.0))
    parts = np.sum(use, axis=-1).astype(np.float64)
    smaller = np.minimum(up, down)
    p = np.zeros_like(smaller)
    for h in range(1, int(parts.max(initial=0.0))):
        chance = special.binom(parts - 1.0, h) * 0.5 ** (parts - 1.0)
        p = p + np.where(h < parts, chance * chi2_sf(smaller, float(h)), 0.0)
    # Slices that all rose, or all fell, are no evidence at all.
    return QualitativeInteraction(up, down, only_where(parts >= 2.0, np.where(smaller > 0.0, p, 1.0)))


def _pivot(
    psi: FloatArray,
    use: BoolArray,
    d: FloatArray,
    m: FloatArray,
    v_d: FloatArray,
    joint: FloatArray,
    v_m: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return ``D - psi m`` of every slice and one over its variance, 0 for slices that do not enter."""
    lift = psi[..., None]
    variance = v_d - 2.0 * lift * joint + lift**2 * v_m
    usable = use & (variance > 0.0)
    return d - lift * m, np.where(usable, 1.0 / np.where(usable, variance, 1.0), 0.0)


def _welch_p(q: FloatArray, df: FloatArray, unsure: FloatArray) -> FloatArray:
    """Return the tail of Q; ``unsure`` is Welch's sum over slices, 0 where the variances are known."""
    parts = df + 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        f = q / df / (1.0 + 2.0 * (parts - 2.0) / (parts**2 - 1.0) * unsure)
        by_f = special.fdtrc(df, (parts**2 - 1.0) / (3.0 * unsure), f)
    return np.where(unsure > 0.0, by_f, chi2_sf(q, df))


@np.errstate(divide="ignore", invalid="ignore")
def _share(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Return the quotient, NaN over zero."""
    return np.where(whole == 0.0, np.nan, part / whole)
