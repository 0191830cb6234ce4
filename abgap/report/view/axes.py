"""How far the axes of the pictures reach, and whether that cuts an interval."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_high

_WIDEST_TO_MEDIAN = 4.0
CUT = "Very wide intervals are cut at the edge."


def limits_of(estimates: Sequence[float], ends: Sequence[float]) -> tuple[float, float]:
    """Axis limits that hold zero and every estimate; one very wide interval does not squeeze the others.

    ends: both ends of all intervals.
    """
    usual = median_high(abs(end) for end in ends) * _WIDEST_TO_MEDIAN if ends else 0.0
    low = min([0.0, *estimates, *(max(end, -usual) for end in ends)])
    high = max([0.0, *estimates, *(min(end, usual) for end in ends)])
    room = (high - low) * 0.06 or max(abs(low), 1.0) * 0.1
    return low - room, high + room


def cut_remark(ends: Sequence[float], limits: tuple[float, float]) -> str:
    """What a caption has to say when an interval reaches beyond the picture."""
    return CUT if any(not limits[0] <= end <= limits[1] for end in ends) else ""
