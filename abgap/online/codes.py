"""Columns of names as whole numbers, so that thousands of experiments are sorted and paired without a loop over rows.

Every different value is looked at once; what is found out about it is spread over its rows by position.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray, Moments, ObjectArray
from abgap.stats.arrays import BoolArray, IndexArray

T = TypeVar("T")
R = TypeVar("R")

# Codes of several columns together stay below so many times the rows, so that they can be positions of an array.
_SPARSE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Coded(Generic[T]):
    """A column of which row i holds ``values[codes[i]]``; values in the order in which they come first."""

    codes: IndexArray
    values: tuple[T, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> T:
        return self.values[int(self.codes[row])]

    def take(self, rows: IndexArray) -> Coded[T]:
        """Some of the rows."""
        return Coded(codes=self.codes[rows], values=self.values)

    def each(self, function: Callable[[T], R]) -> Coded[R]:
        """The column with every value made into another one."""
        made = list(map(function, self.values))
        places = {value: at for at, value in enumerate(dict.fromkeys(made))}
        codes = np.array([places[value] for value in made], dtype=np.intp)
        return Coded(codes=codes[self.codes], values=tuple(places))

    def column(self) -> ObjectArray:
        """The column itself."""
        found = np.empty(len(self.values), dtype=object)
        found[:] = self.values
        return found[self.codes]

    def where(self, holds: Callable[[T], bool]) -> BoolArray:
        """The rows whose value has some property."""
        return np.array([holds(value) for value in self.values], dtype=bool)[self.codes]

    def numbers(self, number: Callable[[T], float | None]) -> FloatArray:
        """A number of every row's value, NaN for None."""
        found = (number(value) for value in self.values)
        return np.array([np.nan if x is None else x for x in found], dtype=np.float64)[self.codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Rows that have all their values in common, numbered in the order in which they come first.

    of: (n,) the group of each row. first: (g,) where a group begins. rows: (g,) how many it has.
    """

    of: IndexArray
    first: IndexArray
    rows: IndexArray

    def where(self, holds: Callable[..., bool], *columns: ObjectArray) -> BoolArray:
        """The rows whose values in these columns have some property together."""
        values = (column[self.first].tolist() for column in columns)
        return np.fromiter(map(holds, *values), dtype=bool, count=self.first.size)[self.of]


def coded(column: ObjectArray) -> Coded[Any]:
    """The different values of a column, and which of them each row has."""
    rows = column.tolist()
    values = tuple(dict.fromkeys(rows))
    if len(values) < 2:
        return Coded(codes=np.zeros(len(rows), dtype=np.intp), values=values)
    places = {value: at for at, value in enumerate(values)}
    codes = np.fromiter(map(places.__getitem__, rows), dtype=np.intp, count=len(rows))
    return Coded(codes=codes, values=values)


def together(*columns: Coded[Any]) -> IndexArray:
    """A whole number per row, the same where all columns are; small enough to be a position."""
    found, size = columns[0].codes, len(columns[0].values)
    for column in columns[1:]:
        found, size = found * len(column.values) + column.codes, size * len(column.values)
        if size > _SPARSE * found.size:
            values, found = np.unique(found, return_inverse=True)
            size = values.size
    return found


def grouped(*columns: Coded[Any]) -> Groups:
    """Rows with the same values in all columns."""
    _, first, of, rows = np.unique(
        together(*columns), return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    return Groups(of=place[of], first=first[order], rows=rows[order])


def is_null(column: npt.NDArray[Any]) -> BoolArray:
    """Where an object column has None."""
    return np.fromiter(map(operator.is_, column.tolist(), repeat(None)), dtype=bool, count=len(column))


def is_whole(moments: Moments) -> BoolArray:
    """The rows of all units of an arm: no slice, no day, no fold."""
    return is_null(moments.slice_name) & is_null(moments.period) & is_null(moments.fold)
