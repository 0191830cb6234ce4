"""Sums that do not depend on the order of rows: the grids that make floating-point addition exact.

A sum of doubles on several threads differs from run to run in its last digits, because rounding depends on
the order. If every term is a multiple of one power of two, and the total of absolute values stays below
2^53 of that power, each partial sum is exact and the order is irrelevant. So each term is split into parts:
the first is rounded to such a grid, the next takes what is left of it on a finer grid, and so on; the sum of
each part is exact. Every part keeps 50 bits less the bits of the count: two are more than a double holds,
unless the largest value is very much larger than the usual one, or rows are very many; then there are
more. This is the pre-rounding of Demmel and Nguyen, "Fast Reproducible Floating-Point Summation" (ARITH
2013). Adding and subtracting 1.5 * 2^52 * grid rounds a double to the grid.
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
_PARTS = ("", " (part 2)", " (part 3)", " (part 4)")
MOST_PARTS = len(_PARTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The powers of two that the parts of every term are multiples of, coarse to fine; none for a plain sum."""

    powers: tuple[float, ...] = ()

    @property
    def finest(self) -> float:
        """What no term is rounded by more than half of; 0 when nothing is rounded."""
        return self.powers[-1] if self.powers else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SumColumn:
    """One part of an exact sum as the templates read it: its aggregate or term, and the column it goes to."""

    value: Sql
    name: Sql


def make_grid(largest: float, count: int, *, integer: bool, parts: int = 2) -> Grid:
    """The grid for a sum of at most ``count`` terms of absolute value at most ``largest`` (finite)."""
    terms = max(count, 1)
    if largest == 0.0 or (integer and largest * terms < _EXACT_LIMIT):
        return Grid()
    powers: list[float] = []
    for _ in range(parts):
        powers.append(_power_for((powers[-1] if powers else largest) * terms))
    return Grid(powers=tuple(powers))


def _power_for(bound: float) -> float:
    """The power of two of which sums up to ``bound`` are exact multiples, with two bits to spare."""
    _, exponent = math.frexp(bound)
    # Grids end at the smallest normal numbers; nothing smaller matters beside values above SMALLEST.
    return math.ldexp(1.0, max(exponent - 50, -1022))


def exact_terms(name: str, value: Sql, grid: Grid) -> list[SumColumn]:
    """The parts of ``value`` whose sums ``exact_sum`` takes, under the names of these sums."""
    if not grid.powers:
        return [SumColumn(value=value, name=identifier(name))]
    columns, rest = [], str(value)
    for power, part in zip(grid.powers, _PARTS, strict=False):
        rounder = literal(1.5 * 2.0**52 * power)
        rounded = f"(({rest} + {rounder}) - {rounder})"
        columns.append(SumColumn(value=Sql(rounded), name=identifier(name + part)))
        rest = f"({rest} - {rounded})"
    return columns


def exact_sum(name: str, value: Sql, grid: Grid) -> list[SumColumn]:
    """The sum of ``value`` on a grid: one column called ``name``, and one beside it for each further part."""
    return [
        SumColumn(value=Sql(f"sum{part.value}" if grid.powers else f"sum({part.value})"), name=part.name)
        for part in exact_terms(name, value, grid)
    ]


def sum_of(columns: Mapping[str, npt.NDArray[Any]], name: str) -> FloatArray:
    """The sum ``name`` out of a query's result, its parts together; one over no value is null, and empty."""
    found = [columns[name + part] for part in reversed(_PARTS) if name + part in columns]
    total: FloatArray = np.sum([np.where(np.isnan(part), 0.0, part) for part in found], axis=0)
    return total


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
