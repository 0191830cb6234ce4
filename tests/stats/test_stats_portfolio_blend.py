from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import nnls

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.blend import fit_blend, nonnegative_weights, scored, scored_by_others, usual_errors
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.signal_intervals import Signal
from abgap.stats.portfolio.total_covariance import total_covariance

RHO = np.array([0.8, 0.5, 0.0])


def drawn(
    rng: np.random.Generator, experiments: int, *, arms: int = 1, rho: FloatArray = RHO, noise: float = 0.6
) -> Effects:
    """Predictors with a correlation of .3 among themselves, rho with the lift; unequal sizes, shared controls."""
    p = len(rho) + 1
    signal = np.full((p, p), 0.3) + 0.7 * np.eye(p)
    signal[-1, :-1] = signal[:-1, -1] = rho
    experiment = np.repeat(np.arange(experiments), arms)
    k = len(experiment)
    sizes = noise * np.exp(rng.uniform(-1.2, 1.2, experiments))[experiment]
    covariances = sizes[:, None, None] ** 2 * (0.8 * np.eye(p) + 0.2)
    root = np.linalg.cholesky(0.8 * np.eye(p) + 0.2)
    control, own = rng.normal(size=(experiments, p)), rng.normal(size=(k, p))
    errors = sizes[:, None] * (control[experiment] + own) @ root.T / np.sqrt(2.0)
    pairs = np.array([(i, j) for i in range(k) for j in range(i + 1, k) if experiment[i] == experiment[j]])
    pairs = pairs.reshape(-1, 2).astype(np.intp)
    return Effects(
        values=rng.normal(size=(k, p)) @ np.linalg.cholesky(signal).T + errors,
        covariances=covariances,
        experiment=experiment,
        pairs=pairs,
        shared=covariances[pairs[:, 0]] / 2.0,
    )


@pytest.mark.parametrize("p", [1, 3, 8, 20])
def test_non_negative_weights_are_those_of_scipy(p: int) -> None:
    rng = np.random.default_rng(p)
    for _ in range(20):
        a, y = rng.normal(size=(30, p)), rng.normal(size=30)
        np.testing.assert_allclose(nonnegative_weights(a.T @ a, a.T @ y), nnls(a, y)[0], atol=1e-10)


def test_predictors_that_say_the_same_share_the_weight_and_none_is_negative() -> None:
    gram = np.ones((2, 2))
    found = nonnegative_weights(gram, np.array([0.5, 0.5]))
    assert found.min() >= 0.0
    np.testing.assert_allclose(gram @ found, 0.5)
    assert nonnegative_weights(gram, np.array([-1.0, 0.0])).tolist() == [0.0, 0.0]


def test_a_blend_is_the_regression_on_predictors_as_a_usual_test_measures_them() -> None:
    effects = drawn(np.random.default_rng(1), 400)
    blend, signal = fit_blend(effects), total_covariance(effects).signal
    solved = np.linalg.solve(signal[:3, :3] + usual_errors(effects), signal[:3, 3])
    kept = solved > 0.0
    assert kept.tolist() == [True, True, False]
    both = np.ix_(kept, kept)
    within = np.linalg.solve((signal[:3, :3] + usual_errors(effects))[both], signal[:3, 3][kept])
    np.testing.assert_allclose(blend.own[kept] / blend.own[0], within / within[0], rtol=1e-9)
    relative = blend.own * np.sqrt(np.diagonal(signal)[:3])
    np.testing.assert_allclose(blend.relative, relative / relative.sum(), rtol=1e-12)
    assert blend.own @ (signal[:3, :3] + usual_errors(effects)) @ blend.own == pytest.approx(1.0)


def test_no_other_weights_have_a_higher_quality() -> None:
    rng = np.random.default_rng(2)
    effects = drawn(rng, 60)
    signal, usual = total_covariance(effects).signal, usual_errors(effects)

    def quality(w: FloatArray) -> float:
        return float(w @ signal[:3, 3] / np.sqrt(w @ (signal[:3, :3] + usual) @ w))

    best = quality(fit_blend(effects).own)
    assert all(quality(w) <= best + 1e-12 for w in rng.exponential(size=(500, 3)))


