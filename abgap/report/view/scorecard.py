"""The scorecard of one arm: every metric by role, with intervals as text and as bars on one axis; and its slices."""

from __future__ import annotations

from collections.abc import Sequence

from abgap.records import Adjustment, Direction, Estimate, ExperimentResult, Role, words
from abgap.report import numbers, remarks
from abgap.report.marks import NOT_JUDGED, Mark, reading
from abgap.report.view.cells import bar_of, both_sides, cell, joined, reach_of, turned
from abgap.report.view.index import LESS, Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Table

_ROLE_TITLES = {
    Role.PRIMARY: "Primary",
    Role.SECONDARY: "Secondary",
    Role.GUARDRAIL: "Guardrails",
    Role.DIAGNOSTIC: "Diagnostic",
}
_ADJUSTMENTS = {Adjustment.HOLM: "Holm", Adjustment.BENJAMINI_HOCHBERG: "Benjamini-Hochberg"}
_SLICED_ROLES = (Role.PRIMARY, Role.GUARDRAIL, Role.SECONDARY, Role.DIAGNOSTIC)
_MARGIN_P = "margin"
# A guardrail's bar goes this many margins to either side.
_MARGINS = 2.0


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
    reach = reach_of([turned(estimate) for estimate in kept if estimate.non_inferiority is None])
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
        f"Guardrail bars reach twice their own margin; shade: margin; below p, {_MARGIN_P}: p of the margin's test."
        if any(e.non_inferiority is not None for e in kept)
        else "",
        f"p adjusted by {words.listed(used)}." if used else "",
        *remarks.footnotes(kept),
        more,
    ]
    return joined(*parts)


def _arm(name: str, units: int | None) -> str:
    """The head of an arm's column; with its units when they are the same for all metrics."""
    return name if units is None else f"{name}, n {words.count(units)}"


def _row(index: Index, estimate: Estimate, reach: float, *, sizes: bool) -> tuple[Cell, ...]:
    control, treatment = numbers.side_by_side(estimate.value_control, estimate.value_treatment, estimate.kind)
    mark = _reading(index, estimate)
    band = _band(index, estimate)
    bar = bar_of(turned(estimate), reach=_own_reach(estimate, reach), band=band, tone=mark.tone)
    return (
        Cell(text=estimate.metric, sub=_contract(index, estimate)),
        cell(control, sub=f"n {words.count(estimate.n_control)}" if sizes else ""),
        cell(treatment, sub=f"n {words.count(estimate.n_treatment)}" if sizes else ""),
        cell(
            numbers.lift(estimate.lift, borders=both_sides(band)),
            sub=remarks.unadjusted(estimate),
            muted=mark is NOT_JUDGED,
        ),
        Cell(bar=bar),
        cell(numbers.p_value(estimate.p_value), sub=_margin_p(estimate)),
        _adjusted(estimate),
        cell(numbers.half_width(estimate.mde)),
        Cell(mark=mark, sub=_remarks(estimate)),
    )


def _reading(index: Index, estimate: Estimate) -> Mark:
    """What an estimate says, and nothing where the experiment cannot be judged."""
    return reading(estimate, alpha=index.results.study.alpha, trusted=index.trusted(estimate.experiment))


def _own_reach(estimate: Estimate, common: float) -> float:
    """How far from zero a bar goes: a guardrail is seen against its margin, the others against each other."""
    guard = estimate.non_inferiority
    return common if guard is None else guard.margin * _MARGINS


def _margin_p(estimate: Estimate) -> str:
    """The p-value that decides on a guardrail, below the one of the difference."""
    guard = estimate.non_inferiority
    return (
        "" if guard is None or guard.p_value is None else f"{_MARGIN_P} {numbers.p_value(guard.p_value).text}"
    )


def _adjusted(estimate: Estimate) -> Cell:
    """The adjusted p-value; a dash where nothing was adjusted."""
    adjusted = None if estimate.adjustment is Adjustment.NONE else estimate.p_adjusted
    return cell(numbers.p_value(adjusted))


def _band(index: Index, estimate: Estimate) -> float | None:
    """What is too small to matter: a guardrail's margin, else the smallest worthwhile lift."""
    if estimate.non_inferiority is not None:
        return estimate.non_inferiority.margin
    return index.worthwhile(estimate.metric)


def _contract(index: Index, estimate: Estimate) -> str:
    definition = index.metrics.get(estimate.metric)
    currency = index.results.study.currency if definition and definition.money else None
    less = LESS if estimate.direction is Direction.DOWN else ""
    return joined(estimate.kind.value, currency, less, by=", ")


