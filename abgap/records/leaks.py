"""Signs that a test set knows more than production: examples that a model learnt from, features that are the label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Examples of the test set, and those of them that a model learnt from."""

    examples: int
    trained: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgedValue:
    """ROC-AUC of a model over the test examples of one age: how long after the end of training they were made."""

    model: str
    age: str
    n: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """What was found in the test set. overlaps: by model. features: ROC-AUC of each alone. ages: in order."""

    overlaps: Mapping[str, Overlap] = field(default_factory=dict)
    features: Mapping[str, float] = field(default_factory=dict)
    ages: tuple[AgedValue, ...] = ()
