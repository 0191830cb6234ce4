"""Moments of parts and wholes, and the variance of a ratio, against numpy on the raw values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from abgap.stats import moments
from abgap.stats.moments import Bivariate, Univariate

Values: TypeAlias = npt.NDArray[np.float64]


MakeUnivariate: TypeAlias = Callable[[Values], Univariate]
MakeBivariate: TypeAlias = Callable[[Values, Values], Bivariate]

samples = hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(-1e6, 1e6))


@given(values=samples, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_merging_parts_equals_the_whole_also_with_empty_and_single_unit_parts(
    univariate: MakeUnivariate, values: Values, cuts: list[int]
) -> None:
    parts = [univariate(part) for part in np.split(values, sorted(min(cut, len(values)) for cut in cuts))]
    merged = moments.merge_univariate(parts[0], *parts[1:]) if len(parts) > 1 else parts[0]
    scale = np.max(np.abs(values)) + 1e-300
    assert merged.n == len(values)
    assert merged.mean == pytest.approx(np.mean(values), rel=1e-12, abs=1e-12 * scale)
    assert merged.variance == pytest.approx(np.var(values, ddof=1), rel=1e-10, abs=1e-13 * scale**2)


@given(values=samples, cut=st.integers(0, 40))
def test_merging_two_values_per_unit_keeps_their_covariance(
    bivariate: MakeBivariate, values: Values, cut: int
) -> None:
    x = np.roll(values, 1) * 0.5 + np.arange(len(values))
    at = min(cut, len(values))
    merged = moments.merge_bivariate(bivariate(values[:at], x[:at]), bivariate(values[at:], x[at:]))
    whole = bivariate(values, x)
    scale = np.max(np.abs(values)) + len(values)
    for name in ("variance_y", "variance_x", "covariance"):
        assert getattr(merged, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-12 * scale**2)
    assert merged.mean_x == pytest.approx(np.mean(x), rel=1e-12, abs=1e-12 * scale)


def test_parts_along_an_axis_merge_like_operands() -> None:
    values = np.random.default_rng(1).lognormal(size=(5, 3, 7))
    grid = Univariate(n=np.full((5, 3), 7.0), mean=values.mean(-1), variance=values.var(-1, ddof=1))
    merged = moments.merge_univariate(grid, axis=1)
    np.testing.assert_allclose(merged.mean, values.reshape(5, -1).mean(-1), rtol=1e-13)
    np.testing.assert_allclose(merged.variance, values.reshape(5, -1).var(-1, ddof=1), rtol=1e-12)
    assert merged.n.tolist() == [21.0] * 5


def test_merging_nothing_but_empty_parts_leaves_no_mean_and_no_variance(univariate: MakeUnivariate) -> None:
    empty = univariate(np.array([]))
    merged = moments.merge_univariate(empty, empty)
    assert merged.n == 0
    assert np.isnan(merged.mean)
    assert np.isnan(merged.variance)
    single = moments.merge_univariate(empty, univariate(np.array([3.0])))
    assert single.mean == 3.0
    assert np.isnan(single.variance)


def test_a_part_without_its_variance_leaves_the_whole_without_one(univariate: MakeUnivariate) -> None:
    known = univariate(np.array([1.0, 2.0, 4.0]))
    unknown = Univariate(n=np.array(5), mean=np.array(1.0), variance=np.array(np.nan))
    merged = moments.merge_univariate(known, unknown)
    assert merged.mean == pytest.approx(12 / 8)
    assert np.isnan(merged.variance)


def test_merging_keeps_the_digits_when_the_mean_is_large_against_the_spread(
    univariate: MakeUnivariate,
) -> None:
    pattern = np.array([0.2, 0.1, 0.3] * 400)
    values = 1_000_000.0 + pattern
    merged = moments.merge_univariate(*(univariate(part) for part in np.split(values, 8)))
    assert np.sqrt(merged.variance) == pytest.approx(np.std(pattern, ddof=1), rel=1e-9)


def test_ratio_variance_is_that_of_the_linearised_units(bivariate: MakeBivariate) -> None:
    rng = np.random.default_rng(2)
    sessions: Values = np.asarray(rng.poisson(4.0, 500) + 1.0, dtype=np.float64)
    clicks = rng.binomial(sessions.astype(int), 0.3).astype(float)
    arm = bivariate(clicks, sessions)
    ratio = clicks.sum() / sessions.sum()
    linear = (clicks - ratio * sessions) / sessions.mean()
    assert moments.ratio_value(arm) == pytest.approx(ratio, rel=1e-14)
    assert moments.ratio_unit_variance(arm) == pytest.approx(np.var(linear, ddof=1), rel=1e-12)


def test_a_ratio_over_nothing_is_undefined_and_a_constant_ratio_has_exactly_no_variance(
    bivariate: MakeBivariate,
) -> None:
    nothing = bivariate(np.array([0.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0]))
    assert np.isnan(moments.ratio_value(nothing))
    assert np.isnan(moments.ratio_unit_variance(nothing))
    x = np.array([0.1, 0.7, 1.3, 2.9])
    assert moments.ratio_unit_variance(bivariate(0.3 * x, x)) == 0.0


def test_fields_are_brought_to_one_shape() -> None:
    arm = Univariate(n=np.array(10), mean=np.array([1.0, 2.0]), variance=np.array([[1.0], [2.0], [3.0]]))
    assert arm.n.shape == arm.mean.shape == arm.variance.shape == (3, 2)
    assert arm.n.dtype == np.float64
