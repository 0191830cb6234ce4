"""What the study says of its models, as records."""

from __future__ import annotations

from collections.abc import Mapping

from abgap.records import ModelFacts
from abgap.study.model import Model


def facts_of_models(models: Mapping[str, Model]) -> dict[str, ModelFacts]:
    """The facts of every model, by name."""
    return {name: _facts(name, model) for name, model in models.items()}


def _facts(name: str, model: Model) -> ModelFacts:
    return ModelFacts(
        name=name,
        version=model.version,
        trained_until=None if model.trained_until is None else model.trained_until.isoformat(),
        latency_p50_ms=model.latency_p50_ms,
        latency_p95_ms=model.latency_p95_ms,
        cost_per_1000_requests=model.cost_per_1000_requests,
    )
