"""Two models over the same examples: the paired bootstrap and the exchange test of any metric that is made of sums.

What comes in are sums by bucket: a bucket is one query or example, or where there are thousands of them a group of
them by the hash of their ids. A metric is a function of the sums of all buckets: a mean is two of them (of values, and
their number), precision three, R2 four. Nothing else of the rows is needed, so that they are read once and stay where
they are.

Bootstrap: buckets are drawn with replacement, both models together, because they were scored on the same ones. The
interval is the expanded percentile one (Hesterberg 2015): percentiles of draws are too narrow for few buckets, which
the t quantile and the factor n / (n - 1) put right, and ends stay where the metric can be, which those of the basic
and the studentised bootstrap do not. docs/offline.md says how it covers.

Exchange test: if the models are as good as each other, their results of a bucket may be exchanged. For means of
differences that is the sign-flip test. All exchanges are counted where they are no more than the draws asked for;
otherwise draws, and the one that happened is one of them: ``p = (1 + hits) / (1 + draws)`` (Phipson and Smyth 2010).

Draws depend on the seed and the number of buckets only: comparisons over the same buckets share them, and one
comparison more changes none of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray
from abgap.records.numbers import Estimable, Interval, NotEstimable
from abgap.records.vocabulary import Reason
from abgap.stats.arrays import MIN_UNITS
from abgap.stats.resampling import percentile_bounds
from abgap.stats.streams import named_stream
from abgap.stats.tails import normal_cdf, t_quantile

MetricOfSums: TypeAlias = Callable[[FloatArray], FloatArray]
"""Sums (..., components) made into the metric (...), NaN where it is not defined; for many draws at once."""

MOST_BUCKETS = 4096
"""Up to so many queries or examples every one is a bucket; above, they are grouped into so many by hash."""

BOOTSTRAP_DRAWS = 2_000
EXCHANGE_DRAWS = 9_999

METHOD = "paired bootstrap"

# Numbers that a chunk of draws holds: a few times 8 MB.
_CHUNK = 2**20
# Sums of thousands of terms, rounded: exchanges that give the same gain up to this share of the values are ties.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedSums:
    """Sums by bucket of a candidate and of its baseline: (buckets, components) each, in the same order of buckets.

    metric: what the sums of all buckets are made into.
    """

    candidate: FloatArray
    baseline: FloatArray
    metric: MetricOfSums

    @property
    def buckets(self) -> int:
        """How many there are."""
        return len(self.candidate)

    def values(self) -> tuple[float, float]:
        """The metric of the candidate and of the baseline; NaN where it is not defined."""
        return float(self.of(self.candidate.sum(axis=0))), float(self.of(self.baseline.sum(axis=0)))

    def of(self, sums: FloatArray) -> FloatArray:
        """The metric of sums (..., components); undefined is NaN and no warning."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            found = np.asarray(self.metric(sums), dtype=np.float64)
        return np.where(np.isfinite(found), found, np.nan)

    def gains(self, candidate: FloatArray, baseline: FloatArray) -> FloatArray:
        """Candidate minus baseline out of the sums of each (..., components)."""
        return self.of(candidate) - self.of(baseline)

    def deviations(self) -> FloatArray:
        """How far each bucket moves the gain, by the jackknife: the gain without it, turned, around the mean of these.

        NaN where the metric is not defined without a bucket.
        """
        without = self.gains(
            self.candidate.sum(axis=0) - self.candidate, self.baseline.sum(axis=0) - self.baseline
        )
        return np.asarray(without.mean() - without)


def mean_of_sums(sums: FloatArray) -> FloatArray:
    """The mean out of two sums: of the values, and their number."""
    return np.asarray(sums[..., 0] / sums[..., 1])


