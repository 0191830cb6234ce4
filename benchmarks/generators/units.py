"""The units workload: one row per unit, two arms, skewed values as shops have them.

One unit in twenty pays; what it pays is log-normal. ``spend`` goes with ``history``, so that the covariate is worth
something. The columns after ``history`` are for the studies with ten metrics; a study that does not use them does not
read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.generators.files import made_once, write_parquet

SEED = 7
CHUNK = 1_000_000


def make_units(folder: Path, rows: int, *, wide: bool = False) -> Path:
    """A parquet file of ``rows`` units; ``wide``: with the columns of ten metrics."""
    name = f"units_{rows}{'_wide' if wide else ''}.parquet"
    return made_once(folder / name, lambda path: write_parquet(path, _chunks(rows, wide=wide)))


def _chunks(rows: int, *, wide: bool) -> Iterator[pa.Table]:
    for number, start in enumerate(range(0, rows, CHUNK)):
        rng = np.random.default_rng([SEED, number])
        yield _chunk(rng, min(CHUNK, rows - start), wide=wide)


def _chunk(rng: np.random.Generator, n: int, *, wide: bool) -> pa.Table:
    payer = rng.random(n) < 0.05
    history = rng.gamma(2.0, 20.0, n)
    sessions = 1 + rng.poisson(2.0, n)
    columns = {
        "variant": np.where(rng.random(n) < 0.5, "A", "B"),
        "revenue": np.where(payer, np.round(rng.lognormal(3.0, 1.0, n), 2), 0.0),
        "converted": payer.astype(np.int32),
        "clicks": rng.poisson(6.0, n),
        "sessions": sessions,
        "spend": history + rng.gamma(2.0, 10.0, n),
        "history": history,
    }
    if wide:
        columns |= {
            "pages": sessions + rng.poisson(5.0, n),
            "orders": np.where(payer, 1 + rng.poisson(0.3, n), 0),
            "minutes": np.round(rng.gamma(1.5, 8.0, n), 1),
            "searches": rng.poisson(1.5, n),
            "returned": (rng.random(n) < 0.3).astype(np.int32),
        }
    return pa.table(columns)
