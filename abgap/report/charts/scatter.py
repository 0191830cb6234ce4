"""Offline gain against online change: both intervals, zero on both axes, what is too small to matter shaded."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes

from abgap.report.charts.canvas import (
    BAND,
    HOLLOW,
    INK,
    MARKERS,
    MUTED,
    PAPER,
    PLACEHOLDERS,
    arrow,
    axes_in,
    numbered,
    paper,
    short,
    within,
)
from abgap.report.charts.fit import draw_fields, draw_fit
from abgap.report.charts.svg import inline_svg
from abgap.report.view.pictures import Point, Scatter

_WIDTH, _HEIGHT = 480.0, 360.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 12.0, 22.0, 46.0
# Where a number may stand beside its point, in pixels, best first.
_OFFSETS = ((9.0, 9.0), (-9.0, 9.0), (9.0, -9.0), (-9.0, -9.0), (18.0, 2.0), (-18.0, 2.0))
_LABEL_SIZE = 11.0
_TOO_CLOSE = 13.0


def draw_scatter(picture: Scatter, *, key: str, title: str, alt: str) -> str:
    """The picture as SVG text."""
    points = picture.points
    x_limits, y_limits = picture.x_limits, picture.y_limits
    with paper(_WIDTH, _HEIGHT) as figure:
        axes = axes_in(figure, left=_LEFT, right=_RIGHT, top=_TOP, bottom=_BOTTOM)
        axes.set_xlim(x_limits)
        axes.set_ylim(y_limits)
        if picture.band:
            axes.axhspan(
                within(-picture.band, y_limits), within(picture.band, y_limits), color=BAND, linewidth=0
            )
        if picture.fit:
            draw_fit(axes, picture.fit)
        if picture.fields:
            draw_fields(axes, picture.fields)
        axes.axhline(0.0, color=MUTED, linewidth=1.0)
        axes.axvline(0.0, color=MUTED, linewidth=1.0)
        for point in points:
            _crosses(axes, point, x_limits, y_limits)
        for point in points:
            _dot(axes, point)
        _labels(axes, points, x_limits, y_limits)
        numbered(axes.xaxis)
        numbered(axes.yaxis)
        axes.set_xlabel(short(picture.x_axis, 50))
        axes.text(0.0, 1.03, short(picture.y_axis, 50), transform=axes.transAxes, color=MUTED)
        return inline_svg(figure, key=key, title=title, alt=alt)


def _crosses(axes: Axes, point: Point, x_limits: tuple[float, float], y_limits: tuple[float, float]) -> None:
    colour = PLACEHOLDERS[point.tone]
    low, high = within(point.y_low, y_limits), within(point.y_high, y_limits)
    axes.plot([point.x, point.x], [low, high], color=colour, linewidth=1.2, alpha=0.6)
    if low > point.y_low:
        arrow(axes, point.x, low, "v", colour)
    if high < point.y_high:
        arrow(axes, point.x, high, "^", colour)
    if point.x_low is not None and point.x_high is not None:
        left, right = within(point.x_low, x_limits), within(point.x_high, x_limits)
        axes.plot([left, right], [point.y, point.y], color=colour, linewidth=1.2, alpha=0.6)
        if left > point.x_low:
            arrow(axes, left, point.y, "<", colour)
        if right < point.x_high:
            arrow(axes, right, point.y, ">", colour)


def _dot(axes: Axes, point: Point) -> None:
    colour = PLACEHOLDERS[point.tone]
    axes.plot(
        [point.x],
        [point.y],
        marker=MARKERS[point.tone],
        markersize=7.5,
        color=PAPER if point.tone in HOLLOW else colour,
        markeredgecolor=colour,
        markeredgewidth=1.5,
        linestyle="none",
    )


def _labels(
    axes: Axes, points: Sequence[Point], x_limits: tuple[float, float], y_limits: tuple[float, float]
) -> None:
    """Numbers beside their points, each where it is least in the way of what is there already."""
    places = [_pixels(point, x_limits, y_limits) for point in points]
    taken = list(places)
    for point, (x, y) in zip(points, places, strict=True):
        if not point.label:
            continue
        spots = [(x + dx, y + dy) for dx, dy in _OFFSETS]
        spot = min(spots, key=lambda s: _crowding(s, taken))
        taken.append(spot)
        axes.annotate(
            short(point.label),
            (point.x, point.y),
            xytext=(spot[0] - x, spot[1] - y),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=_LABEL_SIZE,
            color=INK,
        )


def _pixels(
    point: Point, x_limits: tuple[float, float], y_limits: tuple[float, float]
) -> tuple[float, float]:
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    return (
        (point.x - x_limits[0]) / (x_limits[1] - x_limits[0]) * width,
        (point.y - y_limits[0]) / (y_limits[1] - y_limits[0]) * height,
    )


def _crowding(spot: tuple[float, float], taken: Sequence[tuple[float, float]]) -> float:
    """How much lies closer than a label is wide."""
    distances = (math.hypot(spot[0] - x, spot[1] - y) for x, y in taken)
    return round(sum(_TOO_CLOSE - distance for distance in distances if distance < _TOO_CLOSE), 6)
