"""The predictions workload by hand: one grouped scan in DuckDB, and numpy's sort for the order of scores.

python -m benchmarks.peers.predictions_by_hand predictions=FILE

Ranks of the positives among the sorted negatives give ROC-AUC and average precision, exact with ties.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from benchmarks.peers.predictions import Sums, metrics, show

SQL = Path(__file__).resolve().parents[1] / "sql" / "predictions.sql"


def order(positives: Any, negatives: Any) -> tuple[float, float]:
    """ROC-AUC and average precision. Both arrays are sorted."""
    low, high = (np.searchsorted(negatives, positives, side=side) for side in ("left", "right"))
    area = (low + high).sum() / (2.0 * len(positives) * len(negatives))
    found = len(positives) - np.searchsorted(positives, positives, side="left")
    precision = found / (found + len(negatives) - low)
    return float(area), float(precision.mean())


def sums(connection: duckdb.DuckDBPyConnection) -> dict[str | None, Sums]:
    """By segment, and of all."""
    cells: dict[str | None, dict[int, Any]] = defaultdict(lambda: defaultdict(lambda: np.zeros(6)))
    for segment, bin_, *numbers in connection.execute(SQL.read_text(encoding="utf-8")).fetchall():
        for key in (None, segment):
            cells[key][bin_] += np.array(numbers, dtype=np.float64)
    found = {}
    for key, bins in cells.items():
        n, _, _, called, hits, log_loss = sum(bins.values())
        of_bins = [(row[0], row[1], row[2]) for row in bins.values()]
        found[key] = Sums(int(n), int(called), int(hits), float(log_loss), of_bins)
    return found


def main() -> None:
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set variable predictions = $file", {"file": sys.argv[1].removeprefix("predictions=")})
    by_segment = sums(connection)
    names = sorted(name for name in by_segment if name is not None)
    columns = connection.execute(
        "select cast(substr(segment, 9) as tinyint) as segment, churned = 1 as churned, p "
        "from read_parquet(getvariable('predictions'))"
    ).fetchnumpy()
    segment, churned, p = (np.asarray(columns[name]) for name in ("segment", "churned", "p"))
    orders: dict[str | None, tuple[float, float]] = {}
    orders[None] = order(np.sort(p[churned]), np.sort(p[~churned]))
    for i, name in enumerate(names):
        mine = segment == i
        orders[name] = order(np.sort(p[mine & churned]), np.sort(p[mine & ~churned]))
    show({key: (of.n, metrics(of, *orders[key])) for key, of in by_segment.items()})


if __name__ == "__main__":
    main()
