"""The paper that all charts are drawn on: sizes, type and colours, decided once.

Colours are *names* here. matplotlib wants real ones, so each name is drawn in a placeholder colour that ``svg``
turns into a class of the report's stylesheet: that is how one picture serves light, dark and print.
One unit is one CSS pixel at full size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from abgap.records import words
from abgap.report.marks import TONES, Tone
from abgap.report.text import one_line

INKS = ("ink", "muted", "line", "paper", "band")
PLACEHOLDERS: dict[str, str] = {
    name: f"#0000{place:02x}" for place, name in enumerate((*INKS, *TONES), start=1)
}
INK, MUTED, LINE, PAPER, BAND = (PLACEHOLDERS[name] for name in INKS)
MARKERS: dict[Tone, str] = {
    "good": "o",
    "part": "D",
    "flat": "s",
    "bad": "v",
    "bonus": "^",
    "unsure": "o",
    "void": "X",
    "blocked": "X",
}
HOLLOW: frozenset[Tone] = frozenset({"unsure", "blocked"})
FONT_SIZE = 12.0
_LONGEST_LABEL = 30

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "abgap",
    "font.size": FONT_SIZE,
    "font.family": "DejaVu Sans",
    "text.color": INK,
    "text.parse_math": False,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.linewidth": 1.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "axes.unicode_minus": True,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "path.simplify": False,
}


@contextmanager
def paper(width: float, height: float) -> Iterator[Figure]:
    """An empty figure of ``width`` x ``height`` pixels, in our style whatever the user's matplotlibrc says."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=(width / 72.0, height / 72.0), dpi=72)
        figure.patch.set_visible(False)
        yield figure


def axes_in(figure: Figure, *, left: float, right: float, top: float, bottom: float) -> Axes:
    """Axes that leave the given margins, in pixels."""
    width, height = figure.get_figwidth() * 72.0, figure.get_figheight() * 72.0
    box = (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    axes = figure.add_axes(box)
    axes.patch.set_visible(False)
    return axes


def short(text: str, longest: int = _LONGEST_LABEL) -> str:
    """A label that fits beside an axis."""
    return one_line(text, longest=longest)


def numbered(axis: object, *, most: int = 6, signed: bool = True) -> None:
    """Round tick values, written like all other numbers of the report. signed: changes, rather than shares."""
    axis.set_major_locator(MaxNLocator(nbins=most, steps=[1, 2, 2.5, 5, 10]))  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(_tick if signed else _plain_tick))  # type: ignore[attr-defined]


def _tick(value: float, _: object) -> str:
    return _short(words.signed(value, decimals=6))


def _plain_tick(value: float, _: object) -> str:
    return _short(words.plain(value, decimals=6))


def _short(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def arrow(axes: Axes, x: float, y: float, shape: str, colour: str) -> None:
    """The end of an interval that goes on beyond the axis. shape: the marker that points there: ``<>^v``."""
    axes.plot([x], [y], marker=shape, markersize=7.0, color=colour, linestyle="none", clip_on=False)


def within(value: float, limits: tuple[float, float]) -> float:
    """The value, or the limit it lies beyond."""
    return min(max(value, limits[0]), limits[1])


def tidy(value: float) -> float:
    """Zero instead of a rest of rounding."""
    return 0.0 if math.isclose(value, 0.0, abs_tol=1e-12) else value
