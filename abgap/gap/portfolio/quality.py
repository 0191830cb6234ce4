"""What a row of trust is made of, for a predictor as for a blend: quality, rank correlation, and the sentence."""

from __future__ import annotations

import numpy as np

from abgap.gap.portfolio.covariance import FEWEST, no_signal
from abgap.gap.portfolio.steps import correlation_in_words
from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.records.words import plural
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.rank_correlation import kendall_tau
from abgap.stats.portfolio.signal_intervals import Signal


def quality_of(signal: Signal) -> Estimable:
    """The quality of the first axis at the usual size of test: the median variance of its errors."""
    refused = no_signal(signal)
    if refused is not None:
        return refused
    found = signal.quality(float(np.median(signal.effects.covariances[:, 0, 0])))
    return Interval(
        estimate=found.estimate, low=found.low, high=found.high, level=1.0 - signal.alpha, method="score"
    )


def kendall(effects: Effects, alpha: float) -> Estimable:
    """The rank correlation of two axes as measured."""
    experiments = effects.experiments
    if experiments < FEWEST:
        return too_few(f"{plural(experiments, 'experiment')}, at least {FEWEST} are needed")
    x, y = effects.values.T
    tau, low, high = (float(end) for end in kendall_tau(x, y, effects.experiment, alpha))
    if not np.isfinite(tau):
        return NotEstimable(reason=Reason.ZERO_VARIANCE, detail="all experiments have the same effect")
    if not (np.isfinite(low) and np.isfinite(high)):
        return NotEstimable(
            reason=Reason.ZERO_VARIANCE, detail="all experiments but one have the same effect"
        )
    return Interval(estimate=tau, low=low, high=high, level=1.0 - alpha, method="jackknife")


def too_few(detail: str) -> NotEstimable:
    """Why nothing is said of a few experiments."""
    return NotEstimable(reason=Reason.TOO_FEW_EXPERIMENTS, detail=detail)


def quality_sentence(what: str, business: str, quality: Estimable) -> str:
    """What the quality says. what: the predictor, as a sentence begins with it."""
    if not isinstance(quality, Interval):
        return f"{what} has no quality for {business}: {quality.detail}."
    told = ""
    if quality.low <= 0.0:
        told = "; it points the wrong way" if quality.high < 0.0 else "; it may say nothing of it"
    shown = correlation_in_words(quality)
    return (
        f"{what}, as a test of the usual size measures it, has a correlation of {shown} with the true lift of "
        f"{business}{told}."
    )
