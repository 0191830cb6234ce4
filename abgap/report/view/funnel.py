"""Where a gain got lost: the stages of the funnel, and the effect as units came in, each as table and picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from abgap.records import Estimate, ExperimentResult, FunnelStage, Gap, Interval, Kind, words
from abgap.report import numbers
from abgap.report.view.axes import cut_remark, limits_of
from abgap.report.view.cells import cell, joined
from abgap.report.view.index import Index
from abgap.report.view.model import Cell, Column, Figure, Group, Panel, Table
from abgap.report.view.pictures import Cumulative, Step, Waterfall

_MOST_STAGES = 12
_MOST_DAYS = 5
_MOST_ARMS = 3


def funnels_of(index: Index, experiment: ExperimentResult, anchor: str) -> tuple[Panel, ...]:
    """One panel per arm whose headline pair has a funnel."""
    gaps = {gap.treatment: gap for gap in index.headline_gaps(experiment.name) if gap.funnel}
    arms = index.arm_order(experiment, gaps)[:_MOST_ARMS]
    return tuple(_funnel(index, gaps[arm], f"{anchor}-funnel{place}") for place, arm in enumerate(arms))


def _funnel(index: Index, gap: Gap, key: str) -> Panel:
    stages = gap.funnel[:_MOST_STAGES]
    currency = index.results.study.currency
    definition = index.metrics.get(gap.business_metric)
    unit = currency if definition and definition.money and currency else gap.business_metric
    table = Table(
        key=key,
        caption=f"Funnel of {gap.experiment}: {gap.treatment} against {gap.control}",
        columns=(
            Column(label="Stage"),
            Column(label="Control", kind="number", note=gap.control),
            Column(label="Treatment", kind="number", note=gap.treatment),
            Column(label="Log points", kind="number", note="100 × ln ratio"),
            Column(label="Adds", kind="number", note=f"{unit} per unit"),
            Column(label="Lift per unit", kind="number", note="causal"),
        ),
        groups=(Group(title="", rows=(*(_stage(stage) for stage in stages), *_total(gap))),),
        note=gap.funnel_note or "Accounting, not causal: later stages compare different people.",
    )
    return Panel(
        title="Where it went",
        figure=_waterfall(gap, stages, key),
        table=table,
    )


def _stage(stage: FunnelStage, before: str = "") -> tuple[Cell, ...]:
    control, treatment = numbers.side_by_side(stage.value_control, stage.value_treatment, Kind.RATIO)
    return (
        Cell(text=f"{before}{stage.stage}"),
        cell(control),
        cell(treatment),
        cell(numbers.log_points(stage.log_lift, stage.low, stage.high)),
        cell(numbers.contribution(stage.money, stage.money_low, stage.money_high)),
        Cell() if stage.per_unit_lift is None else cell(numbers.lift(stage.per_unit_lift)),
    )


def _total(gap: Gap) -> tuple[tuple[Cell, ...], ...]:
    """What the stages add up to, with an interval of its own: the stages move together, theirs do not add."""
    return (_stage(gap.funnel_total, before="all stages: "),) if gap.funnel_total else ()


def _waterfall(gap: Gap, stages: Sequence[FunnelStage], key: str) -> Figure | None:
    steps = tuple(step for stage in stages if (step := _step(stage)))
    total = _step(gap.funnel_total) if gap.funnel_total else None
    if total is None or len(steps) < len(gap.funnel):
        return None
    ends = tuple(accumulate(step.amount for step in steps))
    whiskers = [
        start + end
        for start, step in zip((0.0, *ends[:-1], 0.0), (*steps, total), strict=True)
        for end in (step.low, step.high)
        if end is not None
    ]
    limits = limits_of(ends, whiskers or ends)
    said = "; ".join(f"{step.label} {step.text}" for step in (*steps, total))
    return Figure(
        key=f"{key}-picture",
        title=f"Funnel of {gap.experiment}, {gap.treatment} against {gap.control}",
        caption=joined(
            "Each stage's part of the change, in log points, with its interval; together they are the total.",
            cut_remark(whiskers, limits),
        ),
        alt=f"In log points: {said}.",
        picture=Waterfall(steps=steps, total=total, axis="log points", limits=limits),
    )


def _step(stage: FunnelStage) -> Step | None:
    """A stage in the picture, with the digits of the table; None when it has no logarithm."""
    if stage.log_lift is None:
        return None
    return Step(
        label=stage.stage,
        amount=100.0 * stage.log_lift,
        low=None if stage.low is None else 100.0 * stage.low,
        high=None if stage.high is None else 100.0 * stage.high,
        text=numbers.log_points(stage.log_lift, stage.low, stage.high).text,
    )


def cumulative_of(index: Index, experiment: ExperimentResult, anchor: str) -> tuple[Panel, ...]:
    """One panel per arm: the effect on the headline metric over all units exposed up to each day."""
    metric = index.headline_metric(experiment.name)
    rows = [e for e in index.by_period[experiment.name] if e.metric == metric]
    arms = index.arm_order(experiment, (estimate.treatment for estimate in rows))[:_MOST_ARMS]
    panels = [
        _cumulative(index, [e for e in rows if e.treatment == arm], f"{anchor}-days{place}")
        for place, arm in enumerate(arms)
    ]
    return tuple(panel for panel in panels if panel is not None)


def _cumulative(index: Index, rows: Sequence[Estimate], key: str) -> Panel | None:
    ordered = sorted(rows, key=lambda e: e.period or "")
    days = [(e, e.lift) for e in ordered if isinstance(e.lift, Interval)]
    if len(days) < 2:
        return None
    first = days[0][0]
    purpose = (
        "always-valid intervals"
        if index.results.study.looks == "sequential"
        else "for diagnosis, not for stopping"
    )
    last = numbers.lift(days[-1][1])
    worthwhile = index.worthwhile(first.metric)
    hundred = [(e.period or "", interval.scaled(100.0)) for e, interval in days]
    ends = [end for _, interval in hundred for end in (interval.low, interval.high)]
    limits = limits_of([interval.estimate for _, interval in hundred], ends)
    return Panel(
        title="Effect by day of first exposure",
        figure=Figure(
            key=f"{key}-picture",
            title=f"{first.metric} in {first.experiment}, {first.treatment} against {first.control}",
            caption=joined(f"All units first exposed up to each day; {purpose}.", cut_remark(ends, limits)),
            alt=f"{words.plural(len(days), 'day')}; after the last: {last.text} {last.range}.",
            picture=Cumulative(
                days=tuple(day for day, _ in hundred),
                estimates=tuple(interval.estimate for _, interval in hundred),
                lows=tuple(interval.low for _, interval in hundred),
                highs=tuple(interval.high for _, interval in hundred),
                axis=f"lift in {index.headed(first.metric)}, %",
                limits=limits,
                band=worthwhile * 100.0 if worthwhile else None,
            ),
        ),
        table=_days_table(days, key, index.direction_note(first.metric), _trend_of(index, first)),
        note=purpose,
    )


def _trend_of(index: Index, estimate: Estimate) -> str:
    """How the effect changes with the days since first exposure, in words."""
    of_arm = (t for t in index.trends[estimate.experiment] if t.treatment == estimate.treatment)
    return next((trend.sentence for trend in of_arm if trend.metric == estimate.metric), "")


def _days_table(days: Sequence[tuple[Estimate, Interval]], key: str, direction: str, trend: str) -> Table:
    step = -(-len(days) // _MOST_DAYS)
    kept = days[::-1][::step][::-1]
    first = days[0][0]
    return Table(
        key=key,
        caption=f"{first.metric} in {first.experiment} by day, {first.treatment} against {first.control}",
        columns=(
            Column(label="Up to"),
            Column(label="n", kind="number", note="control"),
            Column(label="n", kind="number", note="treatment"),
            Column(label="Lift", kind="number", note=direction),
        ),
        groups=(
            Group(
                title="",
                rows=tuple(
                    (
                        Cell(text=e.period or ""),
                        cell(numbers.count(e.n_control)),
                        cell(numbers.count(e.n_treatment)),
                        cell(numbers.lift(interval)),
                    )
                    for e, interval in kept
                ),
            ),
        ),
        note=joined(
            f"Every {words.plural(step, 'day')}; results.json has all of them." if step > 1 else "", trend
        ),
    )
