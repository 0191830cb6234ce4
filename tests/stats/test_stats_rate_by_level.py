"""Lift per unit of gain by level: against statsmodels where gains are exact, else against the truth."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from abgap.stats.rate_by_level import RateByLevel, rate_by_level


def drawn(
    seed: int, *, count: int = 20, slope: float = -6.0, gain_error: float = 0.0, lift_error: float = 0.01
) -> dict[str, np.ndarray]:
    """Lifts of 2.5 per unit of gain at level .5, and less above."""
    random = np.random.default_rng(seed)
    level, true = random.uniform(0.5, 0.8, count), random.uniform(0.02, 0.06, count)
    errors = lift_error * random.uniform(0.5, 1.5, count)
    return {
        "gain": true + random.normal(0.0, gain_error, count) if gain_error else true,
        "gain_error": np.full(count, gain_error),
        "lift": true * (2.5 + slope * (level - 0.5)) + random.normal(0.0, errors),
        "lift_error": errors,
        "level": level,
    }


def found(columns: dict[str, np.ndarray], at: float = 0.75) -> RateByLevel:
    made = rate_by_level(**columns, at=at, alpha=0.05)
    assert made is not None
    return made


def test_exact_gains_are_weighted_least_squares() -> None:
    columns = drawn(1)
    design = np.column_stack([columns["gain"], columns["gain"] * (columns["level"] - 0.75)])
    oracle = sm.WLS(columns["lift"], design, weights=columns["lift_error"] ** -2.0).fit()
    made = found(columns)
    np.testing.assert_allclose([made.rate, made.slope], oracle.params, rtol=1e-9)
    np.testing.assert_allclose([made.rate_error, made.slope_error], oracle.bse, rtol=1e-9)
    assert made.p_value == pytest.approx(oracle.pvalues[1], rel=1e-9)
    low, high = oracle.conf_int()[0]
    assert made.critical * made.rate_error == pytest.approx((high - low) / 2.0, rel=1e-9)


@pytest.mark.parametrize("gain_error", [0.0, 0.01])
def test_intervals_cover_and_errors_of_gains_do_not_pull_the_rate_down(gain_error: float) -> None:
    rates, inside = [], []
    for seed in range(400):
        made = found(drawn(seed, gain_error=gain_error))
        rates.append(made.rate)
        inside.append(abs(made.rate - 1.0) <= made.critical * made.rate_error)
    assert np.mean(rates) == pytest.approx(1.0, abs=0.03)
    assert 0.92 <= np.mean(inside) <= 0.98


def test_what_is_too_little_is_refused() -> None:
    assert rate_by_level(**drawn(1, count=4), at=0.7, alpha=0.05) is None
    assert rate_by_level(**(drawn(1) | {"level": np.full(20, 0.6)}), at=0.7, alpha=0.05) is None
    assert rate_by_level(**(drawn(1) | {"lift_error": np.zeros(20)}), at=0.7, alpha=0.05) is None
    noise = drawn(1) | {"gain_error": np.full(20, 0.2)}
    assert rate_by_level(**noise, at=0.7, alpha=0.05) is None
