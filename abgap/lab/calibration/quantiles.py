"""Quantiles of units and of the events of units, whose values go together within a unit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abgap.lab.calibration.comparing import Compared, Setting, Sizes, compare
from abgap.lab.calibration.measured import Measured
from abgap.records.moments import FloatArray
from abgap.stats.contrast import mean_contrast
from abgap.stats.moments import Univariate
from abgap.stats.quantile import EventCounts, Place, outer_places, place_of, quantile_variance, share_sd
from abgap.stats.tails import normal_quantile

_LOG_MEAN, _OF_UNIT, _OF_EVENT = 1.0, 0.6, 0.5
_MOST_EVENTS = 5
_SIZES: tuple[Sizes, ...] = ((50, 50), (500, 500), (900, 100))


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


def _arm(
    rng: np.random.Generator, runs: int, n: int, fraction: float, events: int, lift: float
) -> Univariate:
    """The quantile of one arm as its moments row has it: n units, the quantile, n times its variance."""
    per_unit = rng.integers(1, events + 1, size=(runs, n))
    there = np.arange(events) < per_unit[..., None]
    logs = rng.normal(_LOG_MEAN, _OF_UNIT, (runs, n, 1)) + rng.normal(0.0, _OF_EVENT, (runs, n, events))
    values = np.where(there, np.exp(logs) * (1.0 + lift), np.inf)
    ordered = np.sort(values.reshape(runs, -1), axis=1)
    total = per_unit.sum(1).astype(np.float64)
    found = _at(ordered, place_of(total, fraction))
    counted = (values <= found[:, None, None]).sum(2).astype(np.float64)
    mine = per_unit.astype(np.float64)
    counts = EventCounts(
        units=np.full(runs, float(n)),
        events=total,
        counted=counted.sum(1),
        events_squared=(mine**2).sum(1),
        counted_squared=(counted**2).sum(1),
        events_counted=(mine * counted).sum(1),
    )
    bounds = [_at(ordered, place) for place in outer_places(total, fraction, share_sd(counts))]
    return Univariate(n=counts.units, mean=found, variance=n * quantile_variance(*bounds))


def _at(ordered: FloatArray, place: Place) -> FloatArray:
    """The values at a place of every run, NaN where there is none."""
    known = np.isfinite(place.low)
    low, high = (np.where(known, rank, 1.0).astype(np.intp) - 1 for rank in (place.low, place.high))
    run = np.arange(len(ordered))
    return np.where(known, place.value(ordered[run, low], ordered[run, high]), np.nan)
