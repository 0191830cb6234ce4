"""Kendall's tau-b between two effects, over pairs of experiments.

Two arms of one experiment share a control: the order of their effects is partly that of shared errors, so only pairs of
arms from different experiments are compared. Each pair counts the same, however large its experiments: it is a
statement about effects as they were measured, free of scale and of any model, and noise pulls it towards 0.

Counting is by merging sorted halves, all blocks of a level at once, so that thousands of experiments take milliseconds.
"""

from __future__ import annotations

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import Bounds
from abgap.stats.portfolio.effects import IndexArray
from abgap.stats.tails import t_quantile

FEWEST = 5
"""Experiments below which there is no interval."""


@np.errstate(divide="ignore", invalid="ignore")
def kendall_tau(x: FloatArray, y: FloatArray, experiment: IndexArray, alpha: float) -> Bounds:
    """Return tau-b of two effects, (K,), with its interval of level ``1 - alpha``.

    The variance is that of the jackknife by experiment (Efron and Stein 1981) on the scale of ``atanh``, where tau is
    nearly normal; t with G - 1 degrees of freedom. Without a single pair that disagrees there is nothing to see of it:
    tau then stands half a pair below 1, with the variance under normal effects, ``0.437 / (G - 4)`` (Fieller, Hartley,
    Pearson 1957). NaN where one side is tied throughout or fewer than five experiments are there.
    """
    use = np.isfinite(x) & np.isfinite(y)
    number = np.unique(experiment[use], return_inverse=True)[1]
    count = int(number.max(initial=-1)) + 1
    if count < FEWEST:
        return Bounds(*np.full(3, np.nan))
    sums: FloatArray = np.stack([np.bincount(number, part) for part in _compared(x[use], y[use], number)])
    # A pair of experiments stands in the sums of both: half of the totals, and all of a sum goes with its experiment.
    tau = _tau_b(sums.sum(axis=1))
    most = 1.0 - 2.0 / (count * (count - 1.0))
    centre, others = (np.arctanh(np.clip(part, -most, most)) for part in (tau, _left_out(sums)))
    error = np.sqrt((count - 1.0) / count * np.sum((others - others.mean()) ** 2))
    if abs(tau) > most:
        error = np.maximum(error, np.sqrt(0.437 / (count - 4.0)))
    reach = t_quantile(1.0 - alpha / 2.0, count - 1.0) * error
    low, high = np.tanh(centre - reach), np.tanh(centre + reach)
    return Bounds(tau, np.minimum(low, tau), np.maximum(high, tau))


def _tau_b(sums: FloatArray) -> FloatArray:
    """Concordant less discordant pairs by those that differ on each side; (3, ...)."""
    return np.asarray(sums[0] / np.sqrt(sums[1] * sums[2]))


def _left_out(sums: FloatArray) -> FloatArray:
    """Tau-b without each of the experiments; sums: (3, G)."""
    return _tau_b(sums.sum(axis=1, keepdims=True) / 2.0 - sums)


def _compared(x: FloatArray, y: FloatArray, number: IndexArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """For every arm over those of other experiments: concordant less discordant pairs, pairs that differ in x, in y."""
    (below_x, tied_x), (below_y, tied_y) = _below_and_tied(x), _below_and_tied(y)
    beside, same = _lower_beside(x, y)
    # Of the arms that lie below on one side, those that do not on the other, nor are tied there, are discordant.
    discordant = below_x + below_y - 2.0 * _above(x, y) - beside - _lower_beside(y, x)[0]
    differ = len(x) - tied_x - tied_y + same
    own = _within(x, y, number)
    return differ - 2.0 * discordant - own[0], len(x) - tied_x - own[1], len(x) - tied_y - own[2]


def _below_and_tied(side: FloatArray) -> tuple[IndexArray, IndexArray]:
    """How many arms lie below every arm, and how many have its value, itself among them."""
    ordered = np.sort(side)
    below = np.searchsorted(ordered, side, side="left")
    return below, np.searchsorted(ordered, side, side="right") - below


def _lower_beside(x: FloatArray, y: FloatArray) -> tuple[IndexArray, IndexArray]:
    """How many arms have the same x and less y than every arm, and how many equal it in both, itself among them."""
    order = np.lexsort((y, x))
    other_x = np.diff(x[order]) != 0.0
    of_x, of_both = (
        np.flatnonzero(np.append(True, new)) for new in (other_x, other_x | (np.diff(y[order]) != 0.0))
    )
    place = np.arange(len(x))
    first_x, first = (starts[np.searchsorted(starts, place, side="right") - 1] for starts in (of_x, of_both))
    found = np.empty((2, len(x)), dtype=np.intp)
    found[:, order] = first - first_x, np.bincount(first, minlength=len(x))[first]
    return found[0], found[1]


def _above(x: FloatArray, y: FloatArray) -> FloatArray:
    """How many arms every arm exceeds on both sides."""
    n = len(x)
    order = np.lexsort((-y, x))
    rank = np.searchsorted(np.sort(y), y[order])
    place, found = np.arange(n), np.zeros(n)
    merged, half = place, 1
    while half < n:
        block, right = place // (2 * half), (place // half) % 2 == 1
        # Within a block by rank; of the same rank the right half comes first, so that ties do not count. Halves are
        # sorted already, so that this is a merge.
        key = (block * n + rank) * 2 + ~right
        merged = merged[np.argsort(key[merged], kind="stable")]
        before = np.cumsum(~right[merged]) - block[merged] * half
        found[merged] += np.where(right[merged], before, 0)
        half *= 2
    above = np.empty(n)
    above[order] = found
    return above


def _within(x: FloatArray, y: FloatArray, number: IndexArray) -> FloatArray:
    """The same three counts as ``_compared``, (3, K), over the arms of an arm's own experiment."""
    found = np.zeros((3, len(x)))
    order = np.argsort(number, kind="stable")
    for step in range(1, int(np.bincount(number).max())):
        first, second = order[:-step], order[step:]
        same = number[first] == number[second]
        first, second = first[same], second[same]
        across, up = np.sign(x[first] - x[second]), np.sign(y[first] - y[second])
        for row, part in enumerate((across * up, across != 0.0, up != 0.0)):
            # No arm stands twice among the first ones of a step, nor among the second ones.
            found[row, first] += part
            found[row, second] += part
    return found
