"""The closed sets of words that abgap uses, each written once.

Every enum is a ``StrEnum``: its value is what stands in a study file and in results.json.
"""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """How a metric turns the events of a unit into a value, and arms into an estimate."""

    MEAN = "mean"
    PROPORTION = "proportion"
    RATIO = "ratio"
    QUANTILE = "quantile"
    RETENTION = "retention"

    @property
    def is_share(self) -> bool:
        """Whether a unit's value is 1 or 0, and the arm's a share of units."""
        return self in {Kind.PROPORTION, Kind.RETENTION}


class Role(StrEnum):
    """What a metric is for in the decision."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    GUARDRAIL = "guardrail"
    DIAGNOSTIC = "diagnostic"


class Direction(StrEnum):
    """Which way is better."""

    UP = "up"
    DOWN = "down"

    @property
    def sign(self) -> int:
        """+1 when more is better, -1 when less is."""
        return 1 if self is Direction.UP else -1


class Aggregate(StrEnum):
    """How the events of one unit become one number."""

    SUM = "sum"
    COUNT = "count"
    COUNT_DISTINCT = "count_distinct"
    MAX = "max"
    MIN = "min"
    MEAN = "mean"


class Status(StrEnum):
    """The outcome of a data check."""

    PASS = "pass"  # noqa: S105 - a status
    WARN = "warn"
    FAIL = "fail"
    NOT_TESTABLE = "not_testable"


class Decision(StrEnum):
    """What to do with an experiment."""

    SHIP = "ship"
    DO_NOT_SHIP = "do not ship"
    KEEP_RUNNING = "keep running"
    CANNOT_BE_JUDGED = "cannot be judged"


class VerdictName(StrEnum):
    """What became of an offline gain in one experiment (docs/methods.md, "The verdict")."""

    UNTRUSTWORTHY = "untrustworthy"
    TRANSLATED = "translated"
    FELL_SHORT = "fell short"
    DID_NOT_MOVE = "did not move"
    REVERSED = "reversed"
    MISSED_BY_OFFLINE = "missed by offline"
    NO_OFFLINE_GAIN = "no offline gain"
    LOSS_CONFIRMED = "loss confirmed"
    INCONCLUSIVE = "inconclusive"


class Adjustment(StrEnum):
    """How a p-value was corrected for multiple testing."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "benjamini-hochberg"
    NONE = "none"


class LiftMethod(StrEnum):
    """How the interval of a relative lift is made."""

    FIELLER = "fieller"
    DELTA = "delta"
    LOG = "log"


class Reason(StrEnum):
    """Why a number could not be computed."""

    NO_UNITS = "no_units"
    TOO_FEW_UNITS = "too_few_units"
    ZERO_VARIANCE = "zero_variance"
    NO_DENOMINATOR = "no_denominator"
    CONTROL_NEAR_ZERO = "control_near_zero"
    NO_VARIANCE_GIVEN = "no_variance_given"
    TOO_FEW_VALUES = "too_few_values"
    NOT_DEFINED = "not_defined"
    NOT_ADDITIVE = "not_additive"
    BY_CLUSTER = "by_cluster"
    TOO_SHORT = "too_short"
    NO_INTERVAL_GIVEN = "no_interval_given"
    NOT_POSITIVE = "not_positive"
    NOT_DECLARED = "not_declared"
    NOT_MATCHED = "not_matched"
    SMALL_EFFECTIVE_SAMPLE = "small_effective_sample"
    WEIGHTS_OFF = "weights_off"
    BAD_PROPENSITIES = "bad_propensities"
    TOO_FEW_EXPERIMENTS = "too_few_experiments"
    NO_SIGNAL = "no_signal"
    NOT_RELIABLE = "not_reliable"
