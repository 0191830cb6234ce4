"""Steps 3 and 4 before a launch: latency, errors and cost, from a shadow run or from what the study says of models.

A gate is passed when the whole interval is within its limit, and failed when the whole interval is beyond; in between
the run was too short to tell. Bare numbers of the study have no interval and are taken at face value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from abgap.offline.shadow import ShadowRun
from abgap.offline.shadow_changes import (
    Facts,
    Measured,
    declared,
    declared_value,
    error_rate,
    latency_quantile,
    mean_cost,
)
from abgap.records import Estimable, Interval, Reason, Status, words
from abgap.records.preflight import Evidence, PreflightStep, worst
from abgap.study.offline import PreflightSettings

_QUANTILES = {0.5: ("p50 latency", "latency_p50_ms"), 0.95: ("p95 latency", "latency_p95_ms")}
_BUDGET, _ANSWERED = "p95 budget", "requests answered"
_UNANSWERED = 0.01
# Limits are decimal fractions: what differs by less than this differs by rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What is known of the two models. shadow: None without a run. facts: what [models] says."""

    candidate: str
    production: str
    shadow: ShadowRun | None
    facts: Facts
    limits: PreflightSettings
    alpha: float
    currency: str | None


def judged(change: Estimable, value: float | None, limit: float) -> Status:
    """Whether a change is within its limit. value: the bare change, for what has no interval by its nature."""
    if not isinstance(change, Interval) and change.reason is Reason.TOO_FEW_VALUES:
        return Status.WARN
    low, high = (change.low, change.high) if isinstance(change, Interval) else (value, value)
    if low is None or high is None:
        return Status.NOT_TESTABLE
    if low > limit + _ROUNDING:
        return Status.FAIL
    return Status.PASS if high <= limit + _ROUNDING else Status.WARN


def latency_step(sides: Sides) -> PreflightStep:
    """Step 3: quantiles of latency, errors, and requests that one model did not answer."""
    evidence: list[Evidence] = []
    for fraction, (name, key) in _QUANTILES.items():
        found = _quantile(sides, fraction, key)
        if found is not None:
            evidence.append(_increase(name, found, sides.limits.latency_increase, _milliseconds, unit="ms"))
            if fraction == 0.95 and sides.limits.latency_p95_ms is not None:
                evidence.append(_budget(found, sides.limits.latency_p95_ms))
    missing = _missing_latency(sides, evidence)
    if sides.shadow is not None and sides.shadow.requests:
        evidence += _answers(sides.shadow, sides)
    status = worst([*(e.status for e in evidence), *(Status.NOT_TESTABLE for _ in missing)])
    return PreflightStep(
        name="latency",
        status=status,
        sentence=_told(evidence, status, f"Cannot be tested without {words.listed(missing)}."),
        next_action=_LATENCY_NEXT[status],
        evidence=tuple(evidence),
        missing=tuple(missing),
    )


_LATENCY_NEXT = {
    Status.FAIL: "Mend what is slow or fails before users meet it, and run the shadow again.",
    Status.WARN: "Let the shadow run go on until the intervals are on one side of their limits.",
    Status.NOT_TESTABLE: "Run both models on the same requests in the shadow, and name the log in [offline.shadow].",
    Status.PASS: "Nothing to do.",
}


def cost_step(sides: Sides) -> PreflightStep:
    """Step 4: cost of a thousand requests."""
    key = "cost_per_1000_requests"
    shadow, models = sides.shadow, (sides.candidate, sides.production)
    found = None if shadow is None or shadow.costs is None else mean_cost(shadow.costs, sides.alpha)
    found = found or declared(key, *models, sides.facts)
    missing = [
        f"{key} of [models.{_quoted(name)}]"
        for name in models
        if declared_value(key, name, sides.facts) is None
    ]
    evidence = [] if found is None else [_increase(
        "cost per 1,000 requests", found, sides.limits.cost_increase,
        lambda x: words.money(x, sides.currency), unit=sides.currency or "",
    )]  # fmt: skip
    status = worst(e.status for e in evidence)
    return PreflightStep(
        name="cost",
        status=status,
        sentence=_told(evidence, status, f"Cannot be tested without {words.listed(missing)}."),
        next_action=_COST_NEXT[status],
        evidence=tuple(evidence),
        missing=() if found else tuple(missing),
    )


_COST_NEXT = {
    Status.FAIL: "Make it cheaper, or show that the gain in money pays for it and raise cost_increase.",
    Status.WARN: "Log the cost of more requests.",
    Status.NOT_TESTABLE: "Declare the cost of both models in [models], or map cost in [offline.shadow].",
    Status.PASS: "Nothing to do.",
}


