"""Meta-analysis against published values and statsmodels; shrinkage against brute force and simulation."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import minimize_scalar
from statsmodels.stats.meta_analysis import combine_effects

from abgap.stats.shrinkage import SpreadMethod, random_effects, shrink

Values: TypeAlias = npt.NDArray[np.float64]

RUNS = 4000


@pytest.mark.parametrize(
    ("method", "tau_squared", "mean", "error"),
    [
        ("dersimonian-laird", 0.30876, -0.71412, 0.17874),
        ("paule-mandel", 0.31807, -0.71497, 0.18089),
        ("reml", 0.31324, -0.71453, 0.17978),
    ],
)
def test_the_published_meta_analysis_of_the_bcg_vaccine(
    bcg: tuple[Values, Values], method: SpreadMethod, tau_squared: float, mean: float, error: float
) -> None:
    found = random_effects(*bcg, method)
    assert found.tau_squared == pytest.approx(tau_squared, abs=6e-6)
    assert found.mean == pytest.approx(mean, abs=6e-6)
    assert found.standard_error == pytest.approx(error, abs=6e-6)


@pytest.mark.parametrize("seed", range(6))
def test_the_spread_agrees_with_statsmodels(seed: int) -> None:
    rng = np.random.default_rng(seed)
    variance = rng.uniform(0.1, 2.0, 9)
    effect = rng.normal(1.0, 1.5, 9) + np.sqrt(variance) * rng.normal(size=9)
    oracle = combine_effects(effect, variance, method_re="chi2")
    found = random_effects(effect, variance, "dersimonian-laird")
    assert found.tau_squared == pytest.approx(oracle.tau2, rel=1e-9)
    assert found.mean == pytest.approx(oracle.mean_effect_re, rel=1e-9)
    assert found.standard_error == pytest.approx(oracle.sd_eff_w_re, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_paule_and_mandel_make_q_what_it_should_be(seed: int) -> None:
    rng = np.random.default_rng(seed)
    variance = rng.uniform(0.1, 2.0, 9)
    effect = rng.normal(1.0, 2.0, 9) + np.sqrt(variance) * rng.normal(size=9)
    tau_squared = random_effects(effect, variance, "paule-mandel").tau_squared
    assert tau_squared > 0.0
    weight = 1.0 / (variance + tau_squared)
    centre = np.sum(weight * effect) / np.sum(weight)
    assert np.sum(weight * (effect - centre) ** 2) == pytest.approx(8.0, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_reml_is_the_most_likely_spread(seed: int) -> None:
    rng = np.random.default_rng(seed)
    variance = rng.uniform(0.1, 2.0, 9)
    effect = rng.normal(1.0, 2.0, 9) + np.sqrt(variance) * rng.normal(size=9)

    def surprise(tau_squared: float) -> float:
        weight = 1.0 / (variance + tau_squared)
        centre = np.sum(weight * effect) / np.sum(weight)
        scatter = np.sum(weight * (effect - centre) ** 2)
        return float(0.5 * (np.log(np.sum(weight)) - np.sum(np.log(weight)) + scatter))

    oracle = minimize_scalar(surprise, bounds=(0.0, 50.0), method="bounded", options={"xatol": 1e-10})
    assert random_effects(effect, variance, "reml").tau_squared == pytest.approx(oracle.x, abs=1e-5)


@pytest.mark.parametrize("method", ["dersimonian-laird", "paule-mandel", "reml"])
def test_effects_that_scatter_less_than_by_chance_have_no_spread(method: SpreadMethod) -> None:
    found = random_effects(np.array([0.10, 0.11, 0.09]), np.array([0.04, 0.09, 0.04]), method)
    assert found.tau_squared == 0.0
    assert found.mean == pytest.approx((0.10 / 0.04 + 0.11 / 0.09 + 0.09 / 0.04) / (2 / 0.04 + 1 / 0.09))


def test_sets_of_different_size_are_judged_in_one_pass(bcg: tuple[Values, Values]) -> None:
    effect, variance = bcg
    short = np.where(np.arange(13) < 5, effect, np.nan)
    both = random_effects(np.stack([effect, short]), np.stack([variance, variance]))
    alone = random_effects(effect[:5], variance[:5])
    assert both.tau_squared[1] == pytest.approx(alone.tau_squared)
    shrunk = shrink(np.stack([effect, short]), np.stack([variance, variance]))
    np.testing.assert_allclose(shrunk.effect[1, :5], shrink(effect[:5], variance[:5]).effect, rtol=1e-12)
    assert np.isnan(shrunk.effect[1, 5:]).all()


def test_shrunk_effects_are_the_means_of_the_posterior_on_a_fine_grid(bcg: tuple[Values, Values]) -> None:
    effect, variance = (column[:6] for column in bcg)
    mu, tau = np.linspace(-6.0, 5.0, 1101)[:, None, None], np.linspace(0.0, 12.0, 1601)[None, :, None]
    spread = variance + tau**2
    logs = np.sum(-0.5 * np.log(spread) - 0.5 * (effect - mu) ** 2 / spread, axis=-1)
    chance = np.exp(logs - logs.max())
    chance = (chance / chance.sum())[..., None]
    kept = tau**2 / spread
    centre = mu + kept * (effect - mu)
    mean = np.sum(chance * centre, axis=(0, 1))
    second = np.sum(chance * (kept * variance + (centre - mean) ** 2), axis=(0, 1))
    found = shrink(effect, variance)
    np.testing.assert_allclose(found.effect, mean, atol=2e-3)
    np.testing.assert_allclose(found.variance, second, rtol=2e-2)


def test_two_effects_are_not_shrunk() -> None:
    assert np.isnan(shrink(np.array([0.1, 0.4]), np.array([0.01, 0.01])).effect).all()


def test_shrinking_keeps_the_order_of_equally_precise_effects_and_pulls_them_together() -> None:
    effect = np.array([0.5, -0.2, 0.1, 0.9])
    found = shrink(effect, np.full(4, 0.1)).effect
    assert (np.argsort(found) == np.argsort(effect)).all()
    assert found.max() - found.min() < 0.9 * (effect.max() - effect.min())
    np.testing.assert_allclose(shrink(-3.0 * effect, np.full(4, 0.9)).effect, -3.0 * found, rtol=1e-9)


def test_effects_far_apart_stay_where_they_are() -> None:
    effect = np.array([-500.0, 0.0, 700.0])
    found = shrink(effect, np.ones(3))
    np.testing.assert_allclose(found.effect, effect, atol=0.01)
    np.testing.assert_allclose(found.variance, 1.0, atol=0.01)


def simulate(rng: np.random.Generator, slices: int, tau: Values) -> tuple[Values, Values, Values]:
    variance = np.linspace(0.5, 2.0, slices) * np.ones((RUNS, slices))
    truth = 1.0 + tau[:, None] * rng.normal(size=(RUNS, slices))
    return truth, truth + np.sqrt(variance) * rng.normal(size=truth.shape), variance


@pytest.mark.parametrize("slices", [3, 5, 12])
def test_shrunk_intervals_hold_the_truth_over_all_amounts_of_spread(slices: int) -> None:
    rng = np.random.default_rng(200 + slices)
    truth, effect, variance = simulate(rng, slices, rng.uniform(0.0, 4.0, RUNS))
    found = shrink(effect, variance)
    covered = np.abs(found.effect - truth) < 1.959964 * np.sqrt(found.variance)
    # Slices of one run share their mean: the error is that of the runs.
    assert covered.mean() == pytest.approx(0.955, abs=3 * covered.mean(1).std() / np.sqrt(RUNS) + 0.005)
    assert np.mean((found.effect - truth) ** 2) < np.mean((effect - truth) ** 2)


@pytest.mark.parametrize("tau", [0.0, 1.0, 1.5])
def test_for_a_given_spread_shrunk_intervals_stay_within_what_the_methods_page_says(tau: float) -> None:
    for slices in (3, 20):
        truth, effect, variance = simulate(np.random.default_rng(201), slices, np.full(RUNS, tau))
        found = shrink(effect, variance)
        covered = np.abs(found.effect - truth) < 1.959964 * np.sqrt(found.variance)
        assert 0.92 < covered.mean() <= 1.0


def test_nothing_to_shrink_is_nothing_and_no_warning() -> None:
    nothing = np.full((2, 4), np.nan)
    assert np.isnan(shrink(nothing, nothing).effect).all()
    assert np.isnan(random_effects(nothing, nothing).mean).all()