def bootstrap_gains(
    pairs: Sequence[PairedSums], *, alpha: float, seed: int, draws: int = BOOTSTRAP_DRAWS
) -> list[Estimable]:
    """The gain of every candidate over its baseline with its expanded percentile interval of level ``1 - alpha``.

    A draw in which the metric is not defined counts as beyond both ends of the interval.
    """
    found: list[Estimable | None] = [None] * len(pairs)
    for buckets, places in _by_buckets(pairs).items():
        of_all = [pairs[i] for i in places]
        if buckets < MIN_UNITS:
            intervals: list[Estimable] = [_too_few(buckets)] * len(places)
        else:
            gains = _resampled(of_all, buckets, seed=seed, draws=draws)
            intervals = [_interval(pair, row, alpha) for pair, row in zip(of_all, gains, strict=True)]
        for i, interval in zip(places, intervals, strict=True):
            found[i] = interval
    return [interval for interval in found if interval is not None]


def exchange_p_values(
    pairs: Sequence[PairedSums], *, seed: int, draws: int = EXCHANGE_DRAWS
) -> list[float | None]:
    """The two-sided p of every gain if the models were exchangeable; None where it is not defined.

    Below ``MIN_UNITS`` buckets there is none, as for every other p. An exchange after which the metric is not defined
    counts against the gain.
    """
    found: list[float | None] = [None] * len(pairs)
    for buckets, places in _by_buckets(pairs).items():
        if buckets >= MIN_UNITS:
            of_all = [pairs[i] for i in places]
            p_values = _exchanged(of_all, buckets, seed=seed, draws=draws)
            for i, p in zip(places, p_values, strict=True):
                found[i] = p
    return found


def _by_buckets(pairs: Sequence[PairedSums]) -> Mapping[int, list[int]]:
    """Places of the pairs by their number of buckets: those of one number share their draws."""
    places: dict[int, list[int]] = {}
    for i, pair in enumerate(pairs):
        places.setdefault(pair.buckets, []).append(i)
    return places


def _resampled(pairs: Sequence[PairedSums], buckets: int, *, seed: int, draws: int) -> FloatArray:
    """Gains in all draws: (pairs, draws)."""
    sums = np.hstack([side for pair in pairs for side in (pair.candidate, pair.baseline)])
    gains = np.empty((len(pairs), draws))
    done = 0
    for weights in _bootstrap_weights(seed, buckets, draws):
        rows = slice(done, done + len(weights))
        totals = _split(weights @ sums, pairs)
        for i, pair in enumerate(pairs):
            gains[i, rows] = pair.gains(next(totals), next(totals))
        done += len(weights)
    return gains


def _exchanged(pairs: Sequence[PairedSums], buckets: int, *, seed: int, draws: int) -> list[float | None]:
    """Two-sided p-values by exchanging buckets of the models."""
    values = np.array([pair.values() for pair in pairs])
    least = np.abs(values[:, 0] - values[:, 1]) - _ROUNDING * np.abs(values).sum(axis=1)
    hits, count = np.zeros(len(pairs)), 0
    exact = 2**buckets <= draws
    moved_by = np.hstack([pair.candidate - pair.baseline for pair in pairs])
    for mask in _all_exchanges(buckets) if exact else _exchanges(seed, buckets, draws):
        moved = mask @ moved_by
        start = 0
        for i, pair in enumerate(pairs):
            part = moved[:, start : start + pair.candidate.shape[1]]
            start += part.shape[1]
            gains = pair.gains(pair.candidate.sum(axis=0) - part, pair.baseline.sum(axis=0) + part)
            hits[i] += np.count_nonzero(~(np.abs(gains) < least[i]))
        count += len(mask)
    p_values = hits / count if exact else (1.0 + hits) / (1.0 + count)
    return [None if np.isnan(bound) else float(p) for p, bound in zip(p_values, least, strict=True)]


def _split(totals: FloatArray, pairs: Sequence[PairedSums]) -> Iterator[FloatArray]:
    """The columns of each model of each pair, candidate before baseline."""
    start = 0
    for pair in pairs:
        width = pair.candidate.shape[1]
        for _ in range(2):
            yield totals[:, start : start + width]
            start += width


