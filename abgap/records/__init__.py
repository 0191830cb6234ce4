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
    from abgap.records.counterfactual import Counterfactual, PositionRate
    from abgap.records.mix import LiveMix
    from abgap.records.numbers import Estimable, Interval, NotEstimable
    from abgap.records.offline import (
        ConfusionMatrix,
        OfflineHistory,
        OfflineRow,
        OfflineSweep,
        OfflineTwin,
        SweptDefinition,
    )
    from abgap.records.portfolio import NineCells, Portfolio
    from abgap.records.reasons import (
        BarKind,
        BudgetBar,
        EvidenceRow,
        Finding,
        FindingStatus,
        Measure,
        Side,
    )
    from abgap.records.results import (
        Bayesian,
        Check,
        Estimate,
        ExperimentResult,
        FunnelStage,
        Gap,
        Heterogeneity,
        MetricDefinition,
        MixDecomposition,
        ModelFacts,
        NonInferiority,
        Results,
        StudySummary,
        Trend,
        Unadjusted,
    )

__all__ = [
    "Adjustment",
    "Aggregate",
    "BarKind",
    "Bayesian",
    "BudgetBar",
    "Check",
    "ConfusionMatrix",
    "Counterfactual",
    "Decision",
    "Direction",
    "Estimable",
    "Estimate",
    "EvidenceRow",
    "ExperimentResult",
    "Finding",
    "FindingStatus",
    "FunnelStage",
    "Gap",
    "Heterogeneity",
    "InputFile",
    "InputSource",
    "Interval",
    "Kind",
    "LiftMethod",
    "LiveMix",
    "Measure",
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
    "OfflineTwin",
    "Portfolio",
    "PositionRate",
    "Provenance",
    "QueryText",
    "Reason",
    "Results",
    "Role",
    "Side",
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
    from abgap.records import (  # noqa: PLC0415 - see above
        counterfactual,
        mix,
        numbers,
        offline,
        portfolio,
        reasons,
        results,
    )

    home = next(
        module
        for module in (numbers, offline, counterfactual, mix, reasons, portfolio, results)
        if hasattr(module, name)
    )
    return getattr(home, name)
