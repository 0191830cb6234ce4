"""How a study tests: its level, its looks and its lift intervals, as one value that is passed along."""

from __future__ import annotations

from dataclasses import dataclass

from abgap.records.vocabulary import LiftMethod
from abgap.stats.bayesian import Prior
from abgap.stats.rule import FIXED, AnytimeValid, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """alpha: the study's level. rule: fixed or sequential looks. lift_method: of the intervals of lifts.

    slopes_by_arm: whether covariates get slopes in each arm of their own.
    prior: of lifts, where a Bayesian summary is wanted. by_cluster: whether n counts clusters.
    """

    alpha: float = 0.05
    rule: Rule = FIXED
    lift_method: LiftMethod = LiftMethod.FIELLER
    slopes_by_arm: bool = False
    prior: Prior | None = None
    by_cluster: bool = False

    @property
    def is_sequential(self) -> bool:
        """Whether results may be read at any time."""
        return isinstance(self.rule, AnytimeValid)

    def name_of(self, method: str) -> str:
        """What intervals by ``method`` are called under this rule."""
        return f"{method}-sequential" if self.is_sequential else method
