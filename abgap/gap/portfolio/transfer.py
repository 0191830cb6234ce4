"""What a gain brings, in records: the line, its prediction band, the smallest gain worth testing, and who carries it.

Lifts come out as fractions; a, b and tau stay on the scale of log ratios, which for lifts of a few percent is the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from abgap.gap.portfolio.covariance import LEAST_RELIABILITY
from abgap.gap.portfolio.data import Axis, PortfolioData
from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.records.moments import FloatArray
from abgap.records.portfolio import BandPoint, PairFit, Refitted, Transfer
from abgap.records.words import plain, plural
from abgap.stats.arrays import BoolArray, Bounds
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.total_covariance import total_covariance
from abgap.stats.portfolio.transfer import FEWEST, TransferFit, fit_transfer
from abgap.stats.tails import t_quantile

METHOD = "restricted likelihood"

_BAND_POINTS = 21
# The band, and the search for a gain worth testing, go beyond the gains seen by this part of their range.
_BEYOND = 0.5
_SEARCHED = 60
_HALVINGS = 40
_MOST_LEFT_OUT = 40
_POWER = 0.8
_MOST_NEEDED = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTransfer:
    """The fit of one pair, or why there is none. at_face_value: errors of gains are not known, and count as 0.

    refusal: the reason alone.
    """

    fit: TransferFit | None
    at_face_value: bool = False
    refusal: str | None = None
    note: str | None = None


class Transfers:
    """The fits of all pairs of a portfolio, each made once, when it is asked for."""

    def __init__(self, data: PortfolioData) -> None:
        self.data = data
        self._found: dict[tuple[int, int], PairTransfer] = {}
        self._without: dict[tuple[int, int, int], TransferFit | None] = {}

    def of(self, predictor: int, business: int) -> PairTransfer:
        """The fit of a pair of axes over all experiments."""
        key = (predictor, business)
        if key not in self._found:
            self._found[key] = _fitted(self.data.pair(predictor, business))
        return self._found[key]

    def without(self, predictor: int, business: int, experiment: int) -> TransferFit | None:
        """The fit over the other experiments; None when too few are left."""
        key = (predictor, business, experiment)
        if key not in self._without:
            fit = self.of(predictor, business).fit
            self._without[key] = None if fit is None else _left(fit, experiment)
        return self._without[key]


def with_transfer(found: PairFit, transfers: Transfers, predictor: int, business: int) -> PairFit:
    """What is known of a pair, and what its gains bring."""
    of_pair, alpha = transfers.of(predictor, business), transfers.data.alpha
    if of_pair.fit is None:
        refusals = (*found.refusals, f"No transfer and no forecast: {of_pair.refusal}")
        return replace(found, refusals=refusals)
    fit, axis = of_pair.fit, transfers.data.axes[predictor]
    record = transfer_record(of_pair, fit, (axis, transfers.data.axes[business]), alpha)
    least = smallest_gain(fit, alpha)
    return replace(
        found,
        transfer=record,
        smallest_gain_worth_testing=None if least is None else shown_gain(axis, least),
        experiments_needed=_needed(record.b, fit.effects.experiments),
        leave_one_out=tuple(_left_out(transfers, predictor, business)),
        by_tag=tuple(_by_tag(transfers.data, fit, alpha)),
        notes=(*found.notes, *([of_pair.note] if of_pair.note else [])),
    )


def shown_gain(axis: Axis, gain: float) -> float:
    """A gain as people know it: that of a proxy is a log ratio here, and a relative lift to them."""
    return gain if axis.is_offline else float(axis.relative(np.asarray(gain)))


def transfer_record(
    of_pair: PairTransfer, fit: TransferFit, axes: tuple[Axis, Axis], alpha: float
) -> Transfer:
    """The line with its intervals, and the prediction by gain. axes: of the pair."""
    return Transfer(
        a=_interval(fit.a(alpha), alpha),
        b=_interval(fit.b(alpha), alpha),
        tau=_interval(fit.tau(alpha), alpha),
        mean_gain=fit.mean_gain,
        gain_sd=fit.gain_sd,
        gains_at_face_value=of_pair.at_face_value,
        band=tuple(_band(fit, axes, alpha)),
    )


def foreseen(fit: TransferFit, business: Axis, gain: float, error: float, alpha: float) -> Interval:
    """The true lift to expect of a gain, as a fraction. error: with which the gain was measured, 0 for a true one."""
    return _interval(Bounds(*map(business.relative, fit.lift(gain, error).bounds(alpha))), alpha)


def smallest_gain(fit: TransferFit, alpha: float) -> float | None:
    """The least gain whose prediction interval lies above zero; None where none does, up to half beyond those seen."""

    def falls_short(gain: float) -> bool:
        return fit.lift(gain).below(0.0) >= alpha / 2.0

    gains = np.linspace(0.0, max(_ends(fit)[1], 0.0), _SEARCHED)
    enough = next((at for at, gain in enumerate(gains) if not falls_short(float(gain))), None)
    if not enough:
        return None if enough is None else 0.0
    low, high = float(gains[enough - 1]), float(gains[enough])
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if falls_short(middle) else (low, middle)
    return high


def _fitted(effects: Effects) -> PairTransfer:
    """Fit the arms with known errors; where too few gains have one, take all gains at face value."""
    lifts = effects.take(np.isfinite(effects.errors[:, 1]))
    known = lifts.take(lifts.with_errors)
    if effects.experiments < FEWEST:
        seen = plural(effects.experiments, "experiment")
        return _refused(f"{seen} with both a gain and a lift, at least {FEWEST} are needed.")
    if lifts.experiments < FEWEST:
        return _refused("the lifts have no standard errors, so chance cannot be told from effect.")
    if known.experiments < FEWEST:
        return replace(_line(_at_face_value(lifts)), at_face_value=True)
    reliability = float(total_covariance(known).reliability[0])
    if reliability < LEAST_RELIABILITY:
        shown = plain(max(reliability, 0.0), decimals=2)
        return _refused(
            f"the gains are mostly noise (reliability {shown}, at least {LEAST_RELIABILITY:g} is needed)."
        )
    left_out = len(effects) - len(known)
    note = (
        f"{plural(left_out, 'arm')} without standard errors took no part in the transfer."
        if left_out
        else None
    )
    return replace(_line(known), note=note)


def _line(effects: Effects) -> PairTransfer:
    fit = fit_transfer(effects)
    return _refused("all gains, or all lifts, are the same.") if fit is None else PairTransfer(fit=fit)


def _refused(why: str) -> PairTransfer:
    return PairTransfer(fit=None, refusal=why)


def _at_face_value(effects: Effects) -> Effects:
    """Gains as if they were measured without error."""
    return replace(
        effects, covariances=_without_gain(effects.covariances), shared=_without_gain(effects.shared)
    )


def _without_gain(covariances: FloatArray) -> FloatArray:
    known = np.zeros_like(covariances)
    known[:, 1, 1] = covariances[:, 1, 1]
    return known


def _left(fit: TransferFit, experiment: int) -> TransferFit | None:
    """Without arms of this experiment it is the fit itself."""
    mine = fit.effects.experiment == experiment
    if not mine.any():
        return fit
    return fit.without(experiment)


def _interval(bounds: Bounds, alpha: float) -> Interval:
    estimate, low, high = (float(each) for each in bounds)
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method=METHOD)


def _ends(fit: TransferFit) -> tuple[float, float]:
    """The gains seen, zero with them, and half of their range beyond."""
    gains = fit.effects.values[:, 0] * fit.scale[0]
    low, high = min(float(gains.min()), 0.0), max(float(gains.max()), 0.0)
    beyond = _BEYOND * (high - low)
    return low - beyond * (low < 0.0), high + beyond * (high > 0.0)


def _band(fit: TransferFit, axes: tuple[Axis, Axis], alpha: float) -> Iterator[BandPoint]:
    for gain in np.linspace(*_ends(fit), _BAND_POINTS):
        found = foreseen(fit, axes[1], float(gain), 0.0, alpha)
        yield BandPoint(
            gain=shown_gain(axes[0], float(gain)), lift=found.estimate, low=found.low, high=found.high
        )


def _needed(slope: Interval, experiments: int) -> int | None:
    """Experiments like these that are missing until a slope as estimated is told from 0 with 80 % power."""
    if slope.excludes_zero() or slope.estimate == 0.0:
        return None
    alpha = 1.0 - slope.level
    of_one = (
        (slope.high - slope.low)
        / 2.0
        / t_quantile(1.0 - alpha / 2.0, experiments - 2)
        * math.sqrt(experiments)
    )
    total = np.arange(experiments + 1, experiments + _MOST_NEEDED + 1)
    reach = t_quantile(1.0 - alpha / 2.0, total - 2) + t_quantile(_POWER, total - 2)
    enough = np.flatnonzero(reach * of_one / np.sqrt(total) <= abs(slope.estimate))
    return int(enough[0]) + 1 if enough.size else None


def _left_out(transfers: Transfers, predictor: int, business: int) -> Iterator[Refitted]:
    """The slope without each experiment; said of portfolios in which one may matter."""
    data, fit = transfers.data, transfers.of(predictor, business).fit
    if fit is None or fit.effects.experiments > _MOST_LEFT_OUT:
        return
    for experiment in np.unique(fit.effects.experiment):
        left = transfers.without(predictor, business, int(experiment))
        if left is not None:
            slope = _interval(left.b(data.alpha), data.alpha)
            yield Refitted(name=data.names[experiment], experiments=left.effects.experiments, slope=slope)


def _by_tag(data: PortfolioData, fit: TransferFit, alpha: float) -> Iterator[Refitted]:
    """The slope within each tag that some, but not all, experiments have."""
    present = np.unique(fit.effects.experiment)
    for tag in dict.fromkeys(tag for experiment in present for tag in data.tags[experiment]):
        tagged = np.array([tag in tags for tags in data.tags], dtype=bool)
        count = int(tagged[present].sum())
        if count < present.size:
            yield Refitted(name=tag, experiments=count, slope=_slope_of(fit, tagged, count, alpha))


def _slope_of(fit: TransferFit, tagged: BoolArray, count: int, alpha: float) -> Estimable:
    inside = None if count < FEWEST else fit_transfer(fit.measured.of_experiments(tagged))
    if inside is None:
        detail = f"{plural(count, 'experiment')}, at least {FEWEST} are needed"
        return NotEstimable(reason=Reason.TOO_FEW_EXPERIMENTS, detail=detail)
    return _interval(inside.b(alpha), alpha)
