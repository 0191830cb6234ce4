"""How often gain and lift point the same way, in words: beside what noise makes, and what exact measurement would.

Signs need no standard errors, so that this stands where a correlation is refused; below five experiments it is refused
as well, since three of three would still be said as if it meant something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from abgap.gap.portfolio.covariance import FEWEST
from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.gap.portfolio.quality import too_few
from abgap.records import Estimable, Interval, NineCells
from abgap.records.portfolio import NoiseCorrected, PairFit, PredictorSide, SignAgreement
from abgap.records.words import label, percent, plain, plural, sentence_case
from abgap.stats.portfolio.agreement import (
    Share,
    agreement_by_noise,
    agreement_of_correlation,
    agreement_of_signs,
)

# Errors that go together even more would leave no effects.
_MOST = 0.99


def with_agreement(found: PairFit, data: PortfolioData, predictor: int, business: int) -> PairFit:
    """What is known of a pair, and how often its signs agree."""
    effects = data.pair(predictor, business)
    if not len(effects):
        return found
    x, y = effects.values.T
    share = agreement_of_signs(x, y, effects.experiment, data.alpha)
    observed = estimable_share(share, data.alpha, "with a gain and a lift that are not exactly zero", FEWEST)
    noise = _noise(found)
    by_noise = None
    if noise is not None and isinstance(observed, Interval):
        by_noise = agreement_by_noise(x, y, effects.experiment, noise)
    exactly = _if_measured_exactly(found.noise_corrected)
    agreement = SignAgreement(
        experiments=share.experiments,
        observed=observed,
        by_noise=by_noise,
        if_measured_exactly=exactly,
        sentence=_sentence(found, observed, by_noise, exactly, assumed=_assumed(data, predictor, business)),
    )
    return replace(found, sign_agreement=agreement)


def estimable_share(share: Share, alpha: float, of_what: str, fewest: int) -> Estimable:
    """A share as a record. of_what: what its experiments are, for where they are too few."""
    if share.experiments < fewest:
        return too_few(f"{plural(share.experiments, 'experiment')} {of_what}, at least {fewest} are needed")
    estimate, low, high = (float(end) for end in share.bounds)
    return Interval(estimate=estimate, low=low, high=high, level=1.0 - alpha, method="wilson")


def share_in_words(share: Interval) -> str:
    """A share with its interval: ``75 % [47, 91]``."""
    ends = ", ".join(plain(end * 100.0, decimals=0) for end in (share.low, share.high))
    return f"{percent(share.estimate, decimals=0)} [{ends}]"


def cells_of_effects(counted: Sequence[NineCells], data: PortfolioData) -> tuple[NineCells, ...]:
    """The nine cells of all pairs: those of verdicts as they are, the others from what was established."""
    known = {(cells.offline_metric, cells.business_metric) for cells in counted}
    return (
        *counted,
        *(cells for cells in _cells(data) if (cells.offline_metric, cells.business_metric) not in known),
    )


def _cells(data: PortfolioData) -> Iterator[NineCells]:
    """Of every predictor by every business metric of which signs are known."""
    pairs = (
        (at, business) for business in data.positions(AxisKind.BUSINESS) for at in data.predictors(business)
    )
    for predictor, business in pairs:
        signs = data.significant[:, [predictor, business]]
        known = np.isfinite(signs).all(axis=1)
        if not known.any():
            continue
        row, column = (signs[known & data.trusted].astype(np.intp) + 1).T
        counts = np.bincount(3 * row + column, minlength=9).reshape(3, 3)
        down, flat, up = ((int(a), int(b), int(c)) for a, b, c in counts)
        yield NineCells(
            offline_metric=data.axes[predictor].name,
            business_metric=data.axes[business].name,
            counts=(down, flat, up),
            untrustworthy=int((known & ~data.trusted).sum()),
        )


def _noise(found: PairFit) -> float | None:
    """The correlation that errors alone leave between measured effects; None where it is not known.

    Offline gains are measured on other data than lifts: without standard errors theirs is still 0.
    """
    corrected = found.noise_corrected
    if corrected is not None and corrected.noise_xy is not None:
        scale = float(np.sqrt(corrected.observed_xx * corrected.observed_yy))
        return float(np.clip(corrected.noise_xy / scale, -_MOST, _MOST)) if scale > 0.0 else None
    return 0.0 if found.side is PredictorSide.OFFLINE else None


def _if_measured_exactly(corrected: NoiseCorrected | None) -> Estimable | None:
    """The share that the noise-corrected correlation implies, as an increasing function of it."""
    if corrected is None or not isinstance(corrected.correlation, Interval):
        return None if corrected is None else corrected.correlation
    told = corrected.correlation
    estimate, low, high = (float(agreement_of_correlation(r)) for r in (told.estimate, told.low, told.high))
    return replace(told, estimate=estimate, low=low, high=high)


def _assumed(data: PortfolioData, predictor: int, business: int) -> bool:
    """Whether errors of both metrics, which share units, are taken as independent for want of knowledge."""
    axes = data.axes[predictor], data.axes[business]
    return axes[0].kind is not AxisKind.OFFLINE and "unknown" in {axis.noise for axis in axes}


def _sentence(
    found: PairFit, observed: Estimable, by_noise: float | None, exactly: Estimable | None, *, assumed: bool
) -> str:
    sides = f"gains of {label(found.predictor)} and lifts of {label(found.business_metric)}"
    if not isinstance(observed, Interval):
        return f"How often {sides} have the same sign is not said: {observed.detail}."
    text = f"{sentence_case(sides)} had the same sign in {share_in_words(observed)} of experiments"
    if by_noise is not None:
        nothing = "no relation and errors that do not go together" if assumed else "no relation at all"
        inside = observed.low <= by_noise <= observed.high
        told = ", which is not ruled out" if inside else ""
        text += f"; with {nothing} it would be {percent(by_noise, decimals=0)}{told}"
    if isinstance(exactly, Interval):
        text += f". Measured exactly it would be {share_in_words(exactly)}"
    return f"{text}."
