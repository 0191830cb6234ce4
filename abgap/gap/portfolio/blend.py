"""The best non-negative blend of the predictors as a row of trust: what it is worth on experiments it has not seen.

Only arms count on which every blended predictor was measured. A predictor that few experiments have is left out rather
than cost the others their experiments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from abgap.gap.portfolio.covariance import correlation_of, no_signal
from abgap.gap.portfolio.data import PortfolioData
from abgap.gap.portfolio.quality import kendall, quality_of, quality_sentence, too_few
from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.records.portfolio import Trust
from abgap.records.words import label, listed, percent, plain, plural
from abgap.stats.portfolio.blend import FEWEST, Blend, fit_blend, scored, scored_by_others
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.signal_intervals import Signal

NAME = "blend"

# Smaller weights are not named in the sentence.
_SHOWN = 0.005

_NO_TEST = NotEstimable(reason=Reason.NOT_DEFINED, detail="a blend has no test of its own")


def blend_trust(data: PortfolioData, business: int) -> Trust | None:
    """The row of the blend for one business metric; None where there are no two predictors with known errors."""
    chosen = _chosen(data, business)
    if len(chosen) < 2:
        return None
    effects = _measured(data, chosen, business)
    row = _empty(data.axes[business].name, effects.experiments)
    if effects.experiments < FEWEST:
        with_all = f"{plural(effects.experiments, 'experiment')} with all predictors"
        return _refused(row, too_few(f"{with_all}, at least {FEWEST} are needed"))
    blend = fit_blend(effects)
    if not blend.own.any():
        nothing = "no predictor goes with the lift"
        return _refused(row, NotEstimable(reason=Reason.NO_SIGNAL, detail=nothing))
    names = [data.axes[axis].name for axis in chosen]
    if np.count_nonzero(blend.own) == 1:
        alone = f"the best one is {label(names[int(np.argmax(blend.own))])} alone"
        return _refused(row, NotEstimable(reason=Reason.NOT_DEFINED, detail=alone))
    return _fitted(row, effects, blend, names, data.alpha)


def _chosen(data: PortfolioData, business: int) -> list[int]:
    """The predictors, the one with the fewest experiments left out until enough have all of them."""
    every = data.predictors(business)
    counts = {axis: _measured(data, [axis], business).experiments for axis in every}
    chosen = [axis for axis in every if counts[axis]]
    enough = min(FEWEST, max(counts.values(), default=0))
    while len(chosen) > 2 and _measured(data, chosen, business).experiments < enough:
        chosen.remove(min(reversed(chosen), key=lambda axis: counts[axis]))
    return chosen


def _measured(data: PortfolioData, predictors: Sequence[int], business: int) -> Effects:
    """Trusted arms with effects and errors on all predictors and the business metric."""
    every = data.effects.axes([*predictors, business])
    return every.take(data.trusted & every.with_errors)


def _empty(business_metric: str, experiments: int) -> Trust:
    """A row that says nothing yet."""
    return Trust(
        predictor=NAME,
        side=None,
        business_metric=business_metric,
        rank=None,
        experiments=experiments,
        quality=_NO_TEST,
        correlation=_NO_TEST,
        kendall=_NO_TEST,
        reliability=None,
        sensitivity=_NO_TEST,
        wrong_direction=_NO_TEST,
    )


def _refused(row: Trust, why: NotEstimable) -> Trust:
    sentence = quality_sentence("The blend of predictors", label(row.business_metric), why)
    return replace(row, quality=why, correlation=why, kendall=why, sentence=sentence)


def _fitted(row: Trust, effects: Effects, blend: Blend, names: Sequence[str], alpha: float) -> Trust:
    unseen = Signal.of(scored_by_others(effects), alpha)
    quality = _unseen_quality(unseen)
    weights = {name: float(weight) for name, weight in zip(names, blend.relative, strict=True)}
    apparent = quality_of(Signal.of(scored(effects, np.tile(blend.own, (len(effects), 1))), alpha))
    found = apparent.estimate if isinstance(apparent, Interval) else None
    return replace(
        row,
        quality=quality,
        correlation=no_signal(unseen) or correlation_of(unseen),
        kendall=kendall(unseen.effects, alpha),
        reliability=float(unseen.total.reliability[0]),
        weights=weights,
        apparent=found,
        sentence=_sentence(row, weights, quality, found),
    )


def _unseen_quality(unseen: Signal) -> Estimable:
    """The quality on experiments that the blend was not fitted to, where it goes with lifts there at all."""
    quality = quality_of(unseen)
    if isinstance(quality, Interval) and quality.estimate <= 0.0:
        return NotEstimable(
            reason=Reason.NO_SIGNAL,
            detail="on experiments that it was not fitted to, it does not go with lifts",
        )
    return quality


def _sentence(row: Trust, weights: Mapping[str, float], quality: Estimable, apparent: float | None) -> str:
    shares = [
        f"{percent(weight, decimals=0)} {label(name)}" for name, weight in weights.items() if weight >= _SHOWN
    ]
    text = quality_sentence(f"The blend of {listed(shares)}", label(row.business_metric), quality)
    if apparent is None:
        return text
    return f"{text} On the experiments that it was fitted to it looks like {plain(apparent, decimals=2)}."
