"""Type S and type M against Gelman and Carlin's example and against drawing estimates."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abgap.stats.contrast import mean_contrast
from abgap.stats.exaggeration import exaggeration, exaggeration_at
from abgap.stats.moments import Univariate
from abgap.stats.power import power_at
from abgap.stats.rule import AnytimeValid

Z = float(stats.norm.isf(0.025))


def test_gelman_and_carlins_example() -> None:
    found = exaggeration(2.0, 8.1, Z)
    assert found.power == pytest.approx(0.0570, abs=5e-5)
    assert found.type_s == pytest.approx(0.2396, abs=5e-5)
    assert found.type_m == pytest.approx(9.54, abs=5e-3)


@pytest.mark.parametrize("effect", [0.3, 1.0, 2.5, -2.5])
def test_drawn_estimates_that_are_significant_are_wrong_and_too_large_so_often(effect: float) -> None:
    drawn = np.random.default_rng(21).normal(effect, 1.0, 2_000_000)
    kept = drawn[np.abs(drawn) > Z]
    found = exaggeration(effect, 1.0, Z)
    assert found.power == pytest.approx(kept.size / drawn.size, abs=1e-3)
    assert found.type_s == pytest.approx(np.mean(kept * effect < 0), abs=2e-3)
    assert found.type_m == pytest.approx(np.mean(np.abs(kept)) / abs(effect), rel=2e-3)


@given(effect=st.floats(0.01, 60.0), factor=st.floats(1e-6, 1e6))
def test_only_the_size_in_standard_errors_counts_and_estimates_are_never_too_small(
    effect: float, factor: float
) -> None:
    found = exaggeration(effect, 1.0, Z)
    assert found.type_m >= 1.0 - 1e-12
    assert 0.0 <= found.type_s < 0.5
    np.testing.assert_allclose(exaggeration(effect * factor, factor, Z), found, rtol=1e-6)
    np.testing.assert_array_equal(exaggeration(-effect, 1.0, Z), found)


def test_no_effect_has_no_sign_and_no_size() -> None:
    found = exaggeration(0.0, 1.0, Z)
    assert found.power == pytest.approx(0.05)
    assert found.type_s == 0.5
    assert np.isnan(found.type_m)


def test_a_contrast_is_judged_at_the_assumed_lift_with_the_power_it_has() -> None:
    arms = [
        Univariate(n=np.array([400.0, 5.0]), mean=np.array(m), variance=np.array(9.0)) for m in (10.0, 10.3)
    ]
    contrast = mean_contrast(arms[0], arms[1])
    found = exaggeration_at(contrast, 0.02, 0.05)
    assert found.power[0] == pytest.approx(power_at(contrast, 0.02, 0.05)[0])
    assert found.type_m[0] == pytest.approx(exaggeration(0.2, np.sqrt(18 / 400), Z).type_m)
    assert np.isnan([found.power[1], found.type_s[1], found.type_m[1]]).all()
    assert np.isnan(exaggeration_at(contrast, np.nan, 0.05).type_s).all()


def test_an_always_valid_test_asks_for_more_and_so_exaggerates_more() -> None:
    arms = [Univariate(n=np.array(400.0), mean=np.array(m), variance=np.array(9.0)) for m in (10.0, 10.3)]
    contrast = mean_contrast(arms[0], arms[1])
    fixed = exaggeration_at(contrast, 0.02, 0.05)
    always = exaggeration_at(contrast, 0.02, 0.05, rule=(rule := AnytimeValid(units=800.0)))
    assert always.type_m > fixed.type_m
    assert always.power == pytest.approx(float(power_at(contrast, 0.02, 0.05, rule=rule)))