def _bootstrap_weights(seed: int, buckets: int, draws: int) -> Iterator[FloatArray]:
    """How often each bucket is in each draw, in chunks of (draws, buckets)."""
    stream = named_stream(seed, "paired bootstrap")
    for rows in _chunks(buckets, draws):
        raw = stream.random_raw((rows * buckets + 1) // 2)
        halves = np.stack([raw >> np.uint64(32), raw & np.uint64(0xFFFFFFFF)], axis=1).ravel()
        # Whole numbers below the number of buckets, uniform up to 2^-20.
        drawn = (halves[: rows * buckets] * np.uint64(buckets)) >> np.uint64(32)
        places = drawn.astype(np.intp).reshape(rows, buckets) + np.arange(rows)[:, None] * buckets
        counts = np.bincount(places.ravel(), minlength=rows * buckets)
        yield counts.reshape(rows, buckets).astype(np.float64)


def _exchanges(seed: int, buckets: int, draws: int) -> Iterator[FloatArray]:
    """Which buckets are exchanged (1) in each draw, in chunks of (draws, buckets)."""
    stream = named_stream(seed, "exchange test")
    words = -(-buckets // 64)
    for rows in _chunks(buckets, draws):
        raw = stream.random_raw(rows * words).astype("<u8").view(np.uint8).reshape(rows, words * 8)
        yield np.unpackbits(raw, axis=1, count=buckets, bitorder="little").astype(np.float64)


def _all_exchanges(buckets: int) -> Iterator[FloatArray]:
    """Every one of the ``2 ** buckets`` ways to exchange."""
    ways: npt.NDArray[np.intp] = np.arange(2**buckets)
    yield ((ways[:, None] >> np.arange(buckets)) & 1).astype(np.float64)


def _chunks(buckets: int, draws: int) -> Iterator[int]:
    rows = max(_CHUNK // buckets, 1)
    for first in range(0, draws, rows):
        yield min(rows, draws - first)


def _interval(pair: PairedSums, gains: FloatArray, alpha: float) -> Estimable:
    values = pair.values()
    estimate = values[0] - values[1]
    if np.isnan(estimate):
        return NotEstimable(
            reason=Reason.NO_DENOMINATOR, detail="the metric is not defined for one of the two models"
        )
    tail = _expanded_tail(pair.buckets, alpha)
    if tail * (len(gains) + 1) <= 1.0:
        return _too_few(pair.buckets)
    if np.all(np.abs(gains - gains[0]) <= _ROUNDING * (abs(values[0]) + abs(values[1]))):
        detail = "the difference is the same in every draw, so nothing can be tested"
        return NotEstimable(reason=Reason.ZERO_VARIANCE, detail=detail)
    bounds = percentile_bounds(np.array(estimate), gains, 2.0 * tail)
    low, high = float(bounds.low), float(bounds.high)
    if np.isnan(low) or np.isnan(high):
        detail = "the metric is not defined in too many draws of the bootstrap"
        return NotEstimable(reason=Reason.NO_DENOMINATOR, detail=detail)
    return Interval(
        estimate=estimate,
        low=min(low, estimate),
        high=max(high, estimate),
        level=1.0 - alpha,
        method=METHOD,
    )


def _expanded_tail(buckets: int, alpha: float) -> float:
    """The share of draws below the interval: Hesterberg's ``Phi(-sqrt(n / (n - 1)) t)``."""
    quantile = t_quantile(1.0 - alpha / 2.0, buckets - 1.0)
    return float(normal_cdf(-np.sqrt(buckets / (buckets - 1.0)) * quantile))


def _too_few(buckets: int) -> NotEstimable:
    shared = "query or example is" if buckets == 1 else "queries or examples are"
    detail = f"only {buckets} {shared} shared, too few for an interval"
    return NotEstimable(reason=Reason.TOO_FEW_UNITS, detail=detail)