def _quantile(sides: Sides, fraction: float, key: str) -> Measured | None:
    """From the shadow run, else from what the study says."""
    points = None if sides.shadow is None else sides.shadow.latency.get(fraction)
    if sides.shadow is not None and points is not None:
        return latency_quantile(points, sides.shadow.requests, fraction, sides.alpha)
    return declared(key, sides.candidate, sides.production, sides.facts)


def _missing_latency(sides: Sides, evidence: Sequence[Evidence]) -> list[str]:
    names = {e.name for e in evidence}
    if sides.limits.latency_p95_ms is not None and evidence and _BUDGET not in names:
        return [f"the p95 latency of both models (latency_p95_ms in [models], or {_the_run(sides)})"]
    if evidence:
        return []
    return [f"{_the_run(sides)}, or latency_p50_ms and latency_p95_ms of both in [models]"]


def _the_run(sides: Sides) -> str:
    if sides.shadow is None:
        return "a shadow run ([offline.shadow])"
    absent = [repr(n) for n in (sides.candidate, sides.production) if n not in sides.shadow.models]
    if absent:
        return f"{words.listed(absent)} in the log of [offline.shadow]"
    return "a request in [offline.shadow] that both models answered"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '\\"') + '"'


def _milliseconds(value: float) -> str:
    return f"{words.plain(value, decimals=0 if value >= 10.0 else 1)} ms"


def _increase(
    name: str, found: Measured, limit: float, shown: Callable[[float], str], *, unit: str
) -> Evidence:
    c, p, change = found.candidate, found.production, found.change
    bare = c / p - 1.0 if p > 0.0 else 0.0 if c == p else math.inf
    status = judged(change, bare, limit)
    if isinstance(change, Interval):
        by = words.percent_interval(change, borders=(0.0, limit))
    else:
        more = words.signed_percent(bare) if math.isfinite(bare) else "more than nothing"
        by = f"{more} ({change.detail})"
    allowed = f"{words.declared_percent(limit)} more is allowed"
    if status is Status.WARN:
        allowed += ", and whether it is more cannot be told yet"
    return Evidence(
        name=name,
        status=status,
        candidate=c,
        production=p,
        change=change,
        limit=limit,
        unit=unit,
        sentence=f"{words.sentence_case(name)} {shown(c)} against {shown(p)}: {by}; {allowed}.",
    )


def _budget(found: Measured, limit: float) -> Evidence:
    own, within = found.own, ""
    if isinstance(own, Interval):
        within = f" [{words.plain(own.low, decimals=0)}, {words.plain(own.high, decimals=0)}]"
    return Evidence(
        name=_BUDGET,
        status=judged(own, found.candidate, limit),
        candidate=found.candidate,
        production=found.production,
        change=None,
        limit=limit,
        unit="ms",
        sentence=f"P95 latency {_milliseconds(found.candidate)}{within}; the budget is {_milliseconds(limit)}.",
    )


def _answers(shadow: ShadowRun, sides: Sides) -> list[Evidence]:
    """Requests that one of the models did not answer, and errors."""
    seen = shadow.requests + shadow.only_candidate + shadow.only_production
    lost, more = shadow.only_production / seen, shadow.only_candidate / seen
    answered = Evidence(
        name=_ANSWERED,
        status=Status.WARN if max(lost, more) > _UNANSWERED else Status.PASS,
        candidate=1.0 - lost,
        production=1.0 - more,
        change=None,
        limit=_UNANSWERED,
        unit="share",
        sentence=f"Both models answered {words.plural(shadow.requests, 'request')}; only production "
        f"{words.count(shadow.only_production)}, only the candidate {words.count(shadow.only_candidate)}, left out.",
    )
    if shadow.errors is None:
        return [answered]
    found, limit = error_rate(shadow.errors, sides.alpha), sides.limits.error_increase
    bare = found.candidate - found.production
    shown = (
        words.percent_interval(found.change)
        if isinstance(found.change, Interval)
        else words.signed_percent(bare)
    )
    rates = " against ".join(words.percent(x, decimals=2) for x in (found.candidate, found.production))
    failed = Evidence(
        name="error rate",
        status=judged(found.change, bare, limit),
        candidate=found.candidate,
        production=found.production,
        change=found.change,
        limit=limit,
        unit="share",
        sentence=f"Errors on {rates} of the requests: {shown} of all; {words.declared_percent(limit)} more is allowed.",
    )
    return [answered, failed]


def _told(evidence: Sequence[Evidence], status: Status, nothing: str) -> str:
    """The sentence of the worst evidence; of several the last about latency itself, which tells most."""
    found = [e for e in evidence if e.status is status]
    named = [e for e in found if e.name != _ANSWERED] or found
    return named[-1].sentence if named else nothing
