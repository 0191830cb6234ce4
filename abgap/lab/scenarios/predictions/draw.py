"""Labels and scores of one experiment of the world "predictions": of a test set, and of live requests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, ndtr

from abgap.lab.scenarios.predictions.plan import Ability, Alarm, Mix
from abgap.lab.scenarios.visits import Floats, Mask

ALIKE = 0.8
"""Correlation of the noise of two models, and of two pipelines of one model, on the same example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Examples or requests: their labels, what they are, and the noise that all models share."""

    positive: Mask
    new: Mask
    perturbed: Mask
    noise: Floats

    def __len__(self) -> int:
        return len(self.positive)

    def keep(self, rows: Mask) -> Drawn:
        """Some of them."""
        return Drawn(
            positive=self.positive[rows],
            new=self.new[rows],
            perturbed=self.perturbed[rows],
            noise=self.noise[rows],
        )


def draw(rng: np.random.Generator, n: int, *, positives: float, mix: Mix) -> Drawn:
    """Examples with shares that are met exactly, one by one."""
    return Drawn(
        positive=_marked(rng, n, positives),
        new=_marked(rng, n, mix.new),
        perturbed=_marked(rng, n, mix.perturbed),
        noise=rng.normal(size=n),
    )


def own_noise(rng: np.random.Generator, drawn: Drawn) -> Floats:
    """The noise of one model: in part that of all models."""
    return _mixed(rng, drawn.noise)


def other_noise(rng: np.random.Generator, noise: Floats) -> Floats:
    """The noise of another pipeline of the same model."""
    return _mixed(rng, noise)


def score(model: Ability | Alarm, drawn: Drawn, noise: Floats, *, exact: bool = True) -> Floats:
    """The probability that a model gives, with this noise. exact: whether alarms meet their shares exactly."""
    if isinstance(model, Alarm):
        return _alarms(model, drawn, noise, exact=exact)
    separation = np.empty(len(drawn))
    for new in (False, True):
        for perturbed in (False, True):
            rows = (drawn.new == new) & (drawn.perturbed == perturbed)
            separation[rows] = model.of(new=new, perturbed=perturbed)
    seen = separation * (drawn.positive - 0.5) + noise
    return np.asarray(expit(separation * seen))


def _alarms(model: Alarm, drawn: Drawn, noise: Floats, *, exact: bool) -> Floats:
    scores = np.empty(len(drawn))
    for label, share in ((True, model.recall), (False, model.false_alarms)):
        rows = np.flatnonzero(drawn.positive == label)
        order = rows[np.argsort(noise[rows])]
        by_chance = int((ndtr(noise[rows]) > 1.0 - share).sum())
        called = round(share * len(rows)) if exact else by_chance
        scores[order] = np.linspace(0.001, 0.4, len(rows))
        if called:
            scores[order[-called:]] = np.linspace(0.5, 0.95, called)
    return scores


def _mixed(rng: np.random.Generator, noise: Floats) -> Floats:
    return np.asarray(np.sqrt(ALIKE) * noise + np.sqrt(1.0 - ALIKE) * rng.normal(size=len(noise)))


def _marked(rng: np.random.Generator, n: int, share: float) -> Mask:
    """As many as the share says, in no order."""
    return np.asarray(rng.permutation(n) < round(share * n))
