"""Which treatment arms the portfolio is made of: those of the study's experiments, then those of ready-made effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, repeat

import numpy as np

from abgap.gap.inputs import ExperimentFacts
from abgap.online.given_effects import GivenEffects
from abgap.records.order import natural_order
from abgap.stats.portfolio.effects import IndexArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The arms that take part, in the order of their experiments.

    names, starts, tags: of each experiment. facts: of the experiments that the study has data of; they come first.
    experiment: (K,) position of each arm's experiment. where: position of an arm by experiment and name. same_model:
    how many arms ran the control's model, which compares nothing, and are left out.
    """

    names: tuple[str, ...]
    starts: tuple[str | None, ...]
    tags: tuple[tuple[str, ...], ...]
    facts: tuple[ExperimentFacts, ...]
    experiment: IndexArray
    treatment: tuple[str, ...]
    where: Mapping[tuple[str, str], int]
    same_model: int

    def __len__(self) -> int:
        return len(self.treatment)

    def rows(self, experiments: Sequence[str], treatments: Sequence[str]) -> IndexArray:
        """Positions of arms by name, -1 for those that take no part."""
        keys = zip(experiments, treatments, strict=True)
        return np.fromiter(map(self.where.get, keys, repeat(-1)), dtype=np.intp, count=len(experiments))

    def pairs(self) -> IndexArray:
        """Positions of all two arms of one experiment, (m, 2)."""
        bounds = np.flatnonzero(np.diff(self.experiment)) + 1
        groups = np.split(np.arange(len(self)), bounds)
        found = [pair for group in groups if len(group) > 1 for pair in combinations(group.tolist(), 2)]
        return np.array(found, dtype=np.intp).reshape(-1, 2)


def list_arms(facts: Sequence[ExperimentFacts], effects: GivenEffects) -> Arms:
    """All treatment arms of experiments and of effects, but those that ran the control's model."""
    idle = {(each.name, arm) for each in facts for arm in each.treatments if each.same_model(arm)}
    arms: dict[str, dict[str, None]] = {each.name: dict.fromkeys(each.treatments) for each in facts}
    given = {*zip(effects.experiment, effects.treatment, strict=True)}
    for experiment, treatment in sorted(given, key=lambda arm: tuple(map(natural_order, arm))):
        arms.setdefault(experiment, {})[treatment] = None
    names = tuple(arms)
    found = [
        (at, treatment)
        for at, name in enumerate(names)
        for treatment in arms[name]
        if (name, treatment) not in idle
    ]
    starts, tags = _described(effects)
    for each in facts:
        if each.start is not None:
            starts[each.name] = each.start
        tags[each.name] = dict.fromkeys(each.tags) | tags.get(each.name, {})
    return Arms(
        names=names,
        starts=tuple(starts.get(name) for name in names),
        tags=tuple(tuple(tags.get(name, ())) for name in names),
        facts=tuple(facts),
        experiment=np.array([at for at, _ in found], dtype=np.intp),
        treatment=tuple(treatment for _, treatment in found),
        where={(names[at], treatment): row for row, (at, treatment) in enumerate(found)},
        same_model=len(idle),
    )


def _described(effects: GivenEffects) -> tuple[dict[str, str], dict[str, dict[str, None]]]:
    """The first start and the tags that effects tell of each experiment."""
    starts: dict[str, str] = {}
    tags: dict[str, dict[str, None]] = {}
    for name, start, tag in zip(effects.experiment, effects.start, effects.tag, strict=True):
        if start is not None:
            starts[name] = min(start, starts.get(name, start))
        if tag is not None:
            tags.setdefault(name, {})[tag] = None
    return starts, tags
