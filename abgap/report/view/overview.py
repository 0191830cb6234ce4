"""All experiments side by side: one row per arm with offline gain, online lift, verdict and decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from abgap.records import Estimate, ExperimentResult, Gap, Role, words
from abgap.report import numbers
from abgap.report.marks import NOT_JUDGED, outcome_mark, verdict_mark
from abgap.report.numbers import Shown
from abgap.report.reasons import share_of_gap, supported
from abgap.report.view.cells import both_sides, cell, days_of, joined
from abgap.report.view.comparison import forest_of, nine_cells_of, scatters_of
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Group, Overview, Table

_COMPARED_ROLES = (Role.PRIMARY, Role.SECONDARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Metrics:
    """The metrics that get a column; empty where there is none. reasons: whether a gap has a reason."""

    offline: str
    second: str
    business: str
    reasons: bool


def overview_of(index: Index, limits: Limits, *, together: bool) -> Overview | None:
    """The side-by-side part, or None when there is no experiment.

    together: the page of the portfolio shows the first picture, the nine cells and what cannot be said; one more
    picture is enough then.
    """
    if not index.ranked:
        return None
    return Overview(
        table=_table(index, limits),
        scatters=scatters_of(index, limits)[slice(1, 2) if together else slice(None)],
        forest=forest_of(index),
        nine_cells=() if together else nine_cells_of(index.results.portfolio),
        refusals=index.results.portfolio.refusals if index.results.gaps and not together else (),
    )


def _table(index: Index, limits: Limits) -> Table:
    metrics = _chosen(index)
    shown = index.ranked[: limits.rows]
    level = words.percent(1.0 - index.results.study.alpha, decimals=0)
    columns = (
        (True, Column(label="Experiment")),
        (metrics.offline, Column(label="Offline gain", kind="number", note=index.headed(metrics.offline))),
        (metrics.second, Column(label="Online lift", kind="number", note=index.headed(metrics.second))),
        (metrics.business, Column(label="Online lift", kind="number", note=index.headed(metrics.business))),
        (metrics.offline, Column(label="Verdict", kind="mark")),
        (metrics.reasons, Column(label="Main reason")),
        (True, Column(label="Decision", kind="mark")),
    )
    rows = [row for experiment in shown for row in _rows(index, experiment, metrics, limits)]
    return Table(
        key="experiments",
        caption=f"{'Offline gain, online lift' if metrics.offline else 'Online lift'} and decision, by experiment",
        columns=tuple(column for wanted, column in columns if wanted),
        groups=(Group(title="", rows=tuple(rows)),),
        note=joined(
            f"Changes with their {level} intervals.",
            "Ordered by decision, then by what is at stake.",
            left_out(len(shown), len(index.ranked), "experiments"),
        ),
        stacked=True,
    )


def _chosen(index: Index) -> _Metrics:
    gaps = [gap for experiment in index.ranked for gap in index.headline_gaps(experiment.name)]
    spoken = (index.headline_metric(experiment.name) for experiment in index.ranked)
    business = _most_common(gap.business_metric for gap in gaps) or _most_common(m for m in spoken if m)
    return _Metrics(
        offline=_most_common(gap.offline_metric for gap in gaps),
        second=_second_metric(index, business),
        business=business,
        reasons=any(supported(gap) for gap in gaps),
    )


def _second_metric(index: Index, business: str) -> str:
    """The second business metric of the gap pairs; without one, the metric of the scorecards measured most often."""
    paired = _most_common(
        gap.business_metric
        for experiment in index.ranked
        for gap in index.gaps[experiment.name]
        if gap.business_metric != business
    )
    return paired or _most_common(
        estimate.metric
        for experiment in index.ranked
        for estimate in index.totals[experiment.name]
        if estimate.metric != business and estimate.role in _COMPARED_ROLES
    )


def _most_common(names: Iterable[str]) -> str:
    """The name that stands there most often; the first of them when several do; empty when there is none."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return max(counts, key=lambda name: counts[name], default="")


