"""Trust over time: recursive residuals against refitted lines, sums by the recursion, false alarms by simulation."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm

from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.trust_over_time import (
    ALLOWANCE,
    FALSE_ALARMS,
    experiment_means,
    over_time,
    threshold_for,
)

Values: TypeAlias = npt.NDArray[np.float64]


def made(gain: Values, lift: Values, gain_error: Values, lift_error: Values) -> Effects:
    k = len(gain)
    covariances = np.zeros((k, 2, 2))
    covariances[:, 0, 0], covariances[:, 1, 1] = gain_error**2, lift_error**2
    return Effects(
        values=np.stack([gain, lift], axis=1),
        covariances=covariances,
        experiment=np.arange(k),
        pairs=np.zeros((0, 2), dtype=np.intp),
        shared=np.zeros((0, 2, 2)),
    )


def drawn(k: int, seed: int, fall: float = 0.0) -> Effects:
    """Half a lift for each gain; from the middle on ``fall`` less."""
    rng = np.random.default_rng(seed)
    gain_error, lift_error = (np.exp(rng.uniform(np.log(0.003), np.log(0.03), k)) for _ in range(2))
    gain = 0.02 + 0.02 * rng.normal(size=k)
    lift = 0.5 * gain + 0.005 * rng.normal(size=k) + lift_error * rng.normal(size=k)
    lift = lift - fall * (np.arange(k) > k // 2)
    return made(gain + gain_error * rng.normal(size=k), lift, gain_error, lift_error)


def test_residuals_are_those_of_a_line_through_all_experiments_before() -> None:
    # Exact gains, and lifts that scatter by less than their errors: weights are known.
    rng = np.random.default_rng(5)
    gain, error = rng.normal(size=15), rng.uniform(1.0, 3.0, 15)
    lift = 0.3 + 0.4 * gain + 0.3 * error * rng.normal(size=15)
    rows = over_time(made(gain, lift, np.full(15, np.nan), error), range(15))
    assert rows is not None
    for at in range(4, 15):
        fit = sm.WLS(lift[:at], sm.add_constant(gain[:at]), weights=error[:at] ** -2.0).fit()
        x = np.array([1.0, gain[at]])
        spread = error[at] ** 2 + x @ fit.normalized_cov_params @ x
        assert rows.residual[at] == pytest.approx((lift[at] - x @ fit.params) / spread**0.5, rel=1e-9)
    assert np.isnan(rows.residual[:4]).all()


def test_sums_grow_by_what_exceeds_the_allowance_and_begin_anew_below_zero() -> None:
    rows = over_time(drawn(30, 2), range(30))
    assert rows is not None
    up = down = 0.0
    for at in range(4, 30):
        up = max(0.0, up + rows.residual[at] - ALLOWANCE)
        down = max(0.0, down - rows.residual[at] - ALLOWANCE)
        assert rows.up[at] == pytest.approx(up, abs=1e-9)
        assert rows.down[at] == pytest.approx(down, abs=1e-9)


def test_the_order_is_that_of_starts() -> None:
    effects = drawn(12, 4)
    backwards = over_time(effects, range(11, -1, -1))
    rows = over_time(effects, range(12))
    assert rows is not None
    assert backwards is not None
    assert not np.allclose(rows.residual[4:], backwards.residual[4:])


def test_a_lasting_fall_is_warned_of_and_nothing_else_is() -> None:
    warned = [over_time(drawn(60, seed, fall=0.02), range(60)) for seed in range(8)]
    assert sum(rows is not None and bool(rows.warning.any()) for rows in warned) >= 7
    calm = [over_time(drawn(25, 100 + seed), range(25)) for seed in range(40)]
    alarms = sum(rows is not None and bool(rows.warning.any()) for rows in calm)
    assert alarms / 40 <= FALSE_ALARMS + 3.0 * (FALSE_ALARMS * (1.0 - FALSE_ALARMS) / 40) ** 0.5


@pytest.mark.parametrize("experiments", [20, 100])
def test_the_threshold_is_crossed_by_chance_as_seldom_as_promised(experiments: int) -> None:
    normal = np.random.default_rng(8).normal(size=(4000, experiments))
    limit = threshold_for(experiments)
    up, down, crossed = np.zeros(4000), np.zeros(4000), np.zeros(4000, dtype=bool)
    for at in range(experiments):
        up = np.maximum(0.0, up + normal[:, at] - ALLOWANCE)
        down = np.maximum(0.0, down - normal[:, at] - ALLOWANCE)
        crossed |= np.maximum(up, down) > limit
    # A series that begins at zero has a calm start: the rate is met from below.
    assert 0.5 * FALSE_ALARMS < crossed.mean() < FALSE_ALARMS + 0.01


def test_arms_of_an_experiment_are_averaged_with_what_their_errors_share() -> None:
    effects = Effects(
        values=np.array([[1.0, 2.0], [3.0, 6.0], [5.0, 5.0]]),
        covariances=np.array([np.diag([1.0, 4.0]), np.diag([3.0, 2.0]), np.eye(2)]),
        experiment=np.array([0, 0, 4]),
        pairs=np.array([[0, 1]]),
        shared=np.array([[[0.5, 0.1], [0.2, 1.0]]]),
    )
    means = experiment_means(effects)
    assert means.experiment.tolist() == [0, 4]
    np.testing.assert_allclose(means.values, [[2.0, 4.0], [5.0, 5.0]])
    np.testing.assert_allclose(means.covariances[0], np.array([[5.0, 0.3], [0.3, 8.0]]) / 4.0)


def test_gains_that_differ_by_no_more_than_their_errors_hold_nothing() -> None:
    gain = np.linspace(0.01, 0.011, 8)
    assert over_time(made(gain, gain, np.full(8, 1.0), np.full(8, 0.1)), range(8)) is None
    assert over_time(drawn(4, 1), range(4)) is None
