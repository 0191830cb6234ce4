"""The scenarios of the world "scores": what each plants, and how much of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from abgap.lab.scenarios.base import SHARE, PlantedTruth, Scenario, Strength
from abgap.lab.scenarios.scores.plan import RATE, Fault, Plan
from abgap.lab.scenarios.scores.write import Planned, write_study
from abgap.lab.scenarios.visits import generator

WORLD = "scores"
LEVELS = (0.45, 0.6)
"""Of the live models of one study, so that a rate that changes with the level would show."""
SATURATED_LEVEL, HISTORY, HISTORY_LEVELS = 0.72, 12, (0.4, 0.7)

Planting = Callable[[float], Plan]
"""A plan for a share of the clear effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Recipe:
    """How the experiments of a scenario are planned."""

    name: str
    story: str
    reasons: tuple[str, ...]
    planting: Planting

    def write(
        self, directory: Path, seed: int, strength: Strength, replicates: int
    ) -> tuple[PlantedTruth, ...]:
        """Write as many independent experiments as one study."""
        plan = self.planting(SHARE[strength])
        levels = generator(seed, self.name, "levels").uniform(*LEVELS, replicates)
        planned = [
            Planned(name=f"launch_{i:03d}", plan=replace(plan, level=float(level)), reasons=self.reasons)
            for i, level in enumerate(levels, start=1)
        ]
        return write_study(directory, planned, name=self.name, story=self.story, seed=seed)


def _write_saturation(
    directory: Path, seed: int, strength: Strength, replicates: int
) -> tuple[PlantedTruth, ...]:
    """Past experiments at every level, and new ones at a level where a gain brings little."""
    slope = 1.8 * SHARE[strength]

    def plan(level: float) -> Plan:
        return Plan(level=level, rate=RATE * (1.0 - slope * (level - HISTORY_LEVELS[0])))

    past = [
        Planned(name=f"past_{i:03d}", plan=plan(float(level)), reasons=None)
        for i, level in enumerate(np.linspace(*HISTORY_LEVELS, HISTORY), start=1)
    ]
    new = [
        Planned(name=f"launch_{i:03d}", plan=plan(SATURATED_LEVEL), reasons=("saturation",))
        for i in range(1, replicates + 1)
    ]
    return write_study(directory, [*past, *new], name="saturation", story=_SATURATION, seed=seed)


