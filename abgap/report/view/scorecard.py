"""The scorecard of one arm: every metric by role, with intervals as text and as bars on one axis; and its slices."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.records import Adjustment, Direction, Estimate, ExperimentResult, Role, words
from abgap.report import numbers
from abgap.report.marks import reading
from abgap.report.view.cells import bar_of, both_sides, cell, joined, reach_of, turned
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Bar, Cell, Column, Group, Table

_ROLE_TITLES = {
    Role.PRIMARY: "Primary",
    Role.SECONDARY: "Secondary",
    Role.GUARDRAIL: "Guardrails",
    Role.DIAGNOSTIC: "Diagnostic",
}
_ADJUSTMENTS = {Adjustment.HOLM: "Holm", Adjustment.BENJAMINI_HOCHBERG: "Benjamini-Hochberg"}
_MOST_STANDING_OUT = 4


def scorecards_of(
    index: Index, experiment: ExperimentResult, anchor: str, limits: Limits
) -> tuple[Table, ...]:
    """One table per treatment arm."""
    totals = index.totals[experiment.name]
    arms = index.arm_order(experiment, (estimate.treatment for estimate in totals))
    room = max(1, limits.scorecard_rows // max(1, len(arms)))
    return tuple(
        _scorecard(
            index, experiment, [e for e in totals if e.treatment == arm], f"{anchor}-card{place}", room
        )
        for place, arm in enumerate(arms)
    )


def _scorecard(
    index: Index, experiment: ExperimentResult, estimates: Sequence[Estimate], key: str, room: int
) -> Table:
    kept = sorted(estimates, key=lambda e: list(_ROLE_TITLES).index(e.role))[:room]
    reach = reach_of([turned(estimate) for estimate in kept])
    arm = estimates[0].treatment
    sizes = {(estimate.n_control, estimate.n_treatment) for estimate in kept}
    common = sizes.pop() if len(sizes) == 1 else None
    level = words.percent(1.0 - index.results.study.alpha, decimals=0)
    groups = [
        Group(
            title=title,
            rows=tuple(_row(index, e, reach, sizes=common is None) for e in kept if e.role is role),
        )
        for role, title in _ROLE_TITLES.items()
    ]
    return Table(
        key=key,
        caption=f"Scorecard of {experiment.name}: {arm} against {experiment.control}",
        columns=(
            Column(label="Metric"),
            Column(label="Control", kind="number", note=_arm(experiment.control, common and common[0])),
            Column(label="Treatment", kind="number", note=_arm(arm, common and common[1])),
            Column(label="Lift", kind="number", note=f"{level} interval"),
            Column(label="← worse, better →", kind="bar"),
            Column(label="p", kind="number"),
            Column(label="p adjusted", kind="number"),
            Column(label="Detectable", kind="number", note="80 % power"),
            Column(label="Reading", kind="mark"),
        ),
        groups=tuple(group for group in groups if group.rows),
        note=_scorecard_note(kept, reach, left_out(len(kept), len(estimates), "metrics")),
    )


def _scorecard_note(kept: Sequence[Estimate], reach: float, more: str) -> str:
    used = [
        name for adjustment, name in _ADJUSTMENTS.items() if any(e.adjustment is adjustment for e in kept)
    ]
    parts = [
        f"Bars reach from {words.signed_percent(-reach)} to {words.signed_percent(reach)}; shaded: too small to matter."
        if reach
        else "",
        f"p adjusted by {words.listed(used)}." if used else "",
        *_footnotes(kept),
        more,
    ]
    return joined(*parts)


def _arm(name: str, units: int | None) -> str:
    """The head of an arm's column; with its units when they are the same for all metrics."""
    return name if units is None else f"{name}, n {words.count(units)}"


def _row(index: Index, estimate: Estimate, reach: float, *, sizes: bool) -> tuple[Cell, ...]:
    control, treatment = numbers.side_by_side(estimate.value_control, estimate.value_treatment, estimate.kind)
    mark = reading(estimate, alpha=index.results.study.alpha)
    band = _band(index, estimate)
    bar = bar_of(turned(estimate), reach=reach, band=band, tone=mark.tone)
    return (
        Cell(text=estimate.metric, sub=_contract(index, estimate)),
        cell(control, sub=f"n {words.count(estimate.n_control)}" if sizes else ""),
        cell(treatment, sub=f"n {words.count(estimate.n_treatment)}" if sizes else ""),
        cell(numbers.lift(estimate.lift, borders=both_sides(band))),
        Cell(bar=bar),
        cell(numbers.p_value(estimate.p_value)),
        cell(numbers.p_value(estimate.p_adjusted)),
        cell(numbers.half_width(estimate.mde)),
        Cell(mark=mark, sub=_remarks(estimate)),
    )


