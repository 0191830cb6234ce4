"""Which predictor deserves trust for a business metric: one row for each, and one for the best blend of them.

What ranks them is quality at the size of test the team runs: how well the predictor, as such a test measures it, goes
with the true lift. A metric that is right in principle and drowned in noise in practice is of little use, and the other
way round a precise metric that goes with nothing. Beside it stands what needs no model: rank correlation, and how often
the predictor moved when the business metric did, and which way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from abgap.gap.portfolio.agreement import estimable_share
from abgap.gap.portfolio.blend import blend_trust
from abgap.gap.portfolio.covariance import FEWEST
from abgap.gap.portfolio.data import AxisKind, PortfolioData
from abgap.gap.portfolio.quality import kendall, quality_of, quality_sentence, too_few
from abgap.records import Estimable, Interval
from abgap.records.portfolio import PairFit, Trust
from abgap.records.words import label, plural, sentence_case
from abgap.stats.portfolio.agreement import share_by_experiment
from abgap.stats.portfolio.signal_intervals import Signal

# Experiments that moved: the interval says how little a few of them tell, one is an anecdote.
_FEWEST_MOVED = 2


def metric_trust(data: PortfolioData, pairs: Sequence[PairFit]) -> tuple[Trust, ...]:
    """One row for every pair and for the blend of every business metric, best first within each business metric."""
    return tuple(row for at in data.positions(AxisKind.BUSINESS) for row in _of_business(data, pairs, at))


def _of_business(data: PortfolioData, pairs: Sequence[PairFit], business: int) -> Iterator[Trust]:
    name = data.axes[business].name
    rows = [_trust(data, pair, business) for pair in pairs if pair.business_metric == name]
    blend = blend_trust(data, business)
    yield from _ranked([*rows, *([] if blend is None else [blend])])


def _ranked(rows: Sequence[Trust]) -> Iterator[Trust]:
    """By quality; those that have none come last, without a rank."""
    known = [(row, row.quality.estimate) for row in rows if isinstance(row.quality, Interval)]
    best_first = sorted(known, key=lambda found: -found[1])
    yield from (replace(row, rank=place) for place, (row, _) in enumerate(best_first, start=1))
    yield from (row for row in rows if not isinstance(row.quality, Interval))


def _trust(data: PortfolioData, pair: PairFit, business: int) -> Trust:
    predictor, corrected = data.axis(pair.predictor), pair.noise_corrected
    quality = _quality(data, pair, predictor, business)
    reliability = None if corrected is None else corrected.reliability_x
    sensitivity, wrong = _moved(data, predictor, business)
    return Trust(
        predictor=pair.predictor,
        side=pair.side,
        business_metric=pair.business_metric,
        rank=None,
        experiments=pair.experiments,
        quality=quality,
        correlation=_few(pair) if corrected is None else corrected.correlation,
        kendall=kendall(data.pair(predictor, business), data.alpha),
        reliability=reliability.estimate if isinstance(reliability, Interval) else None,
        sensitivity=sensitivity,
        wrong_direction=wrong,
        sentence=quality_sentence(sentence_case(label(pair.predictor)), label(pair.business_metric), quality),
    )


def _quality(data: PortfolioData, pair: PairFit, predictor: int, business: int) -> Estimable:
    effects = data.pair(predictor, business)
    known = effects.take(effects.with_errors)
    if known.experiments >= FEWEST:
        return quality_of(Signal.of(known, data.alpha))
    return _few(pair) if pair.noise_corrected is None else pair.noise_corrected.correlation


def _few(pair: PairFit) -> Estimable:
    return too_few(f"{plural(pair.experiments, 'experiment')}, at least {FEWEST} are needed")


def _moved(data: PortfolioData, predictor: int, business: int) -> tuple[Estimable, Estimable]:
    """Sensitivity and the share of wrong directions, from what was established at the study's alpha."""
    signs = data.significant[:, [predictor, business]]
    moved = data.trusted & np.isfinite(signs).all(axis=1) & (signs[:, 1] != 0.0)
    both = moved & (signs[:, 0] != 0.0)
    numbers = data.effects.experiment
    sensitivity = share_by_experiment(both, moved, numbers, data.alpha)
    wrong = share_by_experiment(signs[:, 0] != signs[:, 1], both, numbers, data.alpha)
    return (
        estimable_share(sensitivity, data.alpha, "in which the business metric moved", _FEWEST_MOVED),
        estimable_share(wrong, data.alpha, "in which both moved", _FEWEST_MOVED),
    )
