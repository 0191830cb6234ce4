"""What parquet files say about themselves."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from abgap.engine.duckdb import DuckDBEngine
from abgap.study.model import Source


def test_names_that_look_like_patterns_mean_themselves(tmp_path: Path) -> None:
    pd.DataFrame({"n": [1.0, 2.0]}).to_parquet(tmp_path / "p1.parquet")
    pd.DataFrame({"n": [5.0, None, 9.0]}).to_parquet(tmp_path / "p[1].parquet")
    with DuckDBEngine(directory=tmp_path) as engine:
        relation = engine.open_source("facts.events", Source(path="*.parquet"), tmp_path)
        found = engine.statistics(relation, ["n"])
    assert found is not None
    assert (found.rows, found.columns["n"].nulls) == (5, 1)
    assert (found.columns["n"].low, found.columns["n"].high) == (1.0, 9.0)
