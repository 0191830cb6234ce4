"""The five steps before a launch, put together: sanity, slices, latency, cost, and the comparison with production."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abgap.offline.preflight_gates import Sides, cost_step, latency_step
from abgap.offline.preflight_quality import Judged, comparison_step, sanity_step, slices_step
from abgap.records import OfflineRow, Status, words
from abgap.records.preflight import Preflight, PreflightStep, ShadowSummary, worst
from abgap.study.offline import PreflightSettings


def make_preflight(
    study: str,
    sides: Sides,
    rows: Sequence[OfflineRow],
    *,
    headline: str | None,
    worthwhile: Mapping[str, float],
) -> Preflight:
    """Judge a candidate.

    rows: offline results of any models. headline: the metric that decides, None for all. worthwhile: the smallest gain
    worth having, by metric.
    """
    judged = Judged(
        candidate=sides.candidate,
        production=sides.production,
        rows=[row for row in rows if row.model == sides.candidate],
        headline=headline,
        worthwhile=worthwhile,
        alpha=sides.alpha,
        slice_loss=sides.limits.slice_loss,
    )
    steps = (
        sanity_step(judged),
        slices_step(judged),
        latency_step(sides),
        cost_step(sides),
        comparison_step(judged),
    )
    verdict = worst(step.status for step in steps)
    run = sides.shadow
    return Preflight(
        study=study,
        candidate=sides.candidate,
        production=sides.production,
        verdict=verdict,
        sentence=_sentence(sides, verdict, steps),
        next_action=_next(verdict, steps),
        steps=steps,
        shadow=None if run is None or not run.requests else ShadowSummary(
            requests=run.requests, only_candidate=run.only_candidate, only_production=run.only_production
        ),
        limits=_limits(sides.limits),
    )  # fmt: skip


def _sentence(sides: Sides, verdict: Status, steps: Sequence[PreflightStep]) -> str:
    name, named = repr(sides.candidate), words.listed([s.name for s in steps if s.status is verdict])
    match verdict:
        case Status.FAIL:
            return f"Do not launch {name} in place of {sides.production!r}: {named} failed."
        case Status.NOT_TESTABLE:
            return f"{name} is not ready for a launch: {named} could not be tested."
        case Status.WARN:
            return f"{name} can go into an A/B test against {sides.production!r} after a look at {named}."
        case Status.PASS:
            return f"{name} passed all five steps and can go into an A/B test against {sides.production!r}."


def _next(verdict: Status, steps: Sequence[PreflightStep]) -> str:
    if verdict is Status.PASS:
        return "Plan the A/B test: abgap plan."
    return next(step.next_action for step in steps if step.status is verdict)


def _limits(limits: PreflightSettings) -> dict[str, float]:
    return {key: float(value) for key, value in limits.model_dump().items() if value is not None}
