"""Experiments with planted truth, at the level of records: what a reason finds in them, and how often it is right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from abgap.gap import ExperimentFacts, analyse_gaps
from abgap.gap.diagnosis import diagnose
from abgap.gap.reasons.evidence import Evidence
from abgap.gap.reasons.reason import Reason
from abgap.records import (
    Adjustment,
    Direction,
    Estimate,
    Finding,
    FindingStatus,
    Interval,
    Kind,
    NotEstimable,
    OfflineRow,
    Role,
)
from abgap.records import Reason as WhyNot
from abgap.study.model import Study

Z = 1.959963984540054
METRIC, BUSINESS, RATE, DELTA = "ndcg@10", "revenue_per_user", 2.0, 0.015


def normal(estimate: float, error: float) -> Interval:
    return Interval(
        estimate=estimate, low=estimate - Z * error, high=estimate + Z * error, level=0.95, method="normal"
    )


def study_of(
    *, rates: Mapping[str, float] | None = None, delta: float | None = DELTA, production: str | None = None
) -> Study:
    """One offline and one business metric. rates: lift per unit of gain by metric; of the target 2 unless given."""
    metric = {"kind": Kind.MEAN, "value": "revenue", "role": Role.PRIMARY, "smallest_worthwhile_lift": delta}
    exchange = {name: {BUSINESS: rate} for name, rate in (rates or {METRIC: RATE}).items()}
    study: dict[str, Any] = {
        "study": {"name": "Planted"},
        "metrics": {BUSINESS: metric},
        "gap": {"offline": [METRIC], "business": [BUSINESS], "exchange_rate": exchange},
    }
    if production is not None:
        study["offline"] = {"production": production}
    return Study.model_validate(study)


def offline_row(model: str, baseline: str | None, gain: float, error: float, **changes: Any) -> OfflineRow:
    """A comparison with a normal interval; without an error at face value."""
    level = changes.pop("level", 0.6)
    bare = NotEstimable(reason=WhyNot.NO_INTERVAL_GIVEN, detail="bare")
    row = OfflineRow(
        model=model,
        baseline=baseline,
        metric=METRIC,
        definition="NDCG@10",
        direction=Direction.UP,
        slice_name=None,
        slice_value=None,
        n=1000,
        skipped=0,
        value=level + gain,
        baseline_value=level,
        gain=normal(gain, error) if error else bare,
        p_value=math.erfc(abs(gain) / error / math.sqrt(2.0)) if error else None,
        p_adjusted=None,
    )
    return replace(row, **changes)


@dataclass
class Planted:
    """Experiments of one study: each has models of its own, ``x-old`` in control and ``x-new`` in treatment."""

    study: Study = field(default_factory=study_of)
    facts: list[ExperimentFacts] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    rows: list[OfflineRow] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    def add(
        self,
        *,
        gain: float = 0.04,
        gain_error: float = 0.003,
        lift: float = 0.08,
        lift_error: float = 0.01,
        units: int = 4000,
        name: str | None = None,
        **of_row: Any,
    ) -> str:
        """An experiment as it was measured; its name."""
        name = f"x{len(self.facts)}" if name is None else name
        old, new = f"{name}-old", f"{name}-new"
        self.facts.append(
            ExperimentFacts(
                name=name,
                control="A",
                treatments=("B",),
                arms={"A": units, "B": units},
                start="2026-03-02",
                end="2026-03-16",
                models={"A": old, "B": new},
            )
        )
        self.estimates.append(_estimate(name, lift, lift_error, units))
        self.rows.append(offline_row(new, old, gain, gain_error, **of_row))
        return name

    def findings(self, reason: Reason) -> list[Finding]:
        """What the reason finds in each experiment, in their order."""
        analysed = analyse_gaps(
            self.study, experiments=self.facts, estimates=self.estimates, offline_rows=self.rows
        )
        facts = {each.name: each for each in self.facts}
        evidence = Evidence(
            estimates=tuple(self.estimates),
            offline=tuple(self.rows),
            gaps=analysed.gaps,
            facts=facts,
            **self.more,
        )
        return [
            finding
            for gap in diagnose(self.study, analysed.gaps, facts, evidence, reasons=(reason,))
            for finding in gap.reasons
        ]

    def finding(self, reason: Reason) -> Finding:
        """What it finds in the only experiment."""
        (found,) = self.findings(reason)
        return found


def _estimate(name: str, lift: float, error: float, units: int) -> Estimate:
    p = math.erfc(abs(lift) / error / math.sqrt(2.0))
    return Estimate(
        experiment=name,
        metric=BUSINESS,
        role=Role.PRIMARY,
        kind=Kind.MEAN,
        direction=Direction.UP,
        control="A",
        treatment="B",
        slice_name=None,
        slice_value=None,
        period=None,
        n_control=units,
        n_treatment=units,
        value_control=10.0,
        value_treatment=10.0 * (1.0 + lift),
        difference=normal(10.0 * lift, 10.0 * error),
        lift=normal(lift, error),
        p_value=p,
        p_adjusted=p,
        adjustment=Adjustment.HOLM,
        significant=p < 0.05,
        effect_size=normal(lift, error),
        mde=2.8015852 * error,
        power_at_smallest_worthwhile=None,
        equivalence_p=None,
        non_inferiority=None,
        covariate_variance_removed=None,
    )


def supported(findings: Sequence[Finding]) -> float:
    """Share of findings that support their reason."""
    return float(np.mean([found.status is FindingStatus.SUPPORTED for found in findings]))


def covered(findings: Sequence[Finding], truth: Sequence[float]) -> float:
    """Share of amounts whose interval holds the truth."""
    return float(
        np.mean(
            [
                isinstance(found.lift, Interval) and found.lift.low <= true <= found.lift.high
                for found, true in zip(findings, truth, strict=True)
            ]
        )
    )
