"""Which way of an offline metric is better: as the study declares it, else up."""

from __future__ import annotations

from abgap.records import Direction
from abgap.study.model import Study


def direction_of(study: Study, metric: str) -> Direction:
    """The direction of an offline metric by its name in the study."""
    declared = study.offline_metrics.get(metric)
    return Direction.UP if declared is None or declared.direction is None else declared.direction
