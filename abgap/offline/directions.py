"""Which way of an offline metric is better: as the study declares it, else as the catalogue of metrics has it."""

from __future__ import annotations

from abgap.offline import catalogue
from abgap.records import Direction
from abgap.study.model import Study


def nearest_to(study: Study, metric: str) -> float | None:
    """The value that a metric is the better the nearer it is to, from either side; None when one way is better.

    A declared direction makes one way better: of a bias, say, that may only be too low.
    """
    declared = study.offline_metrics.get(metric)
    if declared is not None and declared.direction is not None:
        return None
    known = metric if declared is None or declared.metric is None else declared.metric
    return catalogue.best_value(known) if catalogue.is_two_sided(known) else None


def direction_of(study: Study, metric: str) -> Direction:
    """The direction of an offline metric by its name in the study."""
    declared = study.offline_metrics.get(metric)
    if declared is not None and declared.direction is not None:
        return declared.direction
    return catalogue.direction_of(metric if declared is None or declared.metric is None else declared.metric)
