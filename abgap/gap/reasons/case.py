"""What a reason is given: one pair in one arm, the lift that should have come, and what is missing of it.

The target is the claim: the offline gain as the team held it, against the model that it was held against, times the
exchange rate. Without a declared rate the smallest worthwhile lift stands for what should have come, so that the gain
is worth just that. The gap is the target minus the observed lift, with its interval.
"""

from __future__ import annotations

from dataclasses import dataclass

from abgap.gap.expected import shortfall
from abgap.gap.inputs import ExperimentFacts
from abgap.gap.power import Power
from abgap.gap.reasons.evidence import Evidence
from abgap.records import Estimable, Estimate, Interval, VerdictName
from abgap.study.model import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The lift that was to be expected.

    gain: claimed, up is good; rate: lift per unit of it; lift: gain times rate. baseline: the model that the gain was
    claimed against. source: where the rate comes from, in words. declared: whether the study declares the rate.
    """

    gain: Interval
    rate: float
    lift: Interval
    baseline: str
    source: str
    declared: bool

    def in_lift(self, change: Interval) -> Interval:
        """A change of the offline gain (up is good) in units of the lift; the rate counts as known."""
        return change.scaled(self.rate) if self.rate >= 0.0 else change.scaled(-self.rate).flipped()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One offline metric against one business metric in one arm.

    observed: lift, up is good. delta: smallest worthwhile lift. target: None when nothing was to be expected.
    """

    study: Study
    facts: ExperimentFacts
    treatment: str
    offline_metric: str
    business_metric: str
    verdict: VerdictName
    observed: Estimable
    delta: float | None
    target: Target | None
    estimate: Estimate | None
    power: Power
    evidence: Evidence

    @property
    def experiment(self) -> str:
        """The experiment's name."""
        return self.facts.name

    @property
    def model(self) -> str | None:
        """The model that the arm ran."""
        return self.facts.models.get(self.treatment)

    @property
    def live_model(self) -> str | None:
        """The model that the control ran."""
        return self.facts.models.get(self.facts.control)

    def tried(self, baseline: str) -> int:
        """Out of how many candidates over this baseline the model may have been picked by the offline metric."""
        model = self.model
        row = None if model is None else self.evidence.offline_row(model, baseline, self.offline_metric)
        return 1 if row is None or row.candidates is None else row.candidates

    @property
    def gap(self) -> Interval | None:
        """The missing lift: target minus observed; None where one of them is not known."""
        if self.target is None or not isinstance(self.observed, Interval):
            return None
        return shortfall(self.target.lift, self.observed)

    @property
    def is_established(self) -> bool:
        """Whether there is a gap to explain: its interval lies above 0."""
        return self.gap is not None and self.gap.low > 0.0
