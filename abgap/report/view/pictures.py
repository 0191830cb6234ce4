"""What the pictures show, as numbers: the charts draw these and know nothing of results.

Changes are in percent (4.0 is +4 %), offline gains in the metric's own units. Every picture is frozen and hashable,
so that the same picture is drawn once. Limits are those of an axis; what reaches beyond them is cut there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from abgap.report.marks import Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """One interval with its label; percent."""

    label: str
    estimate: float
    low: float
    high: float
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Intervals below each other. band: half width of what is too small to matter, percent."""

    rows: tuple[ForestRow, ...]
    axis: str
    limits: tuple[float, float]
    band: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One result on two axes; an interval may be missing on the offline axis."""

    label: str
    x: float
    x_low: float | None
    x_high: float | None
    y: float
    y_low: float
    y_high: float
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class FitLine:
    """A line through a scatter with the band in which a new result is forecast; percent.

    worth: from which gain on the band lies above zero, or None.
    """

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    worth: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The nine cells behind a scatter: loss, not established, gain on both axes.

    counts: rows from offline loss to gain, columns from online loss to gain. x, y: half width of the middle.
    """

    counts: tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scatter:
    """Offline gain against online change (percent). band: as in a forest."""

    points: tuple[Point, ...]
    x_axis: str
    y_axis: str
    x_limits: tuple[float, float]
    y_limits: tuple[float, float]
    band: float | None
    fit: FitLine | None = None
    fields: Fields | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stage of a funnel, or part of a gap: what it adds, with its interval.

    text: the amount as the table writes it. tone: None for that of a gain or a loss.
    """

    label: str
    amount: float
    low: float | None
    high: float | None
    text: str
    tone: Tone | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """Stages that add up to a total."""

    steps: tuple[Step, ...]
    total: Step
    axis: str
    limits: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cumulative:
    """A change (percent) over all units first exposed up to each day."""

    days: tuple[str, ...]
    estimates: tuple[float, ...]
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    axis: str
    limits: tuple[float, float]
    band: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveMark:
    """A place on a curve that matters. shape: a marker."""

    x: float
    y: float
    shape: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line in the unit square. lows, highs: intervals at its points, or empty."""

    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    lows: tuple[float, ...] = ()
    highs: tuple[float, ...] = ()
    marks: tuple[CurveMark, ...] = ()
    tone: Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Curves of several models on shares from 0 to 1. diagonal: whether equal shares are marked."""

    curves: tuple[Curve, ...]
    x_axis: str
    y_axis: str
    diagonal: bool


Picture: TypeAlias = Forest | Scatter | Waterfall | Cumulative | Lines
