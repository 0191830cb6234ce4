"""What an analysis finds: the records behind results.json, in the order they stand there.

Field names are the published contract (``abgap schema results``). A field that may be missing is
``None``; a number that could not be computed is a ``NotEstimable``. Fractions, not percent:
a lift of 0.04 is +4 %. Money is in the study's currency.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from abgap.records.counterfactual import Counterfactual, PositionRate
from abgap.records.live import LiveQuality
from abgap.records.numbers import Estimable, Interval
from abgap.records.offline import ConfusionMatrix, OfflineHistory, OfflineRow, OfflineSweep
from abgap.records.portfolio import Portfolio
from abgap.records.predictions import PredictionCurves
from abgap.records.provenance import Provenance
from abgap.records.reasons import BudgetBar, Finding
from abgap.records.vocabulary import (
    Adjustment,
    Decision,
    Direction,
    Kind,
    Role,
    Status,
    VerdictName,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """The head of the study file, as far as a reader of the results needs it."""

    name: str
    currency: str | None
    timezone: str
    alpha: float
    looks: str
    seed: int
    lift_interval: str = "fieller"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricDefinition:
    """One online metric in words, with its contract."""

    name: str
    kind: Kind
    role: Role
    direction: Direction
    definition: str
    money: bool
    smallest_worthwhile_lift: float | None
    non_inferiority_margin: float | None
    business: str | None = None
    business_if_worse: str | None = None
    why: str | None = None
    owner: str | None = None
    review_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What the study says of one model."""

    name: str
    version: str | None = None
    trained_until: str | None = None
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    cost_per_1000_requests: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentResult:
    """One experiment: who was in it, what to do with it, and the sentence that says so.

    arms: analysed units per variant, control first. start, end: ISO dates or datetimes, end exclusive.
    decision_reason: one sentence. headline: the verdict sentence of the first gap pair of the arm that the
    decision is about, or of its primary metric when the study declares no gap. treatment: that arm, None when
    the decision is about the experiment as a whole. money_per_year: what that arm's first money metric (of the
    pairs, else of the primaries) would be worth over a year of the experiment's traffic, up is good.
    """

    name: str
    control: str
    arms: Mapping[str, int]
    start: str | None
    end: str | None
    models: Mapping[str, str]
    decision: Decision
    headline: str
    decision_reason: str
    next_action: str
    tags: tuple[str, ...] = ()
    hypothesis: str | None = None
    treatment: str | None = None
    money_per_year: Interval | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One data check. ``experiment`` is None for a check of a whole source.

    value and threshold are what was measured and where it begins to matter (None where there is no
    such number). ``blocking``: a failure makes every verdict of the experiment untrustworthy.
    sql: name of the query whose rows it is based on.
    """

    name: str
    experiment: str | None
    status: Status
    value: float | None
    threshold: float | None
    sentence: str
    sql: str | None
    blocking: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NonInferiority:
    """The guardrail test: margin as a relative lift, one-sided p, and whether it holds at alpha."""

    margin: float
    p_value: float | None
    holds: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unadjusted:
    """The comparison as it stands without covariates or strata, beside the adjusted one."""

    difference: Estimable
    lift: Estimable
    p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bayesian:
    """The lift by a normal posterior, with the chance that treatment is better in the metric's direction.

    lift: posterior mean with its central interval. expected_loss_*: lift that shipping treatment, or keeping
    control, is expected to lose by being the wrong choice. prior_lift: positive is better; prior_sd: None for a
    flat prior.
    """

    lift: Interval
    probability_better: float
    expected_loss_of_shipping: float
    expected_loss_of_keeping: float
    prior_lift: float
    prior_sd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One metric of one treatment arm against control, over all units, a slice, or a period.

    slice_name and period are None for the whole experiment; slice_value None with a slice_name means "not
    known". period: ISO date; the row covers units first exposed up to the end of that day.
    value_*: mean per unit, share, or ratio in each arm (after capping, before covariate adjustment).
    difference: absolute, treatment minus control. lift: relative to control.
    mde: relative lift detectable with 80 % power at this size. effect_size: Cohen's d or h. unadjusted: the same
    without covariates, None when there are none. share_without_history: of units whose covariates are not known.
    capped_value_share: of the value of both arms, what a cap cut off.
    type_s, type_m: of a significant result, if the smallest worthwhile lift were the true one, the chance of the wrong
    sign and how many times too large it is on average. shrunk_lift: of a slice, pulled towards the other slices.
    """

    experiment: str
    metric: str
    role: Role
    kind: Kind
    direction: Direction
    control: str
    treatment: str
    slice_name: str | None
    slice_value: str | None
    period: str | None
    n_control: int
    n_treatment: int
    value_control: float | None
    value_treatment: float | None
    difference: Estimable
    lift: Estimable
    p_value: float | None
    p_adjusted: float | None
    adjustment: Adjustment
    significant: bool
    effect_size: Estimable
    mde: float | None
    power_at_smallest_worthwhile: float | None
    equivalence_p: float | None
    non_inferiority: NonInferiority | None
    covariate_variance_removed: float | None
    unadjusted: Unadjusted | None = None
    share_without_history: float | None = None
    type_s: float | None = None
    type_m: float | None = None
    shrunk_lift: Interval | None = None
    bayesian: Bayesian | None = None
    capped_units: int | None = None
    capped_value_share: float | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MixDecomposition:
    """A difference taken apart: overall = within slices + by the mix of slices, in the metric's own units.

    All without covariates. strata: slices that were compared, after ``merged`` of them, too small alone, became one.
    reversal: overall and within are both told from zero and point in opposite ways (Simpson's paradox).
    """

    overall: Estimable
    within: Estimable
    mix: Estimable
    strata: int
    merged: int
    reversal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """Whether the lift of a metric differs between the slices of one name, in one treatment arm.

    tested: slices compared; left_out: those whose lift cannot be estimated. common_lift: the one lift that fits all
    best. q, df, p_value, i_squared: Cochran's test of it. lift_sd: how far true lifts spread. gail_simon_p: of all
    effects having one sign. decomposition: None where the metric cannot be taken apart or slices are too small.
    """

    experiment: str
    metric: str
    role: Role
    control: str
    treatment: str
    slice_name: str
    tested: int
    left_out: int
    common_lift: float | None
    q: float | None
    df: int | None
    p_value: float | None
    p_adjusted: float | None
    i_squared: float | None
    lift_sd: float | None
    gail_simon_p: float | None
    decomposition: MixDecomposition | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How the effect on one metric changes with the days since first exposure, in one treatment arm.

    days: over how many of them; only units that were there for all are counted (n_*), None when it cannot be told.
    slope: change of the lift per day, days weighted by their share of the control's values: -0.01 is one lift point
    less each day.
    pattern: ``novelty`` when the effect gets worse from day to day, ``primacy`` when it gets better, None when neither
    is established at the adjusted p-value (Benjamini-Hochberg over the trends of the experiment).
    mean_day: on which control's values come on average, 0 being the day of exposure; the straight line goes through the
    average lift there.
    """

    experiment: str
    metric: str
    control: str
    treatment: str
    days: int | None
    n_control: int | None
    n_treatment: int | None
    slope: Estimable
    p_value: float | None
    p_adjusted: float | None
    pattern: str | None
    sentence: str
    mean_day: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelStage:
    """One stage of the exact decomposition: its share of the total log lift, and the same in money.

    log_lift with low and high: interval on the log-ratio scale. money with money_low, money_high: contribution to
    the total's change per unit, in the total's own units. value_*: the stage's ratio in each arm.
    per_unit_*: what the stage counts, per unit of each arm, and its relative lift: on a denominator that the treatment
    cannot move, so that it is an effect. None for the total, which is a metric of its own.
    """

    stage: str
    value_control: float | None
    value_treatment: float | None
    log_lift: float | None
    low: float | None
    high: float | None
    money: float | None
    money_low: float | None
    money_high: float | None
    method: str
    per_unit_control: float | None = None
    per_unit_treatment: float | None = None
    per_unit_lift: Estimable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One offline metric against one business metric in one treatment arm.

    offline_gain and online_lift are turned so that up is good. offline_face_value: the gain when no
    interval was given. expected_lift: what the gain should have brought, with its source in
    ``expected_source``, or None. money_per_year: the difference in the business metric at the experiment's
    traffic over a year, None when the metric is not money.
    units_needed: units per arm to detect the smallest worthwhile lift with 80 % power, when the verdict is
    inconclusive. funnel_total: what the stages of ``funnel`` add up to, named after the business metric.
    shortfall: the lift that is missing, what was claimed minus what came; None where one of them is not known.
    diagnosis: in a sentence whether lift is missing and why. reasons: supported ones first, by what they explain.
    """

    experiment: str
    treatment: str
    control: str
    offline_metric: str
    business_metric: str
    offline_gain: Estimable
    offline_face_value: float | None
    online_lift: Estimable
    smallest_worthwhile_lift: float | None
    expected_lift: Interval | None
    expected_source: str | None
    verdict: VerdictName
    sentence: str
    next_action: str
    correction: str
    power_at_smallest_worthwhile: float | None
    power_at_expected: float | None
    units_needed: int | None
    weeks_needed: float | None
    money_per_year: Interval | None
    funnel: tuple[FunnelStage, ...]
    funnel_note: str | None
    funnel_total: FunnelStage | None = None
    shortfall: Interval | None = None
    diagnosis: str | None = None
    reasons: tuple[Finding, ...] = ()
    budget: tuple[BudgetBar, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Everything one run found; the only thing a report is made of.

    generated_at: ISO date or time of the latest row in the data, so that the same inputs give the same bytes; None
    when no row carries a time.
    """

    study: StudySummary
    generated_at: str | None
    provenance: Provenance
    metrics: tuple[MetricDefinition, ...]
    models: tuple[ModelFacts, ...]
    experiments: tuple[ExperimentResult, ...]
    checks: tuple[Check, ...]
    estimates: tuple[Estimate, ...]
    offline: tuple[OfflineRow, ...]
    gaps: tuple[Gap, ...]
    portfolio: Portfolio
    heterogeneity: tuple[Heterogeneity, ...] = ()
    trends: tuple[Trend, ...] = ()
    offline_history: tuple[OfflineHistory, ...] = ()
    offline_sweeps: tuple[OfflineSweep, ...] = ()
    confusions: tuple[ConfusionMatrix, ...] = ()
    counterfactual: tuple[Counterfactual, ...] = ()
    positions: tuple[PositionRate, ...] = ()
    curves: tuple[PredictionCurves, ...] = ()
    live_quality: LiveQuality = field(default_factory=LiveQuality)
