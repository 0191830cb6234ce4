"""What lies behind and through a scatter: fields of the nine cells, the line of true effects, and its forecast band."""

from __future__ import annotations

from matplotlib.axes import Axes

from abgap.report.charts.canvas import INK, MUTED, PLACEHOLDERS, within
from abgap.report.view.pictures import Fields, FitLine

# Rows: offline loss, not established, gain; columns: the same of the business.
_CALLED = (
    ("lost too", "offline loss only", "won all the same"),
    ("online loss only", "neither", "missed by offline"),
    ("reversed", "offline gain only", "reached"),
)
_INSET = 5.0
_SIZE = 11.0
_ROOMY = 80.0


def draw_fields(axes: Axes, fields: Fields) -> None:
    """Nine fields with their counts: both the same way, opposite ways, and what is not established on a side."""
    x_limits, y_limits = axes.get_xlim(), axes.get_ylim()
    xs = (x_limits[0], within(-fields.x, x_limits), within(fields.x, x_limits), x_limits[1])
    ys = (y_limits[0], within(-fields.y, y_limits), within(fields.y, y_limits), y_limits[1])
    for row, counts in enumerate(fields.counts):
        for column, count in enumerate(counts):
            x, y = (xs[row], xs[row + 1]), (ys[column], ys[column + 1])
            if x[0] >= x[1] or y[0] >= y[1]:
                continue
            if row != 1 and column != 1:
                colour = PLACEHOLDERS["good" if row == column else "bad"]
                axes.fill_between(x, y[0], y[1], color=colour, alpha=0.1, linewidth=0, zorder=0.0)
            if count and _has_room(axes, x, y, row=row, column=column):
                _count(axes, x, y, f"{count:,} {_CALLED[row][column]}", row=row, column=column)


def _has_room(axes: Axes, x: tuple[float, float], y: tuple[float, float], *, row: int, column: int) -> bool:
    """Whether words in the middle of the picture would not lie on its points."""
    if row != 1 or column != 1:
        return True
    (left, low), (right, high) = axes.transData.transform([(x[0], y[0]), (x[1], y[1])])
    return bool(right - left >= _ROOMY and high - low >= _ROOMY)


def _count(
    axes: Axes, x: tuple[float, float], y: tuple[float, float], text: str, *, row: int, column: int
) -> None:
    """At the outer edge of the field, where fewest points are."""
    right, top = row == 2, column == 2
    axes.annotate(
        text,
        (x[1] if right else x[0], y[1] if top else y[0]),
        xytext=(-_INSET if right else _INSET, -_INSET if top else _INSET),
        textcoords="offset points",
        ha="right" if right else "left",
        va="top" if top else "bottom",
        fontsize=_SIZE,
        color=MUTED,
        zorder=2.6,
    )


def draw_fit(axes: Axes, fit: FitLine) -> None:
    """The band, its borders for those who see no shades, the line, and the gain from which a forecast is a gain."""
    y_limits = axes.get_ylim()
    lows = [within(low, y_limits) for low in fit.lows]
    highs = [within(high, y_limits) for high in fit.highs]
    axes.fill_between(fit.xs, lows, highs, color=INK, alpha=0.06, linewidth=0, zorder=0.1)
    for border in (lows, highs):
        axes.plot(fit.xs, border, color=MUTED, linewidth=0.8, alpha=0.7, zorder=0.2)
    axes.plot(fit.xs, [within(y, y_limits) for y in fit.ys], color=INK, linewidth=2.2, zorder=1.9)
    if fit.worth is not None and axes.get_xlim()[0] < fit.worth < axes.get_xlim()[1]:
        axes.plot([fit.worth] * 2, y_limits, color=MUTED, linewidth=1.2, dashes=(2.0, 3.0), zorder=0.4)
