"""Reasons made by hand, for gaps made by hand."""

from __future__ import annotations

from dataclasses import replace

from abgap.gap.budget import gap_budget
from abgap.gap.expected import shortfall
from abgap.records import (
    EvidenceRow,
    Finding,
    FindingStatus,
    Gap,
    Interval,
    Measure,
    NotEstimable,
    Reason,
    VerdictName,
)

_LOST = {VerdictName.FELL_SHORT, VerdictName.DID_NOT_MOVE, VerdictName.REVERSED}
_KEPT = {VerdictName.TRANSLATED, VerdictName.INCONCLUSIVE, VerdictName.NO_OFFLINE_GAIN}


def about(estimate: float, half: float) -> Interval:
    return Interval(estimate=estimate, low=estimate - half, high=estimate + half, level=0.95, method="test")


def _untested(name: str, title: str, detail: str, *missing: str) -> Finding:
    return Finding(
        name=name,
        title=title,
        status=FindingStatus.NOT_TESTABLE,
        share=None,
        lift=NotEstimable(reason=Reason.NOT_DECLARED, detail=detail),
        sentence=f"Not testable: {detail}.",
        next_action="",
        missing=missing,
    )


UNTESTED = (
    _untested("position_bias", "Position bias", "no propensities", "column propensity of [offline.rankings]"),
    _untested("robustness", "Robustness", "no perturbed rows", "[gap] perturbed", "[live.rankings]"),
    _untested("saturation", "Saturation", "it takes 5 other experiments, and there are 3"),
    _untested("trade_off", "Trade-off", "diversity@10 fell, and no exchange rate values it"),
)


def _contradicted(name: str, title: str, size: float) -> Finding:
    return Finding(
        name=name,
        title=title,
        status=FindingStatus.CONTRADICTED,
        share=size / 0.02,
        lift=about(size, 0.001),
        sentence=f"{title} took too little.",
        next_action="",
    )


def findings(gap: float) -> tuple[Finding, ...]:
    """Two supported reasons that together explain about nine tenths of a gap, and others."""
    proxy = Finding(
        name="proxy_label",
        title="Proxy label",
        status=FindingStatus.SUPPORTED,
        share=0.7,
        lift=about(0.7 * gap, 0.15 * gap),
        sentence="With purchases as labels most of the gain is gone: it was made of clicks.",
        next_action="Train and evaluate on purchases, and test the model again.",
        sql="enrolments",
        evidence=(
            EvidenceRow(name="gain on clicks", value=0.06, measure=Measure.GAIN, low=0.055, high=0.065),
            EvidenceRow(name="gain on purchases", value=0.014, measure=Measure.GAIN, low=0.008, high=0.02),
            EvidenceRow(name="queries", value=4_000, measure=Measure.COUNT),
            EvidenceRow(name="p of the difference", value=0.0002, measure=Measure.P_VALUE),
        ),
    )
    latency = Finding(
        name="latency",
        title="Latency and cost",
        status=FindingStatus.SUPPORTED,
        share=0.3,
        lift=about(0.3 * gap, 0.08 * gap),
        sentence="The new model answers 220 ms later, which costs lift by the declared elasticity.",
        next_action="Bring the median latency back to 250 ms before the next test.",
        sql="cells",
        evidence=(
            EvidenceRow(
                name="median latency, control", value=252.0, measure=Measure.MILLISECONDS, low=250, high=254
            ),
            EvidenceRow(
                name="median latency, treatment", value=472.0, measure=Measure.MILLISECONDS, low=468, high=476
            ),
            EvidenceRow(name="cost per 1,000 requests", value=1.9, measure=Measure.MONEY),
        ),
    )
    return (
        proxy,
        latency,
        _contradicted("novelty", "Novelty or primacy", 0.0004),
        _contradicted("dilution", "Dilution", -0.0002),
        replace(_contradicted("wrong_baseline", "Wrong baseline", 0.0), lift=about(0.0, 0.0)),
        replace(
            _untested("heterogeneity", "Slices that differ", "too few data"),
            lift=about(0.01, 0.02),
            share=0.5,
        ),
        *UNTESTED,
    )


def with_reasons(gap: Gap) -> Gap:
    """A gap as the diagnosis leaves it: explained where lift was lost, and with nothing to explain elsewhere."""
    if not isinstance(gap.online_lift, Interval) or gap.verdict not in _LOST | _KEPT:
        return gap
    expected = gap.expected_lift or about(0.03, 0.006)
    missing = shortfall(expected, gap.online_lift)
    if gap.verdict in _KEPT:
        return replace(
            gap,
            shortfall=shortfall(about(gap.online_lift.estimate, 0.01), gap.online_lift),
            reasons=UNTESTED,
            diagnosis="No missing lift is established.",
        )
    found = findings(missing.estimate)
    return replace(
        gap,
        shortfall=missing,
        reasons=found,
        budget=gap_budget(expected, gap.online_lift, found),
        diagnosis="Lift is missing. Main reason: proxy label, beside latency and cost.",
    )