def _rows(
    index: Index, experiment: ExperimentResult, metrics: _Metrics, limits: Limits
) -> list[tuple[Cell, ...]]:
    """One row per arm; an experiment without a gap pair has one row per arm all the same."""
    gaps = {gap.treatment: gap for gap in index.headline_gaps(experiment.name)}
    arms = index.arms(experiment) or list(gaps) or [""]
    estimates = {(e.metric, e.treatment): e for e in index.totals[experiment.name]}
    rows = []
    for arm in arms:
        gap = gaps.get(arm)
        cells = (
            (True, _name_cell(index, experiment, arm if len(arms) > 1 else "", gap, limits)),
            (metrics.offline, _gain_cell(index, gap, metrics.offline)),
            (metrics.second, _lift_cell(index, estimates.get((metrics.second, arm)))),
            (metrics.business, _business_cell(index, gap, estimates.get((metrics.business, arm)), metrics)),
            (metrics.offline, Cell(mark=verdict_mark(gap.verdict)) if gap else Cell(text=numbers.NOTHING)),
            (metrics.reasons, _reason_cell(gap)),
            (True, _decision_cell(index, experiment, arm)),
        )
        rows.append(tuple(found for wanted, found in cells if wanted))
    return rows


def _name_cell(index: Index, experiment: ExperimentResult, arm: str, gap: Gap | None, limits: Limits) -> Cell:
    mark = verdict_mark(gap.verdict) if gap else outcome_mark(experiment)
    return Cell(
        text=experiment.name,
        tag=index.label(experiment.name, arm),
        tone=mark.tone,
        sub=joined(f"arm {arm}" if arm else "", days_of(experiment), by=" · "),
        link=index.anchor(experiment.name, limits.sections),
    )


def _gain_cell(index: Index, gap: Gap | None, usual: str) -> Cell:
    if gap is None:
        return cell(numbers.missing("no offline metric"))
    gain, face_value = index.gain(gap)
    shown = numbers.gain(gain, face_value=face_value)
    return cell(shown, sub=index.headed(gap.offline_metric) if gap.offline_metric != usual else "")


def _business_cell(index: Index, gap: Gap | None, estimate: Estimate | None, metrics: _Metrics) -> Cell:
    if gap is None:
        return _lift_cell(index, estimate)
    shown = numbers.lift(index.lift(gap), borders=both_sides(gap.smallest_worthwhile_lift))
    other = index.headed(gap.business_metric) if gap.business_metric != metrics.business else ""
    return _judged(index, gap.experiment, shown, other)


def _lift_cell(index: Index, estimate: Estimate | None) -> Cell:
    if estimate is None:
        return cell(numbers.missing("not measured"))
    borders = both_sides(index.worthwhile(estimate.metric))
    return _judged(index, estimate.experiment, numbers.lift(estimate.lift, borders=borders))


def _judged(index: Index, experiment: str, shown: Shown, sub: str = "") -> Cell:
    """An online lift; without colour where the experiment cannot be judged."""
    if index.trusted(experiment):
        return cell(shown, sub=sub)
    return cell(shown, sub=joined(sub, NOT_JUDGED.word, by="; "), muted=True)


def _reason_cell(gap: Gap | None) -> Cell:
    """The reason that explains most of the gap, and how much."""
    found = supported(gap)[:1] if gap else []
    if not found:
        return Cell(text=numbers.NOTHING)
    return Cell(text=found[0].title, sub=share_of_gap(found[0]))


def _decision_cell(index: Index, experiment: ExperimentResult, arm: str) -> Cell:
    """The decision is about one arm; beside the others stands which."""
    spoken = index.spoken_arm(experiment)
    if spoken is None or arm in ("", spoken):
        return Cell(mark=outcome_mark(experiment))
    return Cell(text=numbers.NOTHING, why=f"see arm {spoken}")
