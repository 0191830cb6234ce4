"""The picture of the score card: how often each reason is found when it is planted, and how often when it is not."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from abgap.lab.diagnosis.goals import DETECTION, FALSE_ALARMS, absent, alarm, detection
from abgap.lab.diagnosis.tally import Cell
from abgap.lab.scenarios.base import Strength
from abgap.records import words
from abgap.report.charts.alone import stand_alone
from abgap.report.charts.canvas import INK, LINE, MUTED, PAPER, PLACEHOLDERS, axes_in, numbered, paper, short
from abgap.report.charts.svg import inline_svg

_WIDTH, _ROW, _LEFT, _TOP, _BOTTOM = 620.0, 24.0, 250.0, 34.0, 44.0
_SIZES = {Strength.BARELY: 5.0, Strength.MEDIUM: 6.5, Strength.CLEAR: 8.0}
_FOUND, _ALARM = PLACEHOLDERS["good"], PLACEHOLDERS["bad"]
_TITLE = "How often planted reasons are found, and absent ones called supported"


def draw_card(cells: Sequence[Cell]) -> str:
    """The picture as the text of an SVG file: one row per scenario and planted reason."""
    rows = rows_of(cells)
    with paper(_WIDTH, _ROW * len(rows) + _TOP + _BOTTOM) as figure:
        axes = axes_in(figure, left=_LEFT, right=16.0, top=_TOP, bottom=_BOTTOM)
        axes.set_xlim(-2.0, 102.0)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        for border in (DETECTION, FALSE_ALARMS):
            axes.axvline(100.0 * border, color=MUTED, linewidth=1.0, linestyle=(0, (3.0, 3.0)))
        for place, (scenario, reason) in enumerate(rows):
            _row(axes, place, [cell for cell in cells if cell.scenario == scenario], reason, cells)
        axes.set_yticks(range(len(rows)), [short(label_of(*row), 38) for row in rows])
        axes.tick_params(axis="y", labelcolor=INK, pad=8)
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_color(LINE)
        axes.set_xlabel("percent of the replicates; dashed: the goals, 5 and 90 percent")
        axes.text(
            0.0, 1.0 + 14.0 / (_ROW * len(rows)), "● found (small: barely planted, large: clearly)   ✕ false alarm",
            transform=axes.transAxes,
        )  # fmt: skip
        numbered(axes.xaxis, signed=False)
        return stand_alone(inline_svg(figure, key="diagnosis", title=_TITLE, alt=_alt(rows, cells)))


def rows_of(cells: Sequence[Cell]) -> list[tuple[str, str]]:
    """Every scenario with each of the reasons planted in it."""
    return list(dict.fromkeys((cell.scenario, name) for cell in cells for name in cell.planted))


def label_of(scenario: str, reason: str) -> str:
    """A planted reason; with its scenario where that has another name."""
    name = words.label(reason)
    return name if scenario == reason else f"{name} ({words.label(scenario)})"


def _row(axes: Axes, place: int, own: Sequence[Cell], reason: str, cells: Sequence[Cell]) -> None:
    for cell in own:
        rate, size = detection(cell, reason), _SIZES[cell.strength]
        clear = cell.strength is Strength.CLEAR
        if clear:
            low, high = (100.0 * bound for bound in rate.interval())
            axes.plot([low, high], [place, place], color=_FOUND, linewidth=2.0)
        axes.plot(
            [100.0 * rate.share], [place], marker="o", markersize=size, color=_FOUND if clear else PAPER,
            markeredgecolor=_FOUND, markeredgewidth=1.5, linestyle="none",
        )  # fmt: skip
    false = alarm(tally for _, tally in absent(cells, reason))
    if false.n:
        axes.plot([100.0 * false.share], [place], marker="x", markersize=7.0, color=_ALARM, linestyle="none")


def _alt(rows: Sequence[tuple[str, str]], cells: Sequence[Cell]) -> str:
    clear = {cell.scenario: cell for cell in cells if cell.strength is Strength.CLEAR}
    said = [
        f"{label_of(scenario, reason)}: {words.percent(detection(clear[scenario], reason).share, decimals=0)}"
        for scenario, reason in rows
        if scenario in clear
    ]
    return f"Found when clearly planted: {'; '.join(said)}."
