"""The scenarios of the world "lists": what each plants, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from abgap.lab.scenarios.base import PlantedTruth, Scenario, Strength
from abgap.lab.scenarios.lists.plan import Gains, Plan, even
from abgap.lab.scenarios.lists.write import write_study

WORLD = "lists"
SHARE = {Strength.BARELY: 0.3, Strength.MEDIUM: 0.6, Strength.CLEAR: 1.0}
"""How much of the clear effect is planted."""
GAIN = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """How the experiments of a scenario are planned. planting: for a share of the clear effect."""

    name: str
    planting: Callable[[float], Plan]
    story: str

    def write(
        self, directory: Path, seed: int, strength: Strength, replicates: int
    ) -> tuple[PlantedTruth, ...]:
        """Write as many independent experiments as one study."""
        plan = self.planting(SHARE[strength])
        return write_study(directory, plan, replicates, name=self.name, story=self.story, seed=seed)

    def scenario(self) -> Scenario:
        """As the lab knows it."""
        reason = self.planting(1.0).reason
        return Scenario(
            name=self.name,
            world=WORLD,
            story=self.story,
            reasons=() if reason is None else (reason,),
            write=self.write,
        )


def _position_bias(share: float) -> Plan:
    """Better for what was shown high up, and so was clicked; worse for the rest. The claimed gain stays."""
    return Plan(top=even(GAIN + 0.055 * share), low=even(GAIN - 0.0957 * share), reason="position_bias")


def _proxy_label(share: float) -> Plan:
    gains = Gains(same=GAIN - 0.03 * share, clicked=GAIN + 0.03 * share, bought=GAIN - 0.045 * share)
    return Plan(top=gains, low=gains, reason="proxy_label")


def _skew(share: float) -> Plan:
    return Plan(served=1.0 - 0.85 * share, logged=True, reason="train_serve_skew")


def _definition(share: float) -> Plan:
    return Plan(deep=share, queries=800, reason="definition")


def _honest_win(_: float) -> Plan:
    return Plan(logged=True)


def _honest_flat(_: float) -> Plan:
    return Plan(top=even(0.0), low=even(0.0), logged=True)


_RECIPES = (
    _Recipe(
        name="position_bias",
        planting=_position_bias,
        story="Clicks were collected where the top of the list is looked at most; the new model is better for what "
        "stood there, and worse for the rest.",
    ),
    _Recipe(
        name="clicks_not_purchases",
        planting=_proxy_label,
        story="The new model puts what is clicked further up, and not what is bought.",
    ),
    _Recipe(
        name="list_serving_skew",
        planting=_skew,
        story="The service undoes most of what the new model changes: live lists are not those of the test set.",
    ),
    _Recipe(
        name="deep_hits",
        planting=_definition,
        story="The win is one of the first ten places: what was clicked comes from the end to the sixth and below, "
        "where nobody looks.",
    ),
    _Recipe(
        name="lists_honest_win",
        planting=_honest_win,
        story="Better lists, live as on the test set, and all of the gain reaches revenue.",
    ),
    _Recipe(
        name="lists_honest_flat",
        planting=_honest_flat,
        story="Lists that are as good as those before, and bring nothing.",
    ),
)
PLANTINGS: Mapping[str, Callable[[float], Plan]] = {recipe.name: recipe.planting for recipe in _RECIPES}
"""The plan of every scenario, for a share of the clear effect."""
SCENARIOS: tuple[Scenario, ...] = tuple(recipe.scenario() for recipe in _RECIPES)
