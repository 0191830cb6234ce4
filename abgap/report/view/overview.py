"""All experiments side by side: the table, offline against online, the forest of business effects, the nine cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from abgap.records import Estimable, Estimate, ExperimentResult, Gap, Interval, NineCells, words
from abgap.report import numbers
from abgap.report.marks import Mark, Tone, decision_mark, verdict_mark
from abgap.report.view.axes import cut_remark, limits_of
from abgap.report.view.cells import SHADED, both_sides, cell, days_of, joined, turned
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Cell, Column, Count, Figure, Group, NineCellsView, Overview, Table
from abgap.report.view.pictures import Forest, ForestRow, Point, Scatter

_MOST_FOREST_ROWS = 40
_MOST_PAIRS = 3
_MOST_LABELLED = 60


def overview_of(index: Index, limits: Limits) -> Overview | None:
    """The side-by-side part, or None when there is no experiment."""
    if not index.ranked:
        return None
    portfolio = index.results.portfolio
    return Overview(
        table=_table(index, limits),
        scatters=tuple(_scatters(index, limits)),
        forest=_forest(index),
        nine_cells=tuple(
            _nine_cells(cells, place) for place, cells in enumerate(portfolio.nine_cells[:_MOST_PAIRS])
        ),
        refusals=portfolio.refusals,
    )


def _table(index: Index, limits: Limits) -> Table:
    business = _most_common([g.business_metric for e in index.ranked for g in index.headline_gaps(e.name)])
    business = business or _most_common([m for e in index.ranked if (m := index.headline_metric(e.name))])
    offline = _most_common([g.offline_metric for e in index.ranked for g in index.headline_gaps(e.name)])
    second = _second_metric(index, business)
    rows = [
        row
        for experiment in index.ranked[: limits.rows]
        for row in _rows(index, experiment, offline, second, business, limits)
    ]
    level = words.percent(1.0 - index.results.study.alpha, decimals=0)
    columns = [
        Column(label="Experiment"),
        *([Column(label="Offline gain", kind="number", note=offline)] if offline else []),
        *([Column(label="Online lift", kind="number", note=second)] if second else []),
        *([Column(label="Online lift", kind="number", note=business)] if business else []),
        *([Column(label="Verdict", kind="mark")] if offline else []),
        Column(label="Decision", kind="mark"),
    ]
    return Table(
        key="experiments",
        caption="Offline gain, online lift and decision, experiment by experiment",
        columns=tuple(columns),
        groups=(Group(title="", rows=tuple(rows)),),
        note=joined(
            f"Changes with their {level} intervals, turned so that up is good.",
            "Ordered by decision, then by what is at stake.",
            left_out(min(len(index.ranked), limits.rows), len(index.ranked), "experiments"),
        ),
    )


def _rows(
    index: Index,
    experiment: ExperimentResult,
    offline: str,
    second: str,
    business: str,
    limits: Limits,
) -> list[tuple[Cell, ...]]:
    """One row per arm; an experiment without a gap pair has one row per arm all the same."""
    gaps = {gap.treatment: gap for gap in index.headline_gaps(experiment.name)}
    arms = index.arms(experiment) or list(gaps) or [""]
    estimates = {(e.metric, e.treatment): e for e in index.totals[experiment.name]}
    rows = []
    for arm in arms:
        gap = gaps.get(arm)
        cells = [_name_cell(index, experiment, arm if len(arms) > 1 else "", gap, limits)]
        if offline:
            cells.append(_gain_cell(gap, offline))
        if second:
            cells.append(_lift_cell(index, estimates.get((second, arm))))
        if business:
            cells.append(_business_cell(index, gap, estimates.get((business, arm)), business))
        if offline:
            cells.append(Cell(mark=verdict_mark(gap.verdict)) if gap else Cell(text=numbers.NOTHING))
        rows.append((*cells, _decision_cell(index, experiment, gap)))
    return rows


def _decision_cell(index: Index, experiment: ExperimentResult, gap: Gap | None) -> Cell:
    """The decision is about one arm; beside the others stands which."""
    spoken = index.spoken_for(experiment)
    if gap is None or spoken is None or gap.treatment == spoken.treatment:
        return Cell(mark=decision_mark(experiment.decision))
    return Cell(text=numbers.NOTHING, why=f"see arm {spoken.treatment}")


def _name_cell(index: Index, experiment: ExperimentResult, arm: str, gap: Gap | None, limits: Limits) -> Cell:
    mark = verdict_mark(gap.verdict) if gap else decision_mark(experiment.decision)
    return Cell(
        text=experiment.name,
        tag=index.label(experiment.name, gap.treatment if gap else ""),
        tone=mark.tone,
        sub=joined(f"arm {arm}" if arm else "", days_of(experiment), by=" · "),
        link=index.anchor(experiment.name, limits.sections),
    )


def _gain_cell(gap: Gap | None, usual: str) -> Cell:
    if gap is None:
        return cell(numbers.missing("no offline metric"))
    shown = numbers.gain(gap.offline_gain, face_value=gap.offline_face_value)
    return cell(shown, sub=gap.offline_metric if gap.offline_metric != usual else "")


def _business_cell(index: Index, gap: Gap | None, estimate: Estimate | None, usual: str) -> Cell:
    if gap is None:
        return _lift_cell(index, estimate)
    shown = numbers.lift(gap.online_lift, borders=both_sides(gap.smallest_worthwhile_lift))
    return cell(shown, sub=gap.business_metric if gap.business_metric != usual else "")


def _lift_cell(index: Index, estimate: Estimate | None) -> Cell:
    if estimate is None:
        return cell(numbers.missing("not measured"))
    borders = both_sides(index.worthwhile(estimate.metric))
    return cell(numbers.lift(turned(estimate) or estimate.lift, borders=borders))


def _second_metric(index: Index, business: str) -> str:
    """The second business metric of the gap pairs; without one, the most measured other metric of the scorecards."""
    paired = [
        g.business_metric for e in index.ranked for g in index.gaps[e.name] if g.business_metric != business
    ]
    if paired:
        return _most_common(paired)
    roles = {name: place for place, name in enumerate(("primary", "secondary"))}
    others = [
        e.metric
        for experiment in index.ranked
        for e in index.totals[experiment.name]
        if e.metric != business and e.role.value in roles
    ]
    return _most_common(others)


def _most_common(names: Sequence[str]) -> str:
    """The name that stands there most often; the first of them when several do."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return max(counts, key=lambda name: counts[name], default="")


