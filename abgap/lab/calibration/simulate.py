"""Moments of simulated arms, drawn without drawing every unit where that is possible.

Means and covariances of normal units are drawn as such (normal and Wishart). Units with few different values are
drawn as counts of each value (multinomial). Of units that are mostly zero only the others are drawn. All of it is
exact: 50,000 units cost no more than 50.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray
from abgap.stats.moments import Bivariate, Univariate


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """Moments of units with d values each, run by run. n: units. mean: (runs, d). covariance: (runs, d, d), ddof 1."""

    n: FloatArray
    mean: FloatArray
    covariance: FloatArray

    def one(self, value: int = 0) -> Univariate:
        """One value."""
        return Univariate(n=self.n, mean=self.mean[:, value], variance=self.covariance[:, value, value])

    def two(self, y: int = 0, x: int = 1) -> Bivariate:
        """Two values."""
        return Bivariate(
            n=self.n,
            mean_y=self.mean[:, y],
            variance_y=self.covariance[:, y, y],
            mean_x=self.mean[:, x],
            variance_x=self.covariance[:, x, x],
            covariance=self.covariance[:, y, x],
        )


def normal_arm(
    rng: np.random.Generator, runs: int, n: int, mean: npt.ArrayLike, covariance: npt.ArrayLike
) -> Arm:
    """Units with jointly normal values: their mean is normal and their covariance Wishart (Bartlett 1933)."""
    centre = np.atleast_1d(np.asarray(mean, dtype=np.float64))
    root = np.linalg.cholesky(np.atleast_2d(np.asarray(covariance, dtype=np.float64)))
    d = len(centre)
    lower = np.tril(rng.normal(size=(runs, d, d)), -1)
    lower[:, range(d), range(d)] = np.sqrt(rng.chisquare(n - 1 - np.arange(d), size=(runs, d)))
    spread = root @ lower
    means = centre + rng.normal(size=(runs, d)) @ root.T / np.sqrt(n)
    return Arm(n=np.full(runs, float(n)), mean=means, covariance=spread @ np.swapaxes(spread, 1, 2) / (n - 1))


def table_arm(rng: np.random.Generator, runs: int, n: int, values: FloatArray, chances: FloatArray) -> Arm:
    """Units that take the rows of ``values`` (kinds, d) with these chances: counts of each kind are drawn."""
    return moments_of_counts(n, rng.multinomial(n, chances, size=runs), values)


def moments_of_counts(n: int, counts: npt.NDArray[np.integer], values: FloatArray) -> Arm:
    """The moments of so many units (runs, kinds) of each kind, whose values are the rows of ``values``."""
    runs, d = len(counts), values.shape[1]
    mean = counts @ values / n
    second = (counts @ (values[:, :, None] * values[:, None, :]).reshape(len(values), -1)).reshape(runs, d, d)
    centred = second - n * mean[:, :, None] * mean[:, None, :]
    return Arm(n=np.full(runs, float(n)), mean=mean, covariance=centred / (n - 1))


def sparse_arm(n: int, run: npt.NDArray[np.intp], values: FloatArray, runs: int) -> Arm:
    """Units of which all but some are zero in everything. run, values: of the others, (units,) and (units, d)."""
    d = values.shape[1]
    sums = np.stack([np.bincount(run, values[:, i], runs) for i in range(d)], axis=-1)
    products = np.stack(
        [np.bincount(run, values[:, i] * values[:, j], runs) for i in range(d) for j in range(d)], axis=-1
    ).reshape(runs, d, d)
    mean = sums / n
    centred = products - n * mean[:, :, None] * mean[:, None, :]
    return Arm(n=np.full(runs, float(n)), mean=mean, covariance=centred / (n - 1))


PAYERS = 0.02
_LOG_MEAN, _LOG_SD = 3.0, 1.0


def revenue_mean(lift: float = 0.0) -> float:
    """Of a unit."""
    return float(PAYERS * np.exp(_LOG_MEAN + _LOG_SD**2 / 2.0) * (1.0 + lift))


def payments(
    rng: np.random.Generator, runs: int, n: int, lift: float = 0.0
) -> tuple[npt.NDArray[np.intp], FloatArray]:
    """What payers pay, one unit in fifty: the run of each, and a lognormal amount."""
    count = rng.binomial(n, PAYERS, runs)
    amount = rng.lognormal(_LOG_MEAN, _LOG_SD, int(count.sum())) * (1.0 + lift)
    return np.repeat(np.arange(runs), count), amount


def revenue_arm(rng: np.random.Generator, runs: int, n: int, lift: float = 0.0) -> Arm:
    """Skewed revenue with 2 % payers."""
    run, amount = payments(rng, runs, n, lift)
    return sparse_arm(n, run, amount[:, None], runs)


def revenue_with_history_mean() -> float:
    """Of a unit, without an effect."""
    return float(0.04 * 0.5 * np.exp(_LOG_MEAN + (0.8**2 + 0.6**2) / 2.0))


def revenue_with_history_arm(rng: np.random.Generator, runs: int, n: int, lift: float = 0.0) -> Arm:
    """The same with the revenue before: three in a hundred units paid in either time, two in both, alike."""
    count = rng.binomial(n, 0.04, runs)
    total = int(count.sum())
    before, after = rng.random(total) < 0.5, rng.random(total) < 0.5
    taste = rng.normal(0.0, 0.8, total)
    pay = [np.exp(_LOG_MEAN + taste + rng.normal(0.0, 0.6, total)) for _ in range(2)]
    values = np.stack([pay[0] * after * (1.0 + lift), pay[1] * (before | after)], axis=-1)
    return sparse_arm(n, np.repeat(np.arange(runs), count), values, runs)


def capped_revenue_arms(
    rng: np.random.Generator, runs: int, sizes: tuple[int, int], percentile: float, lift: float
) -> tuple[Arm, Arm]:
    """Revenue of two arms, capped at a percentile of all units together, zeros included."""
    total = sum(sizes)
    paid = [payments(rng, runs, n, x) for n, x in zip(sizes, (0.0, lift), strict=True)]
    run, amount = (np.concatenate(parts) for parts in zip(*paid, strict=True))
    order = np.lexsort((-amount, run))
    count = np.bincount(run, minlength=runs)
    start = np.cumsum(count) - count
    # The percentile lies between two order statistics; counted from the largest value down.
    place = (1.0 - percentile / 100.0) * (total - 1)
    below = int(np.floor(place))
    ranked = np.concatenate([amount[order], [0.0]])

    def ranking(rank: int) -> FloatArray:
        return np.asarray(np.where(rank < count, ranked[np.minimum(start + rank, len(amount))], 0.0))

    cap = ranking(below) + (place - below) * (ranking(below + 1) - ranking(below))
    control, treatment = (
        sparse_arm(n, who, np.minimum(what, cap[who])[:, None], runs)
        for n, (who, what) in zip(sizes, paid, strict=True)
    )
    return control, treatment


_TASTES = np.array([0.10, 0.25, 0.45])
_SESSIONS = np.arange(1, 9)


def clicks_arm(rng: np.random.Generator, runs: int, n: int, lift: float = 0.0) -> Arm:
    """Clicks over sessions, which go together: units that come more often also click more of the time."""
    values, chances = _clicks_table(lift)
    return table_arm(rng, runs, n, values, chances)


def clicks_ratio(lift: float = 0.0) -> float:
    """The ratio of their means."""
    values, chances = _clicks_table(lift)
    return float(chances @ values[:, 0] / (chances @ values[:, 1]))


def _clicks_table(lift: float) -> tuple[FloatArray, FloatArray]:
    """Every kind of unit (clicks, sessions) with its chance."""
    rows, chances = [], []
    for taste, weight in zip(_TASTES, (0.5, 0.3, 0.2), strict=True):
        sessions = np.exp(-_SESSIONS / (2.0 + 10.0 * taste))
        sessions /= sessions.sum()
        for x, chance in zip(_SESSIONS, sessions, strict=True):
            y = np.arange(x + 1)
            rows += [(float(k), float(x)) for k in y]
            chances += list(weight * chance * _binomial(int(x), float(taste * (1.0 + lift))))
    given = np.array(chances)
    return np.array(rows), given / given.sum()


def _binomial(n: int, p: float) -> FloatArray:
    """Chances of 0..n successes."""
    chances = np.array([1.0])
    for _ in range(n):
        chances = np.convolve(chances, [1.0 - p, p])
    return chances
