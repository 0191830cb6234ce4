"""How what several make together is shared among them: the Shapley value, exactly, over all coalitions.

Each gets what it adds on average, over all orders in which they could come: the shares add up to the whole, equal
ones get the same, and one that never adds anything gets nothing. L. S. Shapley, "A value for n-person games" (1953).
"""

from __future__ import annotations

from math import factorial

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray


def coalitions(players: int) -> BoolArray:
    """Return all coalitions, (2 ** players, players): player i is in the one at place k where bit i of k is set."""
    places = np.arange(2**players)
    return np.asarray((places[:, None] >> np.arange(players)) & 1, dtype=np.bool_)


def shapley(worth: FloatArray, players: int) -> FloatArray:
    """Return each player's share of the worth of all of them. worth: of every coalition, in their order.

    The weight of a coalition of s, out of n players, that a player joins is ``s! (n - s - 1)! / n!``.
    """
    members = coalitions(players)
    weights = np.array([factorial(s) * factorial(players - s - 1) for s in range(players)], dtype=np.float64)
    weights /= factorial(players)
    shares = np.zeros(players)
    for player in range(players):
        without = np.flatnonzero(~members[:, player])
        added = worth[without + (1 << player)] - worth[without]
        shares[player] = weights[members[without].sum(axis=1)] @ added
    return shares