def test_errors_of_a_score_are_those_of_its_parts_between_arms_as_well() -> None:
    rng = np.random.default_rng(3)
    effects = drawn(rng, 6, arms=3)
    weights = rng.exponential(size=(18, 3))
    turn = np.zeros((36, 72))
    for k in range(18):
        turn[2 * k, 4 * k : 4 * k + 3], turn[2 * k + 1, 4 * k + 3] = weights[k], 1.0
    found = scored(effects, weights)
    np.testing.assert_allclose(found.dense(), turn @ effects.dense() @ turn.T, atol=1e-14)
    np.testing.assert_allclose(found.values.ravel(), turn @ effects.values.ravel(), atol=1e-14)


@pytest.mark.parametrize("experiments", [12, 45])
def test_no_experiment_has_a_part_in_the_weights_by_which_it_is_scored(experiments: int) -> None:
    effects = drawn(np.random.default_rng(4), experiments, arms=2)
    own = effects.experiment == 5
    changed = Effects(
        values=np.where(own[:, None], effects.values + np.array([0.0, 0.0, 0.0, 50.0]), effects.values),
        covariances=effects.covariances,
        experiment=effects.experiment,
        pairs=effects.pairs,
        shared=effects.shared,
    )
    before, after = (scored_by_others(each).values[:, 0] for each in (effects, changed))
    np.testing.assert_array_equal(before[own], after[own])
    assert not np.allclose(before[~own], after[~own])


def test_quality_is_the_correlation_where_a_test_has_no_errors_and_less_where_it_has() -> None:
    signal = Signal.of(drawn(np.random.default_rng(5), 60, rho=np.array([0.6])), 0.05)
    exact, usual = signal.quality(0.0), signal.quality(1.5)
    assert exact == signal.correlation()
    (xx, xy), (_, yy) = signal.total.signal
    assert usual.estimate == pytest.approx(xy / np.sqrt((xx + 1.5) * yy), rel=1e-12)
    assert abs(usual.estimate) < abs(exact.estimate)


def test_a_correlation_beyond_one_counts_as_one_in_the_quality() -> None:
    effects = drawn(np.random.default_rng(6), 30, rho=np.array([0.99]), noise=0.01)
    values = np.stack([effects.values[:, 0], 2.0 * effects.values[:, 0]], axis=-1)
    same = Effects(
        values=values,
        covariances=np.tile(np.diag([0.0, 0.5]), (30, 1, 1)),
        experiment=effects.experiment,
        pairs=effects.pairs,
        shared=effects.shared,
    )
    signal = Signal.of(same, 0.05)
    assert signal.correlation() is None
    xx = float(signal.total.signal[0, 0])
    found = signal.quality(0.4)
    assert found.estimate == pytest.approx(np.sqrt(xx / (xx + 0.4)), rel=1e-12)
    assert found.low < found.estimate <= found.high <= 1.0


@pytest.mark.parametrize(("rho", "arms"), [(0.0, 1), (0.6, 3), (0.95, 1)])
def test_intervals_of_quality_cover_for_a_dozen_unequal_experiments(rho: float, arms: int) -> None:
    rng, held, counted = np.random.default_rng(7), 0, 0
    for _ in range(300):
        effects = drawn(rng, 12, arms=arms, rho=np.array([rho]), noise=0.4)
        signal = Signal.of(effects, 0.05)
        if (signal.total.reliability < 0.2).any():
            continue
        usual = float(np.median(effects.covariances[:, 0, 0]))
        found = signal.quality(usual)
        held += found.low <= rho / np.sqrt(1.0 + usual) <= found.high
        counted += 1
    assert counted > 250
    assert abs(held / counted - 0.95) < 0.04


def test_a_blend_looks_best_where_it_was_fitted_and_covers_where_it_was_not() -> None:
    rng, held, flattered, rows = np.random.default_rng(8), 0, 0.0, 50
    for _ in range(rows):
        effects = drawn(rng, 16, noise=0.3)
        blend = fit_blend(effects)
        fitted = Signal.of(scored(effects, np.tile(blend.own, (16, 1))), 0.05)
        usual = float(np.median(fitted.effects.covariances[:, 0, 0]))
        unseen = Signal.of(scored_by_others(effects), 0.05)
        seen, found = fitted.quality(usual), unseen.quality(usual)
        signal = np.full((3, 3), 0.3) + 0.7 * np.eye(3)
        truth = blend.own @ RHO / np.sqrt(blend.own @ signal @ blend.own + usual)
        held += found.low <= truth <= found.high
        flattered += (seen.estimate - truth) / rows
    assert held >= 43
    assert flattered > 0.02
