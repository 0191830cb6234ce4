"""The predictions workload with scikit-learn, read by pyarrow; its missing calibration error by numpy.

python -m benchmarks.peers.scikit_learn_predictions predictions=FILE
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from sklearn import metrics as sk

from benchmarks.peers.predictions import BINS, THRESHOLD, show


def measured(churned: Any, p: Any) -> tuple[int, dict[str, float]]:
    called = p >= THRESHOLD
    bins = np.minimum((p * BINS).astype(np.int8), BINS - 1)
    off = np.bincount(bins, p, BINS) - np.bincount(bins, churned, BINS)
    return len(p), {
        "precision": float(sk.precision_score(churned, called)),
        "recall": float(sk.recall_score(churned, called)),
        "f1": float(sk.f1_score(churned, called)),
        "roc_auc": float(sk.roc_auc_score(churned, p)),
        "average_precision": float(sk.average_precision_score(churned, p)),
        "log_loss": float(sk.log_loss(churned, p)),
        "calibration_error": float(np.abs(off).sum() / len(p)),
    }


def main() -> None:
    table = pq.read_table(sys.argv[1].removeprefix("predictions="), columns=["churned", "p", "segment"])
    churned, p = (table[name].to_numpy() for name in ("churned", "p"))
    segments = table["segment"].combine_chunks().dictionary_encode()
    codes, names = segments.indices.to_numpy(), segments.dictionary.to_pylist()
    found: dict[str | None, tuple[int, dict[str, float]]] = {None: measured(churned, p)}
    for code, name in enumerate(names):
        mine = codes == code
        found[name] = measured(churned[mine], p[mine])
    show(found)


if __name__ == "__main__":
    main()
