"""Logistic regression, by iteratively reweighted least squares (Newton's method): the one model that is trained here.

It sees both numbers of an order, their squares and their product, so that its decision boundary is a curve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from abgap.lab.sample.population import Floats

_NO_MAXIMUM = "the likelihood has no maximum: the labels are divided without error"
_MOST_STEPS = 100
_SMALLEST_STEP = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A trained model. coefficients: of the columns of ``terms``, in logits; the first is the intercept."""

    coefficients: tuple[float, ...]

    def logits(self, features: Floats) -> Floats:
        """What the model says of orders (n, 2): (n,)."""
        return np.asarray(terms(features) @ np.array(self.coefficients))

    def probabilities(self, features: Floats) -> Floats:
        """The same as probabilities of fraud."""
        return np.asarray(expit(self.logits(features)))

    def shifted(self, logits: float) -> Logistic:
        """The same model with all its scores moved."""
        first, *others = self.coefficients
        return replace(self, coefficients=(first + logits, *others))


def terms(features: Floats) -> Floats:
    """The columns that are weighed, (n, 6): 1, both numbers, their squares, their product."""
    return np.column_stack([np.ones(len(features)), features, features**2, features[:, 0] * features[:, 1]])


def fit_logistic(design: Floats, labels: Floats, weights: Floats) -> Floats:
    """The coefficients (p,) with the greatest weighted likelihood.

    design: (n, p). labels: (n,), 0 or 1. weights: (n,), of every row in the likelihood. ArithmeticError when the steps
    do not come to rest, as where a plane divides the labels without error.
    """
    found = np.zeros(design.shape[1])
    for _ in range(_MOST_STEPS):
        p = expit(design @ found)
        slope = design.T @ (weights * (labels - p))
        curvature = (design * (weights * p * (1.0 - p))[:, None]).T @ design
        try:
            step = np.linalg.solve(curvature, slope)
        except np.linalg.LinAlgError as error:
            raise ArithmeticError(_NO_MAXIMUM) from error
        found = found + step
        if float(np.abs(step).max()) <= _SMALLEST_STEP * max(1.0, float(np.abs(found).max())):
            return found
    raise ArithmeticError(_NO_MAXIMUM)


def train(features: Floats, labels: Floats, weights: Floats) -> Logistic:
    """The model of these orders."""
    coefficients = fit_logistic(terms(features), labels, weights)
    return Logistic(coefficients=tuple(float(c) for c in coefficients))
