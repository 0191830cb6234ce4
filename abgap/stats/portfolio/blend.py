"""The blend of several predictors that stands best for a lift, and what it is worth on experiments it has not seen.

Of all weighted sums of predictors, as a test of the usual size measures them, the one that goes best with the true lift
(Tripuraneni, Richardson, D'Amour, Soriano and Yadlowsky 2023) is a regression whose moments are those of true effects
plus the errors of such a test: predictors that are hard to measure get little weight, as they would have to be bought
with larger tests. Weights are not negative: more of a metric that was turned so that up is good never counts against a
model. With a dozen experiments that is also what keeps weights sane.

A blend is at its best on the experiments that it was fitted to. Each experiment is therefore scored by a blend that was
fitted to the others, its own arms and control left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abgap.records.moments import FloatArray
from abgap.stats.arrays import BoolArray
from abgap.stats.portfolio.effects import Effects
from abgap.stats.portfolio.total_covariance import total_covariance

FEWEST = 10
"""Experiments below which no blend is fitted."""

_ONE_BY_ONE = 30
_FOLDS = 10
_STEPS = 100


class Blend(NamedTuple):
    """Weights of the predictors, (p,).

    relative: per standard deviation of true effects, they sum to 1. own: per unit of each predictor, so that the blend
    as a usual test measures it has a variance of 1. All 0 where no predictor goes with the lift.
    """

    relative: FloatArray
    own: FloatArray


def fit_blend(effects: Effects) -> Blend:
    """Fit the blend. effects: predictors, then the business metric, all measured with known errors.

    A predictor whose effects do not differ by more than their errors gets 0.
    """
    signal = total_covariance(effects).signal
    size = np.sqrt(np.maximum(np.diagonal(signal)[:-1], 0.0))
    relative, own = np.zeros(len(size)), np.zeros(len(size))
    there = np.flatnonzero(size > 0.0)
    if there.size:
        both, scale = np.ix_(there, there), np.outer(size[there], size[there])
        gram = _positive(signal[both] / scale) + usual_errors(effects)[both] / scale
        found = nonnegative_weights(gram, signal[there, -1] / size[there])
        if found.any():
            relative[there] = found / found.sum()
            own[there] = found / np.sqrt(found @ gram @ found) / size[there]
    return Blend(relative, own)


def usual_errors(effects: Effects) -> FloatArray:
    """Return the covariance of the errors of a test of the usual size, (p, p).

    Median variances, and the correlations of errors averaged over arms.
    """
    own = effects.covariances[:, :-1, :-1]
    errors = np.sqrt(np.diagonal(own, axis1=1, axis2=2))
    # Errors of 0 go with nothing.
    inverse = np.divide(1.0, errors, out=np.zeros_like(errors), where=errors > 0.0)
    together = np.einsum("kab,ka,kb->ab", own, inverse, inverse) / len(own)
    np.fill_diagonal(together, 1.0)
    usual = np.median(errors, axis=0)
    return np.asarray(together * np.outer(usual, usual))


def scored(effects: Effects, weights: FloatArray) -> Effects:
    """Return the arms on two axes: the blend, and the business metric. weights: (K, p), per unit."""
    turn = np.zeros((len(effects), 2, effects.values.shape[1]))
    turn[:, 0, :-1], turn[:, 1, -1] = weights, 1.0
    first, second = effects.pairs.T
    return Effects(
        values=np.einsum("kab,kb->ka", turn, effects.values),
        covariances=turn @ effects.covariances @ turn.transpose(0, 2, 1),
        experiment=effects.experiment,
        pairs=effects.pairs,
        shared=turn[first] @ effects.shared @ turn[second].transpose(0, 2, 1),
    )


def scored_by_others(effects: Effects) -> Effects:
    """Return the arms on two axes, the blend being one of other experiments.

    All others up to 30 experiments, nine tenths of them beyond.
    """
    numbers, number = np.unique(effects.experiment, return_inverse=True)
    fold = number if len(numbers) <= _ONE_BY_ONE else number % _FOLDS
    weights = np.zeros((len(effects), effects.values.shape[1] - 1))
    for left_out in range(int(fold.max()) + 1):
        others = effects.take(fold != left_out)
        weights[fold == left_out] = fit_blend(others).own
    return scored(effects, weights)


def nonnegative_weights(gram: FloatArray, moment: FloatArray) -> FloatArray:
    """Return the ``w >= 0`` with the smallest ``w' gram w - 2 moment' w``, by active sets (Lawson and Hanson 1974)."""
    n = len(moment)
    weights, free = np.zeros(n), np.zeros(n, dtype=bool)
    enough = 1e-12 * max(float(np.max(np.abs(moment), initial=0.0)), 1e-300)
    for _ in range(_STEPS * n):
        slope = np.where(free, -np.inf, moment - gram @ weights)
        if free.all() or slope.max() <= enough:
            break
        free[np.argmax(slope)] = True
        weights = _within(gram, moment, weights, free)
    return weights


def _within(gram: FloatArray, moment: FloatArray, weights: FloatArray, free: BoolArray) -> FloatArray:
    """Go towards the best of the free weights as far as none is negative, those that reach 0 leaving the free ones."""
    while True:
        goal = np.zeros_like(weights)
        goal[free] = np.linalg.lstsq(gram[np.ix_(free, free)], moment[free], rcond=1e-12)[0]
        below = free & (goal <= 0.0)
        if not below.any():
            return goal
        share = np.min(weights[below] / (weights[below] - goal[below]))
        weights = weights + share * (goal - weights)
        free &= weights > 1e-15 * weights.max(initial=0.0)
        weights = np.where(free, weights, 0.0)
        if not free.any():
            return weights


def _positive(matrix: FloatArray) -> FloatArray:
    """Return the nearest matrix without a negative eigenvalue."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)
