"""The predictions workload: one binary model, one positive in two hundred, twenty segments.

Scores are probabilities of rare events, most of them close to zero; hardly any two are equal.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.generators.files import made_once, write_parquet

SEED = 17
CHUNK = 1_000_000
POSITIVES = 0.005
SEGMENTS = 20


def make_predictions(folder: Path, rows: int) -> Path:
    """A parquet file of ``rows`` predictions."""
    return made_once(folder / f"predictions_{rows}.parquet", lambda path: write_parquet(path, _chunks(rows)))


def _chunks(rows: int) -> Iterator[pa.Table]:
    for number, start in enumerate(range(0, rows, CHUNK)):
        rng = np.random.default_rng([SEED, number])
        yield _chunk(rng, start, min(CHUNK, rows - start))


def _chunk(rng: np.random.Generator, start: int, n: int) -> pa.Table:
    label = rng.random(n) < POSITIVES
    segment = rng.integers(0, SEGMENTS, n)
    logit = -6.0 + 0.05 * segment + 1.2 * rng.standard_normal(n) + 1.6 * label
    return pa.table(
        {
            "model": np.full(n, "churn-2"),
            "customer": np.arange(start, start + n),
            "churned": label.astype(np.int32),
            "p": 1.0 / (1.0 + np.exp(-logit)),
            "segment": np.array([f"segment {i:02}" for i in range(SEGMENTS)])[segment],
        }
    )
