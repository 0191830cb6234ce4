"""Offline held against online in pictures: the scatter, the forest of business effects, the nine cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from abgap.records import Estimable, ExperimentResult, Gap, Interval, NineCells, Portfolio, words
from abgap.records.portfolio import PredictorSide
from abgap.report.marks import NOT_JUDGED, Mark, Tone, outcome_mark, verdict_mark
from abgap.report.view.axes import cut_remark, limits_of
from abgap.report.view.cells import SHADED, joined
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Count, Figure, NineCellsView
from abgap.report.view.pictures import Forest, ForestRow, Point, Scatter

_MOST_PAIRS = 3
_MOST_FOREST_ROWS = 40
_MOST_LABELLED = 60
_GREY = f"Grey: {NOT_JUDGED.word}."


def scatters_of(index: Index, limits: Limits) -> tuple[Figure, ...]:
    """One picture per pair of metrics, the pair of the headlines first."""
    pairs: dict[tuple[str, str], list[tuple[Gap, Point]]] = {}
    for experiment in index.ranked:
        for gap in index.gaps[experiment.name]:
            if point := _point(index, gap):
                pairs.setdefault((gap.offline_metric, gap.business_metric), []).append((gap, point))
    return tuple(
        _scatter(index, place, pair, drawn, limits)
        for place, (pair, drawn) in enumerate(list(pairs.items())[:_MOST_PAIRS])
    )


def _point(index: Index, gap: Gap) -> Point | None:
    online = index.lift(gap)
    offline, face_value = index.gain(gap)
    x = offline.estimate if isinstance(offline, Interval) else face_value
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
        tone=_tone(index, gap.experiment, verdict_mark(gap.verdict)),
    )


def _tone(index: Index, experiment: str, mark: Mark) -> Tone:
    """The colour of a result; none where the experiment cannot be judged."""
    return mark.tone if index.trusted(experiment) else NOT_JUDGED.tone


def _scatter(
    index: Index,
    place: int,
    pair: tuple[str, str],
    drawn: Sequence[tuple[Gap, Point]],
    limits: Limits,
) -> Figure:
    offline, business = pair
    worthwhile = next((g.smallest_worthwhile_lift for g, _ in drawn if g.smallest_worthwhile_lift), None)
    points = tuple(point for _, point in drawn)[: limits.points]
    if len(drawn) > _MOST_LABELLED:
        points = tuple(replace(point, label="") for point in points)
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
            _GREY if any(point.tone == NOT_JUDGED.tone for point in points) else "",
            SHADED if worthwhile else "",
            cut_remark(x_ends, x_limits) or cut_remark(y_ends, y_limits),
            left_out(len(points), len(drawn), "results"),
        ),
        alt=f"{words.plural(len(drawn), 'result')}: {said}. The table of experiments has the numbers.",
        picture=Scatter(
            points=points,
            x_axis=f"offline gain, {index.headed(offline)}",
            y_axis=f"online lift, {index.headed(business)}, %",
            x_limits=x_limits,
            y_limits=y_limits,
            band=worthwhile * 100.0 if worthwhile else None,
        ),
    )


def forest_of(index: Index) -> Figure | None:
    """The business effect of every experiment, largest first."""
    found = [row for experiment in index.ranked for row in _forest_rows(index, experiment)]
    metrics = {metric for metric, _ in found}
    if len(found) < 2 or len(metrics) != 1:
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
            "Largest first.",
            f"Grey and last: {NOT_JUDGED.word}."
            if any(row.tone == NOT_JUDGED.tone for row in chosen)
            else "",
            SHADED if worthwhile else "",
            cut_remark(ends, limits),
            left_out(len(chosen), len(found), "results"),
        ),
        alt="; ".join(f"{row.label}: {row.estimate:+.1f} %" for row in chosen).replace("-", words.MINUS),
        picture=Forest(
            rows=tuple(chosen),
            axis=f"online lift, {index.headed(metric)}, %",
            limits=limits,
            band=worthwhile * 100.0 if worthwhile else None,
        ),
    )


def _forest_order(row: ForestRow) -> tuple[bool, float, str]:
    return row.tone == NOT_JUDGED.tone, -row.estimate, row.label


def _forest_rows(index: Index, experiment: ExperimentResult) -> list[tuple[str, ForestRow]]:
    """The metric and the interval of every arm; without a gap pair those of the primary metric."""
    found: list[tuple[str, str, Estimable, Mark]] = [
        (gap.business_metric, gap.treatment, index.lift(gap), verdict_mark(gap.verdict))
        for gap in index.headline_gaps(experiment.name)
    ] or [
        (e.metric, e.treatment, e.lift, outcome_mark(experiment))
        for e in index.totals[experiment.name]
        if e.metric == index.headline_metric(experiment.name)
    ]
    return [
        (
            metric,
            _forest_row(index, experiment.name, arm, lift.scaled(100.0), _tone(index, experiment.name, mark)),
        )
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


def nine_cells_of(portfolio: Portfolio) -> tuple[NineCellsView, ...]:
    """Signs offline by signs online, the pair of the headlines first."""
    shown = portfolio.nine_cells[:_MOST_PAIRS]
    found = [_nine_cells(cells, place, sides_of(cells, portfolio)) for place, cells in enumerate(shown)]
    more = left_out(len(shown), len(portfolio.nine_cells), "such tables")
    return (*found[:-1], replace(found[-1], note=joined(found[-1].note, more))) if found else ()


def sides_of(cells: NineCells, portfolio: Portfolio) -> tuple[str, str]:
    """What rows and columns are called: a proxy is measured online, like the business metric."""
    proxies = {pair.predictor for pair in portfolio.pairs if pair.side is PredictorSide.PROXY}
    return ("proxy", "business") if cells.offline_metric in proxies else ("offline", "online")


def _nine_cells(cells: NineCells, place: int, sides: tuple[str, str]) -> NineCellsView:
    doubt = cells.untrustworthy
    most = max(max(row) for row in cells.counts)
    row, column = sides
    names = words.label(cells.offline_metric), words.label(cells.business_metric)
    return NineCellsView(
        key=f"cells{place}",
        caption=f"{names[0]} against {names[1]}, results in each cell",
        row_labels=(f"{row} gain", f"{row} not established", f"{row} loss"),
        column_labels=(f"{column} loss", f"{column} not established", f"{column} gain"),
        counts=tuple(tuple(_count(count, most) for count in counts) for counts in reversed(cells.counts)),
        note=f"{words.plural(doubt, 'result')} that cannot be trusted left out." if doubt else "",
    )


def _count(count: int, most: int) -> Count:
    return Count(text=words.count(count), weight="zero" if not count else "most" if count == most else "some")
