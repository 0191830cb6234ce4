"""What the contestants of the predictions workload share: the metrics out of sums, and how they are printed."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

THRESHOLD = 0.05
BINS = 10
EPSILON = 2.0**-52


class Sums(NamedTuple):
    """Of the examples of a slice. bins: number, sum of probabilities and positives of each bin."""

    n: int
    called: int
    found: int
    log_loss: float
    bins: Sequence[tuple[float, float, float]]


def metrics(sums: Sums, roc_auc: float, average_precision: float) -> dict[str, float]:
    """All seven metrics of a slice."""
    positives = math.fsum(positive for _, _, positive in sums.bins)
    return {
        "precision": sums.found / sums.called,
        "recall": sums.found / positives,
        "f1": 2.0 * sums.found / (sums.called + positives),
        "roc_auc": roc_auc,
        "average_precision": average_precision,
        "log_loss": sums.log_loss / sums.n,
        "calibration_error": math.fsum(abs(p - y) for _, p, y in sums.bins) / sums.n,
    }


def show(found: Mapping[str | None, tuple[int, Mapping[str, float]]]) -> None:
    """Print the answer: by segment (None: all) the number of examples, and the metrics."""
    rows: list[list[Any]] = [
        ["churn-2", name, None if segment is None else "segment", segment, None, n, value, 0.0]
        for segment, (n, values) in found.items()
        for name, value in values.items()
    ]
    json.dump({"estimates": {}, "moments": rows}, sys.stdout)
