"""Adjusted p-values against statsmodels, family by family."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from abgap.stats.multiplicity import benjamini_hochberg, holm

Adjust: TypeAlias = Callable[..., npt.NDArray[np.float64]]
METHODS = [(holm, "holm"), (benjamini_hochberg, "fdr_bh")]


def by_definition(p: list[float], name: str) -> list[float]:
    """The adjusted p-value of each test as the smallest level at which its procedure rejects it."""
    m, ordered = len(p), sorted(p)
    if name == "holm":
        return [min(1.0, max((m - k) * q for k, q in enumerate(ordered) if q <= own)) for own in p]
    return [min(1.0, *(m * q / (k + 1) for k, q in enumerate(ordered) if q >= own)) for own in p]


@pytest.mark.parametrize(("adjust", "name"), METHODS)
@given(
    tests=st.lists(
        st.tuples(
            st.floats(0, 1) | st.sampled_from([0.0, 1e-300, 0.01, 0.01, 1.0, np.nan]), st.integers(-2, 3)
        ),
        max_size=30,
    )
)
def test_each_family_is_adjusted_as_if_it_stood_alone(
    adjust: Adjust, name: str, tests: list[tuple[float, int]]
) -> None:
    p = np.array([test[0] for test in tests])
    family = np.array([test[1] for test in tests], dtype=np.int64)
    adjusted = adjust(p, family)
    for label in np.unique(family):
        member = (family == label) & ~np.isnan(p)
        np.testing.assert_allclose(adjusted[member], by_definition(p[member].tolist(), name), rtol=1e-12)
    assert np.isnan(adjusted).tolist() == np.isnan(p).tolist()


@pytest.mark.parametrize(("adjust", "name"), METHODS)
def test_a_family_is_adjusted_as_statsmodels_does(adjust: Adjust, name: str) -> None:
    p = np.random.default_rng(3).random(200) ** 4
    p[10:20] = p[5]
    np.testing.assert_allclose(adjust(p), multipletests(p, method=name)[1], rtol=1e-12)


@pytest.mark.parametrize(("adjust", "name"), METHODS)
def test_without_labels_all_tests_of_any_shape_are_one_family(adjust: Adjust, name: str) -> None:
    p = np.array([[0.01, 0.04, np.nan], [0.03, 0.005, 0.9]])
    adjusted = adjust(p)
    assert adjusted.shape == p.shape
    known = ~np.isnan(p)
    np.testing.assert_allclose(adjusted[known], multipletests(p[known], method=name)[1], rtol=1e-12)
    assert np.isnan(adjusted[0, 2])


@pytest.mark.parametrize(("adjust", "name"), METHODS)
def test_an_undefined_test_does_not_make_the_others_pay(adjust: Adjust, name: str) -> None:
    assert name
    np.testing.assert_array_equal(adjust([0.01, np.nan, 0.2])[[0, 2]], adjust([0.01, 0.2]))
    assert np.isnan(adjust([np.nan, np.nan])).all()
    assert adjust(np.array([])).shape == (0,)


@pytest.mark.parametrize(("adjust", "name"), METHODS)
def test_tens_of_thousands_of_families_take_no_loop(adjust: Adjust, name: str) -> None:
    rng = np.random.default_rng(1)
    p, family = rng.random(200_000) ** 3, rng.integers(0, 50_000, 200_000)
    start = time.perf_counter()
    adjusted = adjust(p, family)
    assert time.perf_counter() - start < 2.0
    member = family == 777
    np.testing.assert_allclose(adjusted[member], multipletests(p[member], method=name)[1], rtol=1e-12)