def _band(index: Index, estimate: Estimate) -> float | None:
    """What is too small to matter: a guardrail's margin, else the smallest worthwhile lift."""
    if estimate.non_inferiority is not None:
        return estimate.non_inferiority.margin
    return index.worthwhile(estimate.metric)


def _contract(index: Index, estimate: Estimate) -> str:
    definition = index.metrics.get(estimate.metric)
    currency = index.results.study.currency if definition and definition.money else None
    less = "less is better" if estimate.direction is Direction.DOWN else ""
    return joined(estimate.kind.value, currency, less, by=", ")


def _footnotes(estimates: Sequence[Estimate]) -> list[str]:
    """The notes of the estimates, each once, with the metrics it is about."""
    about: dict[str, list[str]] = {}
    for estimate in estimates:
        for note in estimate.notes:
            about.setdefault(note, []).append(estimate.metric)
    return [f"{words.listed(metrics)}: {note.rstrip('.')}." for note, metrics in about.items()]


def _remarks(estimate: Estimate) -> str:
    said = []
    if estimate.capped_units:
        said.append(f"{words.plural(estimate.capped_units, 'unit')} capped")
    if estimate.non_inferiority is not None:
        said.append(f"margin {words.percent(estimate.non_inferiority.margin)}")
    return "; ".join(said)


def slices_of(index: Index, experiment: ExperimentResult, anchor: str, limits: Limits) -> tuple[Table, ...]:
    """Slices of the metric that speaks for the experiment, and what else stands out after adjustment."""
    rows = index.by_slice[experiment.name]
    arms = index.arm_order(experiment, (estimate.treatment for estimate in rows))
    room = limits.slice_rows // max(1, len(arms))
    if not room:
        return ()
    chosen = index.headline_metric(experiment.name)
    tables = []
    for place, arm in enumerate(arms):
        mine = [e for e in rows if e.treatment == arm]
        deciding = [e for e in mine if e.metric == chosen]
        standing_out = [e for e in mine if e.metric != chosen and e.significant][:_MOST_STANDING_OUT]
        if shown := (deciding + standing_out)[:room]:
            tables.append(_slice_table(index, experiment, shown, f"{anchor}-slices{place}", len(mine)))
    return tuple(tables)


def _slice_table(
    index: Index, experiment: ExperimentResult, rows: Sequence[Estimate], key: str, total: int
) -> Table:
    reach = reach_of([turned(estimate) for estimate in rows])
    metrics = list(dict.fromkeys(estimate.metric for estimate in rows))
    more = left_out(len(rows), total, "rows of other metrics")
    return Table(
        key=key,
        caption=f"Slices of {experiment.name}: {rows[0].treatment} against {experiment.control}, exploratory, adjusted",
        columns=(
            Column(label="Slice"),
            Column(label="n", kind="number", note="control"),
            Column(label="n", kind="number", note="treatment"),
            Column(label="Lift", kind="number"),
            Column(label="← worse, better →", kind="bar"),
            Column(label="p", kind="number"),
            Column(label="p adjusted", kind="number"),
        ),
        groups=tuple(
            Group(title=metric, rows=tuple(_slice_row(index, e, reach) for e in rows if e.metric == metric))
            for metric in metrics
        ),
        note=joined(
            "Exploratory: look here for questions, not for answers. p adjusted within each metric.",
            more,
        ),
    )


def _slice_row(index: Index, estimate: Estimate, reach: float) -> tuple[Cell, ...]:
    bar: Bar | None = bar_of(
        turned(estimate),
        reach=reach,
        band=index.worthwhile(estimate.metric),
        tone=reading(estimate, alpha=index.results.study.alpha).tone,
    )
    value = "not known" if estimate.slice_value is None else estimate.slice_value
    return (
        Cell(text=f"{estimate.slice_name} = {value}"),
        cell(numbers.count(estimate.n_control)),
        cell(numbers.count(estimate.n_treatment)),
        cell(numbers.lift(estimate.lift)),
        Cell(bar=bar),
        cell(numbers.p_value(estimate.p_value)),
        cell(numbers.p_value(estimate.p_adjusted)),
    )
