"""The waterfall of a funnel or a gap: every stage starts where the one before ended; the last bar is the total."""

from __future__ import annotations

from itertools import accumulate

from matplotlib.axes import Axes

from abgap.report.charts.canvas import (
    INK,
    LINE,
    MUTED,
    PLACEHOLDERS,
    axes_in,
    numbered,
    paper,
    short,
    tidy,
    within,
)
from abgap.report.charts.svg import inline_svg
from abgap.report.view.pictures import Step, Waterfall

_WIDTH, _ROW, _LEFT, _RIGHT, _BOTTOM = 480.0, 32.0, 150.0, 50.0, 46.0
_THICK = 0.52
_LONGEST, _LETTER, _DIGIT, _GAP = 30, 5.9, 6.2, 12.0
"""Letters of a label at most; how wide a letter of a label and one of an amount is, and what lies beside them."""


def draw_waterfall(picture: Waterfall, *, key: str, title: str, alt: str) -> str:
    """The picture as SVG text."""
    ends = [tidy(end) for end in accumulate(step.amount for step in picture.steps)]
    starts = [0.0, *ends[:-1]]
    steps = (*picture.steps, picture.total)
    rows = len(steps)
    labels = [short(step.label, _LONGEST) for step in steps]
    left = max(_LEFT, _GAP + _LETTER * max(map(len, labels)))
    right = max(_RIGHT, _GAP + _DIGIT * max(len(step.text) for step in steps))
    limits = picture.limits
    with paper(_WIDTH, _ROW * rows + _BOTTOM + 6.0) as figure:
        axes = axes_in(figure, left=left, right=right, top=6.0, bottom=_BOTTOM)
        axes.set_xlim(limits)
        axes.set_ylim(rows - 0.5, -0.5)
        axes.axvline(0.0, color=MUTED, linewidth=1.0)
        for place, (start, step) in enumerate(zip(starts, picture.steps, strict=True)):
            _stage(axes, place, start, step, limits)
        axes.barh(rows - 1, picture.total.amount, height=_THICK, color=MUTED, linewidth=0)
        _whisker(axes, rows - 1, 0.0, picture.total, limits)
        _amount(axes, rows - 1, picture.total.text)
        axes.set_yticks(range(rows), labels)
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(short(picture.axis, 50))
        numbered(axes.xaxis)
        return inline_svg(figure, key=key, title=title, alt=alt)


def _stage(axes: Axes, place: int, start: float, step: Step, limits: tuple[float, float]) -> None:
    colour = PLACEHOLDERS[step.tone or ("good" if step.amount >= 0.0 else "bad")]
    axes.barh(place, step.amount, left=start, height=_THICK, color=colour, linewidth=0)
    _whisker(axes, place, start, step, limits)
    end = start + step.amount
    axes.plot([end, end], [place, place + 1], color=LINE, linewidth=1.0, zorder=0)
    _amount(axes, place, step.text)


def _whisker(axes: Axes, place: int, start: float, step: Step, limits: tuple[float, float]) -> None:
    if step.low is not None and step.high is not None:
        low, high = within(start + step.low, limits), within(start + step.high, limits)
        axes.plot([low, high], [place, place], color=INK, linewidth=1.4)


def _amount(axes: Axes, place: int, text: str) -> None:
    """The amount in the right margin, where no bar is in its way."""
    axes.text(
        1.015,
        place,
        text,
        transform=axes.get_yaxis_transform(),
        va="center",
        color=INK,
    )
