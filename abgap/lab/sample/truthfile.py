"""The truth as a document: what ``sample_data/truth.json`` holds, and the fingerprint of it.

``python -m abgap.lab.sample > sample_data/truth.json`` writes it anew after a change of the truth.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from abgap.lab.sample.expectation import true_lifts
from abgap.lab.sample.models import MODELS, NDCG
from abgap.lab.sample.plant import CONTROL, Arm, PlantedExperiment, PlantedModel
from abgap.lab.sample.truth import (
    DUPLICATE_EXPOSURES_SHARE,
    EXCHANGE_RATE,
    EXPERIMENTS,
    PRE_PERIOD_DAYS,
    SMALLEST_WORTHWHILE_LIFT,
    TELEMETRY_SHARE,
)

DECIMALS = 6


def as_json() -> str:
    """The whole truth, readable, ending in a newline."""
    return json.dumps(_document(), indent=2) + "\n"


def _document() -> dict[str, object]:
    return {
        "headline_pair": {"offline": NDCG, "business": "revenue_per_user"},
        "smallest_worthwhile_lift": SMALLEST_WORTHWHILE_LIFT,
        "exchange_rate": EXCHANGE_RATE,
        "pre_period_days": PRE_PERIOD_DAYS,
        "duplicate_exposures_share": DUPLICATE_EXPOSURES_SHARE,
        "telemetry_share": TELEMETRY_SHARE,
        "experiments": {experiment.name: _experiment(experiment) for experiment in EXPERIMENTS},
        "models": {name: _model(model) for name, model in MODELS.items()},
    }


def _experiment(experiment: PlantedExperiment) -> dict[str, object]:
    return {
        "story": experiment.story,
        "start": experiment.start.isoformat(),
        "end": experiment.end.isoformat(),
        "users": experiment.users,
        "control": CONTROL,
        "models": {variant: arm.model for variant, arm in experiment.arms.items()},
        "split": {variant: round(arm.share, DECIMALS) for variant, arm in experiment.arms.items()},
        "treatments": {
            variant: _treatment(experiment, arm) for variant, arm in experiment.treatments.items()
        },
        "shipped": experiment.shipped,
        "new_user_share": experiment.new_user_share,
        "faults": asdict(experiment.faults),
    }


def _treatment(experiment: PlantedExperiment, arm: Arm) -> dict[str, object]:
    return {
        "verdict": arm.verdict,
        "reason": arm.reason,
        "offline_gain": _offline_gain(experiment.control.model, arm.model),
        "online_lift": _rounded(true_lifts(experiment, arm)),
        "effects": _rounded(asdict(arm.effects)),
        "effects_in_slices": [
            {"slice_name": name, "slice_value": value, "effects": _rounded(asdict(effects))}
            for (name, value), effects in arm.in_slices.items()
        ],
        "lost_share": arm.lost_share,
    }


def _offline_gain(baseline: str, model: str) -> dict[str, float]:
    before, after = MODELS[baseline].scores, MODELS[model].scores
    return _rounded({metric: after[metric] - before[metric] for metric in after})


def _model(model: PlantedModel) -> dict[str, object]:
    return asdict(model) | {"trained_until": model.trained_until.isoformat()}


def _rounded(numbers: dict[str, float]) -> dict[str, float]:
    # Adding zero turns a negative zero into a plain one.
    return {name: round(number, DECIMALS) + 0.0 for name, number in numbers.items()}
