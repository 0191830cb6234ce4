"""What all experiments together say: the records of the portfolio, as they stand in results.json.

Gains are turned so that up is good, in the units of the offline metric (of a proxy: relative lift). Lifts of business
metrics are fractions, up is good. ``Pair`` means one predictor, an offline metric or a proxy (a quick online metric),
held against one business metric.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from abgap.records.numbers import Estimable, Interval


class PredictorSide(StrEnum):
    """Where a predictor is measured."""

    OFFLINE = "offline"
    PROXY = "proxy"


@dataclass(frozen=True, slots=True, kw_only=True)
class NineCells:
    """Predictor -/0/+ (rows) by business -/0/+ (columns): counts of treatment arms, trustworthy ones only.

    A sign counts as + or - only when established at the study's alpha. offline_metric: an offline metric, or a proxy.
    """

    offline_metric: str
    business_metric: str
    counts: tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
    untrustworthy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPoint:
    """One treatment arm of one experiment in the picture: gain and lift with their standard errors (None: not given).

    untrusted: a blocking check failed; shown, and counted in nothing.
    """

    experiment: str
    treatment: str
    gain: float
    gain_error: float | None
    lift: float
    lift_error: float | None
    start: str | None = None
    untrusted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseCorrected:
    """The covariance of true effects between experiments, by the method of moments (docs/methods.md).

    observed_*, noise_*, signal_*: weighted covariances of gains (x) and lifts (y) as measured, of their sampling
    errors, and what is left; None where errors are not known. reliability_*: share of the observed variance that is
    signal. observed_correlation: of the plain scatter. smallest_eigenvalue: of the signal.
    """

    observed_xx: float
    observed_xy: float
    observed_yy: float
    noise_xx: float | None
    noise_xy: float | None
    noise_yy: float | None
    signal_xx: float | None
    signal_xy: float | None
    signal_yy: float | None
    reliability_x: Estimable
    reliability_y: Estimable
    smallest_eigenvalue: float | None
    observed_correlation: float | None
    slope: Estimable
    correlation: Estimable
    sensitivity: tuple[SensitivityLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SensitivityLine:
    """The same slope by another method, or under another assumption: York, Deming, a noise correlation.

    chi_square over df: how far points scatter beyond their errors, where the method tells.
    """

    method: str
    slope: Estimable
    intercept: float | None
    chi_square: float | None
    df: int | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BandPoint:
    """What is to be expected of one gain: lift, and low..high for the true lift of a new experiment."""

    gain: float
    lift: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """``lift = a + b gain + N(0, tau^2)`` of true effects, by likelihood with known sampling errors.

    a: lift that comes without a gain. b: lift of a unit of gain. tau: standard deviation of what the gain cannot tell.
    mean_gain, gain_sd: of true gains. gains_at_face_value: errors of gains are not known, so that b is that of gains as
    they are measured. band: the prediction by gain, in rising order, over the gains seen and somewhat beyond.
    """

    a: Interval
    b: Interval
    tau: Interval
    mean_gain: float
    gain_sd: float
    gains_at_face_value: bool = False
    band: tuple[BandPoint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refitted:
    """The slope without one experiment, or of one tag alone. experiments: that the fit rests on."""

    name: str
    experiments: int
    slope: Estimable


@dataclass(frozen=True, slots=True, kw_only=True)
class SignAgreement:
    """How often gain and lift had the same sign.

    observed: share with its interval. by_noise: share that no relation at all would give. if_measured_exactly: share
    implied by the noise-corrected correlation (1/2 + arcsin(rho)/pi), None without one.
    """

    experiments: int
    observed: Estimable
    by_noise: float | None
    if_measured_exactly: Estimable | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """How much trust one predictor (or the best blend) deserves for one business metric.

    quality: correlation of the predictor as measured in a test of the usual size with the true lift; of a blend on
    experiments that it was not fitted to, apparent on those that it was fitted to. sensitivity: share of experiments in
    which the predictor is significant, of those in which the business metric is; wrong_direction: share of those in
    which both are significant that point in opposite ways. kendall: rank correlation. weights: of a blend, per standard
    deviation of true gains. review_by: date by which to look again, with review_reason.
    """

    predictor: str
    side: PredictorSide | None
    business_metric: str
    rank: int | None
    experiments: int
    quality: Estimable
    correlation: Estimable
    kendall: Estimable
    reliability: float | None
    sensitivity: Estimable
    wrong_direction: Estimable
    weights: Mapping[str, float] | None = None
    apparent: float | None = None
    review_by: str | None = None
    review_reason: str | None = None
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """What launching by one rule would have earned, cross-fitted over folds of units so that noise is no profit.

    name: ``never``, ``offline:METRIC``, ``significant:METRIC`` (of an online metric) or ``abgap``. launches: average
    number of arms launched (over folds). lift: mean lift per experiment, counting 0 where nothing is launched.
    money_per_year: at the portfolio's traffic and pace. Regret in simulations: docs/portfolio.md.
    """

    name: str
    title: str
    business_metric: str
    experiments: int
    launches: float
    lift: Estimable
    money_per_year: Estimable | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShrunkLift:
    """One experiment's lift seen beside the others: empirical Bayes, chance that it is above zero, exaggeration."""

    experiment: str
    treatment: str
    raw: Interval
    shrunk: Interval
    probability_positive: float
    type_s: float | None
    type_m: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TypicalLift:
    """Random-effects meta-analysis of one business metric over all experiments.

    mean: by REML with the Hartung-Knapp interval. tau: standard deviation of true lifts by method (``dersimonian-
    laird``, ``paule-mandel``, ``reml``). prediction: of the true lift of a new experiment.
    """

    business_metric: str
    experiments: int
    arms: int
    mean: Estimable
    prediction: Estimable
    tau: Mapping[str, float]
    q: float | None
    df: int | None
    p_value: float | None
    i_squared: float | None
    shrunk: tuple[ShrunkLift, ...] = ()
    sentence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingTrust:
    """Trust over time: how far an experiment lies off the line of all that started before it.

    residual: standardised lift minus forecast. cusum_up, cusum_down: sums of them beyond the allowance. warning:
    whether one of them is beyond its threshold here.
    """

    experiment: str
    start: str
    residual: float
    cusum_up: float
    cusum_down: float
    warning: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Surrogacy:
    """Units against experiments: two associations of a quick metric with the business metric.

    individual: correlation over units within arms. experiment_level: noise-corrected correlation of effects.
    """

    predictor: str
    business_metric: str
    units: int | None
    individual_correlation: Estimable
    individual_slope: Estimable
    experiment_correlation: Estimable
    experiment_slope: Estimable
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFit:
    """One predictor against one business metric over all experiments."""

    predictor: str
    side: PredictorSide
    business_metric: str
    experiments: int
    arms: int
    untrusted: int
    noise_corrected: NoiseCorrected | None
    transfer: Transfer | None
    smallest_gain_worth_testing: float | None
    experiments_needed: int | None
    sign_agreement: SignAgreement | None
    surrogacy: Surrogacy | None = None
    leave_one_out: tuple[Refitted, ...] = ()
    by_tag: tuple[Refitted, ...] = ()
    over_time: tuple[RollingTrust, ...] = ()
    over_time_sentence: str | None = None
    saturation_sentence: str | None = None
    points: tuple[PortfolioPoint, ...] = ()
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """All experiments together.

    sign_agreement, correlation, slope, transfer and smallest_gain_worth_testing are those of the first pair, None
    with a sentence in ``refusals`` where they cannot be told. sentences: what a leader should know, three at most.
    """

    n_experiments: int
    verdicts: Mapping[str, int]
    nine_cells: tuple[NineCells, ...]
    refusals: tuple[str, ...]
    sentences: tuple[str, ...] = ()
    sign_agreement: SignAgreement | None = None
    correlation: Interval | None = None
    slope: Interval | None = None
    transfer: Transfer | None = None
    smallest_gain_worth_testing: float | None = None
    decision_rules: tuple[DecisionRule, ...] = ()
    metric_trust: tuple[Trust, ...] = ()
    pairs: tuple[PairFit, ...] = ()
    typical: tuple[TypicalLift, ...] = ()
