"""What a rule for launching earns, told by units that took no part in the decision.

Whoever launches what looked best and then counts what it looked like counts noise as profit. Here units fall into
folds; for each fold a rule decides on all the others, and what its choice adds to the business in the fold left out is
its value. The errors of disjoint units are independent, so that the value of a choice that was chance is 0 on average,
whatever the rule. An effect is a sum over folds (``parts``), so that always launching earns exactly the effects.

The interval is between experiments. Rules that seldom launch earn by few experiments; and where a rule is in two minds,
launching in some folds only, those are the folds that by chance look low: squares of such values are too small. So an
experiment in which folds disagree counts with at least the sampling error of what was launched, and degrees of freedom
are those of the experiments in which anything is. Unequal sizes make t more careful (Bakirov and Szekely 2005).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray
from abgap.stats.portfolio.effects import IndexArray
from abgap.stats.tails import t_quantile

FEWEST_EXPERIMENTS = 2
"""Fewest experiments that a value has an interval between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldParts:
    """What every fold of units adds to the effect of every arm, up is good.

    parts: (K, F); over the folds they add up to the effect of the arm. variance: (K,), sampling variance of that
    effect. experiment: (K,), from 0 on, every number with at least one arm.
    """

    parts: FloatArray
    variance: FloatArray
    experiment: IndexArray

    @property
    def experiments(self) -> int:
        """How many there are."""
        return int(self.experiment.max()) + 1 if len(self.experiment) else 0

    @property
    def folds(self) -> int:
        """How many there are."""
        return int(self.parts.shape[1])


class Earned(NamedTuple):
    """Mean value per experiment, its standard error and degrees of freedom. launches: arms, averaged over folds."""

    value: float
    standard_error: float
    df: float
    launches: float

    def interval(self, alpha: float) -> tuple[float, float]:
        """The ends of the interval of level ``1 - alpha``."""
        reach = float(t_quantile(1.0 - alpha / 2.0, self.df)) * self.standard_error
        return self.value - reach, self.value + reach


def best_arms(score: FloatArray, allowed: BoolArray, experiment: IndexArray) -> BoolArray:
    """Of every experiment the arm to launch, (K, F): the one of highest score among those allowed; the first of equals.

    score, allowed: (K, F), or (K, 1) for what no fold changes. Launches nothing where no arm is allowed.
    """
    score, allowed = np.broadcast_arrays(np.where(allowed, score, -np.inf), allowed)
    groups, folds = int(experiment.max(initial=-1)) + 1, score.shape[1]
    highest = np.full((groups, folds), -np.inf)
    np.maximum.at(highest, experiment, score)
    best = allowed & (score == highest[experiment])
    row = np.arange(len(score))[:, None]
    first = np.full((groups, folds), len(score))
    np.minimum.at(first, experiment, np.where(best, row, len(score)))
    return np.asarray(best & (first[experiment] == row))


def earned(launched: BoolArray, found: FoldParts, worth: FloatArray | None = None) -> Earned:
    """The mean value per experiment of launching ``launched`` (K, F), each fold decided on without its own units.

    worth: (K,), what an effect of 1 is worth (money); 1 by default. NaN with fewer than two experiments.
    """
    scale = np.ones(len(found.parts)) if worth is None else worth
    value = _by_experiment(found, np.where(launched, found.parts, 0.0).sum(axis=1) * scale)
    error = _by_experiment(found, launched.mean(axis=1) * found.variance * scale**2)
    active = _by_experiment(found, launched.any(axis=1)) > 0.0
    agreed = _by_experiment(found, launched.all(axis=1)) > 0.0
    mean, count = float(value.mean()) if len(value) else np.nan, len(value)
    if count < FEWEST_EXPERIMENTS:
        return Earned(mean, np.nan, np.nan, float(launched.sum()) / found.folds)
    squares = np.maximum((value - mean) ** 2, np.where(agreed, 0.0, error))
    spread = float(squares.sum()) / (count * (count - 1.0))
    return Earned(
        value=mean,
        standard_error=float(np.sqrt(spread)),
        df=float(max(int(active.sum()) - 1, 1)),
        launches=float(launched.sum()) / found.folds,
    )


def regret(true_effect: FloatArray, launched: BoolArray, experiment: IndexArray) -> FloatArray:
    """What knowing the true effects (K,) would have earned more, per experiment, (E,); for simulations.

    The oracle launches the best arm of each experiment if its true effect is above 0. Never below 0.
    """
    groups = int(experiment.max(initial=-1)) + 1
    oracle, got = np.zeros(groups), np.zeros(groups)
    np.maximum.at(oracle, experiment, true_effect)
    np.add.at(got, experiment, launched.mean(axis=1) * true_effect)
    return np.asarray(oracle - got)


def _by_experiment(found: FoldParts, of_arms: npt.ArrayLike) -> FloatArray:
    total = np.zeros(found.experiments)
    np.add.at(total, found.experiment, of_arms)
    return total
