"""Small steps from numbers to cells and from intervals to bars, shared by all tables."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from abgap.records import Estimate, ExperimentResult, Interval
from abgap.report.marks import Tone
from abgap.report.numbers import Shown
from abgap.report.view.model import Bar, Cell

SHADED = "Shaded: too small to matter."
_WIDEST_TO_MEDIAN = 2.5


def joined(*parts: str | None, by: str = " ") -> str:
    """What there is to say, one after the other; empty parts say nothing."""
    return by.join(part for part in parts if part)


def whole_sentence(text: str) -> str:
    """A remark as a sentence of its own."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def days_of(experiment: ExperimentResult) -> str:
    """When an experiment ran: ``2026-03-02 to 2026-03-30``."""
    return joined(*(day[:10] for day in (experiment.start, experiment.end) if day), by=" to ")


def cell(shown: Shown, *, sub: str = "", muted: bool = False) -> Cell:
    """A number in a cell. muted: without colour, because nothing follows from it."""
    return Cell(text=shown.text, range=shown.range, why=shown.why, sub=sub, muted=muted)


def both_sides(width: float | None) -> tuple[float, ...]:
    """The two ends of a band around zero, for number formats that must not blur them."""
    return (-width, width) if width else ()


def turned(estimate: Estimate) -> Interval | None:
    """The lift of an estimate, turned so that up is good; None where it is not estimable."""
    lift = estimate.lift
    if not isinstance(lift, Interval):
        return None
    return lift.flipped() if estimate.direction.sign < 0 else lift


def reach_of(intervals: Sequence[Interval | None]) -> float:
    """How far from zero the common axis of several bars goes; one very wide interval does not flatten the others."""
    ends = [max(abs(i.low), abs(i.high)) for i in intervals if i is not None]
    if not ends:
        return 0.0
    return min(max(ends), _WIDEST_TO_MEDIAN * median(ends)) * 1.05


def bar_of(
    interval: Interval | None, *, reach: float, band: float | None, tone: Tone, dumbbell: bool = False
) -> Bar | None:
    """An interval on an axis from ``-reach`` to ``reach``; band: half width of what is too small to matter."""
    if interval is None or reach <= 0.0:
        return None
    return Bar(
        low=_place(interval.low, reach),
        at=_place(interval.estimate, reach),
        high=_place(interval.high, reach),
        band=(_place(-band, reach), _place(band, reach)) if band else None,
        tone=tone,
        cut_low=interval.low < -reach,
        cut_high=interval.high > reach,
        dumbbell=dumbbell,
    )


def _place(value: float, reach: float) -> float:
    return round(50.0 + 50.0 * min(max(value / reach, -1.0), 1.0), 1)
