"""The scenarios of the world "lists": what each plants, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from abgap.lab.scenarios.base import Scenario
from abgap.lab.scenarios.lists.plan import Gains, Plan, even
from abgap.lab.scenarios.lists.write import write_study
from abgap.lab.scenarios.recipe import Recipe

WORLD = "lists"
GAIN = 0.05


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
    Recipe(
        name="position_bias",
        planting=_position_bias,
        story="Clicks were collected where the top of the list is looked at most; the new model is better for what "
        "stood there, and worse for the rest.",
    ),
    Recipe(
        name="clicks_not_purchases",
        planting=_proxy_label,
        story="The new model puts what is clicked further up, and not what is bought.",
    ),
    Recipe(
        name="list_serving_skew",
        planting=_skew,
        story="The service undoes most of what the new model changes: live lists are not those of the test set.",
    ),
    Recipe(
        name="deep_hits",
        planting=_definition,
        story="The win is one of the first ten places: what was clicked comes from the end to the sixth and below, "
        "where nobody looks.",
    ),
    Recipe(
        name="lists_honest_win",
        planting=_honest_win,
        story="Better lists, live as on the test set, and all of the gain reaches revenue.",
    ),
    Recipe(
        name="lists_honest_flat",
        planting=_honest_flat,
        story="Lists that are as good as those before, and bring nothing.",
    ),
)
PLANTINGS: Mapping[str, Callable[[float], Plan]] = {recipe.name: recipe.planting for recipe in _RECIPES}
"""The plan of every scenario, for a share of the clear effect."""
SCENARIOS: tuple[Scenario, ...] = tuple(recipe.scenario(WORLD, write_study) for recipe in _RECIPES)
