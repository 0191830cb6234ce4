"""How many draws a bootstrap needs, and what a unit counts in one: apart from its statistics, which load slowly."""

from __future__ import annotations

import math

FEWEST_IN_TAILS = 20
"""Draws that have to lie outside of an interval on average, on both sides together: fewer say little of its ends."""

MOST_DRAWS = 100_000
"""Draws that can be asked for."""


def fewest_draws(alpha: float) -> int:
    """Return how many draws intervals of level ``1 - alpha`` need."""
    return math.ceil(round(FEWEST_IN_TAILS / alpha, 6))


def poisson_bounds(scale: int) -> tuple[int, ...]:
    """Return the bounds that make a Poisson(1) weight of a uniform whole number below ``scale``.

    The weight is the number of bounds that are not above the number; numbers as good as never drawn are left out.
    """
    bounds, share, total = [], math.exp(-1.0), 0.0
    while math.floor((total + share) * scale) < scale - 1:
        total += share
        bounds.append(math.floor(total * scale))
        share /= len(bounds)
    return tuple(bounds)
