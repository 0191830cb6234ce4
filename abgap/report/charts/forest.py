"""The forest: intervals below each other on one axis, zero marked, what is too small to matter shaded."""

from __future__ import annotations

from matplotlib.axes import Axes

from abgap.report.charts.canvas import (
    BAND,
    HOLLOW,
    INK,
    LINE,
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
from abgap.report.charts.svg import inline_svg
from abgap.report.view.pictures import Forest, ForestRow

_WIDTH, _ROW, _LEFT, _BOTTOM = 480.0, 24.0, 170.0, 44.0


def draw_forest(picture: Forest, *, key: str, title: str, alt: str) -> str:
    """The picture as SVG text."""
    height = _ROW * len(picture.rows) + _BOTTOM + 6.0
    limits = picture.limits
    with paper(_WIDTH, height) as figure:
        axes = axes_in(figure, left=_LEFT, right=14.0, top=6.0, bottom=_BOTTOM)
        axes.set_xlim(limits)
        axes.set_ylim(len(picture.rows) - 0.5, -0.5)
        if picture.band:
            axes.axvspan(within(-picture.band, limits), within(picture.band, limits), color=BAND, linewidth=0)
        axes.axvline(0.0, color=MUTED, linewidth=1.0)
        for place, row in enumerate(picture.rows):
            _row(axes, place, row, limits)
        axes.set_yticks(range(len(picture.rows)), [short(row.label, 25) for row in picture.rows])
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(LINE)
        axes.set_xlabel(short(picture.axis, 50))
        numbered(axes.xaxis)
        return inline_svg(figure, key=key, title=title, alt=alt)


def _row(axes: Axes, place: int, row: ForestRow, limits: tuple[float, float]) -> None:
    colour = PLACEHOLDERS[row.tone]
    low, high = within(row.low, limits), within(row.high, limits)
    axes.plot([low, high], [place, place], color=colour, linewidth=2.0)
    if low > row.low:
        arrow(axes, low, place, "<", colour)
    if high < row.high:
        arrow(axes, high, place, ">", colour)
    axes.plot(
        [row.estimate],
        [place],
        marker=MARKERS[row.tone],
        markersize=7.0,
        color=PAPER if row.tone in HOLLOW else colour,
        markeredgecolor=colour,
        markeredgewidth=1.5,
        linestyle="none",
    )
