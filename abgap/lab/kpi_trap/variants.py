"""Chasing one metric: the same model pushed by weighting, by sampling and by its threshold, until the metric is best.

All three push with one dial. A strength r gives positives r times the weight of negatives; or keeps every r-th negative
(for r below 1, the share r of the positives); or moves the threshold so that r times smaller odds are enough. So the
strengths of the ways can be compared. The best one is chosen on validation data, as anybody would; among equals the
mildest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from abgap.lab.kpi_trap.cases import Cases
from abgap.lab.kpi_trap.training import Logistic, train
from abgap.lab.sample.population import Floats, Mask, stream

THRESHOLD = 0.1
"""An order is held from this score on, whatever the model."""

STRENGTHS = tuple(2.0**power for power in range(-6, 7))
FEWEST_CALLED = 10
"""With fewer orders held on validation data a metric is taken for luck."""

FEWEST_POSITIVES = 20
"""A sample with fewer of them trains no model."""

BASELINE = "baseline"


class Way(StrEnum):
    """How a metric is chased."""

    WEIGHTING = "weighting"
    SAMPLING = "sampling"
    THRESHOLD = "threshold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A model that was made to chase a metric. strength: of the dial; 1 is the baseline."""

    target: str
    way: Way
    strength: float
    model: Logistic

    @property
    def name(self) -> str:
        """What the model is called in the study."""
        return f"{self.target}-{self.way}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The baseline and all that was made of it."""

    baseline: Logistic
    variants: tuple[Variant, ...]

    @property
    def by_name(self) -> dict[str, Logistic]:
        """Every model by its name, the baseline first."""
        return {BASELINE: self.baseline} | {variant.name: variant.model for variant in self.variants}


def _share(part: Mask, whole: Mask) -> float | None:
    return float(part.sum() / whole.sum()) if whole.any() else None


def roc_auc(scores: Floats, fraud: Floats) -> float:
    """Share of pairs of fraud and no fraud that scores put in order, ties half."""
    values, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    below = np.concatenate([[0.0], np.cumsum(np.bincount(place, 1.0 - fraud, len(values)))[:-1]])
    same = size - np.bincount(place, fraud, len(values))
    positives = float(fraud.sum())
    pairs = positives * (len(fraud) - positives)
    return float((fraud * (below + same / 2.0)[place]).sum() / pairs)


TARGETS: Mapping[str, Callable[[Floats, Floats], float | None]] = {
    "accuracy": lambda scores, fraud: float(((scores >= THRESHOLD) == (fraud == 1.0)).mean()),
    "recall": lambda scores, fraud: _share((scores >= THRESHOLD) & (fraud == 1.0), fraud == 1.0),
    "precision": lambda scores, fraud: _share((scores >= THRESHOLD) & (fraud == 1.0), scores >= THRESHOLD),
    "roc_auc": roc_auc,
}
"""What is chased: a metric of scores and labels, None where it has no value."""


def train_all(training: Cases, validation: Cases, *, seed: int) -> Models:
    """The baseline, and for every target the best of every way that can move it."""
    baseline = train(training.features, training.fraud, np.ones(len(training)))
    pushed = {way: dict(_pushed(way, baseline, training, seed=seed)) for way in Way}
    found = [
        _chosen(target, way, candidates, validation)
        for target in TARGETS
        for way, candidates in pushed.items()
        # A threshold moves no order.
        if not (target == "roc_auc" and way is Way.THRESHOLD)
    ]
    return Models(baseline=baseline, variants=tuple(found))


def _pushed(way: Way, baseline: Logistic, training: Cases, *, seed: int) -> Iterator[tuple[float, Logistic]]:
    for strength in STRENGTHS:
        if strength == 1.0:
            yield strength, baseline
        elif way is Way.THRESHOLD:
            yield strength, baseline.shifted(math.log(strength))
        elif way is Way.WEIGHTING:
            weights = np.where(training.fraud == 1.0, strength, 1.0)
            yield strength, train(training.features, training.fraud, weights)
        else:
            kept = _sample(training.fraud, strength, stream(seed, "kpi trap", "sampling"))
            if training.fraud[kept].sum() >= FEWEST_POSITIVES:
                rows = int(kept.sum())
                yield strength, train(training.features[kept], training.fraud[kept], np.ones(rows))


def _sample(fraud: Floats, strength: float, rng: np.random.Generator) -> Mask:
    """Which training orders are kept."""
    kept = np.where(fraud == 1.0, min(strength, 1.0), min(1.0 / strength, 1.0))
    return np.asarray(rng.random(len(fraud)) < kept)


def _chosen(target: str, way: Way, candidates: Mapping[float, Logistic], validation: Cases) -> Variant:
    def worth(strength: float) -> tuple[float, float]:
        scores = candidates[strength].probabilities(validation.features)
        value = TARGETS[target](scores, validation.fraud)
        lucky = value is None or int((scores >= THRESHOLD).sum()) < FEWEST_CALLED
        return (-math.inf if value is None or lucky else value, -abs(math.log(strength)))

    strength = max((s for s in candidates if s != 1.0), key=worth)
    return Variant(target=target, way=way, strength=strength, model=candidates[strength])
