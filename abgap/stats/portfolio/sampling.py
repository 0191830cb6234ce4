"""How much the entries of S, the weighted covariance of observed effects, vary by chance.

With normal true effects and errors, ``S_ab = d_a' M d_b`` with ``M = diag(w) - w w'`` is a quadratic form, and

    Cov(S_ab, S_cd) = tr(M C_bc M C_da) + tr(M C_bd M C_ca),    C_ab = Lambda_ab I + V_ab  (arms by arms)

(Searle 1971). The traces do not depend on Lambda, are taken once from the list of correlated pairs, and cost as much as
there are arms and pairs. True effects of the arms of one experiment may be alike; how much that widens is measured over
experiments (``design_effect``; Kish 1965), since experiments are what was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.total_covariance import TotalCovariance, error_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Traces:
    """tr(M M); one: tr(M V_ab M), (p, p); two: tr(M V_ab M V_cd), (p, p, p, p)."""

    none: float
    one: FloatArray
    two: FloatArray

    def products(self, signal: FloatArray) -> FloatArray:
        """Return tr(M C_ab M C_cd) for a signal (..., p, p), as (..., p, p, p, p)."""
        first, second = signal[..., :, :, None, None], signal[..., None, None, :, :]
        return np.asarray(
            self.none * first * second + first * self.one + second * self.one[:, :, None, None] + self.two
        )

    def covariance(self, signal: FloatArray) -> FloatArray:
        """Return Cov(S_ab, S_cd) under a signal (..., p, p), as (..., p, p, p, p)."""
        products = self.products(signal)
        return np.asarray(np.einsum("...bcda->...abcd", products) + np.einsum("...bdca->...abcd", products))

    def variance(self, form: FloatArray, signal: FloatArray) -> FloatArray:
        """Return the variance of ``sum_ab A_ab S_ab`` for A of (..., p, p) under a signal (..., p, p)."""
        return np.asarray(np.einsum("...ab,...cd,...abcd->...", form, form, self.covariance(signal)))


def traces(effects: Effects, weights: FloatArray) -> Traces:
    """Return the traces of effects all of whose errors are known. weights: (K,), they sum to 1."""
    w, w2, v = weights, weights**2, effects.covariances
    rows = error_rows(effects, w)
    total = np.einsum("k,kab->ab", w, rows)
    squares = float(w2.sum())
    beside = np.einsum("k,kab->ab", w2, rows)
    two = np.einsum("k,kab,kcd->abcd", w2, v, v)
    if len(effects.pairs):
        first, second = effects.pairs.T
        crossed, turned = w[first] * w[second], effects.shared.transpose(0, 2, 1)
        two += np.einsum("m,mab,mcd->abcd", crossed, effects.shared, turned)
        two += np.einsum("m,mab,mcd->abcd", crossed, turned, effects.shared)
    two -= np.einsum("k,kba,kcd->abcd", w, rows, rows) + np.einsum("k,kdc,kab->abcd", w, rows, rows)
    return Traces(
        none=squares - 2.0 * float(np.sum(w**3)) + squares**2,
        one=np.einsum("k,kab->ab", w2, v) - beside - beside.T + squares * total,
        two=two + total[:, :, None, None] * total,
    )


def design_effect(effects: Effects, found: TotalCovariance, form: FloatArray, signal: FloatArray) -> float:
    """Return by how much the variance of ``sum_ab A_ab S_ab`` is larger because arms of an experiment are alike.

    The sum of squares of what experiments add to it, over that of what arms add; 1 at least, and 1 where every
    experiment has one arm. form: A, (p, p). signal: what is expected of arms.
    """
    off = effects.values - found.weights @ effects.values
    expected = np.einsum("ab,kab->k", form, effects.covariances + signal)
    adds = found.weights * (np.einsum("ka,ab,kb->k", off, form, off) - expected)
    by_arm = float(np.sum(adds**2))
    by_experiment = float(np.sum(np.bincount(effects.experiment, adds) ** 2))
    return max(by_experiment / by_arm, 1.0) if by_arm > 0.0 else 1.0
