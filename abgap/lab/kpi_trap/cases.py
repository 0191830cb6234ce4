"""The orders of the KPI-trap experiment: two numbers are known of each, and one order in two hundred is fraud.

Fraud from abroad looks different from fraud at home and is rarer, so that a model that is pushed in one direction
loses it first. Every fourth order comes with noise on both numbers, as typing errors and bad geocoding make it; models
are trained on clean orders, as training data are cleaned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from abgap.lab.sample.population import Floats, Mask

RATE = 0.005
FEATURES = ("distance", "haste")
"""How far delivery and billing address lie apart, and how quickly the order was made; in standard deviations."""
HOME, ABROAD, MARKET = "home", "abroad", "market"
CLEAN, PERTURBED, INPUT = "clean", "perturbed", "inputs"
ABROAD_SHARE, ABROAD_SHARE_OF_FRAUD = 0.2, 0.3
PERTURBED_SHARE, NOISE = 0.25, 0.8
_FRAUD_AT_HOME, _FRAUD_ABROAD, _FRAUD_SPREAD = (2.8, 1.5), (0.9, 2.7), 0.9
_ABROAD_SHIFT = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Orders as columns. fraud: 1 or 0. features: as a model sees them, (n, 2)."""

    fraud: Floats
    abroad: Mask
    perturbed: Mask
    features: Floats

    def __len__(self) -> int:
        return len(self.fraud)

    @property
    def markets(self) -> list[str]:
        """The market of every order."""
        return [ABROAD if abroad else HOME for abroad in self.abroad]

    @property
    def inputs(self) -> list[str]:
        """Whether the numbers of every order are as they should be."""
        return [PERTURBED if perturbed else CLEAN for perturbed in self.perturbed]


def balanced(rng: np.random.Generator, n: int, *, perturbed_share: float = PERTURBED_SHARE) -> Cases:
    """``n`` orders of which exactly the share ``RATE`` is fraud."""
    fraud = np.zeros(n)
    fraud[rng.permutation(n)[: round(RATE * n)]] = 1.0
    return _seen(rng, fraud, perturbed_share)


def arriving(rng: np.random.Generator, n: int) -> Cases:
    """``n`` orders as they come in: each is fraud with the probability ``RATE``."""
    return _seen(rng, (rng.random(n) < RATE).astype(np.float64), PERTURBED_SHARE)


def _seen(rng: np.random.Generator, fraud: Floats, perturbed_share: float) -> Cases:
    n, is_fraud = len(fraud), fraud == 1.0
    abroad = rng.random(n) < np.where(is_fraud, ABROAD_SHARE_OF_FRAUD, ABROAD_SHARE)
    usual = rng.normal(size=(n, 2))
    usual[:, 0] += _ABROAD_SHIFT * abroad
    centre = np.where(abroad[:, None], _FRAUD_ABROAD, _FRAUD_AT_HOME)
    true = np.where(is_fraud[:, None], centre + _FRAUD_SPREAD * usual, usual)
    perturbed = rng.random(n) < perturbed_share
    noise = NOISE * rng.normal(size=(n, 2))
    return Cases(fraud=fraud, abroad=abroad, perturbed=perturbed, features=true + noise * perturbed[:, None])
