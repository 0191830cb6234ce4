"""Why a gain got lost: supported reasons by size, the other ones in a line each kind, and the budget as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from abgap.records import BarKind, ExperimentResult, Finding, Gap, Interval
from abgap.report import numbers, reasons
from abgap.report.marks import Tone
from abgap.report.view.axes import cut_remark, limits_of
from abgap.report.view.cells import cell, joined
from abgap.report.view.index import Index
from abgap.report.view.model import Cell, Column, Fact, Figure, Group, Panel, ReasonView, Table, Why
from abgap.report.view.pictures import Step, Waterfall

_MOST_ARMS = 3
_MOST_EVIDENCE = 8
_TONES: dict[BarKind, Tone] = {BarKind.EXPECTED: "bonus", BarKind.UNEXPLAINED: "unsure"}
_SHARED = "Reasons that hold together share what they explain (Shapley), so a bar may be smaller than the amount above."


def whys_of(
    index: Index, experiment: ExperimentResult, anchor: str, query_anchors: dict[str, str]
) -> tuple[Why, ...]:
    """One per arm whose headline pair was diagnosed, the arm that the decision is about first."""
    gaps = {gap.treatment: gap for gap in index.headline_gaps(experiment.name) if gap.diagnosis}
    arms = index.arm_order(experiment, gaps)[:_MOST_ARMS]
    several = len(index.arms(experiment)) > 1
    return tuple(
        _why(index, gaps[arm], f"{anchor}-budget{place}", query_anchors, arm if several else "")
        for place, arm in enumerate(arms)
    )


def _why(index: Index, gap: Gap, key: str, query_anchors: dict[str, str], title: str) -> Why:
    currency, budget = index.results.study.currency, _budget(index, gap, key)
    basis = reasons.basis(gap)
    told = [*([basis] if basis and budget is None else []), *reasons.others(gap)]
    return Why(
        title=title,
        sentence=gap.diagnosis or "",
        reasons=tuple(_reason(found, currency, query_anchors) for found in reasons.supported(gap)),
        others=tuple(told),
        budget=budget,
    )


def _reason(found: Finding, currency: str | None, query_anchors: dict[str, str]) -> ReasonView:
    known = found.lift if isinstance(found.lift, Interval) else None
    return ReasonView(
        title=found.title,
        explains=cell(numbers.lift(known), sub=reasons.share_of_gap(found)) if known else Cell(),
        sentence=reasons.sentence(found),
        evidence=tuple(
            Fact(label=row.name, value=cell(reasons.shown(row, currency)))
            for row in found.evidence[:_MOST_EVIDENCE]
        ),
        next_action=found.next_action,
        sql=Cell(text=found.sql or "", link=query_anchors.get(found.sql or "", "")),
    )


def _budget(index: Index, gap: Gap, key: str) -> Panel | None:
    """The picture and its numbers; None where no reason takes a part."""
    if not reasons.has_budget(gap):
        return None
    parts = [
        (kind, label, _as_measured(index, gap, amount)) for kind, label, amount in reasons.budget_parts(gap)
    ]
    texts = numbers.lifts([amount for _, _, amount in parts])
    steps = [
        _step(label, amount, text.text, _TONES.get(kind))
        for (kind, label, amount), text in zip(parts, texts, strict=True)
    ]
    name, metric = (
        f"{gap.experiment}, {gap.treatment} against {gap.control}",
        index.headed(gap.business_metric),
    )
    rows = tuple((Cell(text=label), cell(text)) for (_, label, _), text in zip(parts, texts, strict=True))
    table = Table(
        key=key,
        caption=f"Gap budget of {name}",
        columns=(Column(label="Part"), Column(label="Lift", kind="number", note=metric)),
        groups=(Group(title="", rows=rows),),
        note=joined(reasons.basis(gap), _SHARED if _is_shared(gap) else ""),
    )
    return Panel(title="Gap budget", figure=_figure(f"{key}-picture", name, steps, metric), table=table)


def _is_shared(gap: Gap) -> bool:
    """Whether a reason has less of the gap than it would have alone."""
    own = {found.name: found.lift for found in gap.reasons}
    return any(
        isinstance(alone := own.get(bar.name), Interval)
        and not math.isclose(bar.amount.estimate, alone.estimate, abs_tol=1e-9)
        for bar in gap.budget
    )


def _as_measured(index: Index, gap: Gap, amount: Interval) -> Interval:
    """An amount with the sign that the metric has."""
    measured = index.as_measured(amount, gap.business_metric)
    return measured if isinstance(measured, Interval) else amount


def _step(label: str, amount: Interval, text: str, tone: Tone | None) -> Step:
    hundred = amount.scaled(100.0)
    return Step(
        label=label,
        amount=hundred.estimate,
        low=hundred.low,
        high=hundred.high,
        text=text,
        tone=tone,
    )


def _figure(key: str, name: str, steps: Sequence[Step], metric: str) -> Figure:
    *parts, total = steps
    ends = tuple(accumulate(step.amount for step in parts))
    whiskers = [
        start + end
        for start, step in zip((0.0, *ends[:-1], 0.0), steps, strict=True)
        for end in (step.low, step.high)
        if end is not None
    ]
    limits = limits_of(ends, whiskers)
    said = "; ".join(f"{step.label} {step.text}" for step in steps)
    return Figure(
        key=key,
        title=f"Gap budget of {name}",
        caption=joined(
            "From the lift that was expected to the lift that came, with intervals.",
            cut_remark(whiskers, limits),
        ),
        alt=f"{said}.",
        picture=Waterfall(steps=tuple(parts), total=total, axis=f"lift in {metric}, %", limits=limits),
    )
