"""Whether gains still bring what they brought, and whether they bring less where models are good: added to a pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from abgap.gap.portfolio.data import PortfolioData
from abgap.records.portfolio import PairFit, RollingTrust
from abgap.records.words import label, p_value, percent, plain, plural, signed_percent
from abgap.stats.portfolio.trust_over_time import (
    FALSE_ALARMS,
    FEWEST_BEFORE,
    OverTime,
    experiment_means,
    over_time,
)
from abgap.stats.rate_by_level import FEWEST, RateByLevel, rate_by_level


def with_trust_over_time(found: PairFit, data: PortfolioData, predictor: int, business: int) -> PairFit:
    """The pair with its experiments held against the line of those before, by start."""
    pair = data.pair(predictor, business)
    means = experiment_means(pair.take(np.isfinite(pair.errors[:, 1])))
    dated = [row for row, at in enumerate(means.experiment.tolist()) if data.starts[at] is not None]
    order = sorted(dated, key=lambda row: str(data.starts[means.experiment[row]]))
    rows = over_time(means, order)
    if rows is None:
        sentence = (
            f"No trust over time: {plural(len(dated), 'experiment')} with a start and a standard error, more than "
            f"{FEWEST_BEFORE} are needed, with gains that differ by more than their errors."
        )
        return replace(found, over_time_sentence=sentence)
    experiments = means.experiment[order].tolist()
    return replace(
        found,
        over_time=tuple(_rows(data, experiments, rows)),
        over_time_sentence=_sentence(data, predictor, business, experiments, rows),
    )


def with_saturation(found: PairFit, data: PortfolioData, predictor: int, business: int) -> PairFit:
    """The pair with a sentence on gains and levels; nothing where levels of models are not known."""
    known = data.trusted & np.isfinite(data.level[:, predictor])
    pair = data.effects.axes([predictor, business])
    known &= pair.with_errors
    if not known.any():
        return found
    experiments = pair.experiment[known]
    # Arms of one experiment share a control: of several the first counts.
    _, first = np.unique(experiments, return_index=True)
    values, errors = pair.values[known][first], pair.errors[known][first]
    level = data.level[known, predictor][first]
    good = float(level.max())
    rates = rate_by_level(
        values[:, 0], errors[:, 0], values[:, 1], errors[:, 1], level, at=good, alpha=data.alpha
    )
    name = label(data.axes[predictor].name)
    if rates is None:
        sentence = (
            f"Whether {name} saturates cannot be told: {plural(first.size, 'experiment')}, at least {FEWEST} are "
            "needed, at levels and with gains that differ by more than their errors."
        )
        return replace(found, saturation_sentence=sentence)
    return replace(found, saturation_sentence=_saturation(name, rates, good - float(level.min()), data.alpha))


def _saturation(name: str, rates: RateByLevel, width: float, alpha: float) -> str:
    """What is said of gains at the best level beside the worst."""
    worst = rates.rate - rates.slope * width
    sizes = (
        f"0.01 of {name} brings {signed_percent(rates.rate / 100, decimals=2)} at the best level of the models seen, "
        f"and {signed_percent(worst / 100, decimals=2)} at the worst ({p_value(rates.p_value)})"
    )
    if rates.p_value >= alpha:
        return f"That gains bring less where models are good is not established: {sizes}."
    return f"Gains bring {'less' if rates.slope < 0.0 else 'more'} where models are good: {sizes}."


def _rows(data: PortfolioData, experiments: list[int], rows: OverTime) -> Iterator[RollingTrust]:
    """One record for each experiment that has a line before it."""
    columns = (rows.residual.tolist(), rows.up.tolist(), rows.down.tolist(), rows.warning.tolist())
    for at, residual, up, down, warning in zip(experiments, *columns, strict=True):
        start = data.starts[at]
        if start is not None and np.isfinite(residual):
            yield RollingTrust(
                experiment=data.names[at],
                start=start,
                residual=residual,
                cusum_up=up,
                cusum_down=down,
                warning=warning,
            )


def _sentence(
    data: PortfolioData, predictor: int, business: int, experiments: list[int], rows: OverTime
) -> str:
    """The first warning, or that there is none."""
    metric, lift = label(data.axes[predictor].name), label(data.axes[business].name)
    limit = f"the threshold of {plain(rows.threshold, decimals=1)} standard errors, which chance crosses in"
    chance = f"{limit} {percent(FALSE_ALARMS, decimals=0)} of portfolios"
    beyond = np.flatnonzero(rows.warning)
    if not beyond.size:
        return f"What {metric} brings in {lift} has not drifted: no sum of surprises crosses {chance}."
    at = int(beyond[0])
    side = "more" if rows.up[at] >= rows.down[at] else "less"
    return (
        f"What {metric} brings in {lift} has drifted: lifts came out {side} than gains let expect, and at "
        f"{data.names[experiments[at]]} the sum of surprises crosses {chance}."
    )
