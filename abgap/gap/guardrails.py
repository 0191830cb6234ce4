"""Whether a guardrail holds: by its test, or exactly where every unit of an arm has the same value.

Values without any spread give no test, but nothing is uncertain about them either: the same constant in both
arms is no harm, and another constant is measured against the margin as it stands.
"""

from __future__ import annotations

from abgap.gap.reading import Reading, constant_clause, exact_change
from abgap.records import Interval
from abgap.records.words import declared_percent, label


def holds(guardrail: Reading) -> bool:
    """Whether it is shown not to be worse than its margin."""
    change, test = exact_change(guardrail.estimate), guardrail.estimate.non_inferiority
    if change is None:
        return test is not None and test.holds
    size = abs(guardrail.estimate.value_control or 0.0)
    return change >= 0.0 or (test is not None and change > -test.margin * size)


def shown_worse(guardrail: Reading) -> bool:
    """Not shown to be within its margin, and its own interval lies on the bad side of 0."""
    if holds(guardrail):
        return False
    change = exact_change(guardrail.estimate)
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
    return constant_clause(reading.estimate) or reading.clause
