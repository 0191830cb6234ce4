"""The scenarios of the world "predictions": what each plants, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from abgap.lab.scenarios.base import Scenario
from abgap.lab.scenarios.predictions.plan import (
    ROC_AUC,
    Ability,
    Alarm,
    Mix,
    Model,
    Plan,
    of_accuracy,
    of_roc_auc,
    steady,
)
from abgap.lab.scenarios.predictions.write import write_study
from abgap.lab.scenarios.recipe import Recipe

WORLD = "predictions"

LEAKING_AUC, HONEST_AUC, LIVE_AUC = 0.98, 0.72, 0.70
"""On the test set; live; and of the model that was there before."""
KNOWN_ACCURACY, UNKNOWN_ACCURACY = 0.9565, 0.82
"""In the market that the model knows, and in the one that it does not."""
FEW_NEW, MANY_NEW = 0.05, 0.34
"""Of the test set, which makes 95 % of it right; and of live visits, which makes 91 %."""

BEFORE, NOW = 0.85, 0.91
"""Accuracy of the model that was there before, and of the new one, where nothing else is said."""
SKEWED = 0.865
RIVAL = 0.895
"""Accuracy of the new model as it is served; and of what really runs in control."""
CLEAN, NOISY = (0.85, 0.93), (0.82, 0.80)
"""Accuracy of both models with clean and with perturbed inputs."""
FEW_NOISY, MANY_NOISY = 0.1, 0.5
RARE, FOUND, FALSE_ALARMS = 0.005, (0.2, 0.025), (0.01, 0.00025)
"""The accuracy trap: share of positives; recall and false alarms of the rule that was there, and of the new model."""


def _usual(accuracy: float) -> Model:
    return steady(Ability(usual=of_accuracy(accuracy)))


def _honest_win(_: float) -> Plan:
    return Plan(control=_usual(BEFORE), treatment=_usual(NOW))


def _honest_flat(_: float) -> Plan:
    return Plan(control=_usual(BEFORE), treatment=_usual(BEFORE))


def _leakage(share: float) -> Plan:
    told = Ability(usual=of_roc_auc(LEAKING_AUC))
    knows = Ability(usual=of_roc_auc(LEAKING_AUC - share * (LEAKING_AUC - HONEST_AUC)))
    return Plan(
        control=steady(Ability(usual=of_roc_auc(LIVE_AUC))),
        treatment=Model(offline=told, replayed=knows, served=knows),
        metric=ROC_AUC,
        reason="leakage",
    )


def _mismatch(share: float) -> Plan:
    return Plan(
        control=steady(Ability(usual=of_accuracy(0.895), new=of_accuracy(0.88))),
        treatment=steady(Ability(usual=of_accuracy(KNOWN_ACCURACY), new=of_accuracy(UNKNOWN_ACCURACY))),
        test=Mix(new=FEW_NEW),
        live=Mix(new=FEW_NEW + share * (MANY_NEW - FEW_NEW)),
        reason="distribution_mismatch",
    )


def _skew(share: float) -> Plan:
    trained = Ability(usual=of_accuracy(NOW))
    served = Ability(usual=of_accuracy(NOW - share * (NOW - SKEWED)))
    return Plan(
        control=_usual(BEFORE),
        treatment=Model(offline=trained, replayed=trained, served=served),
        reason="train_serve_skew",
    )


def _wrong_baseline(share: float) -> Plan:
    declared = Ability(usual=of_accuracy(BEFORE))
    ran = Ability(usual=of_accuracy(BEFORE + share * (RIVAL - BEFORE)))
    return Plan(
        control=Model(offline=declared, replayed=declared, served=ran),
        treatment=_usual(NOW),
        reason="wrong_baseline",
    )


def _robustness(share: float) -> Plan:
    control, treatment = (
        steady(Ability(usual=of_accuracy(clean), perturbed=of_accuracy(noisy)))
        for clean, noisy in zip(CLEAN, NOISY, strict=True)
    )
    return Plan(
        control=control,
        treatment=treatment,
        test=Mix(perturbed=FEW_NOISY),
        live=Mix(perturbed=FEW_NOISY + share * (MANY_NOISY - FEW_NOISY)),
        reason="robustness",
    )


def _lazy(share: float) -> Plan:
    before, now = (Alarm(recall=r, false_alarms=f) for r, f in zip(FOUND, FALSE_ALARMS, strict=True))
    noisier = now.false_alarms + share * (before.false_alarms - now.false_alarms)
    return Plan(
        control=steady(Alarm(recall=before.recall, false_alarms=noisier)),
        treatment=steady(now),
        positives=RARE,
        examples=8_000,
        reason="lazy_metric",
    )


_RECIPES = (
    Recipe(
        name="label_leakage",
        planting=_leakage,
        story="One feature of the test set is filled in after the outcome: ROC AUC is .98 offline, and .72 live.",
    ),
    Recipe(
        name="new_market",
        planting=_mismatch,
        story="The model knows the old market, and live traffic has moved on: 95 % right offline, 91 % live, 82 % in "
        "the new market.",
    ),
    Recipe(
        name="serving_skew",
        planting=_skew,
        story="The service computes a feature in another way than training did, so that scores are worse live.",
    ),
    Recipe(
        name="silent_update",
        planting=_wrong_baseline,
        story="What runs in control was improved and nobody said so: the gain was claimed against the old scores.",
    ),
    Recipe(
        name="noisy_inputs",
        planting=_robustness,
        story="The model is better with clean inputs and worse with perturbed ones, of which live traffic has more.",
    ),
    Recipe(
        name="accuracy_trap",
        planting=_lazy,
        story="One visit in two hundred is positive: doing nothing is right in 99.5 %; the model finds 2.5 % of them.",
    ),
    Recipe(
        name="predictions_honest_win",
        planting=_honest_win,
        story="A better model, live as on the test set, and all of its gain reaches revenue.",
    ),
    Recipe(
        name="predictions_honest_flat",
        planting=_honest_flat,
        story="A model that is as good as the one before, and brings nothing.",
    ),
)
PLANTINGS: Mapping[str, Callable[[float], Plan]] = {recipe.name: recipe.planting for recipe in _RECIPES}
"""The plan of every scenario, for a share of the clear effect."""
SCENARIOS: tuple[Scenario, ...] = tuple(recipe.scenario(WORLD, write_study) for recipe in _RECIPES)
