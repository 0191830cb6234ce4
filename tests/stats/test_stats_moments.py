"""Moments of parts and wholes, and the variance of a ratio, against numpy on the raw values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from abgap.stats import moments
from abgap.stats.moments import Bivariate, Joint, Univariate

Values: TypeAlias = npt.NDArray[np.float64]


MakeUnivariate: TypeAlias = Callable[[Values], Univariate]
MakeBivariate: TypeAlias = Callable[[Values, Values], Bivariate]

samples = hnp.arrays(np.float64, st.integers(2, 40), elements=st.floats(-1e6, 1e6))


def joint(values: Values) -> Joint:
    """The moments of units with values in columns."""
    n, size = values.shape
    covariances = np.atleast_2d(np.cov(values.T)) if n > 1 else np.full((size, size), np.nan)
    means = values.mean(axis=0) if n else np.full(size, np.nan)
    return Joint(n=np.asarray(float(n)), means=means, covariances=covariances)


def merged_joint(*parts: Joint) -> Joint:
    """All parts as one whole."""
    names = [field.name for field in dataclasses.fields(Joint)]
    rows = Joint(**{name: np.stack([getattr(part, name) for part in parts]) for name in names})
    whole = moments.merge_joint(rows, np.ones((1, len(parts)), dtype=bool))
    return Joint(**{name: getattr(whole, name)[0] for name in names})


def stacked(parts: Sequence[Bivariate]) -> Bivariate:
    names = [field.name for field in dataclasses.fields(Bivariate)]
    return Bivariate(**{name: np.stack([getattr(part, name) for part in parts]) for name in names})


@given(values=samples, cuts=st.lists(st.integers(0, 40), max_size=4))
def test_merging_parts_equals_the_whole_also_with_empty_and_single_unit_parts(
    values: Values, cuts: list[int]
) -> None:
    both = np.column_stack([values, np.roll(values, 1) * 0.5 + np.arange(len(values))])
    parts = [joint(part) for part in np.split(both, sorted(min(cut, len(both)) for cut in cuts))]
    merged, whole = merged_joint(*parts), joint(both)
    scale = np.max(np.abs(both)) + 1e-300
    assert merged.n == len(values)
    np.testing.assert_allclose(merged.means, whole.means, rtol=1e-12, atol=1e-12 * scale)
    np.testing.assert_allclose(merged.covariances, whole.covariances, rtol=1e-9, atol=1e-12 * scale**2)


def test_every_choice_of_parts_is_merged_by_itself() -> None:
    rng = np.random.default_rng(5)
    parts = [rng.normal(50.0, 2.0, (n, 2)) for n in (7, 1, 12, 4)]
    found = [joint(part) for part in parts]
    rows = Joint(
        n=np.array([float(part.n) for part in found]),
        means=np.stack([part.means for part in found]),
        covariances=np.stack([part.covariances for part in found]),
    )
    without_each = moments.merge_joint(rows, ~np.eye(4, dtype=bool))
    for left_out in range(4):
        whole = joint(np.concatenate([part for at, part in enumerate(parts) if at != left_out]))
        assert without_each.n[left_out] == whole.n
        np.testing.assert_allclose(without_each.means[left_out], whole.means, rtol=1e-14)
        np.testing.assert_allclose(without_each.covariances[left_out], whole.covariances, rtol=1e-11)


@given(values=samples, cut=st.integers(0, 40))
def test_parts_along_an_axis_merge_like_two_after_another(
    bivariate: MakeBivariate, values: Values, cut: int
) -> None:
    x = np.roll(values, 1) * 0.5 + np.arange(len(values))
    at = min(cut, len(values))
    parts = [bivariate(values[:at], x[:at]), bivariate(values[at:], x[at:])]
    merged, whole = moments.merge_bivariate(stacked(parts), axis=0), bivariate(values, x)
    scale = np.max(np.abs(values)) + len(values)
    for name in ("variance_y", "variance_x", "covariance"):
        assert getattr(merged, name) == pytest.approx(getattr(whole, name), rel=1e-9, abs=1e-12 * scale**2)
    assert merged.mean_x == pytest.approx(np.mean(x), rel=1e-12, abs=1e-12 * scale)


def test_merging_nothing_but_empty_parts_leaves_no_mean_and_no_covariances(bivariate: MakeBivariate) -> None:
    empty = joint(np.empty((0, 2)))
    merged = merged_joint(empty, empty)
    assert merged.n == 0
    assert np.isnan(merged.means).all()
    assert np.isnan(merged.covariances).all()
    single = merged_joint(empty, joint(np.array([[3.0, 4.0]])))
    assert single.means.tolist() == [3.0, 4.0]
    assert np.isnan(single.covariances).all()
    nothing = bivariate(np.array([]), np.array([]))
    assert np.isnan(moments.merge_bivariate(stacked([nothing, nothing]), axis=0).mean_y)


def test_a_part_without_its_covariances_leaves_the_whole_without_them() -> None:
    known = joint(np.array([[1.0], [2.0], [4.0]]))
    unknown = Joint(n=np.array(5.0), means=np.array([1.0]), covariances=np.array([[np.nan]]))
    merged = merged_joint(known, unknown)
    assert merged.means[0] == pytest.approx(12 / 8)
    assert np.isnan(merged.covariances).all()


def test_merging_keeps_the_digits_when_the_mean_is_large_against_the_spread() -> None:
    pattern = np.array([0.2, 0.1, 0.3] * 400)
    values = 1_000_000.0 + pattern
    merged = merged_joint(*(joint(part[:, None]) for part in np.split(values, 8)))
    assert np.sqrt(merged.covariances[0, 0]) == pytest.approx(np.std(pattern, ddof=1), rel=1e-9)


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
