"""The normal posterior against integration on a grid and against draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from abgap.stats.bayesian import Prior, lift_posterior


@pytest.mark.parametrize(("lift", "sign"), [(0.03, 1), (-0.02, 1), (0.03, -1), (-0.05, -1)])
@pytest.mark.parametrize("prior", [(0.0, 0.02), (0.01, 0.5), (-0.02, 0.005)])
def test_the_posterior_is_prior_times_likelihood(lift: float, sign: int, prior: tuple[float, float]) -> None:
    error, (prior_lift, prior_sd) = 0.015, prior
    grid = np.linspace(-0.6, 0.6, 400_001)
    density = stats.norm.pdf(grid, lift, error) * stats.norm.pdf(grid, sign * prior_lift, prior_sd)
    density /= density.sum()
    gain = sign * grid
    found = lift_posterior(lift, error**2, sign, Prior(lift=prior_lift, sd=prior_sd), 0.05)
    assert found.estimate == pytest.approx(np.sum(density * grid), rel=1e-6)
    assert found.better == pytest.approx(np.sum(density[gain > 0]), abs=1e-4)
    assert found.loss_of_shipping == pytest.approx(np.sum(density * np.maximum(-gain, 0)), rel=1e-4, abs=1e-9)
    assert found.loss_of_keeping == pytest.approx(np.sum(density * np.maximum(gain, 0)), rel=1e-4, abs=1e-9)
    below, above = np.sum(density[grid < found.low]), np.sum(density[grid > found.high])
    assert (below, above) == pytest.approx((0.025, 0.025), abs=1e-4)


@given(lift=st.floats(-0.5, 0.5), error=st.floats(0.001, 0.3))
def test_with_a_flat_prior_the_posterior_is_the_measurement(lift: float, error: float) -> None:
    found = lift_posterior(lift, error**2, 1, Prior(), 0.1)
    assert (found.low, found.high) == pytest.approx(stats.norm.interval(0.9, lift, error))
    assert found.better == pytest.approx(stats.norm.cdf(lift / error))
    assert found.loss_of_keeping - found.loss_of_shipping == pytest.approx(lift, abs=1e-12)


@given(lift=st.floats(-0.5, 0.5), error=st.floats(0.001, 0.3), sd=st.none() | st.floats(0.001, 0.3))
def test_where_less_is_better_everything_is_mirrored(lift: float, error: float, sd: float | None) -> None:
    up = lift_posterior(lift, error**2, 1, Prior(lift=0.01, sd=sd), 0.05)
    down = lift_posterior(-lift, error**2, -1, Prior(lift=0.01, sd=sd), 0.05)
    assert down.estimate == pytest.approx(-up.estimate)
    assert (down.low, down.high) == pytest.approx((-up.high, -up.low))
    np.testing.assert_allclose(down[3:], up[3:], rtol=1e-9)


def test_a_wide_prior_is_a_flat_one_and_a_narrow_one_is_believed() -> None:
    flat = lift_posterior(0.03, 1e-4, 1, Prior(), 0.05)
    np.testing.assert_allclose(lift_posterior(0.03, 1e-4, 1, Prior(sd=1e4), 0.05), flat, rtol=1e-8)
    sure = lift_posterior(0.03, 1e-4, 1, Prior(lift=0.001, sd=1e-9), 0.05)
    assert sure.estimate == pytest.approx(0.001)
    assert sure.better == pytest.approx(1.0)


def test_what_is_not_known_has_no_posterior() -> None:
    found = lift_posterior([0.03, np.nan], [1e-4, 1e-4], 1, Prior(), 0.05)
    assert np.isfinite([value[0] for value in found]).all()
    assert np.isnan([value[1] for value in found]).all()
