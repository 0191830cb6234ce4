"""The offline side of the study file: where evaluation results come from, and which metrics are made of them.

``[offline]`` and its sources, ``[offline_metrics]`` and ``[models]``. What is computed from which source is the
business of the floor ``offline``; here is only what a study may say.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from abgap.study.base import SlicedSource, Source, StudyModel
from abgap.study.fields import (
    BetterDirection,
    CalendarDate,
    Names,
    NonEmpty,
    NonNegativeFloat,
    Paths,
    PositiveFloat,
    nothing,
)

Task = Literal[
    "binary", "multiclass", "regression", "forecast", "clustering", "generation", "detection", "segmentation"
]


class Scores(SlicedSource):
    """``[offline.scores]``: ready-made values, one row per model and metric, or per model, metric and query."""


class Queries(SlicedSource):
    """``[offline.queries]``: one row per query, with what is known of it."""


class Rankings(Source):
    """``[offline.rankings]``: the items that every model returned for every query."""

    unique: Literal["check", "trust"] = "check"


class ErrorCosts(StudyModel):
    """What a wrong decision costs, in any unit: only the ratio matters to the threshold."""

    false_positive: PositiveFloat
    false_negative: PositiveFloat


class Predictions(SlicedSource):
    """``[offline.predictions]``: predictions per model and example, with the truth."""

    task: Task
    features: list[NonEmpty] = Field(default_factory=nothing)
    positive: NonEmpty | None = None
    threshold: float = 0.5
    error_costs: ErrorCosts | None = None
    unique: Literal["check", "trust"] = "check"


class Logged(Source):
    """``[offline.logged]``: decisions of a live policy, with the probability of each and what came of it."""

    clip: Annotated[float, Field(ge=1)] = 10.0
    uniform: bool = True


class Tracker(StudyModel):
    """``[offline.tracker]``: an experiment tracker's store, as another source of scores and of facts about models."""

    path: Paths
    format: Literal["mlflow", "wandb", "json"]
    model: NonEmpty = "run_name"
    experiment: Names | None = None
    metrics: dict[NonEmpty, NonEmpty] = Field(default_factory=dict)
    facts: dict[NonEmpty, NonEmpty] = Field(default_factory=dict)

    @property
    def experiments(self) -> tuple[str, ...]:
        """The experiments that are read; empty for all of them."""
        return (self.experiment,) if isinstance(self.experiment, str) else tuple(self.experiment or ())


class Training(Source):
    """``[offline.training]``: the series that forecasting models learnt from, one row per series and time."""

    season: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class Annotations(SlicedSource):
    """``[offline.annotations]``: the true boxes of images, for detection."""


class Offline(StudyModel):
    """``[offline]``: where offline evaluation results come from, and what they are held against."""

    production: NonEmpty | None = None
    examples: Literal["same", "shared"] = "same"
    scores: Scores | None = None
    rankings: Rankings | None = None
    judgements: Source | None = None
    queries: Queries | None = None
    items: Source | None = None
    predictions: Predictions | None = None
    tracker: Tracker | None = None
    logged: Logged | None = None
    policies: Source | None = None
    shadow: Source | None = None
    training: Training | None = None
    annotations: Annotations | None = None
    trained_on: Source | None = None


class OfflineMetric(StudyModel):
    """``[offline_metrics.NAME]``: the contract of an offline metric, and its definition."""

    metric: NonEmpty | None = None
    label: NonEmpty | None = None
    gain: Literal["linear", "exp"] | None = None
    ties: Literal["docid", "expected"] | None = None
    empty: Literal["zero", "skip"] | None = None
    denominator: Literal["reachable", "relevant"] | None = None
    direction: BetterDirection | None = None
    smallest_worthwhile_gain: PositiveFloat | None = None
    why: NonEmpty | None = None
    owner: NonEmpty | None = None
    review_by: CalendarDate | None = None


class Model(StudyModel):
    """``[models.NAME]``: facts about a model that scores do not tell."""

    version: NonEmpty | None = None
    family: NonEmpty | None = None
    baseline: NonEmpty | None = None
    trained_until: CalendarDate | None = None
    latency_p50_ms: PositiveFloat | None = None
    latency_p95_ms: PositiveFloat | None = None
    cost_per_1000_requests: NonNegativeFloat | None = None


class PreflightSettings(StudyModel):
    """``[preflight]``: what a candidate may cost in exchange for what it brings, before it is launched."""

    latency_p95_ms: PositiveFloat | None = None
    latency_increase: NonNegativeFloat = 0.2
    error_increase: NonNegativeFloat = 0.001
    cost_increase: NonNegativeFloat = 0.5
    slice_loss: NonNegativeFloat = 0.02


# Runs call many things a baseline; what a gain was claimed against is said in the study only.
FACTS = tuple(name for name in Model.model_fields if name != "baseline")
