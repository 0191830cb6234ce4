"""Effects of many arms on several axes, with everything known about how their errors hang together.

An axis is an offline metric, a proxy or a business metric. Arms of one experiment share its control, metrics of one arm
share its units, offline gains share test queries: errors are correlated within an arm and between arms. What is between
arms is sparse (arms of one experiment, mostly), so it stands as a list of pairs; thousands of experiments stay small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray

IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """K arms on p axes.

    values: (K, p), NaN where an arm has none. covariances: (K, p, p), sampling covariance of each arm's effects; NaN
    where an error is not known. experiment: (K,), a whole number per experiment. pairs: (m, 2), positions of two
    different arms, the smaller first, whose errors are not independent; shared: (m, p, p), Cov(d_k, d_l), rows of arm
    k, columns of arm l.
    """

    values: FloatArray
    covariances: FloatArray
    experiment: IndexArray
    pairs: IndexArray
    shared: FloatArray

    def __len__(self) -> int:
        return len(self.values)

    @property
    def experiments(self) -> int:
        """How many experiments the arms belong to."""
        return int(np.count_nonzero(np.bincount(self.experiment)))

    @property
    def errors(self) -> FloatArray:
        """Standard errors, (K, p); NaN where not known."""
        return np.sqrt(np.diagonal(self.covariances, axis1=1, axis2=2))

    def axes(self, chosen: Sequence[int]) -> Effects:
        """The same arms on some of the axes, in the order given."""
        at = np.asarray(chosen, dtype=np.intp)
        return Effects(
            values=self.values[:, at],
            covariances=self.covariances[:, at[:, None], at],
            experiment=self.experiment,
            pairs=self.pairs,
            shared=self.shared[:, at[:, None], at],
        )

    def take(self, rows: npt.NDArray[np.bool_]) -> Effects:
        """The arms of a mask; pairs of which one arm is gone are gone as well."""
        position = np.cumsum(rows) - 1
        kept = rows[self.pairs].all(axis=1)
        return Effects(
            values=self.values[rows],
            covariances=self.covariances[rows],
            experiment=self.experiment[rows],
            pairs=position[self.pairs[kept]].astype(np.intp).reshape(-1, 2),
            shared=self.shared[kept],
        )

    def of_experiments(self, chosen: npt.NDArray[np.bool_]) -> Effects:
        """The arms of some experiments; chosen: one flag per whole number in ``experiment``."""
        return self.take(chosen[self.experiment])

    def with_correlation(self, correlation: float) -> Effects:
        """The same two axes, with errors that have this correlation within arms, and as far as arms share them."""
        own, shared = self.covariances.copy(), self.shared.copy()
        own[:, 0, 1] = own[:, 1, 0] = correlation * np.sqrt(own[:, 0, 0] * own[:, 1, 1])
        together = correlation * np.sqrt(np.maximum(shared[:, 0, 0] * shared[:, 1, 1], 0.0))
        shared[:, 0, 1] = shared[:, 1, 0] = together
        return replace(self, covariances=own, shared=shared)

    @property
    def measured(self) -> npt.NDArray[np.bool_]:
        """Arms with a value on every axis, (K,)."""
        return np.asarray(np.isfinite(self.values).all(axis=1))

    @property
    def with_errors(self) -> npt.NDArray[np.bool_]:
        """Arms with a value and a known error on every axis, (K,)."""
        return np.asarray(self.measured & np.isfinite(self.covariances).all(axis=(1, 2)))

    def dense(self) -> FloatArray:
        """The covariance of all effects, (K p, K p), arm by arm; for few arms only."""
        k, p = self.values.shape
        whole = np.zeros((k, p, k, p))
        at = np.arange(k)
        whole[at, :, at, :] = self.covariances
        first, second = self.pairs.T
        whole[first, :, second, :] = self.shared
        whole[second, :, first, :] = self.shared.transpose(0, 2, 1)
        return whole.reshape(k * p, k * p)
