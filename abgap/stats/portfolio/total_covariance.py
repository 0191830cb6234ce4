"""How true effects go together over experiments: what is observed, less what sampling errors make of it.

Both axes carry noise, sizes differ by orders of magnitude, and arms share controls, so that a scatter says little. With
weights w that sum to 1, effects d_k and V_kl the covariance of the errors of arms k and l:

    S = sum_k w_k (d_k - mean)(d_k - mean)'
    N = sum_k w_k V_kk - sum_k sum_l w_k w_l V_kl
    Lambda = (S - N) / (1 - sum_k w_k^2)

The expectation of Lambda is the covariance of true effects, whatever their distribution, as long as weights do not
depend on the effects (method of moments: DerSimonian and Laird 1986; of several axes Chen, Manning and Dupuis 2012). So
weights are made from errors alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import Effects


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalCovariance:
    """Covariances over arms, (p, p) each: ``observed = noise + signal``.

    noise and signal are NaN where errors are not known. weights: (K,), they sum to 1. kept: ``1 - sum of w^2``, by
    which all three have been divided. experiments: that the arms belong to.
    """

    observed: FloatArray
    noise: FloatArray
    signal: FloatArray
    weights: FloatArray
    kept: float
    experiments: int

    @property
    def reliability(self) -> FloatArray:
        """Share of each axis' observed variance that is signal, (p,); below 0 where there is less than noise makes."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.diagonal(self.signal) / np.diagonal(self.observed))

    @property
    def smallest_eigenvalue(self) -> float:
        """Of the signal; NaN where it is not known as a whole."""
        known = bool(np.isfinite(self.signal).all())
        return float(np.linalg.eigvalsh(self.signal)[0]) if known else float("nan")

    @property
    def observed_correlation(self) -> float:
        """Of the first two axes as measured; NaN where one of them does not vary."""
        (xx, xy), (_, yy) = self.observed[:2, :2]
        return float(np.clip(xy / np.sqrt(xx * yy), -1.0, 1.0)) if xx > 0.0 and yy > 0.0 else float("nan")


def total_covariance(effects: Effects, weights: FloatArray | None = None) -> TotalCovariance:
    """Return the covariance of true effects. weights: (K,), not made from the values; by default ``arm_weights``.

    Every arm has a value on every axis, and there are at least two arms.
    """
    chosen = arm_weights(effects) if weights is None else weights / weights.sum()
    kept = float(1.0 - np.sum(chosen**2))
    # What rounding leaves of effects that are all the same is no variance.
    off = np.where(np.ptp(effects.values, axis=0) > 0.0, effects.values - chosen @ effects.values, 0.0)
    observed = (off.T * chosen) @ off / kept
    own = np.einsum("k,kab->ab", chosen, effects.covariances)
    noise = (own - np.einsum("k,kab->ab", chosen, error_rows(effects, chosen))) / kept
    return TotalCovariance(
        observed=observed,
        noise=noise,
        signal=observed - noise,
        weights=chosen,
        kept=kept,
        experiments=effects.experiments,
    )


def arm_weights(effects: Effects) -> FloatArray:
    """Return weights that sum to 1, (K,): ``1 / (1 + variance over its median)``, the ratio averaged over axes.

    From errors alone. No weight is more than twice that of a usual arm, however exact it is, because its true effect
    is still one draw; and arms with large errors fall off like one over their variance.
    """
    variances = np.diagonal(effects.covariances, axis1=1, axis2=2)
    known = np.where(variances > 0.0, variances, np.nan)
    usable = np.isfinite(known).any(axis=0)
    if not usable.any():
        return np.full(len(effects), 1.0 / len(effects))
    ratio = variances[:, usable] / np.nanmedian(known[:, usable], axis=0)
    there = np.isfinite(ratio)
    mean = np.where(there, ratio, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    # An arm whose errors are not known counts like a usual one.
    weight = 1.0 / (1.0 + np.where(there.any(axis=1), mean, 1.0))
    return np.asarray(weight / weight.sum())


def error_rows(effects: Effects, weights: FloatArray) -> FloatArray:
    """Return ``sum_l w_l V_kl`` for every arm k, (K, p, p): rows are axes of k, columns those of the others."""
    rows = weights[:, None, None] * effects.covariances
    if len(effects.pairs):
        first, second = effects.pairs.T
        np.add.at(rows, first, weights[second, None, None] * effects.shared)
        np.add.at(rows, second, weights[first, None, None] * effects.shared.transpose(0, 2, 1))
    return np.asarray(rows)
