"""Quantiles by order statistics: the definition is numpy's, the interval holds its level with many events per unit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from abgap.stats.contrast import mean_contrast
from abgap.stats.intervals import p_value
from abgap.stats.moments import Univariate
from abgap.stats.quantile import (
    EventCounts,
    outer_places,
    place_of,
    quantile_variance,
    share_sd,
    widened,
)

Floats = npt.NDArray[np.float64]


@pytest.mark.parametrize("fraction", [0.01, 0.25, 0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 101])
def test_the_definition_is_that_of_numpy(n: int, fraction: float) -> None:
    values = np.sort(np.random.default_rng(n).lognormal(size=n))
    place = place_of(np.array(float(n)), fraction)
    found = place.value(values[int(place.low) - 1], values[int(place.high) - 1])
    assert found == pytest.approx(np.quantile(values, fraction), rel=1e-12)


def test_between_two_equal_values_nothing_is_computed() -> None:
    place = place_of(np.array(10.0), 0.333)
    assert place.value(np.array(0.1), np.array(0.1)) == 0.1


def test_with_one_event_per_unit_the_share_is_a_proportion() -> None:
    ones = np.array([200.0])
    counts = EventCounts(
        units=ones,
        events=ones,
        counted=np.array([60.0]),
        events_squared=ones,
        counted_squared=np.array([60.0]),
        events_counted=np.array([60.0]),
    )
    assert share_sd(counts) == pytest.approx(np.sqrt(0.3 * 0.7 / 199))


def test_with_many_events_per_unit_it_is_the_delta_method_over_units() -> None:
    rng = np.random.default_rng(3)
    n = rng.integers(1, 30, 80).astype(float)
    y = np.minimum(rng.binomial(n.astype(int), rng.beta(2, 5, 80)), n).astype(float)
    left = (y - y.sum() / n.sum() * n) / n.mean()
    assert share_sd(counts_of(n, y)) == pytest.approx(np.sqrt(left.var(ddof=1) / 80), rel=1e-12)


def counts_of(n: Floats, y: Floats) -> EventCounts:
    """Units along the last axis."""
    return EventCounts(
        units=np.full(n.shape[:-1], float(n.shape[-1])),
        events=n.sum(-1),
        counted=y.sum(-1),
        events_squared=(n * n).sum(-1),
        counted_squared=(y * y).sum(-1),
        events_counted=(n * y).sum(-1),
    )


def test_too_few_values_beyond_the_quantile_give_no_bounds() -> None:
    n, sd = np.array([60.0, 90.0]), np.sqrt(0.95 * 0.05 / np.array([60.0, 90.0]))
    low, high = outer_places(n, 0.95, sd)
    assert np.isnan([low.low[0], high.high[0]]).all()
    assert high.high[1] <= 90
    assert np.isfinite(low.share[1])


@pytest.mark.parametrize(
    ("times", "beside", "expected"),
    [(1.0, 1.0, 4.5), (2.0, 1.0, 3.0), (5.0, np.nan, 4.5), (1.0, np.nan, 4.5)],
)
def test_a_bound_that_several_events_share_is_moved_half_a_step(
    times: float, beside: float, expected: float
) -> None:
    assert widened(np.array(4.5), np.array(5.0), np.array(beside), np.array(times)) == expected


def test_halves_that_chance_explains_count_together_and_a_half_that_it_does_not_counts_alone() -> None:
    high = np.array([10.0, 14.0, 30.0, 10.0])
    found = quantile_variance(
        np.array([5.0, 5.0, 5.0, 0.0]), np.zeros(4), high, fraction=0.5, sd=np.full(4, 0.5 / np.sqrt(200.0))
    )
    # In a half lie 14 independent values: up to exp(2 sqrt(2 / 14)) = 2.1 times as long is even.
    assert np.sqrt(found) * 1.959963984540054 == pytest.approx([5.0, 7.0, 25.0, 10.0])


# --- calibration ------------------------------------------------------------------------------------------------------


def sampled(values: Floats, fraction: float, *, step: float | None = None) -> tuple[Floats, Floats]:
    """Quantile and its variance for samples (..., units, events); NaN is no event. step: of rounded values."""
    if step is not None:
        values = np.round(values / step) * step
    shape = values.shape[:-2]
    flat = np.sort(values.reshape(*shape, -1), axis=-1)
    n = np.isfinite(flat).sum(-1).astype(float)

    def at(rank: Floats) -> Floats:
        index = np.nan_to_num(rank, nan=1.0).astype(int)[..., None] - 1
        return np.where(np.isnan(rank), np.nan, np.take_along_axis(flat, index, -1)[..., 0])

    place = place_of(n, fraction)
    low = at(place.low)
    per_unit = np.isfinite(values).sum(-1).astype(float)
    reached = [
        (side(values, low[..., None, None])).sum(-1).astype(float) for side in (np.less, np.less_equal)
    ]
    sd = np.maximum(*(share_sd(counts_of(per_unit, y)) for y in reached))
    below, above = outer_places(n, fraction, sd)
    edges = [at(below.low), at(above.high)]
    bounds = [below.value(at(below.low), at(below.high)), above.value(at(above.low), at(above.high))]
    outward = (
        np.nanmax(np.where(flat < edges[0][..., None], flat, -np.inf), -1),
        np.nanmin(np.where(flat > edges[1][..., None], flat, np.inf), -1),
    )
    times = [(flat == edge[..., None]).sum(-1).astype(float) for edge in edges]
    ends = [widened(b, e, o, t) for b, e, o, t in zip(bounds, edges, outward, times, strict=True)]
    value = place.value(low, at(place.high))
    return value, quantile_variance(value, *ends, fraction=fraction, sd=sd)


def events(rng: np.random.Generator, repeats: int, units: int, mean: float, between: float) -> Floats:
    """Log-normal values of events of units that differ: (2, repeats, units, most), two arms without a difference."""
    counts = 1 + rng.poisson(mean - 1.0, (2, repeats, units, 1))
    most = int(counts.max())
    own = rng.normal(0.0, between, (2, repeats, units, 1))
    # What a unit is worth goes with how often it comes.
    own += 0.05 * (counts - mean)
    values = np.exp(own + rng.normal(0.0, 0.6, (2, repeats, units, most)))
    return np.where(np.arange(most) < counts, values, np.nan)


@pytest.mark.parametrize("fraction", [0.5, 0.9])
@pytest.mark.parametrize(("units", "mean"), [(60, 8.0), (250, 1.0), (250, 4.0)])
def test_intervals_and_tests_hold_their_level_however_many_events_a_unit_has(
    units: int, mean: float, fraction: float
) -> None:
    rng = np.random.default_rng([units, int(mean), int(fraction * 10)])
    repeats = 1500
    value, variance = sampled(events(rng, repeats, units, mean, 0.5), fraction)
    arms = [
        Univariate(n=np.full(repeats, units), mean=v, variance=units * s)
        for v, s in zip(value, variance, strict=True)
    ]
    p = p_value(mean_contrast(*arms))
    truth = np.median(value)
    half = stats.t.ppf(0.975, units - 1) * np.sqrt(variance)
    covered = np.mean(np.abs(value - truth) <= half)
    error = 3 * np.sqrt(0.05 * 0.95 / repeats)
    assert np.isfinite(p).all()
    # With six units beyond the quantile its halves differ in length, and the longer one counts: a little too careful.
    careful = error + (0.015 if units * (1.0 - fraction) < 10.0 else 0.005)
    assert -careful <= np.mean(p < 0.05) - 0.05 <= error + 0.005
    assert covered == pytest.approx(0.95, abs=error / np.sqrt(2) + 0.01)


@pytest.mark.parametrize("step", [0.05, 0.25, 1.0])
def test_rounded_values_reject_no_more_often(step: float) -> None:
    rng = np.random.default_rng(11)
    repeats, units = 1500, 200
    value, variance = sampled(events(rng, repeats, units, 3.0, 0.5), 0.5, step=step)
    arms = [
        Univariate(n=np.full(repeats, units), mean=v, variance=units * s)
        for v, s in zip(value, variance, strict=True)
    ]
    contrast = mean_contrast(*arms)
    rejected = np.nan_to_num(p_value(contrast), nan=1.0) < 0.05
    assert rejected.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)


GAPS: dict[str, tuple[float, Callable[[np.random.Generator, tuple[int, ...]], Floats]]] = {
    "nine in ten spend nothing, others much": (
        0.9,
        lambda rng, shape: np.where(rng.random(shape) < 0.9, 0.0, 20.0 + 10.0 * rng.random(shape)),
    ),
    "nine in ten spend nothing, others something": (
        0.9,
        lambda rng, shape: np.where(rng.random(shape) < 0.9, 0.0, rng.lognormal(3.0, 0.8, shape)),
    ),
    "the gap beside the quantile": (
        0.9,
        lambda rng, shape: np.where(rng.random(shape) < 0.89, 0.0, rng.lognormal(3.0, 0.8, shape)),
    ),
    "two kinds of units": (
        0.5,
        lambda rng, shape: rng.normal(0.0, 1.0, shape) + 20.0 * (rng.random(shape) < 0.5),
    ),
    "two kinds of units that almost meet": (
        0.5,
        lambda rng, shape: rng.normal(0.0, 1.0, shape) + 5.0 * (rng.random(shape) < 0.5),
    ),
    "prices": (0.8, lambda rng, shape: rng.choice([9.99, 19.99, 49.99], shape, p=[0.5, 0.3, 0.2])),
}


@pytest.mark.parametrize("case", GAPS)
@pytest.mark.parametrize("units", [100, 500, 2000])
def test_a_quantile_beside_a_gap_rejects_no_more_often(case: str, units: int) -> None:
    fraction, draw = GAPS[case]
    repeats = 1000
    rng = np.random.default_rng([units, *case.encode()])
    value, variance = sampled(draw(rng, (2, repeats, units, 1)), fraction)
    arms = [
        Univariate(n=np.full(repeats, units), mean=v, variance=units * s)
        for v, s in zip(value, variance, strict=True)
    ]
    rejected = np.nan_to_num(p_value(mean_contrast(*arms)), nan=1.0) < 0.05
    assert rejected.mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / repeats)
