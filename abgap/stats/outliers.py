"""Units far beyond the rest, and days without anything: rules for what chance alone does not make.

Activity of people is skewed, and its logarithm has a tail that is exponential at most (Pareto tails are, log-normal
ones are lighter). So the upper twentieth says how far the largest of n people may go: beyond that there are bots,
testers and resellers. The middle of that twentieth is used, which a few of them cannot move (Hill 1975, by the median).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

# The part of the units that the tail is learnt from, and the fewest units that say anything of it.
_TAIL = 0.05
_FEWEST = 400
# A unit must have so many times as much as the largest of the usual ones to be called far beyond.
_FACTOR = 8.0


def far_beyond(units: Mapping[int, int], steps: int, alpha: float) -> int | None:
    """Return the size from which on a unit is beyond what the others let expect; None when they are too few to tell.

    units: how many have a value of at least ``2^(size / steps)`` and below the next size. alpha: the chance of any
    unit there when the logarithm of values has an exponential tail.
    """
    total = sum(units.values())
    if total < _FEWEST:
        return None
    start, middle = (_quantile(units, total, 1.0 - share) for share in (_TAIL, _TAIL / 2.0))
    # A size is a class: its upper end counts, so that whole numbers give no tail without width.
    mean_excess = (middle + 1 - start) / math.log(2.0)
    reach = mean_excess * math.log(_TAIL * total / alpha)
    return start + 1 + math.ceil(max(reach, steps * math.log2(_FACTOR)))


def _quantile(units: Mapping[int, int], total: int, fraction: float) -> int:
    """The size of the unit at this share of all units in order."""
    so_far, sizes = 0, sorted(units)
    for size in sizes:
        so_far += units[size]
        if so_far >= fraction * total:
            return size
    return sizes[-1]


def empty_days_p(around: float, days: int) -> float:
    """Return the chance that so many days in a row are empty, when as much happens on them as on the two days around.

    around: independent things that happened on these two; each of them falls on none of the empty days by chance.
    """
    return float((2.0 / (2.0 + days)) ** around)


def empty_arm_p(others: float, share: float) -> float:
    """Return the chance that an arm with this share of all has none of the things that happened on a day."""
    return float((1.0 - share) ** others)
