"""Two models on the same requests: intervals that hold the truth, and the formulas beside plain ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from abgap.stats.paired_latency import (
    error_difference,
    indicator_correlation,
    quantile_places,
    quantile_spread,
    relative_increase,
)

Values = npt.NDArray[np.float64]


def quantile_of(values: Values, fraction: float) -> tuple[float, float]:
    """The quantile and its standard error, out of sorted values."""
    places = quantile_places(len(values), fraction)
    at = [place for place in (places.at, places.low, places.high) if np.isfinite(place.low)]
    found = [float(p.value(*(np.asarray(values[int(rank) - 1]) for rank in (p.low, p.high)))) for p in at]
    value, low, high = (*found, np.nan, np.nan)[:3]
    return value, quantile_spread(places, value, low, high)


@pytest.mark.parametrize("fraction", [0.5, 0.95])
def test_intervals_of_the_increase_hold_the_truth_where_slow_requests_are_slow_for_both(
    fraction: float,
) -> None:
    rng = np.random.default_rng(19)
    runs, n, truth = 600, 800, 0.2
    shared = rng.normal(0.0, 0.35, (runs, n))
    candidate = 250.0 * (1.0 + truth) * np.exp(shared + rng.normal(0.0, 0.1, (runs, n)))
    production = 250.0 * np.exp(shared + rng.normal(0.0, 0.1, (runs, n)))
    held, widths, apart = 0, [], []
    for c, p in zip(candidate, production, strict=True):
        (c_at, c_error), (p_at, p_error) = (quantile_of(np.sort(x), fraction) for x in (c, p))
        assert c_at == pytest.approx(np.quantile(c, fraction), rel=1e-12)
        both = int(np.sum((c <= c_at) & (p <= p_at)))
        found = relative_increase(
            (c_at, c_error), (p_at, p_error), indicator_correlation(both, n, fraction), 0.05
        )
        held += bool(found.low <= truth <= found.high)
        widths.append(float(found.high - found.low))
        alone = relative_increase((c_at, c_error), (p_at, p_error), 0.0, 0.05)
        apart.append(float(alone.high - alone.low))
    noise = 3.0 * np.sqrt(0.95 * 0.05 / runs)
    # The spread of a high quantile is itself estimated from few values: a little wide does no harm.
    assert 0.95 - noise < held / runs < 0.95 + noise + 0.015
    assert np.mean(widths) < 0.8 * np.mean(apart), "pairs of requests are worth having"


def test_a_quantile_beyond_what_the_sample_reaches_has_no_spread() -> None:
    assert quantile_places(2_000, 0.95).ranks[-1] <= 2_000
    assert np.isnan(quantile_of(np.arange(40.0), 0.95)[1])


def test_indicators_that_are_the_same_are_fully_correlated_and_independent_ones_are_not() -> None:
    assert indicator_correlation(950, 1_000, 0.95) == pytest.approx(1.0)
    assert indicator_correlation(9_025, 10_000, 0.95) == pytest.approx(0.0, abs=1e-12)


def test_an_increase_is_the_delta_method_on_logarithms() -> None:
    found = relative_increase((3.0, 0.3), (2.0, 0.1), 0.5, 0.05)
    error = np.sqrt(0.1**2 + 0.05**2 - 0.1 * 0.05)
    ends = np.log(1.5) + np.array([-1.0, 0.0, 1.0]) * 1.959963984540054 * error
    assert [float(x) for x in (found.low, found.estimate, found.high)] == pytest.approx(
        np.expm1(ends), rel=1e-12
    )


def test_errors_on_the_same_requests_have_intervals_that_hold() -> None:
    rng = np.random.default_rng(4)
    runs, n = 4_000, 500
    # Shares of requests on which both, only the candidate, only production, and neither fails.
    cells = rng.multinomial(n, [0.01, 0.02, 0.005, 0.965], size=runs)
    held = sum(
        bool(found.low <= 0.015 <= found.high)
        for found in (error_difference(n, int(c), int(p), 0.05) for _, c, p, _ in cells)
    )
    assert held / runs == pytest.approx(0.955, abs=0.015)
    none = error_difference(100, 0, 0, 0.05)
    assert float(none.estimate) == 0.0
    assert float(none.low) < 0.0 < float(none.high), "no error in a hundred requests is not none for ever"
