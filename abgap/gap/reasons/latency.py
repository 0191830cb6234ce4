"""Did slower answers take the lift? The difference in latency, times what is known of what latency costs.

The elasticity is declared by the study. Without one a prior from elsewhere stands in, and is called so wherever it is
used: it was measured on another product. Either way it counts as known; the interval is that of the latency.
"""

from __future__ import annotations

from collections.abc import Iterator

from abgap.gap.reasons.case import Case
from abgap.gap.reasons.reason import Reason
from abgap.gap.reasons.weighing import Words, untestable, weigh
from abgap.records import Estimate, EvidenceRow, Finding, Interval, Kind, Measure
from abgap.records.words import label, money, signed_interval, signed_percent

NAME, TITLE = "latency", "Latency and cost"
PRIOR = -0.006
"""Relative lift per 100 ms more, of revenue at Bing (Kohavi and others 2014)."""
_PER = 100.0
_DECLARED = (
    ("latency_p50_ms", "declared p50", Measure.MILLISECONDS),
    ("latency_p95_ms", "declared p95", Measure.MILLISECONDS),
    ("cost_per_1000_requests", "cost of 1,000 requests", Measure.MONEY),
)


def judge(case: Case) -> Finding:
    """Latency by arm, and what its difference should cost."""
    metric = case.study.gap.latency
    evidence = tuple(_evidence(case))
    if metric is None:
        detail = "no metric of latency is named"
        advice = "Log the latency of requests by unit, and name its metric under [gap] latency."
        return untestable(
            NAME, TITLE, detail, missing=("[gap] latency",), next_action=advice, evidence=evidence
        )
    measured = case.evidence.whole(case.experiment, case.treatment, metric)
    if measured is None or not isinstance(measured.difference, Interval):
        detail = f"the difference in {label(metric)} between the arms is not known"
        return untestable(NAME, TITLE, detail, missing=(f"[metrics.{metric}]",), evidence=evidence)
    elasticity, _ = _elasticity(case)
    amount = measured.difference.scaled(-elasticity / _PER)
    return weigh(case, NAME, TITLE, amount, _words(case, measured), sql=_query(measured), evidence=evidence)


def _elasticity(case: Case) -> tuple[float, str]:
    declared = case.study.gap.latency_elasticity_per_100ms
    if declared is not None:
        return declared, "as declared"
    return PRIOR, "an external prior that was not measured here (Bing, Kohavi and others 2014)"


def _words(case: Case, measured: Estimate) -> Words:
    elasticity, source = _elasticity(case)
    rate = f"{signed_percent(elasticity, decimals=2)} of lift for each 100 ms, {source}"
    change = (
        f" by {signed_interval(measured.difference)} ms" if isinstance(measured.difference, Interval) else ""
    )
    said = f"{label(measured.metric)} differs{change}"
    declare = (
        ""
        if case.study.gap.latency_elasticity_per_100ms is not None
        else " Measure what latency costs here (slow down a small share of traffic), and declare the elasticity."
    )
    return Words(
        supported=f"answers take longer: {said}, at {rate}{_cost(case)}",
        contradicted=f"latency takes less than a quarter of the gap: {said}, at {rate}{_cost(case)}",
        next_action=f"Make {case.model or 'the model'} as fast as the one it replaces, then test again.{declare}",
    )


def _cost(case: Case) -> str:
    """What a thousand requests cost with either model, where both are declared."""
    facts = [case.evidence.models.get(model or "") for model in (case.model, case.live_model)]
    new, old = (None if each is None else each.cost_per_1000_requests for each in facts)
    if new is None or old is None:
        return ""
    currency = case.study.study.currency
    return f"; 1,000 requests cost {money(new, currency)} instead of {money(old, currency)}"


def _evidence(case: Case) -> Iterator[EvidenceRow]:
    for estimate in _measured(case):
        yield from _of_metric(case, estimate)
    for field, words, measure in _DECLARED:
        for model in dict.fromkeys((case.live_model, case.model)):
            facts = case.evidence.models.get(model or "")
            value = None if facts is None else getattr(facts, field)
            if value is not None:
                yield EvidenceRow(name=f"{words} of {model}", value=value, measure=measure)
    if case.study.gap.latency is not None:
        elasticity, source = _elasticity(case)
        yield EvidenceRow(
            name=f"elasticity: lift for each 100 ms, {source}", value=elasticity, measure=Measure.LIFT
        )


def _measured(case: Case) -> Iterator[Estimate]:
    """The metric of latency, and quantiles of the same values."""
    metrics, name = case.study.metrics, case.study.gap.latency
    latency = metrics.get(name or "")
    for other, metric in metrics.items():
        same = (
            latency is not None
            and metric.kind is Kind.QUANTILE
            and (metric.fact, metric.value) == (latency.fact, latency.value)
        )
        estimate = case.evidence.whole(case.experiment, case.treatment, other)
        if estimate is not None and (other == name or same):
            yield estimate


def _of_metric(case: Case, estimate: Estimate) -> Iterator[EvidenceRow]:
    values = ((case.facts.control, estimate.value_control), (case.treatment, estimate.value_treatment))
    for arm, value in values:
        name = f"{label(estimate.metric)} in {arm}"
        yield EvidenceRow(name=name, value=value, measure=Measure.MILLISECONDS)
    if isinstance(estimate.difference, Interval):
        yield EvidenceRow(
            name=f"difference in {label(estimate.metric)}",
            value=estimate.difference.estimate,
            low=estimate.difference.low,
            high=estimate.difference.high,
            measure=Measure.MILLISECONDS,
        )


def _query(estimate: Estimate) -> str:
    return "quantile_ranks" if estimate.kind is Kind.QUANTILE else "rollup"


REASON = Reason(name=NAME, title=TITLE, judge=judge)
