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
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray
from abgap.sources.sql import Sql, identifier, literal

# Values beyond these sizes have squares whose sums, or their lowest bits, no double holds.
LARGEST, SMALLEST = 2.0**400, 2.0**-400
_EXACT_LIMIT = 2.0**52
# What is left of a sum of squares at this share of it is rounding, not spread: half of the digits of a double.
_ROUNDING = 2.0**-48


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The rounding constants of one sum as SQL literals; both None when the plain sum is exact already."""

    high: Sql | None
    low: Sql | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExactSum:
    """A sum as the templates read it: its aggregates, and the columns they go to.

    high: the high part, or all of it; low: the low part, None when there is none.
    """

    high: Sql
    low: Sql | None
    high_name: Sql
    low_name: Sql

    @property
    def names(self) -> list[Sql]:
        """The columns that the sum fills."""
        return [self.high_name] if self.low is None else [self.high_name, self.low_name]


PLAIN = Grid(high=None, low=None)


def make_grid(largest: float, count: int, *, integer: bool) -> Grid:
    """The grid for a sum of at most ``count`` terms of absolute value at most ``largest`` (finite)."""
    terms = max(count, 1)
    if largest == 0.0 or (integer and largest * terms < _EXACT_LIMIT):
        return PLAIN
    high = _grid_power(largest * terms)
    low = _grid_power(high * terms)
    return Grid(high=literal(1.5 * 2.0**52 * high), low=literal(1.5 * 2.0**52 * low))


def _grid_power(bound: float) -> float:
    """The power of two of which sums up to ``bound`` are exact multiples, with two bits to spare."""
    _, exponent = math.frexp(bound)
    # Grids end at the smallest normal numbers; nothing smaller matters beside values above SMALLEST.
    return math.ldexp(1.0, max(exponent - 50, -1022))


def exact_sum(name: str, value: Sql, grid: Grid) -> ExactSum:
    """The sum of ``value`` on a grid, in the column ``name`` and one beside it."""
    high, low = Sql(f"sum({value})"), None
    if grid.high is not None and grid.low is not None:
        rounded = f"(({value} + {grid.high}) - {grid.high})"
        high, low = Sql(f"sum{rounded}"), Sql(f"sum((({value} - {rounded}) + {grid.low}) - {grid.low})")
    return ExactSum(high=high, low=low, high_name=identifier(name), low_name=identifier(_low_name(name)))


def sum_parts(columns: Mapping[str, npt.NDArray[Any]], name: str) -> tuple[FloatArray, FloatArray]:
    """High and low part of the sum ``name`` out of a query's result; a sum over no value is null, and empty."""
    high, low = columns[name], columns.get(_low_name(name))
    return _no_null(high), np.zeros(len(high)) if low is None else _no_null(low)


def _low_name(name: str) -> str:
    return f"{name} (low part)"


def _no_null(column: npt.NDArray[Any]) -> FloatArray:
    return np.where(np.isnan(column), 0.0, column)


def has_usable_size(largest: float) -> bool:
    """Whether the squares of values up to ``largest`` (absolute, finite) can be added up."""
    return largest == 0.0 or SMALLEST <= largest <= LARGEST


def shift_for(low: float, high: float) -> float:
    """The point of [low, high] that is nearest to zero: subtracting it keeps squares free of cancellation."""
    return min(max(0.0, low), high)


def centred(products: FloatArray, left: FloatArray, right: FloatArray, n: FloatArray) -> FloatArray:
    """The centred second moment out of sums: of the products of two values, and of each of them.

    Exactly zero where nothing but rounding is left of it.
    """
    shared = left * (right / np.maximum(n, 1.0))
    rest = products - shared
    return np.where(np.abs(rest) <= _ROUNDING * np.abs(shared), 0.0, rest)
