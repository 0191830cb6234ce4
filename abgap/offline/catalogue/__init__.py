"""The catalogue of metrics: what each one is, when to use it, how it misleads, and what a lazy solution gets.

One module per task holds the entries; ``lookup`` finds them by any name they go by. A new metric is a new entry: the
list, ``abgap metrics``, docs/metrics.md and the directions of scores follow.
"""

from __future__ import annotations

from abgap.offline.catalogue.entry import Cutoff, LazyForm, MetricEntry, Task
from abgap.offline.catalogue.lookup import (
    ParsedMetric,
    all_metrics,
    best_value,
    direction_of,
    find_metric,
    is_two_sided,
    metrics_of_task,
    nearest_names,
    parse_metric,
    worst_value,
)

__all__ = [
    "Cutoff",
    "LazyForm",
    "MetricEntry",
    "ParsedMetric",
    "Task",
    "all_metrics",
    "best_value",
    "direction_of",
    "find_metric",
    "is_two_sided",
    "metrics_of_task",
    "nearest_names",
    "parse_metric",
    "worst_value",
]
