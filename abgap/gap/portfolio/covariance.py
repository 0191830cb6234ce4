"""Do true gains and true lifts go together? The noise-corrected covariance of a pair as record, or words instead.

Nothing is corrected on the word of noise: five experiments at least, known errors, a signal on both axes, and a fifth
of what is observed being signal. Where the correlation would be beyond 1 it is refused, and the slope stays only where
gains clearly differ beyond their errors (their reliability is above 0 with its whole interval): its test needs the
signal of gains alone, and a correlation of 1, with which half of all estimates lie beyond, is the best of news.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from abgap.gap.portfolio.data import Axis, PortfolioData
from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.records.portfolio import NoiseCorrected, SensitivityLine
from abgap.records.words import MINUS, have, label, plain, plural, sentence_case
from abgap.stats.arrays import finite_or_none
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.errors_in_variables import FittedLine, deming_line, york_line
from abgap.stats.portfolio.signal_intervals import Found, Signal
from abgap.stats.portfolio.total_covariance import total_covariance
from abgap.stats.tails import chi2_sf, t_quantile

FEWEST = 5
"""Experiments below which there is no correlation and no slope."""

MANY = 10
"""Experiments from which on intervals are not called wide."""

LEAST_RELIABILITY = 0.2

_CORRELATIONS = (-0.3, 0.3, 0.6, 0.9)
_SIDES = ("gains", "lifts")
_SLOPE_STANDS = "; the slope stands, because gains clearly differ beyond their errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrected:
    """The record, None below five experiments; refusals, notes: sentences about it."""

    record: NoiseCorrected | None
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def noise_corrected(data: PortfolioData, predictor: int, business: int) -> Corrected:
    """Correct one predictor (position of its axis) against one business metric."""
    effects = data.pair(predictor, business)
    known, notes = _with_errors(effects)
    if known.experiments < FEWEST:
        detail = f"{plural(known.experiments, 'experiment')}, at least {FEWEST} are needed"
        return Corrected(record=None, refusals=(f"No correlation and no slope: {detail}.",))
    record = _record(known, data.alpha)
    told = isinstance(record.slope, Interval) or isinstance(record.correlation, Interval)
    if told and known.experiments < MANY:
        notes = (*notes, f"{plural(known.experiments, 'experiment')} say little: the intervals are wide.")
    if not isinstance(record.reliability_x, Interval) or not isinstance(record.reliability_y, Interval):
        return Corrected(record=record, refusals=tuple(_refused(record)), notes=notes)
    axes = data.axes[predictor], data.axes[business]
    assumed = tuple(_assumed(known, *axes, data.alpha))
    return Corrected(
        record=replace(record, sensitivity=(*assumed, *_lines(known, data.alpha))),
        refusals=tuple(_refused(record)),
        notes=(*notes, *_unknown_noise(axes, record.slope, assumed)),
    )


def _with_errors(effects: Effects) -> tuple[Effects, tuple[str, ...]]:
    """The arms whose errors are known, where they are experiments enough; all arms otherwise."""
    known = effects.with_errors
    left_out = len(effects) - int(known.sum())
    chosen = effects.take(known)
    if not left_out or chosen.experiments < FEWEST:
        return effects, ()
    note = f"{plural(left_out, 'arm')} without standard errors {have(left_out)} no part in what is noise-corrected."
    return chosen, (note,)


def _record(effects: Effects, alpha: float) -> NoiseCorrected:
    total = total_covariance(effects)
    observed, noise, signal = total.observed, total.noise, total.signal
    slope, correlation, reliabilities = _estimates(effects, alpha)
    return NoiseCorrected(
        observed_xx=float(observed[0, 0]),
        observed_xy=float(observed[0, 1]),
        observed_yy=float(observed[1, 1]),
        noise_xx=finite_or_none(noise[0, 0]),
        noise_xy=finite_or_none(noise[0, 1]),
        noise_yy=finite_or_none(noise[1, 1]),
        signal_xx=finite_or_none(signal[0, 0]),
        signal_xy=finite_or_none(signal[0, 1]),
        signal_yy=finite_or_none(signal[1, 1]),
        reliability_x=reliabilities[0],
        reliability_y=reliabilities[1],
        smallest_eigenvalue=finite_or_none(total.smallest_eigenvalue),
        observed_correlation=finite_or_none(total.observed_correlation),
        slope=slope,
        correlation=correlation,
    )


def _estimates(effects: Effects, alpha: float) -> tuple[Estimable, Estimable, list[Estimable]]:
    """Slope, correlation and the reliability of both axes, each with the reason where it is refused."""
    unknown = [_unknown(side) for side in _SIDES]
    known = [bool(np.isfinite(errors).all()) for errors in effects.errors.T]
    if not all(known):
        reliabilities = [
            _reliability(Signal.of(effects.axes([axis]), alpha), 0) if known[axis] else unknown[axis]
            for axis in (0, 1)
        ]
        sides = [side for side, told in zip(_SIDES, known, strict=True) if not told]
        refused = _unknown(" and of ".join(sides))
        return refused, refused, reliabilities
    signal = Signal.of(effects, alpha)
    reliabilities = [_reliability(signal, axis) for axis in (0, 1)]
    none = no_signal(signal)
    if none is not None:
        return none, none, reliabilities
    return _slope(signal, reliabilities[0]), correlation_of(signal), reliabilities


def _unknown(side: str) -> NotEstimable:
    return NotEstimable(
        reason=Reason.NO_INTERVAL_GIVEN,
        detail=f"standard errors of {side} are not known, nor is their reliability",
    )


def no_signal(signal: Signal) -> NotEstimable | None:
    """Why nothing is corrected, if it is so."""
    own, eigenvalue = np.diagonal(signal.total.signal), signal.total.smallest_eigenvalue
    for axis, side in enumerate(_SIDES):
        if not own[axis] > 0.0:
            return NotEstimable(
                reason=Reason.NO_SIGNAL,
                detail=f"no detectable signal between experiments: {side} differ by no more than their errors make "
                f"(smallest eigenvalue {_short(eigenvalue)})",
            )
    for axis, side in enumerate(_SIDES):
        share = float(signal.total.reliability[axis])
        if share < LEAST_RELIABILITY:
            return NotEstimable(
                reason=Reason.NOT_RELIABLE,
                detail=f"of the variance of {side} a share of {plain(share, decimals=2)} is signal, at least "
                f"{LEAST_RELIABILITY} is needed",
            )
    return None


def _slope(signal: Signal, reliability: Estimable) -> Estimable:
    """The slope; where the signal is not positive definite only of gains that clearly differ beyond their errors."""
    found = signal.slope()
    clear = isinstance(reliability, Interval) and reliability.low > 0.0
    if signal.total.smallest_eigenvalue < 0.0 and not clear:
        return NotEstimable(
            reason=Reason.NO_SIGNAL,
            detail="no detectable signal between experiments: gains may differ by no more than their errors make "
            f"(smallest eigenvalue {_short(signal.total.smallest_eigenvalue)})",
        )
    if found is None:
        return NotEstimable(
            reason=Reason.NO_SIGNAL,
            detail="gains differ between experiments by little more than their errors make, so that every slope goes "
            "with these effects",
        )
    return _interval(found, signal.alpha, "fieller")


def correlation_of(signal: Signal) -> Estimable:
    """The noise-corrected correlation of the two axes, where there is a signal."""
    found = signal.correlation()
    if found is None:
        return NotEstimable(
            reason=Reason.NO_SIGNAL,
            detail="no detectable signal between experiments beside one line: less the errors the correlation would be "
            f"beyond 1 (smallest eigenvalue {_short(signal.total.smallest_eigenvalue)})",
        )
    return _interval(found, signal.alpha, "score")


def _reliability(signal: Signal, axis: int) -> Estimable:
    if not signal.total.observed[axis, axis] > 0.0:
        return NotEstimable(reason=Reason.ZERO_VARIANCE, detail="all experiments have the same effect")
    return _interval(signal.reliability(axis), signal.alpha, "satterthwaite")


def _interval(found: Found, alpha: float, method: str) -> Interval:
    return Interval(estimate=found.estimate, low=found.low, high=found.high, level=1.0 - alpha, method=method)


def _refused(record: NoiseCorrected) -> Iterator[str]:
    """One sentence for each refusal, the same reason once."""
    slope, correlation = record.slope, record.correlation
    if isinstance(slope, NotEstimable) and slope == correlation:
        yield f"No correlation and no slope: {slope.detail}."
        return
    stands = isinstance(slope, Interval) and isinstance(record.reliability_x, Interval)
    for name, found in (("slope", slope), ("correlation", correlation)):
        if isinstance(found, NotEstimable):
            yield f"No {name}: {found.detail}{_SLOPE_STANDS if stands else ''}."


def _assumed(effects: Effects, predictor: Axis, business: Axis, alpha: float) -> Iterator[SensitivityLine]:
    """The slope under other correlations of errors, where that of two online metrics is not known."""
    if "unknown" not in {predictor.noise, business.noise} or predictor.noise is None:
        return
    for correlation in _CORRELATIONS:
        slope, _, _ = _estimates(effects.with_correlation(correlation), alpha)
        shown = plain(correlation, decimals=1)
        yield SensitivityLine(
            method=f"noise correlation {shown}", slope=slope, intercept=None, chi_square=None, df=None,
            sentence=f"Slope if errors of both metrics had a correlation of {shown}; it is not known, and taken as 0.",
        )  # fmt: skip


def _unknown_noise(
    axes: tuple[Axis, Axis], slope: Estimable, assumed: Sequence[SensitivityLine]
) -> Iterator[str]:
    """That noise in common is not known, and how far it could turn the slope."""
    if not assumed or not isinstance(slope, Interval):
        return
    quick, business = (label(axis.name) for axis in axes)
    last = assumed[-1]
    turned = (
        f"the slope would be {plain(last.slope.estimate, decimals=2)}"
        if isinstance(last.slope, Interval)
        else "there would be no slope"
    )
    yield (
        f"{sentence_case(quick)} and {business} are measured on the same units, and how their errors go together is "
        f"not known (noise_correlation): they count as unrelated, with a slope of {plain(slope.estimate, decimals=2)}; "
        f"were their correlation {plain(_CORRELATIONS[-1], decimals=1)}, {turned}."
    )


def _lines(effects: Effects, alpha: float) -> Iterator[SensitivityLine]:
    """York's line and Deming's."""
    york = york_line(effects.values, effects.covariances)
    if york is not None and york.chi_square is not None and york.df is not None:
        yield SensitivityLine(
            method="york", slope=_of_line(york, effects, alpha, "york"), intercept=york.intercept,
            chi_square=york.chi_square, df=york.df, sentence=_york_sentence(york.chi_square, york.df),
        )  # fmt: skip
    usual = np.median(effects.errors**2, axis=0)
    if (usual > 0.0).all():
        deming = deming_line(effects.values, float(usual[1] / usual[0]))
        if deming is not None:
            yield SensitivityLine(
                method="deming", slope=_of_line(deming, effects, alpha, "jackknife"), intercept=deming.intercept,
                chi_square=None, df=None,
                sentence="Deming's line takes all experiments as equally exact, with the usual ratio of errors.",
            )  # fmt: skip


def _of_line(line: FittedLine, effects: Effects, alpha: float, method: str) -> Interval:
    """The slope with t of experiments less two; wider where points lie further off than their errors make."""
    scale = 1.0
    if line.chi_square is not None and line.df is not None:
        scale = math.sqrt(max(line.chi_square / line.df, 1.0))
    reach = scale * line.slope_error * float(t_quantile(1.0 - alpha / 2.0, effects.experiments - 2.0))
    found = Found(estimate=line.slope, low=line.slope - reach, high=line.slope + reach)
    return _interval(found, alpha, method)


def _york_sentence(chi_square: float, df: int) -> str:
    further = float(chi2_sf(chi_square, df)) < 0.05
    how = "further off it than their errors make" if further else "no further off it than their errors make"
    return (
        f"York's line takes every true effect to lie on it: chi-square {plain(chi_square)} over {df} degrees of "
        f"freedom, experiments lie {how}."
    )


def _short(number: float) -> str:
    """A number that may be very small."""
    return plain(number) if abs(number) >= 1e-4 or number == 0.0 else f"{number:.2g}".replace("-", MINUS)
