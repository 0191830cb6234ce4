"""The change-point test: its false alarms, what it finds, and that its interval holds over all days."""

from __future__ import annotations

import numpy as np
import pytest

from abgap.stats.change_point import change_point


def correlated(rng: np.random.Generator, days: int) -> np.ndarray:
    """A covariance of days that go together."""
    shared = rng.normal(size=(days, days)) * 0.2
    found: np.ndarray = shared @ shared.T + np.diag(rng.uniform(0.5, 2.0, days))
    return found


def test_without_a_change_at_most_one_in_twenty_alarms() -> None:
    rng, alarms, covered, runs = np.random.default_rng(11), 0, 0, 400
    for _ in range(runs):
        covariance = correlated(rng, 10)
        values = rng.multivariate_normal(np.zeros(10), covariance)
        found = change_point(values, covariance, rng.uniform(1.0, 3.0, 10), alpha=0.05, seed=5)
        assert found is not None
        alarms += found.p_value < 0.05
        covered += found.low <= 0.0 <= found.high
    assert alarms / runs <= 0.05 + 3.0 * (0.05 * 0.95 / runs) ** 0.5
    assert covered / runs >= 0.95 - 3.0 * (0.05 * 0.95 / runs) ** 0.5


def test_a_clear_change_is_found_on_its_day() -> None:
    rng, found_at, runs = np.random.default_rng(12), [], 60
    for _ in range(runs):
        values = rng.normal(size=14) * 0.01 + np.where(np.arange(14) >= 6, 0.70, 0.75)
        found = change_point(values, np.eye(14) * 1e-4, np.ones(14), alpha=0.05, seed=5)
        assert found is not None
        found_at.append((found.place, found.p_value < 0.05, found.low <= -0.05 <= found.high))
    places, alarms, covers = map(np.array, zip(*found_at, strict=True))
    assert alarms.mean() >= 0.9
    assert (places == 6).mean() >= 0.9
    assert covers.mean() >= 0.9


def test_values_before_and_after_are_weighted_means() -> None:
    values, weights = np.array([1.0, 3.0, 10.0, 20.0]), np.array([3.0, 1.0, 1.0, 3.0])
    found = change_point(values, np.eye(4), weights, alpha=0.05, seed=1)
    assert found is not None
    assert (found.place, found.before, found.after) == (2, 1.5, 17.5)
    assert found.change == pytest.approx(16.0)
    error = ((3 / 4) ** 2 + (1 / 4) ** 2) * 2
    assert found.statistic == pytest.approx(16.0 / error**0.5)


def test_too_few_days_are_not_tested() -> None:
    assert change_point(np.zeros(3), np.eye(3), np.ones(3), alpha=0.05, seed=1) is None
    assert change_point(np.zeros(5), np.zeros((5, 5)), np.ones(5), alpha=0.05, seed=1) is None
