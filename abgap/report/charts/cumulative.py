"""An effect as units came in: a line with its interval, zero and the band of what is too small to matter."""

from __future__ import annotations

from abgap.report.charts.canvas import (
    BAND,
    MUTED,
    PLACEHOLDERS,
    axes_in,
    numbered,
    paper,
    short,
    within,
)
from abgap.report.charts.svg import inline_svg
from abgap.report.view.pictures import Cumulative

_WIDTH, _HEIGHT = 480.0, 220.0
_MOST_DATES = 4


def draw_cumulative(picture: Cumulative, *, key: str, title: str, alt: str) -> str:
    """The picture as SVG text."""
    days = range(len(picture.days))
    limits = picture.limits
    lows = [within(low, limits) for low in picture.lows]
    highs = [within(high, limits) for high in picture.highs]
    colour = PLACEHOLDERS["bonus"]
    with paper(_WIDTH, _HEIGHT) as figure:
        axes = axes_in(figure, left=44.0, right=36.0, top=24.0, bottom=30.0)
        axes.set_ylim(limits)
        axes.set_xlim(0, len(picture.days) - 1)
        if picture.band:
            axes.axhspan(within(-picture.band, limits), within(picture.band, limits), color=BAND, linewidth=0)
        axes.axhline(0.0, color=MUTED, linewidth=1.0)
        axes.fill_between(days, lows, highs, color=colour, alpha=0.18, linewidth=0)
        axes.plot(days, picture.estimates, color=colour, linewidth=2.0)
        axes.plot(
            [days[-1]], [picture.estimates[-1]], marker="o", markersize=6.0, color=colour, linestyle="none"
        )
        step = max(1, -(-(len(picture.days) - 1) // (_MOST_DATES - 1)))
        ticks = list(days[::-1][::step])[::-1]
        axes.set_xticks(ticks, [short(picture.days[tick], 12) for tick in ticks])
        numbered(axes.yaxis, most=5)
        axes.text(0.0, 1.06, short(picture.axis, 50), transform=axes.transAxes, color=MUTED)
        return inline_svg(figure, key=key, title=title, alt=alt)