_SATURATION = (
    "The better the ranking already is, the less another hundredth of NDCG brings; past experiments show it."
)
_RECIPES = (
    _Recipe(
        name="underpowered",
        story="The model is a little better and brings a little; far too few users took part to see it.",
        reasons=("underpowered",),
        planting=lambda share: Plan(users=round(120 / share), gain=0.005, queries=800, candidates=3),
    ),
    _Recipe(
        name="offline_noise",
        story="A model that is as good as the live one looked better, on sixty test queries.",
        reasons=("offline_noise",),
        planting=lambda share: Plan(
            users=1200, lucky=True, gain=0.0, queries=60, spread=0.0475 + 0.03 * share
        ),
    ),
    _Recipe(
        name="winners_curse",
        story="The luckiest of many models that are nearly alike was launched.",
        reasons=("winners_curse",),
        planting=lambda share: Plan(
            users=1000,
            gain=0.005,
            queries=40,
            spread=0.09 * share,
            candidates=149,
            candidates_alike=True,
        ),
    ),
    _Recipe(
        name="distribution_mismatch",
        story="The gain is in the old market, which has most of the test queries and the smaller part of the users.",
        reasons=("distribution_mismatch",),
        planting=lambda share: Plan(market_loss=0.06 * share, test_new_market=0.2, live_new_market=0.65),
    ),
    _Recipe(
        name="proxy_label",
        story="NDCG by clicks rises, NDCG by purchases does not: more clicks, and people buy as much as before.",
        reasons=("proxy_label",),
        planting=lambda share: Plan(twin_loss=0.05 * share, clicks_lift=0.04),
    ),
    _Recipe(
        name="latency",
        story="The model ranks better and answers in 800 ms instead of 250 ms.",
        reasons=("latency",),
        planting=lambda share: Plan(latency_ms=250.0 + 550.0 * share),
    ),
    _Recipe(
        name="latency_optimised",
        story="The same model after optimisation: 300 ms instead of 250 ms, too little to matter.",
        reasons=(),
        planting=lambda _: Plan(latency_ms=300.0),
    ),
    _Recipe(
        name="novelty",
        story="People try the new ranking on the first day, and the effect wears off.",
        reasons=("novelty",),
        planting=lambda share: Plan(day_loss=0.035 * share),
    ),
    _Recipe(
        name="primacy",
        story="People need days to get used to the new ranking; the test was over before.",
        reasons=("novelty",),
        planting=lambda share: Plan(day_loss=0.035 * share, waiting=True),
    ),
    _Recipe(
        name="dilution",
        story="For most users both models show the same list; the gain is that of the others.",
        reasons=("dilution",),
        planting=lambda share: Plan(changed_share=1.0 - 0.65 * share, diluted=True),
    ),
    _Recipe(
        name="heterogeneity",
        story="On phones all is well; on tablets the new result page is broken, and people leave.",
        reasons=("heterogeneity",),
        planting=lambda share: Plan(tablet_loss=0.1 + 0.12 * share),
    ),
    _Recipe(
        name="simpson",
        story="Control has more gift buyers, who spend more in these weeks whatever they are shown.",
        reasons=("heterogeneity",),
        planting=lambda share: Plan(users=4000, mixed=0.1 * share),
    ),
    _Recipe(
        name="trade_off",
        story="Clicks rise, and diversity falls: ten times the same thing, and fewer baskets are filled.",
        reasons=("trade_off",),
        planting=lambda share: Plan(diversity_loss=0.12 * share, clicks_lift=0.1),
    ),
    _Recipe(
        name="wrong_baseline",
        story="The gain was claimed against last year's model; the control ran a better one.",
        reasons=("wrong_baseline",),
        planting=lambda share: Plan(baseline_loss=0.03 * share),
    ),
    _Recipe(
        name="robustness",
        story="The model is better for clean queries and worse for misspelt ones, which real users type.",
        reasons=("robustness",),
        planting=lambda share: Plan(typo_loss=0.09 * share, live_typos=0.4),
    ),
    _Recipe(
        name="data_faults",
        story="The heaviest buyers of the treatment are missing from the exposure log.",
        reasons=("data_faults",),
        planting=lambda _: Plan(fault=Fault.LOST_BUYERS),
    ),
    _Recipe(
        name="several",
        story="The model is bad at misspelt queries, it is slow, and diversity falls.",
        reasons=("robustness", "latency", "trade_off"),
        planting=lambda share: Plan(
            typo_loss=0.075 * share,
            live_typos=0.4,
            latency_ms=250.0 + 350.0 * share,
            diversity_loss=0.07 * share,
        ),
    ),
    _Recipe(
        name="honest_win",
        story="The model is better, and all of it reaches revenue.",
        reasons=(),
        planting=lambda _: Plan(),
    ),
    _Recipe(
        name="honest_flat",
        story="The model is as good as the live one, offline and online.",
        reasons=(),
        planting=lambda _: Plan(users=4000, gain=0.0),
    ),
)


def _scenario(recipe: _Recipe) -> Scenario:
    return Scenario(
        name=recipe.name, world=WORLD, story=recipe.story, reasons=recipe.reasons, write=recipe.write
    )


SCENARIOS = (
    *map(_scenario, _RECIPES),
    Scenario(
        name="saturation",
        world=WORLD,
        story=_SATURATION,
        reasons=("saturation",),
        write=_write_saturation,
    ),
)
