"""The study file as typed, frozen models: every key of ``abgap.toml`` and nothing else.

This module only says what a study *is*. Reading the file, naming the nearest key and collecting
all problems is ``load.py``; rules that tie several keys together are ``rules/``; what each key is for, in a
sentence, is ``keys.py``; which values a key may have is ``fields.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter

from abgap.records.vocabulary import Aggregate, Direction, Role
from abgap.stats.draws import MOST_DRAWS
from abgap.study.base import (
    ColumnSpec,
    ConstantColumn,
    ExpressionColumn,
    SlicedSource,
    Source,
    StudyModel,
)
from abgap.study.fields import (
    BetterDirection,
    CalendarDate,
    Days,
    Fraction,
    MetricKind,
    MetricRole,
    Moment,
    NonEmpty,
    PartAggregate,
    PositiveFloat,
    Split,
    nothing,
    wrong,
)
from abgap.study.live import Live, LivePredictions, LiveRankings, Outcome, Perturbed
from abgap.study.offline import (
    Annotations,
    ErrorCosts,
    Logged,
    Model,
    Offline,
    OfflineMetric,
    Predictions,
    PreflightSettings,
    Queries,
    Rankings,
    Scores,
    Task,
    Tracker,
    Training,
)
from abgap.study.portfolio import PortfolioEffects, PortfolioSettings

__all__ = [
    "Annotations",
    "BayesianSettings",
    "Bootstrap",
    "ColumnSpec",
    "ConstantColumn",
    "Covariate",
    "Covariates",
    "Engine",
    "ErrorCosts",
    "Experiment",
    "Experiments",
    "ExperimentsFile",
    "Exposures",
    "ExpressionColumn",
    "Funnel",
    "GapSettings",
    "Live",
    "LivePredictions",
    "LiveRankings",
    "Logged",
    "Metric",
    "Model",
    "Moment",
    "Offline",
    "OfflineMetric",
    "Outcome",
    "Part",
    "Perturbed",
    "PortfolioEffects",
    "PortfolioSettings",
    "Predictions",
    "PreflightSettings",
    "Queries",
    "Rankings",
    "Scores",
    "SlicedSource",
    "Source",
    "Study",
    "StudyHead",
    "StudyModel",
    "Task",
    "Tracker",
    "Training",
    "UnitValues",
]


class StudyHead(StudyModel):
    """``[study]``: the name, and what holds for everything in it."""

    name: NonEmpty = "Study"
    currency: NonEmpty | None = None
    timezone: NonEmpty = "UTC"
    alpha: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    looks: Literal["fixed", "sequential"] = "fixed"
    sequential_units: Annotated[int, Field(ge=2, le=10**12)] = 10_000
    lift_interval: Literal["fieller", "delta", "log"] = "fieller"
    covariate_slopes: Literal["pooled", "by_arm"] = "pooled"
    novelty: bool = True
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 20260101


class Bootstrap(StudyModel):
    """``[bootstrap]``: how metrics that ask for it are resampled."""

    replicates: Annotated[int, Field(ge=100, le=MOST_DRAWS)] = 1_000


class Exposures(SlicedSource):
    """``[exposures]``: who saw which variant of which experiment, and when."""


class UnitValues(SlicedSource):
    """``[unit_values]``: one row per unit with its outcomes as columns."""

    unique: Literal["check", "trust"] = "check"


class Experiment(StudyModel):
    """``[experiments.NAME]``: what was compared."""

    control: NonEmpty
    treatments: list[NonEmpty] | None = None
    split: Split | None = None
    start: Moment | None = None
    end: Moment | None = None
    models: dict[NonEmpty, NonEmpty] = Field(default_factory=dict)
    tags: list[NonEmpty] = Field(default_factory=nothing)
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
    aggregate: PartAggregate | None = None

    @property
    def effective_aggregate(self) -> Aggregate:
        """The aggregate that holds: ``sum`` of a value, or ``count`` of rows when none is given."""
        return self.aggregate or (Aggregate.COUNT if self.value is None else Aggregate.SUM)


class Covariate(StudyModel):
    """A pre-period twin for variance reduction: days before exposure, or a column."""

    lookback_days: Days | None = None
    column: NonEmpty | None = None


_COVARIATES = TypeAdapter(list[Covariate])


def _covariate(value: object) -> object:
    if isinstance(value, list):
        return _COVARIATES.validate_python(value, strict=True)
    if isinstance(value, Mapping):
        return Covariate.model_validate(value)
    if value is None or isinstance(value, Covariate):
        return value
    raise wrong('must be a table: { lookback_days = 14 } or { column = "name" }')


Covariates: TypeAlias = Annotated[Covariate | list[Covariate], BeforeValidator(_covariate)]


class Metric(StudyModel):
    """``[metrics.NAME]``: one number per unit, and its contract with the business."""

    kind: MetricKind
    fact: NonEmpty | None = None
    where: NonEmpty | None = None
    value: NonEmpty | None = None
    aggregate: PartAggregate | None = None
    numerator: Part | None = None
    denominator: Part | None = None
    window_days: Days | None = None
    quantile: Fraction | None = None
    from_day: Annotated[float, Field(ge=0, le=36_525)] | None = None
    to_day: Days | None = None
    role: MetricRole = Role.SECONDARY
    direction: BetterDirection = Direction.UP
    money: bool = False
    cap_percentile: Annotated[float, Field(gt=50, lt=100)] | None = None
    covariate: Covariates | None = None
    stratify_by: NonEmpty | None = None
    bootstrap: bool = False
    smallest_worthwhile_lift: PositiveFloat | None = None
    non_inferiority_margin: PositiveFloat | None = None
    description: NonEmpty | None = None
    business: NonEmpty | None = None
    business_if_worse: NonEmpty | None = None
    why: NonEmpty | None = None
    owner: NonEmpty | None = None
    review_by: CalendarDate | None = None

    @property
    def own_part(self) -> Part:
        """The part of a metric that is no ratio: its fact, where, value and aggregate."""
        return Part(fact=self.fact, where=self.where, value=self.value, aggregate=self.aggregate)

    @property
    def covariates(self) -> tuple[Covariate, ...]:
        """The declared covariates, whichever way they were written."""
        if self.covariate is None:
            return ()
        return (self.covariate,) if isinstance(self.covariate, Covariate) else tuple(self.covariate)


class Funnel(StudyModel):
    """``[funnels.NAME]``: metrics that multiply to a total."""

    total: NonEmpty
    stages: Annotated[list[NonEmpty], Field(min_length=2)]


class GapSettings(StudyModel):
    """``[gap]``: which offline metrics are held against which business metrics.

    exchange_rate: relative lift of a business metric expected from one unit of offline gain,
    ``exchange_rate."ndcg@10".revenue_per_user = 0.25``: a gain of .04 should bring +1 %. Both are turned by their
    directions first, so that up is good on either side.
    """

    offline: list[NonEmpty] = Field(default_factory=nothing)
    business: list[NonEmpty] = Field(default_factory=nothing)
    exchange_rate: dict[NonEmpty, dict[NonEmpty, float]] = Field(default_factory=dict)
    latency: NonEmpty | None = None
    latency_elasticity_per_100ms: float | None = None
    triggered: NonEmpty | None = None
    perturbed: Perturbed | None = None


class BayesianSettings(StudyModel):
    """``[bayesian]``: a normal summary of every lift beside the test, and what is believed beforehand."""

    prior_lift: float = 0.0
    prior_sd: PositiveFloat | None = None


class Engine(StudyModel):
    """``[engine]``: what runs the queries, and how much of the machine it may take."""

    name: Literal["duckdb", "spark"] = "duckdb"
    master: NonEmpty | None = None
    settings: dict[NonEmpty, str] = Field(default_factory=dict)
    threads: Annotated[int, Field(ge=1, le=1024)] | None = None
    memory_limit: NonEmpty | None = None
    temp_directory: NonEmpty | None = None


_EXPERIMENTS = TypeAdapter(dict[NonEmpty, Experiment])


def _experiments(value: object) -> object:
    if isinstance(value, ExperimentsFile):
        return value
    if not isinstance(value, Mapping):
        raise wrong("must be a table: [experiments.NAME], or [experiments] with a path")
    if any(key in value and not isinstance(value[key], Mapping) for key in ("path", "query", "query_file")):
        return ExperimentsFile.model_validate(value)
    return _EXPERIMENTS.validate_python(value, strict=True)


Experiments: TypeAlias = Annotated[
    dict[NonEmpty, Experiment] | ExperimentsFile,
    Field(union_mode="left_to_right"),
    BeforeValidator(_experiments),
]


class Study(StudyModel):
    """The whole of ``abgap.toml``."""

    study: StudyHead = Field(default_factory=StudyHead)
    engine: Engine = Field(default_factory=Engine)
    exposures: Exposures | None = None
    facts: dict[NonEmpty, Source] = Field(default_factory=dict)
    units: Source | None = None
    unit_values: UnitValues | None = None
    moments: Source | None = None
    experiments: Experiments = Field(default_factory=dict)
    metrics: dict[NonEmpty, Metric] = Field(default_factory=dict)
    funnels: dict[NonEmpty, Funnel] = Field(default_factory=dict)
    offline: Offline = Field(default_factory=Offline)
    live: Live = Field(default_factory=Live)
    offline_metrics: dict[NonEmpty, OfflineMetric] = Field(default_factory=dict)
    models: dict[NonEmpty, Model] = Field(default_factory=dict)
    gap: GapSettings = Field(default_factory=GapSettings)
    portfolio: PortfolioSettings = Field(default_factory=PortfolioSettings)
    preflight: PreflightSettings = Field(default_factory=PreflightSettings)
    bayesian: BayesianSettings | None = None
    bootstrap: Bootstrap = Field(default_factory=Bootstrap)

    @property
    def is_offline_only(self) -> bool:
        """Whether there are no units: it is about models alone, or has ready-made effects only."""
        return not any((self.exposures, self.unit_values, self.moments))

    @property
    def is_clustered(self) -> bool:
        """Whether the study names the cluster that was randomised."""
        return any(
            source is not None and "cluster" in source.columns for source in (self.units, self.unit_values)
        )
