"""The covariance of true effects and its intervals, against sums written out, simulated worlds and least squares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from abgap.records.moments import FloatArray
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.sampling import design_effect, traces
from abgap.stats.portfolio.signal_intervals import Signal
from abgap.stats.portfolio.total_covariance import arm_weights, total_covariance

OF = np.array([0, 0, 0, 1, 2, 2, 3, 4, 5, 6])


def effects(p: int = 2, *, seed: int = 4, noise: float = 0.5) -> Effects:
    """Ten arms of seven experiments, errors correlated within arms and between arms of an experiment."""
    rng = np.random.default_rng(seed)
    k = len(OF)
    root = rng.normal(size=(k * p, k * p))
    whole = (noise**2 * (root @ root.T) / (k * p)).reshape(k, p, k, p)
    whole = np.where((OF[:, None] == OF)[:, None, :, None], whole, 0.0)
    first, second = (np.array(x) for x in zip(*[(0, 1), (0, 2), (1, 2), (4, 5)], strict=True))
    values = rng.normal(size=(k, p)) @ np.linalg.cholesky(0.6 * np.ones((p, p)) + 0.4 * np.eye(p)).T
    at = np.arange(k)
    return Effects(
        values=values + 3.0,
        covariances=whole[at, :, at, :],
        experiment=OF,
        pairs=np.stack([first, second], -1),
        shared=whole[first, :, second, :],
    )


def blocks(given: Effects) -> FloatArray:
    """V_ab of all arms, (p, p, K, K)."""
    k, p = given.values.shape
    return given.dense().reshape(k, p, k, p).transpose(1, 3, 0, 2)


def of_single_arms(values: FloatArray, covariances: FloatArray) -> Effects:
    k = len(values)
    return Effects(
        values=values,
        covariances=covariances,
        experiment=np.arange(k),
        pairs=np.zeros((0, 2), dtype=np.intp),
        shared=np.zeros((0, 2, 2)),
    )


@pytest.mark.parametrize("p", [2, 3])
def test_the_three_covariances_are_the_sums_of_the_formula(p: int) -> None:
    given = effects(p)
    found = total_covariance(given)
    w, v = found.weights, blocks(given)
    off = given.values - np.average(given.values, axis=0, weights=w)
    s = np.sum([w[k] * np.outer(off[k], off[k]) for k in range(len(w))], axis=0)
    n = np.sum([w[k] * v[:, :, k, k] for k in range(len(w))], axis=0)
    n = n - np.sum([w[k] * w[i] * v[:, :, k, i] for k, i in np.ndindex(len(w), len(w))], axis=0)
    kept = 1 - sum(w**2)
    assert w.sum() == pytest.approx(1.0)
    assert found.observed == pytest.approx(s / kept, rel=1e-12)
    assert found.noise == pytest.approx(n / kept, rel=1e-12)
    assert found.signal == pytest.approx((s - n) / kept, rel=1e-12)
    assert found.smallest_eigenvalue == pytest.approx(np.linalg.eigvalsh((s - n) / kept).min())
    assert found.experiments == 7


def test_with_equal_weights_and_exact_effects_it_is_the_covariance_of_the_sample() -> None:
    given = effects(noise=0.0)
    found = total_covariance(given)
    assert found.signal == pytest.approx(np.cov(given.values.T), rel=1e-12)
    assert found.reliability == pytest.approx(1.0)
    assert found.observed_correlation == pytest.approx(stats.pearsonr(*given.values.T).statistic, rel=1e-12)


def test_weights_come_from_errors_alone_and_no_experiment_has_more_than_twice_a_usual_one() -> None:
    variance = np.array([1e-12, 0.01, 1.0, 1.0, 1.0, 100.0, 1e6])
    covariances = np.stack([np.diag([v, 3 * v]) for v in variance])
    weights = arm_weights(of_single_arms(np.zeros((7, 2)), covariances))
    assert weights / weights[3] == pytest.approx(2.0 / (1.0 + variance), rel=1e-9)
    unknown = covariances.copy()
    unknown[:, 0, :] = unknown[:, :, 0] = np.nan
    assert arm_weights(of_single_arms(np.zeros((7, 2)), unknown)) == pytest.approx(weights)
    unknown[:] = np.nan
    assert arm_weights(of_single_arms(np.zeros((7, 2)), unknown)) == pytest.approx(1 / 7)


def test_what_is_not_known_of_errors_leaves_the_rest_known() -> None:
    given = effects()
    covariances = given.covariances.copy()
    covariances[3, 0, :] = covariances[3, :, 0] = np.nan
    found = total_covariance(
        Effects(
            values=given.values,
            covariances=covariances,
            experiment=OF,
            pairs=given.pairs,
            shared=given.shared,
        )
    )
    assert np.isfinite(found.observed).all()
    assert np.isnan(found.signal[0]).all()
    assert np.isfinite(found.signal[1, 1])
    assert np.isnan(found.smallest_eigenvalue)


@pytest.mark.parametrize("p", [1, 2, 3])
def test_traces_are_those_of_matrices_of_all_arms(p: int) -> None:
    given = effects(p)
    w = arm_weights(given)
    found, v = traces(given, w), blocks(given)
    m = np.diag(w) - np.outer(w, w)
    assert found.none == pytest.approx(np.trace(m @ m), rel=1e-12)
    for a, b in np.ndindex(p, p):
        assert found.one[a, b] == pytest.approx(np.trace(m @ v[a, b] @ m), rel=1e-12)
        for c, d in np.ndindex(p, p):
            assert found.two[a, b, c, d] == pytest.approx(
                np.trace(m @ v[a, b] @ m @ v[c, d]), rel=1e-9, abs=1e-15
            )


def test_quadratic_forms_vary_as_simulated_ones_do() -> None:
    given, signal = effects(), np.array([[1.0, 0.4], [0.4, 0.8]])
    found, w = traces(given, arm_weights(given)), arm_weights(given)
    whole = given.dense() + np.kron(np.eye(len(OF)), signal)
    drawn = np.random.default_rng(8).multivariate_normal(np.zeros(20), whole, size=40_000).reshape(-1, 10, 2)
    off = drawn - np.einsum("k,rka->ra", w, drawn)[:, None]
    s = np.einsum("k,rka,rkb->rab", w, off, off)
    measured = np.cov(s.reshape(-1, 4).T).reshape(2, 2, 2, 2)
    assert found.covariance(signal) == pytest.approx(measured, rel=0.03, abs=0.004)
    form = np.array([[-0.4, 0.5], [0.5, 0.1]])
    assert found.variance(form, signal) == pytest.approx(np.var(np.einsum("ab,rab->r", form, s)), rel=0.05)


def test_experiments_of_one_arm_have_no_design_effect_and_twins_double_the_variance() -> None:
    rng = np.random.default_rng(2)
    values, errors = rng.normal(size=(8, 2)), np.zeros((8, 2, 2))
    single = of_single_arms(values, errors)
    form, signal = np.array([[0.0, 0.5], [0.5, 0.0]]), np.eye(2)
    assert design_effect(single, total_covariance(single), form, signal) == 1.0
    twins = Effects(
        values=np.repeat(values, 2, axis=0), covariances=np.zeros((16, 2, 2)), experiment=np.repeat(np.arange(8), 2),
        pairs=single.pairs, shared=single.shared,
    )  # fmt: skip
    assert design_effect(twins, total_covariance(twins), form, signal) == pytest.approx(2.0)


def test_with_exact_effects_the_interval_of_the_slope_is_that_of_least_squares() -> None:
    given = of_single_arms(effects().values, np.zeros((10, 2, 2)))
    found = Signal.of(given, 0.05).slope()
    assert found is not None
    line = stats.linregress(*given.values.T)
    reach = stats.t.ppf(0.975, 8) * line.stderr
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (line.slope, line.slope - reach, line.slope + reach), rel=1e-9
    )


def test_the_interval_of_the_slope_is_what_its_test_does_not_reject() -> None:
    signal = Signal.of(effects(noise=0.2), 0.05)
    found = signal.slope()
    assert found is not None
    (xx, xy), (_, yy) = signal.total.signal
    own = np.array([[-found.estimate, 0.5], [0.5, 0.0]])
    wide = design_effect(signal.effects, signal.total, own, signal.total.signal)
    t2 = stats.t.ppf(0.975, 5) ** 2
    critical = 6 * t2 / (t2 + 5) * wide
    w, v = signal.total.weights, blocks(signal.effects)
    m, eye = np.diag(w) - np.outer(w, w), np.eye(10)
    for end in (found.low, found.high):
        turn = np.array([[1.0, 0.0], [-end, 1.0]])
        z = np.einsum("ap,pqki,bq->abki", turn, v, turn)
        true_z = yy - 2 * end * xy + end**2 * xx
        variance = np.trace(m @ (xx * eye + z[0, 0]) @ m @ (true_z * eye + z[1, 1]))
        variance += np.trace(m @ z[0, 1] @ m @ z[0, 1])
        assert ((xy - end * xx) * signal.total.kept) ** 2 / variance == pytest.approx(critical, rel=1e-9)


def test_the_interval_of_the_correlation_is_what_its_test_does_not_reject() -> None:
    signal = Signal.of(effects(noise=0.2), 0.1)
    found = signal.correlation()
    assert found is not None
    (xx, xy), (_, yy) = signal.total.signal
    scale, ratio, r = np.sqrt(xx * yy), np.sqrt(yy / xx), found.estimate
    assert r == pytest.approx(xy / scale)
    own = np.array([[-r * ratio / 2, 0.5], [0.5, -r / ratio / 2]])
    wide = design_effect(signal.effects, signal.total, own, signal.total.signal)
    ends = [end for end in (found.low, found.high) if abs(end) < 1]
    assert ends
    for end in ends:
        form = np.array([[-end * ratio / 2, 0.5], [0.5, -end / ratio / 2]])
        variance = signal.traces.variance(form, np.array([[xx, end * scale], [end * scale, yy]]))
        statistic = (xy - end * scale) * signal.total.kept / np.sqrt(variance * wide)
        assert abs(statistic) == pytest.approx(stats.norm.ppf(0.95), rel=1e-6)


def test_the_interval_of_a_reliability_is_what_chi_square_does_not_reject() -> None:
    errors = np.tile(np.diag([0.2, 0.2]), (10, 1, 1))
    signal = Signal.of(of_single_arms(effects().values, errors), 0.05)
    found = signal.reliability(0)
    observed = float(np.var(signal.effects.values[:, 0], ddof=1))
    # With equal errors S is an exact chi-square of nine degrees of freedom.
    low, high = (1 - 0.2 * stats.chi2.ppf(p, 9) / 9 / observed for p in (0.975, 0.025))
    assert found.estimate == pytest.approx(1 - 0.2 / observed)
    assert (found.low, found.high) == pytest.approx((max(low, 0.0), max(high, 0.0)), rel=1e-9)


def test_without_signal_there_is_no_slope_and_no_correlation_and_no_reliability() -> None:
    values = effects().values
    signal = Signal.of(of_single_arms(values, np.tile(np.diag([50.0, 50.0]), (10, 1, 1))), 0.05)
    assert signal.slope() is None
    assert signal.correlation() is None
    found = signal.reliability(1)
    assert (found.estimate, found.low, found.high) == (0.0, 0.0, 0.0)
    barely = Signal.of(of_single_arms(values, np.tile(np.diag([0.5, 0.01]), (10, 1, 1))), 0.05)
    assert barely.total.signal[0, 0] > 0
    assert barely.slope() is None, "gains that may all be the same go with any slope"


def test_nothing_changes_with_units_of_the_axes() -> None:
    given, units = effects(noise=0.2), np.array([1e-3, 40.0])
    scaled = Effects(
        values=given.values * units, covariances=given.covariances * np.outer(units, units), experiment=OF,
        pairs=given.pairs, shared=given.shared * np.outer(units, units),
    )  # fmt: skip
    one, other = Signal.of(given, 0.05), Signal.of(scaled, 0.05)
    for name, factor in (("slope", 4e4), ("correlation", 1.0)):
        before, after = getattr(one, name)(), getattr(other, name)()
        assert (after.estimate, after.low, after.high) == pytest.approx(
            tuple(factor * x for x in (before.estimate, before.low, before.high)), rel=1e-8
        )
    assert other.reliability(0).low == pytest.approx(one.reliability(0).low, rel=1e-9)
