"""What one experiment of the world "predictions" is planned to be: healthy as it stands, with one thing changed.

A shop predicts for every visit whether the customer takes the offer. In a healthy experiment the new model predicts
live as well as it did on the test set, and all of its gain reaches revenue at the declared rate. A model's score is
binormal: labels lie ``separation`` apart in units of its noise, so that its accuracy at even odds is
``Phi(separation / 2)`` and its ROC AUC ``Phi(separation / sqrt 2)`` (Bamber 1975): the truth is known exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from scipy.special import ndtr, ndtri

ACCURACY, ROC_AUC = "accuracy", "roc_auc"
EXPECTED, FLAT = 0.084, 0.1
"""The lift that the claimed gain should bring; and the gain that would bring it where none is claimed."""


def of_accuracy(value: float) -> float:
    """The separation of a model with this accuracy where both labels are equally frequent."""
    return 2.0 * float(ndtri(value))


def of_roc_auc(value: float) -> float:
    """The separation of a model with this ROC AUC."""
    return math.sqrt(2.0) * float(ndtri(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ability:
    """How well a model tells labels apart: separations.

    new: in the new market; perturbed: of perturbed inputs in any. Both are those of the usual examples when None.
    """

    usual: float
    new: float | None = None
    perturbed: float | None = None

    def of(self, *, new: bool, perturbed: bool) -> float:
        """Of the examples of one kind."""
        if perturbed and self.perturbed is not None:
            return self.perturbed
        return self.usual if self.new is None or not new else self.new


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A model of a rare label by its decisions: the shares of either label that it calls positive."""

    recall: float
    false_alarms: float

    def accuracy(self, positives: float) -> float:
        """With this share of positives."""
        return positives * self.recall + (1.0 - positives) * (1.0 - self.false_alarms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model: on the test set; by the offline pipeline on live requests; and as it was served."""

    offline: Ability | Alarm
    replayed: Ability | Alarm
    served: Ability | Alarm


def steady(ability: Ability | Alarm) -> Model:
    """A model that is everywhere the same."""
    return Model(offline=ability, replayed=ability, served=ability)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Shares of the new market and of perturbed inputs, which have nothing to do with each other."""

    new: float = 0.3
    perturbed: float = 0.1

    def cells(self) -> Iterator[tuple[bool, bool, float]]:
        """Whether new, whether perturbed, and the share of these examples."""
        for new, of_market in ((False, 1.0 - self.new), (True, self.new)):
            for perturbed, of_inputs in ((False, 1.0 - self.perturbed), (True, self.perturbed)):
                yield new, perturbed, of_market * of_inputs


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One experiment. metric: that the gain is claimed in. reason: which is planted, if any.

    positives: their share among examples and requests. test, live: what examples and requests are like. exact: whether
    alarms meet their shares exactly, or up to chance.
    """

    control: Model
    treatment: Model
    metric: str = ACCURACY
    reason: str | None = None
    users: int = 3_000
    examples: int = 6_000
    positives: float = 0.5
    exact: bool = True
    test: Mix = field(default_factory=Mix)
    live: Mix = field(default_factory=Mix)

    def value(self, ability: Ability | Alarm, mix: Mix) -> float:
        """The metric of a model at a mix, exactly."""
        if isinstance(ability, Alarm):
            return ability.accuracy(self.positives)
        if self.metric == ROC_AUC:
            return float(ndtr(ability.usual / math.sqrt(2.0)))
        return sum(
            share * float(ndtr(ability.of(new=new, perturbed=perturbed) / 2.0))
            for new, perturbed, share in mix.cells()
        )

    @property
    def claimed_gain(self) -> float:
        """On the test set."""
        return self.value(self.treatment.offline, self.test) - self.value(self.control.offline, self.test)

    @property
    def rate(self) -> float:
        """Lift of revenue per unit of gain, declared and true: every gain should bring the same."""
        return EXPECTED / (self.claimed_gain or FLAT)

    @property
    def live_gain(self) -> float:
        """As served, at the live mix."""
        return self.value(self.treatment.served, self.live) - self.value(self.control.served, self.live)

    @property
    def true_lift(self) -> float:
        """What the treatment brings: what it does better live; nothing where the metric does not see what matters."""
        return 0.0 if self.reason == "lazy_metric" else self.rate * self.live_gain

    @property
    def expected(self) -> float:
        """What the claimed gain should bring."""
        return self.rate * self.claimed_gain

    @property
    def amounts(self) -> dict[str, float | None]:
        """The lift that the planted reason takes away."""
        return {} if self.reason is None else {self.reason: self.expected - self.true_lift}
