"""Position ``i`` of computed bounds made into a record: an interval, or the reason why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable

from abgap.records import Estimable, Interval, NotEstimable, Reason
from abgap.stats.arrays import CheckedBounds


def estimable_at(
    found: CheckedBounds, i: int, *, level: float, method: str, why: Callable[[Reason], str]
) -> Estimable:
    """Return the interval at position ``i``. why: gives the reason in words.

    Bounds that are not finite without a stated problem have nothing that varies.
    """
    estimate, low, high = float(found.estimate[i]), float(found.low[i]), float(found.high[i])
    problem = found.problem[i]
    if problem is not None or not (math.isfinite(estimate) and math.isfinite(low) and math.isfinite(high)):
        reason = Reason.ZERO_VARIANCE if problem is None else Reason(problem)
        return NotEstimable(reason=reason, detail=why(reason))
    return Interval(estimate=estimate, low=low, high=high, level=level, method=method)


def in_words(reason: Reason) -> str:
    """The reason as it is called, for where there is nothing more to say."""
    return reason.value.replace("_", " ")
