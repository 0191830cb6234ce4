"""The picture of the portfolio: gains against lifts with both intervals, the line of true effects, and the nine cells.

The line and its band are on the log scale and are shown as relative lifts, so that what a reader reads off the picture
is what the forecast says.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from abgap.gap.portfolio.steps import gain_in_words, lift_of, step_of, worth_in_words
from abgap.records import Portfolio, words
from abgap.records.portfolio import NineCells, PairFit, PortfolioPoint, PredictorSide
from abgap.report.marks import NOT_JUDGED, Tone, verdict_mark
from abgap.report.view.axes import cut_remark, limits_of
from abgap.report.view.cells import joined
from abgap.report.view.index import Index
from abgap.report.view.limits import Limits, left_out
from abgap.report.view.model import Figure
from abgap.report.view.pictures import Fields, FitLine, Point, Scatter
from abgap.stats.tails import normal_quantile

KEY = "portfolio-picture"
_MOST_LABELLED = 40
_MOST_CROSSES = 60


def picture_of(index: Index, pair: PairFit, limits: Limits) -> Figure | None:
    """The first pair of the portfolio; None without a point."""
    if not pair.points:
        return None
    alpha = index.results.study.alpha
    z = float(normal_quantile(1.0 - alpha / 2.0))
    chosen = sorted(pair.points, key=_error)[: limits.points]
    points = tuple(_point(index, pair, point, z) for point in chosen)
    if len(points) > _MOST_LABELLED:
        points = tuple(replace(point, label="") for point in points)
    if len(points) > _MOST_CROSSES:
        points = tuple(replace(p, x_low=None, x_high=None, y_low=p.y, y_high=p.y) for p in points)
    scatter = _scatter(index, pair, points, z)
    return Figure(
        key=KEY,
        title=f"Gain in {words.label(pair.predictor)} against lift in {words.label(pair.business_metric)}",
        caption=_caption(pair, scatter, len(points)),
        alt=_alt(pair),
        picture=scatter,
    )


def _error(point: PortfolioPoint) -> float:
    """Precise results first; those without an error last."""
    return math.inf if point.lift_error is None else point.lift_error


def _point(index: Index, pair: PairFit, point: PortfolioPoint, z: float) -> Point:
    scale = 100.0 if pair.side is PredictorSide.PROXY else 1.0
    half_x = None if point.gain_error is None else z * point.gain_error
    half_y = 0.0 if point.lift_error is None else z * point.lift_error
    return Point(
        label=index.label(point.experiment, point.treatment) if point.experiment in index.number else "",
        x=scale * point.gain,
        x_low=None if half_x is None else scale * (point.gain - half_x),
        x_high=None if half_x is None else scale * (point.gain + half_x),
        y=100.0 * point.lift,
        y_low=100.0 * (point.lift - half_y),
        y_high=100.0 * (point.lift + half_y),
        tone=_tone(index, pair, point, half_y),
    )


def _tone(index: Index, pair: PairFit, point: PortfolioPoint, half: float) -> Tone:
    """That of the verdict; without one, what the lift alone says."""
    if point.untrusted:
        return NOT_JUDGED.tone
    for gap in index.gaps[point.experiment]:
        if (gap.treatment, gap.offline_metric, gap.business_metric) == (
            point.treatment,
            pair.predictor,
            pair.business_metric,
        ):
            return verdict_mark(gap.verdict).tone
    if point.lift_error is None:
        return "unsure"
    return "good" if point.lift > half else "bad" if point.lift < -half else "unsure"


def _scatter(index: Index, pair: PairFit, points: Sequence[Point], z: float) -> Scatter:
    proxy = pair.side is PredictorSide.PROXY
    x_ends = [end for point in points for end in (point.x_low, point.x_high) if end is not None]
    y_ends = [end for point in points for end in (point.y_low, point.y_high)]
    x_limits = limits_of([point.x for point in points], x_ends)
    kind = "lift" if proxy else "offline gain"
    return Scatter(
        points=tuple(points),
        x_axis=f"{kind}, {words.label(index.headed(pair.predictor))}{', %' if proxy else ''}",
        y_axis=f"online lift, {words.label(index.headed(pair.business_metric))}, %",
        x_limits=x_limits,
        y_limits=limits_of([point.y for point in points], y_ends),
        band=None,
        fit=_fit(pair, x_limits),
        fields=_fields(index.results.portfolio, pair, z),
    )


def _fit(pair: PairFit, x_limits: tuple[float, float]) -> FitLine | None:
    """The line of true effects as far as the picture goes, with the forecast of a new true gain."""
    found = pair.transfer
    band = [p for p in found.band if x_limits[0] <= _place(pair, p.gain) <= x_limits[1]] if found else []
    if len(band) < 2:
        return None
    worth = pair.smallest_gain_worth_testing
    return FitLine(
        xs=tuple(_place(pair, p.gain) for p in band),
        ys=tuple(100.0 * p.lift for p in band),
        lows=tuple(100.0 * p.low for p in band),
        highs=tuple(100.0 * p.high for p in band),
        worth=None if worth is None else _place(pair, worth),
    )


def _place(pair: PairFit, gain: float) -> float:
    """Where a gain of the line stands; those of proxies are relative lifts, and percent in the picture."""
    return 100.0 * gain if pair.side is PredictorSide.PROXY else gain


def cells_of(portfolio: Portfolio, pair: PairFit) -> NineCells | None:
    """The nine cells of a pair."""
    return next(
        (
            cells
            for cells in portfolio.nine_cells
            if (cells.offline_metric, cells.business_metric) == (pair.predictor, pair.business_metric)
        ),
        None,
    )


def _fields(portfolio: Portfolio, pair: PairFit, z: float) -> Fields | None:
    """The cells as fields behind the points; as wide in the middle as the interval of a usual result."""
    cells = cells_of(portfolio, pair)
    gains = [p.gain_error for p in pair.points if p.gain_error is not None]
    lifts = [p.lift_error for p in pair.points if p.lift_error is not None]
    if cells is None or not gains or not lifts:
        return None
    scale = 100.0 if pair.side is PredictorSide.PROXY else 1.0
    return Fields(counts=cells.counts, x=scale * z * median(gains), y=100.0 * z * median(lifts))


def _caption(pair: PairFit, scatter: Scatter, shown: int) -> str:
    ends = [end for point in scatter.points for end in (point.y_low, point.y_high)]
    least = worth_in_words(pair)
    return joined(
        "Each cross is one result with both its intervals; shape and colour are its verdict."
        if shown <= _MOST_CROSSES
        else "Each point is one result, the most precise ones.",
        "Line: lift of a true gain, noise taken out; shaded around it: where the next one is forecast."
        if scatter.fit
        else "",
        f"Dotted: from {least} on, the forecast excludes a loss."
        if scatter.fit and least is not None
        else "",
        "Words in the fields: how many results are established on both sides, on one, or on none."
        if scatter.fields
        else "",
        "Grey: not judged." if any(point.tone == NOT_JUDGED.tone for point in scatter.points) else "",
        cut_remark(ends, scatter.y_limits),
        left_out(shown, len(pair.points), "results"),
    )


def _alt(pair: PairFit) -> str:
    said = words.plural(len(pair.points), "result")
    if pair.transfer is None:
        return f"{said}; no line is drawn. The tables below have the numbers."
    lift = lift_of(pair, pair.transfer.b).estimate
    return (
        f"{said} and a line that rises by {words.signed_percent(lift)} for {gain_in_words(pair, step_of(pair))}. "
        "The tables below have the numbers."
    )
