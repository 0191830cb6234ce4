"""What another policy would have earned, estimated from logged decisions and their propensities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abgap.records.numbers import Estimable, Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicyEstimate:
    """One estimator: the mean reward per decision under the target policy, and how far that is from what was logged.

    name: ``ips``, ``clipped_ips``, ``snips`` or ``dr``. gain: value minus the logged mean, from the same decisions.
    standard_error: of the value, None where it is not estimable.
    """

    name: str
    definition: str
    value: Estimable
    standard_error: float | None
    gain: Estimable


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightDiagnosis:
    """Whether the log can stand for the target policy at all.

    mean_weight: 1 when it can. effective_sample: decisions that the weighted ones are worth. clip: where clipped IPS
    cuts; clipped: share of decisions above it. unsupported: probability that the target gives to actions that were
    never logged, on average.
    """

    mean_weight: float
    max_weight: float
    effective_sample: float
    clip: float
    clipped: float
    unsupported: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRate:
    """What one logging policy earned in one position. logger, position: None when the log does not tell."""

    logger: str | None
    position: str | None
    decisions: int
    value: Estimable


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterfactual:
    """One target policy against the logged ones. loggers: share of the decisions by logging policy.

    decisions: that the target says something of; skipped: those it does not. units: what the standard errors are made
    over (requests, or decisions). logged_value: mean reward as it was, over the same decisions. weights: None when
    nothing could be weighed.
    """

    policy: str
    loggers: Mapping[str, float]
    decisions: int
    skipped: int
    units: int
    logged_value: Interval | None
    estimates: tuple[OffPolicyEstimate, ...]
    weights: WeightDiagnosis | None
    sentence: str
    next_action: str
