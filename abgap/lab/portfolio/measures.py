"""What is asked of a replicate, and its truth: each group a function from what was drawn to outcomes by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from abgap.gap.portfolio.covariance import LEAST_RELIABILITY
from abgap.gap.portfolio.quality import quality_of
from abgap.lab.portfolio.decisions import decisions
from abgap.lab.portfolio.tally import LEVEL, Outcome, Tally, tally_of
from abgap.lab.portfolio.worlds import SEED, Drawn, World, draw
from abgap.records import Estimable, Interval
from abgap.records.moments import FloatArray
from abgap.stats.arrays import Bounds
from abgap.stats.portfolio.agreement import agreement_of_signs
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.meta import typical
from abgap.stats.portfolio.rank_correlation import kendall_tau
from abgap.stats.portfolio.signal_intervals import Found, Signal
from abgap.stats.portfolio.total_covariance import arm_weights, total_covariance
from abgap.stats.portfolio.transfer import fit_transfer
from abgap.stats.streams import named_stream

ALPHA = 1.0 - LEVEL
Outcomes: TypeAlias = Mapping[str, Sequence[Outcome]]

_BOOTSTRAPS = 400
_WIDEST = np.inf


def covariance(drawn: Drawn) -> Outcomes:
    """Lambda, slope, correlation and reliabilities, refused as ``abgap portfolio`` refuses them."""
    rows = [_covariance(drawn, run) for run in range(len(drawn))]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _covariance(drawn: Drawn, run: int) -> dict[str, Outcome]:
    world = drawn.world
    signal = Signal.of(drawn.effects(run), ALPHA)
    total, truth = signal.total, world.signal
    told = bool((total.reliability >= LEAST_RELIABILITY).all())
    found = {
        "covariance xx": Outcome(truth[0, 0], total.signal[0, 0]),
        "covariance xy": Outcome(truth[0, 1], total.signal[0, 1]),
        "covariance yy": Outcome(truth[1, 1], total.signal[1, 1]),
        "slope": _outcome(world.slope, signal.slope() if told else None),
        "correlation": _outcome(world.correlation, signal.correlation() if told else None),
    }
    for axis, side in enumerate("xy"):
        share = truth[axis, axis] / (truth[axis, axis] + total.noise[axis, axis])
        found[f"reliability {side}"] = _outcome(share, signal.reliability(axis))
    return found


def _outcome(truth: float, found: Found | None) -> Outcome:
    if found is None:
        return Outcome.refused(truth)
    return Outcome(truth, found.estimate, found.low, found.high)


def bootstrap(drawn: Drawn) -> Outcomes:
    """The slope with percentiles of a bootstrap over experiments instead, told where the inverted test tells one."""
    found = []
    rng = np.random.Generator(named_stream(SEED, f"bootstrap {drawn.world.name}"))
    for run in range(len(drawn)):
        effects = drawn.effects(run)
        signal = Signal.of(effects, ALPHA)
        told = bool((signal.total.reliability >= LEAST_RELIABILITY).all()) and signal.slope() is not None
        if not told:
            found.append(Outcome.refused(drawn.world.slope))
            continue
        slopes = _resampled_slopes(effects, rng)
        low, high = np.quantile(slopes, [ALPHA / 2.0, 1.0 - ALPHA / 2.0], method="closest_observation")
        (xx, xy), _ = signal.total.signal
        found.append(Outcome(drawn.world.slope, float(xy / xx), float(low), float(high)))
    return {"slope, bootstrap": found}


def _resampled_slopes(effects: Effects, rng: np.random.Generator) -> FloatArray:
    """Slopes of experiments drawn with replacement; an experiment drawn twice counts twice."""
    n = effects.experiments
    times = rng.multinomial(n, np.full(n, 1.0 / n), size=_BOOTSTRAPS)[:, effects.experiment]
    weights = arm_weights(effects)
    slopes = np.full(_BOOTSTRAPS, _WIDEST)
    for row, count in enumerate(times):
        if len(np.unique(effects.experiment[count > 0])) > 2:
            (xx, xy), _ = total_covariance(effects, weights * count).signal
            slopes[row] = xy / xx if xx > 0.0 else _WIDEST * np.sign(xy)
    return slopes


def transfer(drawn: Drawn) -> Outcomes:
    """The line ``a + b gain`` with tau, and the prediction of one more experiment."""
    rows = [_transfer(drawn, run) for run in range(len(drawn))]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _transfer(drawn: Drawn, run: int) -> dict[str, Outcome]:
    world, gain, lift = drawn.world, float(drawn.next_gain[run]), float(drawn.next_lift[run])
    truth = {
        "transfer a": world.direct,
        "transfer b": world.slope,
        "transfer tau": world.own,
        "prediction": lift,
    }
    fit = fit_transfer(drawn.effects(run))
    if fit is None:
        return {name: Outcome.refused(value) for name, value in truth.items()}
    told = (fit.a(ALPHA), fit.b(ALPHA), fit.tau(ALPHA), fit.lift(gain).bounds(ALPHA))
    return {name: _bounded(value, bounds) for (name, value), bounds in zip(truth.items(), told, strict=True)}


def _bounded(truth: float, bounds: Bounds) -> Outcome:
    return Outcome(truth, *(float(end) for end in bounds))


def trust(drawn: Drawn) -> Outcomes:
    """Quality at the usual size of test, signs and ranks; as measured ones have their mean over replicates as truth."""
    world, effects = drawn.world, [drawn.effects(run) for run in range(len(drawn))]
    gains, noise = world.signal[0, 0], float(np.median(drawn.errors.covariances[:, 0, 0]))
    quality = world.correlation * float(np.sqrt(gains / (gains + noise)))
    experiment = drawn.errors.experiment
    signs = [agreement_of_signs(x, y, experiment, ALPHA).bounds for x, y in _columns(effects)]
    ranks = [kendall_tau(x, y, experiment, ALPHA) for x, y in _columns(effects)]
    return {
        "quality": [_told(quality, quality_of(Signal.of(each, ALPHA))) for each in effects],
        "sign agreement": _around_their_mean(signs),
        "kendall": _around_their_mean(ranks),
    }


def _columns(effects: Sequence[Effects]) -> Iterator[tuple[FloatArray, FloatArray]]:
    for each in effects:
        yield each.values[:, 0], each.values[:, 1]


def _around_their_mean(found: Sequence[Bounds]) -> list[Outcome]:
    truth = float(np.mean([bounds.estimate for bounds in found]))
    return [_bounded(truth, bounds) for bounds in found]


def _told(truth: float, found: Estimable) -> Outcome:
    if not isinstance(found, Interval):
        return Outcome.refused(truth)
    return Outcome(truth, found.estimate, found.low, found.high)


def typical_lift(drawn: Drawn) -> Outcomes:
    """The mean of true lifts, and the interval of the true lift of one more experiment."""
    truth = drawn.world.mean_lift
    found = [typical(drawn.effects(run).axes([1]), alpha=ALPHA) for run in range(len(drawn))]
    told = [(lift, each) for lift, each in zip(drawn.next_lift, found, strict=True) if each is not None]
    return {
        "typical lift": [Outcome(truth, each.mean, each.low, each.high) for _, each in told],
        "next lift": [
            Outcome(float(lift), each.mean, each.prediction_low, each.prediction_high) for lift, each in told
        ],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Questions that are asked together. costs: how many times fewer replicates they are asked of, being slow."""

    ask: Callable[[Drawn], Outcomes]
    costs: int = 1


GROUPS: Mapping[str, Group] = MappingProxyType(
    {
        "covariance": Group(ask=covariance),
        "bootstrap": Group(ask=bootstrap, costs=10),
        "transfer": Group(ask=transfer, costs=10),
        "trust": Group(ask=trust),
        "typical": Group(ask=typical_lift, costs=4),
        "decisions": Group(ask=decisions),
    }
)
"""All questions; each group can be measured again without the others."""


def measure(world: World, group: str, runs: int) -> dict[str, Tally]:
    """Ask the questions of a group in replicates of a world."""
    return {name: tally_of(found) for name, found in GROUPS[group].ask(draw(world, runs)).items()}
