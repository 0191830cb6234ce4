"""Whether a guardrail holds: by its test, or exactly where every unit of an arm has the same value.

Values without any spread give no test, but nothing is uncertain about them either: the same constant in both
arms is no harm, and another constant is measured against the margin as it stands.
"""

from __future__ import annotations

from abgap.gap.reading import Reading
from abgap.records import Estimate, Interval, NotEstimable, Reason
from abgap.records.words import declared_percent, label, plain


def holds(guardrail: Reading) -> bool:
    """Whether it is shown not to be worse than its margin."""
    change, test = _exact_change(guardrail.estimate), guardrail.estimate.non_inferiority
    if change is None:
        return test is not None and test.holds
    size = abs(guardrail.estimate.value_control or 0.0)
    return change >= 0.0 or (test is not None and change > -test.margin * size)


def shown_worse(guardrail: Reading) -> bool:
    """Not shown to be within its margin, and its own interval lies on the bad side of 0."""
    if holds(guardrail):
        return False
    change = _exact_change(guardrail.estimate)
    if change is not None:
        return change < 0.0
    return isinstance(guardrail.difference, Interval) and guardrail.difference.high < 0.0


def undecided(guardrail: Reading) -> str:
    """Why a guardrail that does not hold cannot clear a launch yet."""
    test, name = guardrail.estimate.non_inferiority, label(guardrail.estimate.metric)
    if test is None:
        return f"guardrail {name} has no margin to be tested against"
    return f"guardrail {name} is not yet shown to stay within {declared_percent(test.margin)}"


def harm_clause(reading: Reading) -> str:
    """What got worse, in words; the values themselves where they are constant and have no interval."""
    estimate, change = reading.estimate, _exact_change(reading.estimate)
    before, after = estimate.value_control, estimate.value_treatment
    if not change or before is None or after is None:
        return reading.clause
    verb = "rose" if after > before else "fell"
    return f"{label(estimate.metric)} {verb} from {plain(before)} to {plain(after)} in every unit"


def _exact_change(estimate: Estimate) -> float | None:
    """The change (up is good) where every unit of an arm has the same value: known without a test."""
    before, after, difference = estimate.value_control, estimate.value_treatment, estimate.difference
    constant = isinstance(difference, NotEstimable) and difference.reason is Reason.ZERO_VARIANCE
    if not constant or before is None or after is None:
        return None
    return estimate.direction.sign * (after - before)
