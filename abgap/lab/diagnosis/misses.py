"""Why goals are not met, where it is understood: the words beside the numbers, never instead of them."""

from __future__ import annotations

from collections.abc import Mapping

from abgap.lab.diagnosis.goals import Goal, Kind

_WHY: Mapping[tuple[Kind, str], str] = {}


def why(goal: Goal) -> str:
    """What is known of a miss; nothing where it is not understood."""
    return _WHY.get((goal.kind, goal.reason), "")
