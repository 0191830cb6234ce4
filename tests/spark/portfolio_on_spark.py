"""A portfolio of five small experiments whose users asked the test queries, analysed on both engines."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import Engine
from abgap.pipeline.analysis import Analysis
from abgap.study.load import load_study

EXPERIMENTS, UNITS, QUERIES = 5, 60, 24
STUDY = """
[unit_values]
path = "users.csv"
columns = { experiment = "test", unit = "user", variant = "arm" }
[metrics.spend]
kind = "mean"
value = "spend"
money = true
[metrics.clicks]
kind = "mean"
value = "clicks"
[offline.scores]
path = "scores.csv"
columns = { model = "model", metric = { value = "ndcg" }, value = "value", query = "q" }
[offline.queries]
path = "queries.csv"
columns = { query = "q", unit = "user" }
[gap]
offline = ["ndcg"]
business = ["spend"]
[portfolio]
proxies = ["clicks"]
[portfolio.effects]
path = "past.csv"
columns = { experiment = "test", metric = "metric", effect = "effect", standard_error = "se", start = "began" }
"""


def portfolio_compared(
    folder: Path, on_spark: Callable[[], Engine], different: Callable[[Any, Any], list[str]]
) -> set[str]:
    """Analyse the portfolio on both engines, and name the statements that ran."""
    loaded = load_study(_written(folder))
    with DuckDBEngine(directory=folder) as duckdb, on_spark() as other:
        here, there = (
            dataclasses.asdict(Analysis(loaded, engine, lambda _: None).portfolio.found)
            for engine in (duckdb, other)
        )
        assert here["pairs"][0]["experiments"] == EXPERIMENTS + 1
        assert different(here, there) == []
        return {statement.query.name for statement in duckdb.record.compiled}


def _written(folder: Path) -> Path:
    rng = np.random.default_rng(41)
    n = EXPERIMENTS * UNITS
    test, arm = np.repeat(np.arange(EXPERIMENTS), UNITS), np.tile(["A", "B"], n // 2)
    users = pd.DataFrame({"test": [f"e{t}" for t in test], "user": [f"u{i}" for i in range(n)], "arm": arm})
    users["clicks"] = rng.poisson(3 + 0.3 * test * (arm == "B"), n)
    users["spend"] = users.clicks + rng.gamma(2.0, 2.0, n).round(2)
    users.to_csv(folder / "users.csv", index=False)
    scores = [(f"m{m}", f"q{q}", rng.random()) for m in range(EXPERIMENTS + 1) for q in range(QUERIES)]
    pd.DataFrame(scores, columns=["model", "q", "value"]).to_csv(folder / "scores.csv", index=False)
    asked = rng.choice(users.user, QUERIES, replace=False)
    queries = pd.DataFrame({"q": [f"q{q}" for q in range(QUERIES)], "user": asked})
    queries.to_csv(folder / "queries.csv", index=False)
    past = {"test": ["old", "old"], "metric": ["ndcg", "spend"], "effect": [0.02, 0.01], "se": [0.01, 0.005]}
    pd.DataFrame(past | {"began": "2025-03-01"}).to_csv(folder / "past.csv", index=False)
    experiments = [
        f"[experiments.e{t}]\ncontrol = 'A'\nmodels = {{ A = 'm0', B = 'm{t + 1}' }}\n"
        for t in range(EXPERIMENTS)
    ]
    study = folder / "abgap.toml"
    study.write_text(STUDY + "".join(experiments), encoding="utf-8")
    return study
