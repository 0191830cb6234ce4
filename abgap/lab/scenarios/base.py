"""What a scenario is: a story, and a way to write it as a study on files with its truth beside it.

The truth is what a diagnosis is marked by: which reasons were planted in each experiment, and how much of the missing
lift each takes away. A study holds as many independent experiments as replicates are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Strength(StrEnum):
    """How clearly an effect is planted."""

    BARELY = "barely"
    MEDIUM = "medium"
    CLEAR = "clear"


SHARE: Mapping[Strength, float] = {Strength.BARELY: 0.3, Strength.MEDIUM: 0.6, Strength.CLEAR: 1.0}
"""How much of the clear effect is planted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedTruth:
    """What was planted in one experiment. All lifts are of the business metric, up is good.

    reasons: planted ones by name, with the part of the missing lift that each takes away; None where a reason has no
    amount. expected: the lift that was claimed; true_lift: what the treatment brings.
    """

    experiment: str
    treatment: str
    offline_metric: str
    business_metric: str
    expected: float
    true_lift: float
    reasons: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario. name: for the command line. world: which inputs its studies have.

    reasons: planted ones; empty for honest wins and flats. write: makes the study in an empty folder (``abgap.toml``,
    logs, offline files) from a seed, a strength and the number of replicates, and gives the truth; ``folder.py`` writes
    that beside it.
    """

    name: str
    world: str
    story: str
    reasons: tuple[str, ...]
    write: Callable[[Path, int, Strength, int], tuple[PlantedTruth, ...]]
