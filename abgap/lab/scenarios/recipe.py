"""Scenarios whose experiments all follow one plan: a story, and what is planned for a share of the clear effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from abgap.lab.scenarios.base import SHARE, PlantedTruth, Scenario, Strength


class Reasoned(Protocol):
    """A plan that says what it plants."""

    @property
    def reason(self) -> str | None:
        """The reason; None for an honest launch."""


PlanT = TypeVar("PlanT", bound=Reasoned)
PlanT_contra = TypeVar("PlanT_contra", contravariant=True)


class StudyWriter(Protocol[PlanT_contra]):
    """Writes as many independent experiments of one plan as one study, and gives its truth."""

    def __call__(
        self, directory: Path, plan: PlanT_contra, replicates: int, *, name: str, story: str, seed: int
    ) -> tuple[PlantedTruth, ...]:
        """Write it into an empty folder; name and story are the scenario's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe(Generic[PlanT]):
    """How the experiments of a scenario are planned. planting: for a share of the clear effect."""

    name: str
    planting: Callable[[float], PlanT]
    story: str

    def scenario(self, world: str, write_study: StudyWriter[PlanT]) -> Scenario:
        """As the lab knows it, in a world that has such plans written."""

        def write(
            directory: Path, seed: int, strength: Strength, replicates: int
        ) -> tuple[PlantedTruth, ...]:
            plan = self.planting(SHARE[strength])
            return write_study(directory, plan, replicates, name=self.name, story=self.story, seed=seed)

        reason = self.planting(1.0).reason
        reasons = () if reason is None else (reason,)
        return Scenario(name=self.name, world=world, story=self.story, reasons=reasons, write=write)
