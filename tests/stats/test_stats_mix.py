"""Two mixes: the index against statements by hand, its level by simulation, and the interval of a re-weighted mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from abgap.records.moments import FloatArray
from abgap.stats.mix import reweighted, stability, worth
from abgap.stats.tails import t_quantile


def floats(column: pd.Series[Any]) -> FloatArray:
    return np.asarray(column, dtype=np.float64)


def test_the_index_is_the_symmetric_divergence_and_its_p_is_that_of_chi_square() -> None:
    first, second = np.array([600.0, 300.0, 100.0]), np.array([900.0, 800.0, 300.0])
    p, q = first / 1000, second / 2000
    found = stability(first, second)
    index = stats.entropy(p, q) + stats.entropy(q, p)
    assert found.psi == pytest.approx(index, rel=1e-12)
    assert found.p_value == pytest.approx(stats.chi2.sf(index / (1 / 1000 + 1 / 2000), 2), rel=1e-9)
    # Near each other it is the chi-square of two samples.
    near = np.array([610.0, 290.0, 100.0])
    assert stability(near, second * [1.33, 0.74, 0.66]).statistic == pytest.approx(
        stats.chi2_contingency(np.array([near, second * [1.33, 0.74, 0.66]]), correction=False).statistic,
        rel=0.02,
    )


def test_a_category_of_one_mix_alone_counts_half_an_example_in_the_other() -> None:
    found = stability(np.array([100.0, 0.0, 0.0]), np.array([80.0, 20.0, 0.0]))
    by_hand = stability(np.array([100.0, 0.5]), np.array([80.0, 20.0]))
    assert found == by_hand
    assert found.df == 1.0
    assert np.isnan(stability(np.array([5.0]), np.array([7.0])).p_value)


def test_what_weighted_examples_are_worth_is_that_of_their_weights() -> None:
    share, other = np.array([0.9, 0.1]), np.array([0.4, 0.6])
    weights = np.repeat(other / share, (share * 1000).astype(int))
    assert worth(share, other) == pytest.approx(weights.sum() ** 2 / np.sum(weights**2) / 1000, rel=1e-12)
    assert worth(share, share) == pytest.approx(1.0)
    assert worth(np.array([1.0, 0.0]), other) == 0.0


def test_the_difference_is_that_of_the_mean_and_the_weighted_mean_of_examples() -> None:
    random = np.random.default_rng(5)
    group = random.integers(0, 3, 500)
    value = random.normal(group, 1.0 + group)
    other = np.array([0.2, 0.3, 0.5])
    by = pd.Series(value).groupby(group)
    counts = floats(by.size())
    found = reweighted(floats(by.mean()), floats(by.var()), counts, other, size=np.inf)
    weight = (other / (counts / 500))[group]
    assert found.difference == pytest.approx(value.mean() - np.average(value, weights=weight), rel=1e-9)
    of_means = np.sum((counts / 500 - other) ** 2 * by.var().to_numpy() / counts)
    assert found.standard_error == pytest.approx(np.sqrt(of_means), rel=1e-9)
    sampled = reweighted(floats(by.mean()), floats(by.var()), counts, other, size=300.0)
    spread = np.average((by.mean() - np.average(by.mean(), weights=other)) ** 2, weights=other)
    assert sampled.standard_error == pytest.approx(np.sqrt(of_means + spread / 300), rel=1e-9)


def test_samples_of_one_population_are_called_different_in_one_of_twenty() -> None:
    random = np.random.default_rng(20260101)
    share = np.array([0.5, 0.3, 0.15, 0.05])
    first, second = random.multinomial(800, share, 4000), random.multinomial(3000, share, 4000)
    found = [
        stability(a.astype(float), b.astype(float)).p_value < 0.05 for a, b in zip(first, second, strict=True)
    ]
    assert np.mean(found) == pytest.approx(0.05, abs=0.011)


@pytest.mark.parametrize(("live", "detected"), [([0.3, 0.3, 0.4], 0.9), ([0.7, 0.2, 0.1], 0.0)])
def test_the_interval_of_a_reweighted_gain_covers_the_truth(live: list[float], detected: float) -> None:
    """Test set and live traffic drawn anew; gains of .06, .04 and -.02 with a standard deviation of .15 per query."""
    random = np.random.default_rng(7)
    test, gains = np.array([0.7, 0.2, 0.1]), np.array([0.06, 0.04, -0.02])
    covered, above = [], []
    for _ in range(1500):
        shares, *found = _drawn(random, test, np.array(live), gains)
        truth = float(np.sum((shares - np.array(live)) * gains))
        covered.append(found[0] <= truth <= found[1])
        above.append(found[0] > 0.0)
    assert np.mean(covered) == pytest.approx(0.95, abs=3 * (0.05 * 0.95 / 1500) ** 0.5 + 0.004)
    assert np.mean(above) >= detected


def _drawn(
    random: np.random.Generator, test: FloatArray, live: FloatArray, gains: FloatArray
) -> tuple[FloatArray, float, float]:
    """Shares of a test set, and the interval of what its gain loses in live traffic."""
    group = random.choice(3, 2000, p=test)
    by = pd.Series(random.normal(gains[group], 0.15)).groupby(group)
    shares = random.multinomial(4000, live) / 4000
    found = reweighted(floats(by.mean()), floats(by.var()), floats(by.size()), shares, size=4000.0)
    reach = float(t_quantile(0.975, found.df)) * found.standard_error
    return floats(by.size()) / 2000, found.difference - reach, found.difference + reach
