"""A small study with logs, offline scores and a file of everything that can change."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from abgap.engine.catalogue import Statement
from abgap.engine.duckdb import DuckDBEngine
from abgap.pipeline import fingerprint
from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.cache import Cache
from abgap.pipeline.results import make_results
from abgap.report.document import to_json
from abgap.study.load import load_study

STUDY = """
[study]
name = "Small"

[exposures]
path = "logs/exposures/*.parquet"
columns = { experiment = "test", unit = "user", variant = "arm", at = "seen" }
slices = ["country"]

[facts.orders]
path = "logs/orders.csv"
columns = { unit = "user", at = "bought" }

[experiments.price]
control = "old"
start = 2026-01-01
end = 2026-01-15

[metrics.revenue]
kind = "mean"
fact = "orders"
value = "amount"
aggregate = "sum"
role = "primary"
window_days = 5
why = "pays the bills"

[offline]
scores = { path = "scores.csv", columns = { model = "model", metric = "metric", query = "query", value = "value" } }

[experiments.price.models]
old = "bm25"
new = "bert"

[gap]
offline = ["ndcg"]
business = ["revenue"]
"""


def _exposures(day: int, rows: int = 40) -> str:
    return (
        f"SELECT 'price' AS test, 'u' || ({day} * 1000 + i) AS user, "
        "CASE i % 2 WHEN 0 THEN 'old' ELSE 'new' END AS arm, "
        f"CASE i % 3 WHEN 0 THEN 'DE' ELSE 'FR' END AS country, TIMESTAMP '2026-01-{day:02d} 10:00:00' AS seen "
        f"FROM range({rows}) t(i)"
    )


def write_day(folder: Path, day: int, *, rows: int = 40) -> Path:
    """One day of exposures as a parquet file."""
    path = folder / "logs" / "exposures" / f"day-{day:02d}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"COPY ({_exposures(day, rows)}) TO '{path}' (FORMAT parquet)")
    return path


def write_study(folder: Path) -> Path:
    """The whole study; its file."""
    for day in (1, 2):
        write_day(folder, day)
    orders = [
        f"u{day * 1000 + i},2026-01-0{day} 12:00:00,{i % 7 + 1}.50" for day in (1, 2) for i in range(0, 40, 3)
    ]
    (folder / "logs" / "orders.csv").write_text("user,bought,amount\n" + "\n".join(orders) + "\n")
    scores = [
        f"{model},ndcg,q{q},{0.5 + 0.01 * ((q * 7 + shift) % 11)}"
        for model, shift in (("bm25", 0), ("bert", 3))
        for q in range(30)
    ]
    (folder / "scores.csv").write_text("model,metric,query,value\n" + "\n".join(scores) + "\n")
    file = folder / "abgap.toml"
    file.write_text(STUDY)
    return file


@dataclass
class Run:
    """Analyses the study with a cache. ran: names of the statements that the engine was given in the last run."""

    file: Path
    folder: Path
    notes: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def cache(self) -> Cache:
        return Cache(self.folder, note=self.notes.append)

    def __call__(self, *, cached: bool = True) -> str:
        """results.json"""
        self.ran.clear()
        cache = self.cache() if cached else None
        with open_analysis(load_study(self.file), progress=lambda _: None, cache=cache) as analysis:
            return to_json(make_results(analysis))

    def edit(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.file.write_text(text.replace(old, new))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The study, settled: as if its files had been written a while ago."""
    file = write_study(tmp_path)
    found = Run(file, tmp_path / "kept")
    monkeypatch.setattr(fingerprint, "_SETTLED_NS", -1)
    for name in ("fetch", "fetch_row"):
        monkeypatch.setattr(DuckDBEngine, name, _spied(getattr(DuckDBEngine, name), found))
    return found


def _spied(method: Callable[..., object], run: Run) -> Callable[..., object]:
    def noted(engine: DuckDBEngine, statement: Statement) -> object:
        run.ran.append(statement.query.name)
        return method(engine, statement)

    return noted


def restore_times(path: Path, before: os.stat_result) -> None:
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