def _scatters(index: Index, limits: Limits) -> list[Figure]:
    """One picture per pair of metrics, the pair of the headlines first."""
    pairs: dict[tuple[str, str], list[tuple[Gap, Point]]] = {}
    for experiment in index.ranked:
        for gap in index.gaps[experiment.name]:
            if point := _point(index, gap):
                pairs.setdefault((gap.offline_metric, gap.business_metric), []).append((gap, point))
    return [
        _scatter(place, pair, drawn, limits)
        for place, (pair, drawn) in enumerate(list(pairs.items())[:_MOST_PAIRS])
    ]


def _point(index: Index, gap: Gap) -> Point | None:
    online, offline = gap.online_lift, gap.offline_gain
    x = offline.estimate if isinstance(offline, Interval) else gap.offline_face_value
    if x is None or not isinstance(online, Interval):
        return None
    online = online.scaled(100.0)
    return Point(
        label=index.label(gap.experiment, gap.treatment),
        x=x,
        x_low=offline.low if isinstance(offline, Interval) else None,
        x_high=offline.high if isinstance(offline, Interval) else None,
        y=online.estimate,
        y_low=online.low,
        y_high=online.high,
        tone=verdict_mark(gap.verdict).tone,
    )


def _scatter(place: int, pair: tuple[str, str], drawn: Sequence[tuple[Gap, Point]], limits: Limits) -> Figure:
    offline, business = pair
    worthwhile = next((g.smallest_worthwhile_lift for g, _ in drawn if g.smallest_worthwhile_lift), None)
    points = tuple(point for _, point in drawn)[: limits.points]
    if len(drawn) > _MOST_LABELLED:
        points = tuple(_without_label(point) for point in points)
    x_ends = [end for point in points for end in (point.x_low, point.x_high) if end is not None]
    y_ends = [end for point in points for end in (point.y_low, point.y_high)]
    x_limits = limits_of([point.x for point in points], x_ends)
    y_limits = limits_of([point.y for point in points], y_ends)
    counts = Counter(gap.verdict.value for gap, _ in drawn)
    said = words.listed([f"{words.count(number)} {verdict}" for verdict, number in counts.items()])
    return Figure(
        key=f"scatter{place}",
        title=f"Offline gain in {offline} against online lift in {business}",
        caption=joined(
            "Each cross is one result, with its intervals on both axes; numbers as in the table.",
            SHADED if worthwhile else "",
            cut_remark(x_ends, x_limits) or cut_remark(y_ends, y_limits),
            left_out(len(points), len(drawn), "results"),
        ),
        alt=f"{words.plural(len(drawn), 'result')}: {said}. The table of experiments has the numbers.",
        picture=Scatter(
            points=points,
            x_axis=f"offline gain, {offline}",
            y_axis=f"online lift, {business}, %",
            x_limits=x_limits,
            y_limits=y_limits,
            band=worthwhile * 100.0 if worthwhile else None,
        ),
    )


