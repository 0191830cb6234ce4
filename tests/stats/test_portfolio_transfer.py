"""What gains turn into, held against dense likelihoods, brute force, and least squares."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.mixture import Mixture
from abgap.stats.portfolio.structural import Candidates, components, fitted, sums_over
from abgap.stats.portfolio.transfer import TransferFit, fit_transfer


def effects_of(
    gain: FloatArray, lift: FloatArray, gain_error: FloatArray, lift_error: FloatArray, noise: float = 0.0
) -> Effects:
    """One arm per experiment; noise: correlation of the two errors."""
    covariances = np.zeros((gain.size, 2, 2))
    covariances[:, 0, 0], covariances[:, 1, 1] = gain_error**2, lift_error**2
    covariances[:, 0, 1] = covariances[:, 1, 0] = noise * gain_error * lift_error
    return Effects(
        values=np.stack([gain, lift], axis=1),
        covariances=covariances,
        experiment=np.arange(gain.size),
        pairs=np.empty((0, 2), dtype=np.intp),
        shared=np.empty((0, 2, 2)),
    )


def drawn(experiments: int, seed: int, *, arms: int = 1, b: float = 0.5) -> Effects:
    """Experiments of very unequal size; arms of one share half of their errors."""
    rng = np.random.default_rng(seed)
    sizes = np.repeat(np.geomspace(0.2, 6.0, experiments), arms)
    errors = np.stack([0.01 * rng.permutation(sizes), 0.005 * sizes], axis=1)
    gain = 0.015 + 0.02 * rng.standard_normal(sizes.size)
    lift = b * gain + 0.004 * rng.standard_normal(sizes.size)
    found = effects_of(gain, lift, errors[:, 0], errors[:, 1], noise=0.3)
    experiment = np.repeat(np.arange(experiments), arms)
    same = np.triu(experiment[:, None] == experiment, k=1)
    pairs = np.argwhere(same)
    found = replace(
        found, experiment=experiment, pairs=pairs, shared=0.5 * found.covariances[pairs].min(axis=1)
    )
    noise = np.random.default_rng(seed + 1).multivariate_normal(np.zeros(2 * sizes.size), found.dense())
    return replace(found, values=found.values + noise.reshape(-1, 2))


def fit_of(effects: Effects) -> TransferFit:
    found = fit_transfer(effects)
    assert found is not None
    return found


def test_arms_whose_errors_hang_together_through_others_are_one_component() -> None:
    found = effects_of(*np.ones((4, 7)))
    pairs = np.array([[0, 3], [3, 5], [1, 5], [2, 6]])
    found = replace(found, pairs=pairs, shared=np.zeros((4, 2, 2)))
    assert sorted(part.tolist() for part in components(found)) == [[0, 1, 3, 5], [2, 6], [4]]


@pytest.mark.parametrize("arms", [1, 3])
def test_the_restricted_likelihood_is_the_dense_one(arms: int) -> None:
    effects = drawn(6, seed=1, arms=arms)
    truth = np.array([[[4e-4, 1e-4], [1e-4, 9e-5]], [[1e-5, -2e-6], [-2e-6, 3e-6]]])
    alike = np.array([0.3, 0.8])
    found = fitted(sums_over(effects, Candidates(truth, alike)))
    same = effects.experiment[:, None] == effects.experiment
    design = np.tile(np.eye(2), (len(effects), 1))
    for at, each in enumerate(truth):
        between = np.where(same, alike[at], 0.0) + (1.0 - alike[at]) * np.eye(len(effects))
        whole = effects.dense() + np.kron(between, each)
        weight = np.linalg.inv(whole)
        information = design.T @ weight @ design
        mean = np.linalg.solve(information, design.T @ weight @ effects.values.ravel())
        density = stats.multivariate_normal(design @ mean, whole).logpdf(effects.values.ravel())
        expected = density - 0.5 * np.linalg.slogdet(information)[1]
        constant = -0.5 * effects.values.size * np.log(2.0 * np.pi)
        assert found.log_likelihood[at] == pytest.approx(expected - constant, rel=1e-9)
        np.testing.assert_allclose(found.mean[at], mean, rtol=1e-9)
        np.testing.assert_allclose(found.covariance[at], np.linalg.inv(information), rtol=1e-9)


def test_intervals_are_those_of_brute_force_over_spreads_and_angles() -> None:
    effects = drawn(8, seed=4)
    fit = fit_of(effects)
    n = 90
    u, v = (np.arange(n) + 0.5) / n, (np.arange(n) + 0.5) / n
    angle = np.pi * ((np.arange(n) + 0.5) / n - 0.5)
    s_x, s_y = 0.03 * u / (1.0 - u), 0.02 * v / (1.0 - v)
    s_x, s_y, angle = (each.ravel() for each in np.meshgrid(s_x, s_y, angle, indexing="ij"))
    one, both, two = s_x**2, s_x * s_y * np.sin(angle), s_y**2
    information = np.zeros((3, s_x.size))
    score, logs = np.zeros((2, s_x.size)), np.zeros(s_x.size)
    for (x, y), error in zip(effects.values, effects.covariances, strict=True):
        a, c, d = one + error[0, 0], both + error[0, 1], two + error[1, 1]
        det = a * d - c**2
        weight = np.stack([d, -c, a]) / det
        information += weight
        score += np.stack([weight[0] * x + weight[1] * y, weight[1] * x + weight[2] * y])
        logs -= 0.5 * (np.log(det) + weight[0] * x**2 + 2.0 * weight[1] * x * y + weight[2] * y**2)
    det = information[0] * information[2] - information[1] ** 2
    inverse = np.stack([information[2], -information[1], information[0]]) / det
    logs += -0.5 * np.log(det) + 0.5 * (
        inverse[0] * score[0] ** 2 + 2.0 * inverse[1] * score[0] * score[1] + inverse[2] * score[1] ** 2
    )
    logs += 2.0 * np.log1p(s_x / 0.03) + 2.0 * np.log1p(s_y / 0.02)
    weights = np.exp(logs - logs.max())
    for values, found in (
        (np.sin(angle) * s_y / s_x, fit.b(0.05)),
        (s_y * np.cos(angle), fit.tau(0.05)),
    ):
        order = np.argsort(values)
        share = np.cumsum(weights[order]) / np.sum(weights)
        expected = [values[order][np.searchsorted(share, p)] for p in (0.5, 0.025, 0.975)]
        np.testing.assert_allclose(found, expected, atol=0.015 * (expected[2] - expected[1]))


def test_many_gains_without_errors_give_least_squares() -> None:
    rng = np.random.default_rng(5)
    gain = 0.01 + 0.02 * rng.standard_normal(150)
    lift = 0.002 + 0.4 * gain + 0.004 * rng.standard_normal(150)
    fit = fit_of(effects_of(gain, lift, np.zeros(150), np.zeros(150)))
    line = stats.linregress(gain, lift)
    reach = stats.t.ppf(0.975, 148)
    assert float(fit.b(0.05).estimate) == pytest.approx(line.slope, rel=5e-3)
    assert float(fit.a(0.05).estimate) == pytest.approx(line.intercept, abs=0.02 * line.intercept_stderr)
    assert float(fit.b(0.05).high - fit.b(0.05).low) == pytest.approx(2 * reach * line.stderr, rel=0.01)
    residual = np.sqrt(np.sum((lift - line.intercept - line.slope * gain) ** 2) / 148)
    at = 0.05
    away = residual * np.sqrt(1 + 1 / 150 + (at - gain.mean()) ** 2 / np.sum((gain - gain.mean()) ** 2))
    predicted = fit.lift(at).bounds(0.05)
    middle = line.intercept + line.slope * at
    assert float(predicted.low) == pytest.approx(middle - reach * away, abs=0.02 * away)
    assert float(predicted.high) == pytest.approx(middle + reach * away, abs=0.02 * away)


def test_a_measured_gain_is_pulled_towards_the_mean_and_less_is_known() -> None:
    fit = fit_of(drawn(30, seed=6))
    true, measured = fit.lift(0.06).bounds(0.05), fit.lift(0.06, error=0.02).bounds(0.05)
    assert measured.estimate < true.estimate
    assert measured.high - measured.low > true.high - true.low
    useless = fit.lift(0.06, error=1e6).bounds(0.05)
    assert float(useless.estimate) == pytest.approx(
        float(fit.lift(fit.mean_gain).bounds(0.05).estimate), abs=2e-4
    )


@pytest.mark.parametrize("arms", [1, 2])
def test_leaving_an_experiment_out_is_fitting_the_others(arms: int) -> None:
    effects = drawn(12, seed=7, arms=arms)
    left = fit_of(effects).without(3)
    assert left is not None
    fresh = fit_of(effects.take(effects.experiment != 3))
    assert left.effects.experiments == 11
    for mine, other in (
        (left.b(0.05), fresh.b(0.05)),
        (left.lift(0.03).bounds(0.05), fresh.lift(0.03).bounds(0.05)),
    ):
        np.testing.assert_allclose(mine, other, atol=0.01 * float(other.high - other.low))


def test_leaving_out_an_experiment_far_off_is_fitting_the_others_too() -> None:
    effects = drawn(12, seed=7)
    effects.values[3] = (0.4, -0.3)
    left = fit_of(effects).without(3)
    assert left is not None
    fresh = fit_of(effects.take(effects.experiment != 3))
    np.testing.assert_allclose(left.b(0.05), fresh.b(0.05), rtol=1e-9)


def test_nothing_is_left_of_five_experiments_without_one() -> None:
    assert fit_of(drawn(5, seed=9)).without(0) is None


def test_the_fit_does_not_depend_on_the_units_of_gains_and_lifts() -> None:
    effects = drawn(9, seed=8)
    unit = np.array([100.0, 1e-3])
    other = replace(
        effects, values=effects.values * unit, covariances=effects.covariances * np.outer(unit, unit)
    )
    mine, theirs = fit_of(effects).b(0.05), fit_of(other).b(0.05)
    np.testing.assert_allclose(np.array(mine) * 1e-5, theirs, rtol=1e-8)


@pytest.mark.parametrize("flat", [0, 1])
def test_what_does_not_vary_is_not_fitted(flat: int) -> None:
    effects = drawn(9, seed=9)
    effects.values[:, flat] = 0.5
    assert fit_transfer(effects) is None
    assert fit_transfer(drawn(4, seed=9)) is None


def test_where_many_errors_hang_together_only_those_of_an_experiment_do() -> None:
    effects = drawn(50, seed=10)
    pairs = np.argwhere(np.triu(np.ones((50, 50)), k=1))
    shared = np.zeros((len(pairs), 2, 2))
    shared[:, 0, 0] = 1e-6
    together = fit_of(replace(effects, pairs=pairs, shared=shared))
    np.testing.assert_allclose(together.b(0.05), fit_of(effects).b(0.05), rtol=1e-12)


def test_errors_that_cannot_be_are_taken_as_independent() -> None:
    effects = drawn(8, seed=11, arms=2)
    alone = replace(effects, pairs=effects.pairs[:0], shared=effects.shared[:0])
    impossible = replace(effects, shared=5.0 * effects.shared)
    np.testing.assert_allclose(fit_of(impossible).b(0.05), fit_of(alone).b(0.05), rtol=1e-12)
    beyond = effects.covariances * np.array([[1.0, 9.0], [9.0, 1.0]])
    apart = replace(alone, covariances=effects.covariances * np.eye(2))
    np.testing.assert_allclose(
        fit_of(replace(alone, covariances=beyond)).b(0.05), fit_of(apart).b(0.05), rtol=1e-12
    )


def test_a_mixture_of_one_normal_is_that_normal() -> None:
    found = Mixture(np.array([1.0]), np.array([2.0]), np.array([3.0]))
    np.testing.assert_allclose(found.bounds(0.05), stats.norm(2.0, 3.0).ppf([0.5, 0.025, 0.975]), rtol=1e-9)
    assert found.below(3.0) == pytest.approx(stats.norm(2.0, 3.0).cdf(3.0), rel=1e-12)


def test_intervals_hold_what_they_say_with_a_dozen_unequal_experiments() -> None:
    rng = np.random.default_rng(12)
    rounds, held = 30, np.zeros(3)
    for _ in range(rounds):
        fit = fit_of(drawn(12, seed=int(rng.integers(1 << 30))))
        gain = 0.015 + 0.02 * rng.standard_normal()
        lift = 0.5 * gain + 0.004 * rng.standard_normal()
        for at, (low, high, true) in enumerate(
            [(*fit.a(0.05)[1:], 0.0), (*fit.b(0.05)[1:], 0.5), (*fit.lift(gain).bounds(0.05)[1:], lift)]
        ):
            held[at] += low <= true <= high
    assert np.all(held >= stats.binom(rounds, 0.95).ppf(1e-3))


@pytest.mark.parametrize("together", [0.9, 0.999, 1.0 - 1e-12, -0.999])
def test_errors_that_go_together_almost_perfectly_leave_the_slope_its_interval(together: float) -> None:
    rng = np.random.default_rng(8)
    n = 12
    gain, size = rng.normal(0.2, 1.0, n), 0.3 * np.exp(rng.normal(0.0, 1.0, n))
    errors = rng.multivariate_normal([0.0, 0.0], [[1.0, together], [together, 1.0]], n) * size[:, None]
    values = np.stack([gain, 0.1 + gain + rng.normal(0.0, 0.3, n)], axis=1) + errors
    covariances = np.array([[1.0, together], [together, 1.0]]) * size[:, None, None] ** 2
    none = np.zeros((0, 2), dtype=np.intp)
    effects = Effects(
        values=values,
        covariances=covariances,
        experiment=np.arange(n),
        pairs=none,
        shared=np.zeros((0, 2, 2)),
    )
    fit = fit_transfer(effects)
    assert fit is not None
    # All slopes by their weight, over a fine grid of spreads and angles of lifts less gains times the lean.
    lean = together
    turn = np.array([[1.0, 0.0], [-lean, 1.0]])
    leaned = replace(
        effects,
        values=values @ turn.T,
        covariances=turn @ covariances @ turn.T + np.diag([0.0, 1e-8]),
    )
    u = (np.arange(40) + 0.5) / 40
    angles = np.linspace(-np.pi / 2, np.pi / 2, 81)[:-1] + np.pi / 160
    s_x, s_z, angle = (each.ravel() for each in np.meshgrid(u / (1 - u), u / (1 - u), angles))
    cross = s_x * s_z * np.sin(angle)
    truth = np.stack([np.stack([s_x**2, cross], -1), np.stack([cross, s_z**2], -1)], -2)
    logs = fitted(sums_over(leaned, Candidates(truth, np.zeros(s_x.size)))).log_likelihood
    own = np.sqrt(s_z**2 + 2 * lean * cross + (lean * s_x) ** 2)
    weight = np.exp(logs - logs.max()) * ((1 + s_x) * (1 + s_z)) ** 2 * s_z / own
    slope = s_z * np.sin(angle) / s_x + lean
    order = np.argsort(slope)
    chance = np.cumsum(weight[order]) / weight.sum()
    ends = [slope[order][np.searchsorted(chance, p)] for p in (0.5, 0.025, 0.975)]
    assert [float(end) for end in fit.b(0.05)] == pytest.approx(ends, abs=0.06)
    assert float(fit.weight @ fit.slope) == pytest.approx(float(weight @ slope / weight.sum()), abs=0.03)
