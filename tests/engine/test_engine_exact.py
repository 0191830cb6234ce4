"""Exact sums: the same bits in any order, and right to the last one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abgap.engine.exact import (
    LARGEST,
    SMALLEST,
    Grid,
    centred,
    exact_sum,
    has_usable_size,
    make_grid,
    shift_for,
    sum_of,
)
from abgap.sources.sql import Sql


def sql_sum(
    values: Sequence[float], *, parts: int, integer: bool = False
) -> dict[str, npt.NDArray[np.float64]]:
    """The columns that the engine gives for an exact sum of the values."""
    largest = max(map(abs, values), default=0.0)
    columns = exact_sum("s", Sql("x"), make_grid(largest, len(values), integer=integer, parts=parts))
    picked = ", ".join(f"{column.value} AS {column.name}" for column in columns)
    with duckdb.connect() as connection:
        table = pa.table({"x": pa.array(list(values), pa.float64())})
        connection.register("t", table)
        found = connection.execute(f"SELECT {picked} FROM t").fetchnumpy()
        return {name: np.ma.filled(column, np.nan) for name, column in found.items()}


numbers = st.lists(st.floats(-1e12, 1e12, allow_nan=False, allow_subnormal=False), min_size=1, max_size=60)


@settings(max_examples=30)
@given(values=numbers, seed=st.randoms(use_true_random=False))
def test_a_sum_is_right_and_does_not_depend_on_the_order(values: list[float], seed: object) -> None:
    first = sql_sum(values, parts=2)
    shuffled = list(values)
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    assert {name: column.tobytes() for name, column in first.items()} == {
        name: column.tobytes() for name, column in sql_sum(shuffled, parts=2).items()
    }
    wanted = float(sum((Fraction(value) for value in values), Fraction()))
    error = abs(float(sum_of(first, "s")[0]) - wanted)
    assert error <= max(math.ulp(wanted), 2.0**-80 * max(map(abs, values)))


@given(values=st.lists(st.integers(-(10**9), 10**9).map(float), min_size=1, max_size=40))
@settings(max_examples=30)
def test_whole_numbers_need_no_grid(values: list[float]) -> None:
    found = sql_sum(values, parts=2, integer=True)
    assert list(found) == ["s"]
    assert sum_of(found, "s")[0] == sum(values)


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_each_part_keeps_fifty_bits_less_those_of_the_count(parts: int) -> None:
    grid = make_grid(1.0, 2**20, integer=False, parts=parts)
    assert len(grid.powers) == parts
    assert math.log2(grid.finest) == pytest.approx(-parts * (50 - 20), abs=2 * parts)
    assert all(math.frexp(power)[0] == 0.5 for power in grid.powers), "powers of two"


def test_more_parts_keep_small_values_beside_a_large_one() -> None:
    values = [1e15, *[0.1] * 1000]
    wanted = float(sum((Fraction(value) for value in values), Fraction()))
    assert float(sum_of(sql_sum(values, parts=3), "s")[0]) == wanted


def test_a_grid_is_not_needed_for_nothing_and_for_small_integers() -> None:
    assert make_grid(0.0, 10, integer=False) == Grid()
    assert make_grid(1e6, 1000, integer=True) == Grid()
    assert make_grid(1e6, 1000, integer=False) != Grid()
    assert make_grid(1e15, 1000, integer=True) != Grid(), "beyond 2^52 integers are rounded too"
    assert Grid().finest == 0.0


def test_a_sum_over_no_value_is_empty() -> None:
    columns = {"s": np.array([np.nan, 1.0]), "s (part 2)": np.array([np.nan, 2.0])}
    assert sum_of(columns, "s").tolist() == [0.0, 3.0]


@pytest.mark.parametrize("size", [LARGEST, SMALLEST, 1.0, 0.0])
def test_grids_of_usable_sizes_are_numbers(size: float) -> None:
    assert has_usable_size(size)
    for largest in (size, size * size):
        for power in make_grid(largest, 10**10, integer=False, parts=4).powers:
            assert math.isfinite(1.5 * 2.0**52 * power)
            assert power > 0.0


@pytest.mark.parametrize("size", [LARGEST * 2, SMALLEST / 2, 1e300, 5e-324])
def test_other_sizes_are_not_usable(size: float) -> None:
    assert not has_usable_size(size)


@pytest.mark.parametrize(
    ("low", "high", "shift"), [(-1, 5, 0), (2, 5, 2), (-5, -2, -2), (0, 0, 0), (3, 3, 3)]
)
def test_the_shift_is_the_point_of_the_range_nearest_to_zero(low: float, high: float, shift: float) -> None:
    assert shift_for(low, high) == shift


class TestCentred:
    def test_it_is_the_sum_of_squares_around_the_mean(self) -> None:
        x, y = np.array([1.0, 2.0, 4.0]), np.array([3.0, 5.0, 1.0])
        n, sum_x, sum_y = np.array(3.0), np.array(x.sum()), np.array(y.sum())
        assert centred(np.array((x * x).sum()), sum_x, sum_x, n) == pytest.approx(2 * x.var(ddof=1))
        assert centred(np.array((x * y).sum()), sum_x, sum_y, n) == pytest.approx(2 * np.cov(x, y)[0, 1])

    def test_rounding_is_not_taken_for_spread(self) -> None:
        n = 1000.0
        total, squares = n * 0.1, math.fsum([0.1 * 0.1] * 1000)
        assert centred(np.array(squares), np.array(total), np.array(total), np.array(n)) == 0.0

    def test_no_units_have_no_spread(self) -> None:
        zero = np.array(0.0)
        assert centred(zero, zero, zero, zero) == 0.0
