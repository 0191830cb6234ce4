"""Lines with errors on both axes, against published values and a general-purpose fit."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.errors_in_variables import deming_line, york_line

X = np.array([0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4])
Y = np.array([5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5])
WX = np.array([1000.0, 1000.0, 500.0, 800.0, 200.0, 80.0, 60.0, 20.0, 1.8, 1.0])
WY = np.array([1.0, 1.8, 4.0, 8.0, 20.0, 20.0, 70.0, 70.0, 100.0, 500.0])


def covariances(correlation: float = 0.0) -> FloatArray:
    cross = correlation / np.sqrt(WX * WY)
    return np.stack([np.stack([1 / WX, cross], -1), np.stack([cross, 1 / WY], -1)], -2)


def test_yorks_line_through_pearsons_points_is_the_published_one() -> None:
    line = york_line(np.stack([X, Y], -1), covariances())
    assert line is not None
    assert line.slope == pytest.approx(-0.480533407, abs=1e-9)
    assert line.intercept == pytest.approx(5.47991022, abs=1e-8)
    assert (line.slope_error, line.intercept_error) == pytest.approx((0.0579850, 0.2949707), abs=1e-6)
    assert line.chi_square == pytest.approx(11.8663532, abs=1e-6)
    assert line.df == 8


@pytest.mark.parametrize("correlation", [0.0, 0.6, -0.4])
def test_yorks_line_minimises_the_distance_in_units_of_errors(correlation: float) -> None:
    values, errors = np.stack([X, Y], -1), covariances(correlation)

    def distance(line: FloatArray) -> float:
        slope, intercept = line
        variance = errors[:, 1, 1] + slope**2 * errors[:, 0, 0] - 2 * slope * errors[:, 0, 1]
        return float(np.sum((Y - intercept - slope * X) ** 2 / variance))

    best = optimize.minimize(
        distance, [-0.5, 5.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12}
    )
    line = york_line(values, errors)
    assert line is not None
    assert (line.slope, line.intercept) == pytest.approx(tuple(best.x), abs=1e-6)
    assert line.chi_square == pytest.approx(best.fun, abs=1e-9)


def test_demings_line_is_the_same_for_swapped_axes_and_that_of_least_squares_without_errors_of_x() -> None:
    values = np.stack([X, Y], -1)
    line, swapped = deming_line(values, 2.5), deming_line(values[:, ::-1], 1 / 2.5)
    exact = deming_line(values, 1e12)
    assert line is not None
    assert swapped is not None
    assert exact is not None
    assert line.slope == pytest.approx(1 / swapped.slope, rel=1e-12)
    assert exact.slope == pytest.approx(np.polyfit(X, Y, 1)[0], rel=1e-6)
    # Orthogonal regression is the first principal axis.
    orthogonal = deming_line(values, 1.0)
    assert orthogonal is not None
    axis = np.linalg.eigh(np.cov(values.T))[1][:, -1]
    assert orthogonal.slope == pytest.approx(axis[1] / axis[0], rel=1e-12)
    without = [deming_line(np.delete(values, k, axis=0), 2.5) for k in range(10)]
    slopes = np.array([found.slope for found in without if found is not None])
    assert line.slope_error == pytest.approx(np.sqrt(0.9 * np.sum((slopes - slopes.mean()) ** 2)), rel=1e-9)


def test_without_a_line_there_is_none() -> None:
    assert york_line(np.zeros((2, 2)), np.zeros((2, 2, 2))) is None
    assert york_line(np.stack([X, Y], -1), np.zeros((10, 2, 2))) is None
    assert deming_line(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]]), 1.0) is None
