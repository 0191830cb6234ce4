"""The frozen records that flow between the floors, and the vocabulary they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abgap.records.moments import Moments
from abgap.records.provenance import InputFile, InputSource, Provenance, QueryText
from abgap.records.vocabulary import (
    Adjustment,
    Aggregate,
    Decision,
    Direction,
    Kind,
    LiftMethod,
    Reason,
    Role,
    Status,
    VerdictName,
)

if TYPE_CHECKING:
    from abgap.records.numbers import Estimable, Interval, NotEstimable
    from abgap.records.offline import (
        ConfusionMatrix,
        OfflineHistory,
        OfflineRow,
        OfflineSweep,
        SweptDefinition,
    )
    from abgap.records.results import (
        Bayesian,
        Check,
        Estimate,
        ExperimentResult,
        Finding,
        FunnelStage,
        Gap,
        Heterogeneity,
        MetricDefinition,
        MixDecomposition,
        ModelFacts,
        NineCells,
        NonInferiority,
        Portfolio,
        Results,
        StudySummary,
        Trend,
        Unadjusted,
    )

__all__ = [
    "Adjustment",
    "Aggregate",
    "Bayesian",
    "Check",
    "ConfusionMatrix",
    "Decision",
    "Direction",
    "Estimable",
    "Estimate",
    "ExperimentResult",
    "Finding",
    "FunnelStage",
    "Gap",
    "Heterogeneity",
    "InputFile",
    "InputSource",
    "Interval",
    "Kind",
    "LiftMethod",
    "MetricDefinition",
    "MixDecomposition",
    "ModelFacts",
    "Moments",
    "NineCells",
    "NonInferiority",
    "NotEstimable",
    "OfflineHistory",
    "OfflineRow",
    "OfflineSweep",
    "Portfolio",
    "Provenance",
    "QueryText",
    "Reason",
    "Results",
    "Role",
    "Status",
    "StudySummary",
    "SweptDefinition",
    "Trend",
    "Unadjusted",
    "VerdictName",
]


def __getattr__(name: str) -> object:
    """A record of results, by its name: dozens of classes take time to make, and moments need none of them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from abgap.records import numbers, offline, results  # noqa: PLC0415 - see above

    home = next(module for module in (numbers, offline, results) if hasattr(module, name))
    return getattr(home, name)
