"""Why goals are not met, where it is understood: the words beside the numbers, never instead of them."""

from __future__ import annotations

from collections.abc import Mapping

from abgap.lab.diagnosis.goals import Goal, Kind

_WHY: Mapping[tuple[Kind, str], str] = {
    (Kind.COVERAGE, "robustness"): (
        "the interval is for the queries of the test set as they are; the truth is that of queries like them"
    ),
    (Kind.COVERAGE, "data_faults"): (
        "what arms lay apart before exposure stands for what they lie apart after it, which is not quite the same"
    ),
    (Kind.COVERAGE, "saturation"): "all replicates of a study share its past experiments, and miss together",
}


def why(goal: Goal) -> str:
    """What is known of a miss; nothing where it is not understood."""
    return _WHY.get((goal.kind, goal.reason), "")
