"""The bootstrap's test and intervals: they agree with one another, and keep their level."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from abgap.records import Reason
from abgap.records.moments import FloatArray
from abgap.stats.contrast import mean_contrast
from abgap.stats.draws import fewest_draws, poisson_bounds
from abgap.stats.moments import Univariate
from abgap.stats.resampling import BootstrapVerdict, Drawn, draws_below, percentile_bounds, smallest_p


def arm(values: FloatArray) -> Univariate:
    return Univariate(
        n=np.full(values.shape[:-1], float(values.shape[-1])),
        mean=values.mean(axis=-1),
        variance=values.var(axis=-1, ddof=1),
    )


def draws_of(values: FloatArray, rng: np.random.Generator, count: int) -> FloatArray:
    """Weighted means of each row in every draw."""
    weights = rng.poisson(1.0, (*values.shape, count)).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.einsum("rn,rnb->rb", values, weights) / weights.sum(axis=1))


def verdict(
    control: FloatArray, treatment: FloatArray, *, seed: int = 5, count: int = 400, alpha: float = 0.05
) -> BootstrapVerdict:
    rng = np.random.default_rng(seed)
    drawn = Drawn(control=draws_of(control, rng, count), treatment=draws_of(treatment, rng, count))
    return BootstrapVerdict(mean_contrast(arm(control), arm(treatment)), drawn, alpha)


def test_weights_are_those_of_a_poisson_distribution() -> None:
    scale = 2**31 - 1
    bounds = np.array(poisson_bounds(scale))
    expected = stats.poisson.cdf(np.arange(len(bounds)), 1.0)
    assert bounds / scale == pytest.approx(expected, abs=1e-9)
    assert len(bounds) in {12, 13}
    assert np.all(np.diff(bounds) > 0)


@pytest.mark.parametrize(("alpha", "draws"), [(0.05, 400), (0.01, 2000), (0.1, 200)])
def test_a_stricter_level_needs_more_draws(alpha: float, draws: int) -> None:
    assert fewest_draws(alpha) == draws


@settings(max_examples=30)
@given(
    shift=st.floats(-1.0, 1.0),
    n=st.integers(8, 60),
    alpha=st.sampled_from([0.05, 0.1, 0.2]),
    seed=st.integers(0, 50),
)
def test_p_and_both_intervals_never_contradict_each_other(
    shift: float, n: int, alpha: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    control, treatment = 5.0 + rng.normal(size=(1, n)), 5.0 + shift + rng.normal(size=(1, n))
    found = verdict(control, treatment, seed=seed, alpha=alpha)
    difference, lift, p = found.difference(), found.lift(), found.p_value()[0]
    signs = {(float(np.sign(x.low[0])), float(np.sign(x.high[0]))) for x in (difference, lift)}
    assert len(signs) == 1 or np.isnan(lift.low[0])
    if np.isnan(p):
        return
    assert (p < alpha) == (difference.low[0] > 0.0 or difference.high[0] < 0.0)
    better = found.non_inferiority_p(np.array([0.0]), np.array([1.0]))[0]
    assert (better < alpha / 2.0) == (difference.low[0] > 0.0)


@settings(max_examples=20)
@given(seed=st.integers(0, 30))
def test_swapping_arms_negates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.exponential(size=(1, 40)), rng.exponential(size=(1, 40))
    left, right = draws_of(a, rng, 400), draws_of(b, rng, 400)
    one = BootstrapVerdict(mean_contrast(arm(a), arm(b)), Drawn(control=left, treatment=right), 0.05)
    other = BootstrapVerdict(mean_contrast(arm(b), arm(a)), Drawn(control=right, treatment=left), 0.05)
    assert one.p_value() == other.p_value()
    assert one.difference().low == -other.difference().high


@pytest.mark.parametrize(("n", "skewed", "few"), [(50, False, 0.0), (200, True, 0.02), (20, False, 0.0)])
def test_intervals_keep_their_level(n: int, skewed: bool, few: float) -> None:
    rng = np.random.default_rng(11)
    runs = 500

    def values() -> FloatArray:
        return rng.exponential(size=(runs, n)) if skewed else rng.normal(3.0, 1.0, (runs, n))

    found = verdict(values(), values())
    covered = np.mean([low <= 0.0 <= high for low, high in zip(*found.difference()[1:3], strict=True)])
    error = math.sqrt(0.05 * 0.95 / runs)
    assert 0.95 - 3.0 * error - few <= covered <= 0.95 + 3.0 * error + few
    rejected = np.mean(found.p_value() < 0.05)
    assert rejected == pytest.approx(1.0 - covered, abs=1e-12)


def test_a_lift_is_covered_as_well() -> None:
    rng = np.random.default_rng(12)
    runs = 500
    control, treatment = rng.exponential(2.0, (runs, 150)), rng.exponential(2.5, (runs, 150))
    lift = verdict(control, treatment).lift()
    covered = np.mean((lift.low <= 0.25) & (lift.high >= 0.25))
    assert covered == pytest.approx(0.95, abs=3.0 * math.sqrt(0.05 * 0.95 / runs))


def test_a_control_that_may_be_zero_has_no_lift() -> None:
    rng = np.random.default_rng(13)
    control, treatment = rng.normal(0.0, 1.0, (1, 50)), rng.normal(1.0, 1.0, (1, 50))
    found = verdict(control, treatment)
    assert found.lift().problem[0] is Reason.CONTROL_NEAR_ZERO
    assert np.isnan(found.lift().low[0])
    assert found.difference().problem[0] is None


def test_a_value_that_a_draw_lacks_is_a_reason() -> None:
    rng = np.random.default_rng(14)
    values = rng.normal(3.0, 1.0, (1, 50))
    drawn = Drawn(control=np.full((1, 400), np.nan), treatment=draws_of(values, rng, 400))
    found = BootstrapVerdict(mean_contrast(arm(values), arm(values)), drawn, 0.05)
    assert found.difference().problem[0] is Reason.NO_DENOMINATOR
    assert np.isnan(found.p_value()[0])


def test_few_units_widen_the_interval() -> None:
    rng = np.random.default_rng(15)
    values = rng.normal(3.0, 1.0, (1, 9)), rng.normal(3.0, 1.0, (1, 9))
    drawn = Drawn(control=draws_of(values[0], rng, 4_000), treatment=draws_of(values[1], rng, 4_000))
    found = BootstrapVerdict(mean_contrast(arm(values[0]), arm(values[1])), drawn, 0.05)
    differences = np.sort(drawn.treatment - drawn.control, axis=-1)[0]
    df = float(mean_contrast(arm(values[0]), arm(values[1])).df[0])
    tail = stats.norm.cdf(-math.sqrt(9 / 8) * stats.t.ppf(0.975, df))
    assert found.difference().low[0] == differences[math.ceil(tail * 4_001) - 2]


def test_a_draw_without_a_value_lies_beyond_both_ends() -> None:
    draws = np.append(np.linspace(-1.0, 1.0, 380), [np.nan] * 19)
    low, high = percentile_bounds(np.array(0.0), draws, 0.05)[1:]
    assert np.isnan(low)
    assert np.isnan(high)
    low, high = percentile_bounds(np.array(0.0), np.append(draws[:398], 0.0)[:381], 0.05)[1:]
    assert -1.0 <= low < high <= 1.0


@pytest.mark.parametrize("n", [10, 500])
@pytest.mark.parametrize("level", [0.05, 0.05 / 40])
def test_so_many_draws_and_no_fewer_reach_a_level(n: int, level: float) -> None:
    rng = np.random.default_rng(17)
    control, treatment = rng.normal(1.0, 0.1, (1, n)), rng.normal(9.0, 0.1, (1, n))
    contrast = mean_contrast(arm(control), arm(treatment))
    needed = int(draws_below(contrast, level)[0])
    assert smallest_p(contrast, needed)[0] < level <= smallest_p(contrast, needed - 1)[0]
    drawn = Drawn(control=np.full((1, 400), 1.0), treatment=np.full((1, 400), 9.0))
    assert BootstrapVerdict(contrast, drawn, 0.05).p_value() == smallest_p(contrast, 400)
    if n == 500:
        assert needed == pytest.approx(2.0 / level, rel=0.05)