def _without_label(point: Point) -> Point:
    return Point(
        label="",
        x=point.x,
        x_low=point.x_low,
        x_high=point.x_high,
        y=point.y,
        y_low=point.y_low,
        y_high=point.y_high,
        tone=point.tone,
    )


def _forest(index: Index) -> Figure | None:
    """The business effect of every experiment, largest first."""
    found = [row for experiment in index.ranked for row in _forest_rows(index, experiment)]
    metrics = {metric for metric, _ in found}
    if not found or len(metrics) != 1:
        return None
    metric = metrics.pop()
    chosen = sorted((row for _, row in found[:_MOST_FOREST_ROWS]), key=_forest_order)
    worthwhile = index.worthwhile(metric)
    ends = [end for row in chosen for end in (row.low, row.high)]
    limits = limits_of([row.estimate for row in chosen], ends)
    return Figure(
        key="forest",
        title=f"Online lift in {metric}, result by result",
        caption=joined(
            "Largest first, results that cannot be trusted last.",
            SHADED if worthwhile else "",
            cut_remark(ends, limits),
            left_out(len(chosen), len(found), "results"),
        ),
        alt="; ".join(f"{row.label}: {row.estimate:+.1f} %" for row in chosen).replace("-", words.MINUS),
        picture=Forest(
            rows=tuple(chosen),
            axis=f"online lift, {metric}, %",
            limits=limits,
            band=worthwhile * 100.0 if worthwhile else None,
        ),
    )


def _forest_order(row: ForestRow) -> tuple[bool, float, str]:
    return row.tone == "void", -row.estimate, row.label


def _forest_rows(index: Index, experiment: ExperimentResult) -> list[tuple[str, ForestRow]]:
    """The metric and the interval of every arm; without a gap pair those of the primary metric."""
    found: list[tuple[str, str, Estimable | None, Mark]] = [
        (gap.business_metric, gap.treatment, gap.online_lift, verdict_mark(gap.verdict))
        for gap in index.headline_gaps(experiment.name)
    ] or [
        (e.metric, e.treatment, turned(e), decision_mark(experiment.decision))
        for e in index.totals[experiment.name]
        if e.metric == index.headline_metric(experiment.name)
    ]
    return [
        (metric, _forest_row(index, experiment.name, arm, lift.scaled(100.0), mark.tone))
        for metric, arm, lift, mark in found
        if isinstance(lift, Interval)
    ]


def _forest_row(index: Index, experiment: str, arm: str, lift: Interval, tone: Tone) -> ForestRow:
    return ForestRow(
        label=f"{index.label(experiment, arm)}  {experiment}",
        estimate=lift.estimate,
        low=lift.low,
        high=lift.high,
        tone=tone,
    )


def _nine_cells(cells: NineCells, place: int) -> NineCellsView:
    doubt = cells.untrustworthy
    most = max(max(row) for row in cells.counts)
    return NineCellsView(
        key=f"cells{place}",
        caption=f"{cells.offline_metric} offline against {cells.business_metric} online, results in each cell",
        row_labels=("offline gain", "offline not established", "offline loss"),
        column_labels=("online loss", "online not established", "online gain"),
        counts=tuple(tuple(_count(count, most) for count in row) for row in reversed(cells.counts)),
        note=f"{words.plural(doubt, 'result')} that cannot be trusted left out." if doubt else "",
    )


def _count(count: int, most: int) -> Count:
    return Count(text=words.count(count), weight="zero" if not count else "most" if count == most else "some")
