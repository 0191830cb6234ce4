"""Quantiles of units and of the events of units, whose values go together within a unit; and quantiles beside a gap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from abgap.lab.calibration.comparing import Compared, Setting, Sizes, compare
from abgap.lab.calibration.measured import Measured
from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray
from abgap.stats.contrast import mean_contrast
from abgap.stats.moments import Univariate
from abgap.stats.quantile import EventCounts, Place, outer_places, place_of, quantile_variance, share_sd
from abgap.stats.tails import normal_quantile

_LOG_MEAN, _OF_UNIT, _OF_EVENT = 1.0, 0.6, 0.5
_MOST_EVENTS = 5
_SIZES: tuple[Sizes, ...] = ((50, 50), (500, 500), (900, 100))
# Whose quantile lies where the values leave a gap, so that it jumps over it: which one, and values of runs and units.
_GAPS: dict[str, tuple[float, Callable[[np.random.Generator, tuple[int, int]], FloatArray]]] = {
    "two kinds of units, half of them each": (
        0.5,
        lambda rng, shape: rng.normal(1.0, 1.0, shape) + 20.0 * (rng.random(shape) < 0.5),
    ),
    "90 % spend nothing, others 20 to 30": (
        0.9,
        lambda rng, shape: (20.0 + 10.0 * rng.random(shape)) * (rng.random(shape) < 0.1),
    ),
    "90 % spend nothing, others lognormal": (
        0.9,
        lambda rng, shape: rng.lognormal(3.0, 0.8, shape) * (rng.random(shape) < 0.1),
    ),
}
_GAP_SIZES: tuple[Sizes, ...] = ((500, 500), (900, 100), (2_000, 2_000))


def quantiles(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Medians and 90 % quantiles; every unit has one event, or up to five."""
    for fraction in (0.5, 0.9):
        for events, case in (
            (1, "lognormal, one value a unit"),
            (_MOST_EVENTS, "lognormal, one to five values a unit"),
        ):
            spread = np.hypot(_OF_UNIT, _OF_EVENT)
            truth = float(np.exp(_LOG_MEAN + spread * normal_quantile(fraction)))

            def draw(sizes: Sizes, lift: float, fraction: float = fraction, events: int = events) -> Compared:
                control, treatment = (
                    _arm(rng, runs, n, fraction, events, x) for n, x in zip(sizes, (0.0, lift), strict=True)
                )
                contrast = mean_contrast(control, treatment)
                return Compared(control=control, treatment=treatment, contrast=contrast, quantile=fraction)

            setting = Setting(group=f"Quantile {fraction:.0%}", case=case, draw=draw, control=truth)
            for sizes in _SIZES:
                yield from compare(setting, sizes)
    yield from _beside_gaps(rng, runs)


def _beside_gaps(rng: np.random.Generator, runs: int) -> Iterator[Measured]:
    """Of a quantile that jumps a test can only be careful; there is no true value that an interval should hold."""
    for case, (fraction, draw_values) in _GAPS.items():

        def draw(
            sizes: Sizes,
            _lift: float,
            fraction: float = fraction,
            draw_values: Callable[[np.random.Generator, tuple[int, int]], FloatArray] = draw_values,
        ) -> Compared:
            control, treatment = (
                _quantile_of(draw_values(rng, (runs, n))[..., None], np.ones((runs, n)), fraction)
                for n in sizes
            )
            contrast = mean_contrast(control, treatment)
            return Compared(control=control, treatment=treatment, contrast=contrast, quantile=fraction)

        setting = Setting(group=f"Quantile {fraction:.0%} beside a gap", case=case, draw=draw)
        for sizes in _GAP_SIZES:
            yield from (replace(rate, at_most=True) for rate in compare(setting, sizes))


def _arm(
    rng: np.random.Generator, runs: int, n: int, fraction: float, events: int, lift: float
) -> Univariate:
    """One arm of log-normal values."""
    per_unit = rng.integers(1, events + 1, size=(runs, n))
    there = np.arange(events) < per_unit[..., None]
    logs = rng.normal(_LOG_MEAN, _OF_UNIT, (runs, n, 1)) + rng.normal(0.0, _OF_EVENT, (runs, n, events))
    return _quantile_of(
        np.where(there, np.exp(logs) * (1.0 + lift), np.inf), per_unit.astype(np.float64), fraction
    )


def _quantile_of(values: FloatArray, mine: FloatArray, fraction: float) -> Univariate:
    """The quantile of one arm as its moments row has it: n units, the quantile, n times its variance.

    values: (runs, units, events), infinite beyond the events of a unit, of which there are ``mine``.
    """
    runs, n = mine.shape
    ordered = np.sort(values.reshape(runs, -1), axis=1)
    total = mine.sum(1)
    found = _at(ordered, place_of(total, fraction))
    sd = np.maximum(
        *(_share_sd(side(values, found[:, None, None]), mine) for side in (np.less, np.less_equal))
    )
    bounds = [_at(ordered, place) for place in outer_places(total, fraction, sd)]
    variance = quantile_variance(found, *bounds, fraction=fraction, sd=sd)
    return Univariate(n=np.full(runs, float(n)), mean=found, variance=n * variance)


def _share_sd(chosen: BoolArray, mine: FloatArray) -> FloatArray:
    """How the share of events that are chosen varies, over the units of every run."""
    runs, n = mine.shape
    counted = chosen.sum(2).astype(np.float64)
    counts = EventCounts(
        units=np.full(runs, float(n)),
        events=mine.sum(1),
        counted=counted.sum(1),
        events_squared=(mine**2).sum(1),
        counted_squared=(counted**2).sum(1),
        events_counted=(mine * counted).sum(1),
    )
    return share_sd(counts)


def _at(ordered: FloatArray, place: Place) -> FloatArray:
    """The values at a place of every run, NaN where there is none."""
    known = np.isfinite(place.low)
    low, high = (np.where(known, rank, 1.0).astype(np.intp) - 1 for rank in (place.low, place.high))
    run = np.arange(len(ordered))
    return np.where(known, place.value(ordered[run, low], ordered[run, high]), np.nan)
