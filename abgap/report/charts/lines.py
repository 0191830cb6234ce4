"""Curves of several models over the unit square: each line says at its end whose it is."""

from __future__ import annotations

from matplotlib.axes import Axes

from abgap.report.charts.canvas import INK, LINE, MUTED, PLACEHOLDERS, axes_in, numbered, paper, short
from abgap.report.charts.svg import inline_svg
from abgap.report.view.pictures import Curve, Lines

_WIDTH, _HEIGHT = 480.0, 300.0
_DASHES = ((), (6.0, 3.0), (2.0, 2.0), (8.0, 2.0, 2.0, 2.0))


def draw_lines(picture: Lines, *, key: str, title: str, alt: str) -> str:
    """The picture as SVG text."""
    with paper(_WIDTH, _HEIGHT) as figure:
        axes = axes_in(figure, left=44.0, right=16.0, top=44.0, bottom=44.0)
        axes.set_xlim(0.0, 1.0)
        axes.set_ylim(0.0, 1.03)
        if picture.diagonal:
            axes.plot([0.0, 1.0], [0.0, 1.0], color=LINE, linewidth=1.0)
        for place, curve in enumerate(picture.curves):
            _curve(axes, place, curve)
        axes.set_xlabel(short(picture.x_axis, 50))
        axes.text(0.0, 1.02, short(picture.y_axis, 50), transform=axes.transAxes, color=MUTED)
        numbered(axes.xaxis, most=5, signed=False)
        numbered(axes.yaxis, most=5, signed=False)
        return inline_svg(figure, key=key, title=title, alt=alt)


def _curve(axes: Axes, place: int, curve: Curve) -> None:
    colour = PLACEHOLDERS[curve.tone]
    dashes = _DASHES[place % len(_DASHES)]
    axes.plot(curve.xs, curve.ys, color=colour, linewidth=2.0, dashes=dashes or (None, None))
    for x, low, high in zip(curve.xs, curve.lows, curve.highs, strict=False):
        axes.plot([x, x], [low, high], color=colour, linewidth=1.0)
    for point in curve.marks:
        axes.plot([point.x], [point.y], marker=point.shape, markersize=7.0, color=colour, linestyle="none")
    y = 1.17 - 0.065 * (place // 2)
    x = 0.0 if place % 2 == 0 else 0.5
    axes.plot(
        [x, x + 0.06], [y, y], color=colour, linewidth=2.0, dashes=dashes or (None, None), clip_on=False,
        transform=axes.transAxes,
    )  # fmt: skip
    axes.text(x + 0.08, y, short(curve.label, 26), transform=axes.transAxes, va="center", color=INK)
