"""The rankings workload: two models, a hundred candidates per query, a few of them judged in grades.

Both models draw their candidates from a pool of the query, so that most are returned by both; scores go with the grade,
a little more for the second model. Ids are text, as they are in real runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.generators.files import made_once, write_parquet

SEED = 11
CANDIDATES, POOL, JUDGED, ITEMS = 100, 140, 20, 500_000
MODELS = {"old": 0.5, "new": 0.52}
CHUNK = 5_000


class Rankings(NamedTuple):
    """Two parquet files."""

    runs: Path
    judgements: Path


def make_rankings(folder: Path, queries: int) -> Rankings:
    """Runs of both models, and judgements, over so many queries."""
    starts = range(0, queries, CHUNK)
    return Rankings(
        runs=made_once(
            folder / f"runs_{queries}.parquet",
            lambda path: write_parquet(path, (t for s in starts for t in _runs(s, min(CHUNK, queries - s)))),
        ),
        judgements=made_once(
            folder / f"judgements_{queries}.parquet",
            lambda path: write_parquet(path, (_judgements(s, min(CHUNK, queries - s)) for s in starts)),
        ),
    )


def _pool(start: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Items of every query's pool, and their grades: zero but for some of those that are judged, which come first."""
    rng = np.random.default_rng([SEED, start])
    offsets = rng.integers(0, ITEMS, (n, 1))
    items = (offsets + np.arange(POOL) * 3_571) % ITEMS
    grades = np.zeros((n, POOL))
    grades[:, :JUDGED] = rng.choice(4, (n, JUDGED), p=[0.5, 0.25, 0.15, 0.1])
    return items, grades


def _runs(start: int, n: int) -> Iterator[pa.Table]:
    items, grades = _pool(start, n)
    for number, (model, skill) in enumerate(MODELS.items()):
        rng = np.random.default_rng([SEED, start, number])
        scores = rng.normal(size=(n, POOL)) + skill * grades
        # What is left out is drawn apart from the scores, as a first stage would.
        kept = np.sort(np.argsort(rng.random((n, POOL)), axis=1)[:, :CANDIDATES], axis=1)
        yield pa.table(
            {
                "model": pa.array(np.full(n * CANDIDATES, model)),
                "query": _ids("q", np.repeat(np.arange(start, start + n), CANDIDATES)),
                "item": _ids("d", np.take_along_axis(items, kept, axis=1).ravel()),
                "score": np.take_along_axis(scores, kept, axis=1).ravel(),
            }
        )


def _judgements(start: int, n: int) -> pa.Table:
    items, grades = _pool(start, n)
    return pa.table(
        {
            "query": _ids("q", np.repeat(np.arange(start, start + n), JUDGED)),
            "item": _ids("d", items[:, :JUDGED].ravel()),
            "relevance": grades[:, :JUDGED].ravel().astype(np.int64),
        }
    )


def _ids(letter: str, numbers: np.ndarray) -> pa.Array:
    return pc.binary_join_element_wise(letter, pc.cast(pa.array(numbers), pa.string()), "")
