"""What the whole floor agrees on about arrays: float64, one shape, NaN with a reason.

Numbers that could not be computed are NaN in the arrays of this floor; an object array of
``Reason | None`` beside them says why, and the floor above turns both into records.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray, ObjectArray
from abgap.records.vocabulary import Reason

BoolArray: TypeAlias = npt.NDArray[np.bool_]
IndexArray: TypeAlias = npt.NDArray[np.intp]
Floats: TypeAlias = npt.ArrayLike

MIN_UNITS = 8
"""Fewest units per arm for which an interval or a p-value is given."""


class Bounds(NamedTuple):
    """A point estimate with the ends of its confidence interval; arrays of one shape."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray


class CheckedBounds(NamedTuple):
    """As ``Bounds``, with the reason where there is no interval (the numbers are then NaN)."""

    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    problem: ObjectArray


def same_shape(*values: Floats) -> list[FloatArray]:
    """Broadcast to one shape, as float64 arrays (a scalar becomes an array of no dimension)."""
    arrays = np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values))
    return list(arrays)


def finite_or_none(number: float | FloatArray) -> float | None:
    """One number as records hold it: None where it could not be computed."""
    return float(number) if math.isfinite(number) else None


def set_same_shape(record: object, names: Sequence[str]) -> None:
    """Bring the named fields of a frozen dataclass to one shape, while it is being made."""
    arrays = same_shape(*(getattr(record, name) for name in names))
    for name, array in zip(names, arrays, strict=True):
        object.__setattr__(record, name, array)


def first_reason(*checks: tuple[BoolArray, Reason], after: ObjectArray | None = None) -> ObjectArray:
    """For every element the reason of the first check that is true there, None where none is.

    after: reasons found before; they come first.
    """
    shape = np.broadcast_shapes(*(np.shape(where) for where, _ in checks))
    reasons: ObjectArray = np.full(shape, None, dtype=object)
    for where, reason in reversed(checks):
        reasons[np.broadcast_to(where, shape)] = reason
    if after is not None:
        earlier = ~no_reason(after)
        reasons[earlier] = after[earlier]
    return reasons


def no_reason(reasons: ObjectArray) -> BoolArray:
    """Tell where there is no reason against the number."""
    return np.asarray(reasons == np.array(None), dtype=np.bool_)


def only_where(usable: BoolArray, value: Floats) -> FloatArray:
    """Keep the values that may be used, NaN elsewhere."""
    return np.where(usable, value, np.nan)


def bounds(usable: BoolArray, estimate: FloatArray, low: FloatArray, high: FloatArray) -> Bounds:
    """Keep the intervals that may be used, NaN elsewhere."""
    return Bounds(only_where(usable, estimate), only_where(usable, low), only_where(usable, high))


def checked_bounds(
    problem: ObjectArray, estimate: FloatArray, low: FloatArray, high: FloatArray
) -> CheckedBounds:
    """Keep the intervals without a problem, NaN elsewhere."""
    return CheckedBounds(*bounds(no_reason(problem), estimate, low, high), problem)


def by_size(members: IndexArray, sizes: IndexArray) -> tuple[IndexArray, ...]:
    """Groups of equal size as one array each, a group in a row; the smallest first.

    members: group after group. sizes: how many each has.
    """
    starts = np.cumsum(sizes) - sizes
    return tuple(members[starts[sizes == size][:, None] + np.arange(size)] for size in np.unique(sizes))
