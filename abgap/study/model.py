"""The study file as typed, frozen models: every key of ``abgap.toml`` and nothing else.

This module only says what a study *is*. Reading the file, naming the nearest key and collecting
all problems is ``load.py``; rules that tie several keys together are ``rules.py``; what this version can not
do yet is ``supported.py``.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from abgap.records.vocabulary import Aggregate, Direction, Kind, Role

Fraction = Annotated[float, Field(gt=0, lt=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
NonEmpty = Annotated[str, Field(min_length=1)]
Moment: TypeAlias = dt.datetime | dt.date


class StudyModel(BaseModel):
    """Base of all parts: closed to unknown keys, frozen, strict about types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class ConstantColumn(StudyModel):
    """A column that has the same value in every row: ``{ value = "mail" }``."""

    value: str | int | float | bool


class ExpressionColumn(StudyModel):
    """A column computed by one scalar SQL expression: ``{ expr = "lower(country)" }``."""

    expr: NonEmpty


ColumnSpec: TypeAlias = NonEmpty | ConstantColumn | ExpressionColumn


class Source(StudyModel):
    """Where rows come from: files, or one SELECT over files."""

    path: NonEmpty | list[NonEmpty] | None = None
    query: NonEmpty | None = None
    query_file: NonEmpty | None = None
    format: Literal["parquet", "csv", "json", "trec"] | None = None
    columns: dict[NonEmpty, ColumnSpec] = Field(default_factory=dict)


class StudyHead(StudyModel):
    """``[study]``: the name, and what holds for everything in it."""

    name: NonEmpty = "Study"
    currency: NonEmpty | None = None
    timezone: NonEmpty = "UTC"
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    looks: Literal["fixed", "sequential"] = "fixed"
    seed: int = 20260101


class Exposures(Source):
    """``[exposures]``: who saw which variant of which experiment, and when."""

    slices: list[NonEmpty] = Field(default_factory=list)


class UnitValues(Source):
    """``[unit_values]``: one row per unit with its outcomes as columns."""

    slices: list[NonEmpty] = Field(default_factory=list)
    unique: Literal["check", "trust"] = "check"


class Experiment(StudyModel):
    """``[experiments.NAME]``: what was compared."""

    control: NonEmpty
    treatments: list[NonEmpty] | None = None
    split: dict[NonEmpty, PositiveFloat] | Literal["equal"] | None = None
    start: Moment | None = None
    end: Moment | None = None
    models: dict[NonEmpty, NonEmpty] = Field(default_factory=dict)
    tags: list[NonEmpty] = Field(default_factory=list)
    hypothesis: NonEmpty | None = None


class ExperimentsFile(Source):
    """``[experiments] path = ...``: one row per experiment, for thousands of them.

    Columns: experiment, control; optional split (``equal``), start, end.
    """


class Part(StudyModel):
    """Events of one unit made into one number: a mean, or a side of a ratio."""

    fact: NonEmpty | None = None
    where: NonEmpty | None = None
    value: NonEmpty | None = None
    aggregate: Aggregate | None = None


class Covariate(StudyModel):
    """A pre-period twin for variance reduction: days before exposure, or a column."""

    lookback_days: PositiveFloat | None = None
    column: NonEmpty | None = None


class Metric(StudyModel):
    """``[metrics.NAME]``: one number per unit, and its contract with the business."""

    kind: Kind
    fact: NonEmpty | None = None
    where: NonEmpty | None = None
    value: NonEmpty | None = None
    aggregate: Aggregate | None = None
    numerator: Part | None = None
    denominator: Part | None = None
    window_days: PositiveFloat | None = None
    quantile: Fraction | None = None
    from_day: NonNegativeFloat | None = None
    to_day: PositiveFloat | None = None
    role: Role = Role.SECONDARY
    direction: Direction = Direction.UP
    money: bool = False
    cap_percentile: Annotated[float, Field(gt=50, lt=100)] | None = None
    covariate: Covariate | list[Covariate] | None = None
    smallest_worthwhile_lift: PositiveFloat | None = None
    non_inferiority_margin: PositiveFloat | None = None
    description: NonEmpty | None = None
    why: NonEmpty | None = None
    owner: NonEmpty | None = None
    review_by: dt.date | None = None


class Funnel(StudyModel):
    """``[funnels.NAME]``: metrics that multiply to a total."""

    total: NonEmpty
    stages: Annotated[list[NonEmpty], Field(min_length=2)]


class Offline(StudyModel):
    """``[offline]``: where offline evaluation results come from."""

    scores: Source | None = None
    rankings: Source | None = None
    judgements: Source | None = None
    predictions: Source | None = None


class OfflineMetric(StudyModel):
    """``[offline_metrics.NAME]``: the contract of an offline metric."""

    gain: Literal["linear", "exp"] | None = None
    ties: Literal["docid", "expected"] | None = None
    empty: Literal["zero", "skip"] | None = None
    direction: Direction = Direction.UP
    why: NonEmpty | None = None
    owner: NonEmpty | None = None
    review_by: dt.date | None = None


class Model(StudyModel):
    """``[models.NAME]``: facts about a model that scores do not tell."""

    version: NonEmpty | None = None
    trained_until: dt.date | None = None
    latency_p50_ms: PositiveFloat | None = None
    latency_p95_ms: PositiveFloat | None = None
    cost_per_1000_requests: NonNegativeFloat | None = None


class GapSettings(StudyModel):
    """``[gap]``: which offline metrics are held against which business metrics.

    exchange_rate: relative lift of a business metric expected from one unit of offline gain,
    ``exchange_rate."ndcg@10".revenue_per_user = 0.25``: a gain of .04 should bring +1 %.
    """

    offline: list[NonEmpty] = Field(default_factory=list)
    business: list[NonEmpty] = Field(default_factory=list)
    exchange_rate: dict[NonEmpty, dict[NonEmpty, float]] = Field(default_factory=dict)
    latency_elasticity_per_100ms: float | None = None


class Engine(StudyModel):
    """``[engine]``: what runs the queries, and how much of the machine it may take."""

    name: Literal["duckdb", "spark"] = "duckdb"
    threads: Annotated[int, Field(ge=1)] | None = None
    memory_limit: NonEmpty | None = None
    temp_directory: NonEmpty | None = None


class Study(StudyModel):
    """The whole of ``abgap.toml``."""

    study: StudyHead = Field(default_factory=StudyHead)
    engine: Engine = Field(default_factory=Engine)
    exposures: Exposures | None = None
    facts: dict[NonEmpty, Source] = Field(default_factory=dict)
    units: Source | None = None
    unit_values: UnitValues | None = None
    moments: Source | None = None
    experiments: dict[NonEmpty, Experiment] | ExperimentsFile = Field(default_factory=dict)
    metrics: dict[NonEmpty, Metric] = Field(default_factory=dict)
    funnels: dict[NonEmpty, Funnel] = Field(default_factory=dict)
    offline: Offline = Field(default_factory=Offline)
    offline_metrics: dict[NonEmpty, OfflineMetric] = Field(default_factory=dict)
    models: dict[NonEmpty, Model] = Field(default_factory=dict)
    gap: GapSettings = Field(default_factory=GapSettings)