def _remarks(estimate: Estimate) -> str:
    said = []
    if estimate.capped_units:
        share = estimate.capped_value_share
        of_value = "" if share is None else f", {words.percent(share)} of value"
        said.append(f"{words.plural(estimate.capped_units, 'unit')} capped{of_value}")
    if estimate.non_inferiority is not None:
        said.append(f"margin {words.percent(estimate.non_inferiority.margin)}")
    if estimate.role in {Role.PRIMARY, Role.GUARDRAIL}:
        said.append(remarks.belief(estimate))
    return joined(*said, by="; ")


def slices_of(index: Index, experiment: ExperimentResult, anchor: str, limits: Limits) -> tuple[Table, ...]:
    """Slices of whole metrics: the one that speaks for the experiment, other primaries and guardrails first."""
    rows = index.by_slice[experiment.name]
    arms = index.arm_order(experiment, (estimate.treatment for estimate in rows))
    room = limits.slice_rows // max(1, len(arms))
    if not room:
        return ()
    chosen = index.headline_metric(experiment.name)
    tables = []
    for place, arm in enumerate(arms):
        mine = [e for e in rows if e.treatment == arm]
        shown, left = _whole_metrics(sorted(mine, key=lambda e: _slice_order(e, chosen)), room)
        tables.append(_slice_table(index, experiment, arm, shown, f"{anchor}-slices{place}", left))
    return tuple(tables)


def _slice_order(estimate: Estimate, chosen: str | None) -> tuple[bool, int]:
    return estimate.metric != chosen, _SLICED_ROLES.index(estimate.role)


def _whole_metrics(rows: Sequence[Estimate], room: int) -> tuple[list[Estimate], list[str]]:
    """The rows of as many metrics, one after the other, as fit; and the metrics that do not."""
    of_metric: dict[str, list[Estimate]] = {}
    for estimate in rows:
        of_metric.setdefault(estimate.metric, []).append(estimate)
    shown: list[Estimate] = []
    left = list(of_metric)
    while left and len(shown) + len(of_metric[left[0]]) <= room:
        shown += of_metric[left.pop(0)]
    return shown, left


def _slice_table(
    index: Index,
    experiment: ExperimentResult,
    arm: str,
    rows: Sequence[Estimate],
    key: str,
    left: Sequence[str],
) -> Table:
    metrics = list(dict.fromkeys(estimate.metric for estimate in rows))
    judged = index.trusted(experiment.name)
    pulled = any(estimate.shrunk_lift is not None for estimate in rows)
    return Table(
        key=key,
        caption=f"Slices of {experiment.name}: {arm} against {experiment.control}, exploratory, adjusted",
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
            _slice_group(index, metric, [e for e in rows if e.metric == metric]) for metric in metrics
        ),
        note=joined(
            "Exploratory: look here for questions, not for answers.",
            "p adjusted within each metric; each has its own axis.",
            "Pulled in: towards the other slices, by as much as they agree." if pulled else "",
            *(
                one.sentence
                for one in index.heterogeneity[experiment.name]
                if one.treatment == arm and one.metric in metrics
            ),
            "" if judged else f"{words.sentence_case(NOT_JUDGED.word)}: a blocking data check failed.",
            left_out(0, len(left), "metrics"),
        ),
    )


def _slice_group(index: Index, metric: str, rows: Sequence[Estimate]) -> Group:
    """One metric on an axis of its own."""
    reach = _own_reach(rows[0], reach_of([turned(estimate) for estimate in rows]))
    return Group(title=index.headed(metric), rows=tuple(_slice_row(index, e, reach) for e in rows))


def _slice_row(index: Index, estimate: Estimate, reach: float) -> tuple[Cell, ...]:
    mark = _reading(index, estimate)
    band = _band(index, estimate)
    bar = bar_of(turned(estimate), reach=reach, band=band, tone=mark.tone)
    value = "not known" if estimate.slice_value is None else estimate.slice_value
    return (
        Cell(text=f"{estimate.slice_name} = {value}"),
        cell(numbers.count(estimate.n_control)),
        cell(numbers.count(estimate.n_treatment)),
        cell(numbers.lift(estimate.lift), sub=remarks.shrunk(estimate), muted=mark is NOT_JUDGED),
        Cell(bar=bar),
        cell(numbers.p_value(estimate.p_value)),
        _adjusted(estimate),
    )
