"""Sums that do not depend on the order of rows: the grids that make floating-point addition exact.

A sum of doubles on several threads differs from run to run in its last digits, because rounding depends on
the order. If every term is a multiple of one power of two, and the total of absolute values stays below
2^53 of that power, each partial sum is exact and the order is irrelevant. So each term is split into a high
part, rounded to such a grid, and a low part, the rest rounded to a finer grid; both sums are exact, and
together they keep about 100 bits less the bits of the count: more than a double holds. This is the
pre-rounding of Demmel and Nguyen, "Fast Reproducible Floating-Point Summation" (ARITH 2013), with two bins.
Adding and subtracting 1.5 * 2^52 * grid rounds a double to the grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abgap.sources.sql import Sql, literal

_EXACT_LIMIT = 2.0**52


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The rounding constants of one sum as SQL literals; both None when the plain sum is exact already."""

    high: Sql | None
    low: Sql | None


EXACT = Grid(high=None, low=None)


def make_grid(largest: float, count: int, *, integer: bool) -> Grid:
    """The grid for a sum of at most ``count`` terms of absolute value at most ``largest`` (finite)."""
    terms = max(count, 1)
    if largest == 0.0 or (integer and largest * terms < _EXACT_LIMIT):
        return EXACT
    high = _grid_power(largest * terms)
    low = _grid_power(high * terms)
    return Grid(high=literal(1.5 * 2.0**52 * high), low=literal(1.5 * 2.0**52 * low))


def _grid_power(bound: float) -> float:
    """The power of two of which sums up to ``bound`` are exact multiples, with two bits to spare."""
    _, exponent = math.frexp(bound)
    # Below the smallest normal number grids would vanish; nothing that small matters beside it.
    return math.ldexp(1.0, max(exponent - 50, -960))


def shift_for(low: float, high: float) -> float:
    """The point of [low, high] that is nearest to zero: subtracting it keeps squares free of cancellation."""
    return min(max(0.0, low), high)
