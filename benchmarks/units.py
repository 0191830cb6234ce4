"""Speed of the units workload: one row per unit, four metrics, against the hand-written DuckDB statement.

Both compute the same moments of the same parquet file: a mean, a proportion, a ratio and a mean with a covariate. Runs
alternate (A B A B); medians are compared. Two ratios are printed: of the work alone (one process, imports done), and of
whole processes, interpreter and imports included. Seconds depend on the machine, ratios hardly.

    python benchmarks/units.py --rows 10000000 --runs 5
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from abgap.pipeline.analysis import open_analysis
from abgap.study.load import load_study

HERE = Path(__file__).resolve().parent
DATA = HERE / "data"
CHUNK = 1_000_000

STUDY = """
[unit_values]
path = "{path}"
columns = {{ experiment = {{ value = "mail" }}, variant = "variant" }}

[experiments.mail]
control = "A"

[metrics.revenue]
kind = "mean"
value = "revenue"

[metrics.conversion]
kind = "proportion"
value = "converted"

[metrics.clicks_per_session]
kind = "ratio"
numerator = {{ value = "clicks" }}
denominator = {{ value = "sessions" }}

[metrics.spend]
kind = "mean"
value = "spend"
covariate = {{ column = "history" }}
"""

# As stable as ours: centred second moments, one pass.
BY_HAND = """
select variant, count(*), avg(revenue), var_samp(revenue), avg(converted), avg(clicks), avg(sessions), var_samp(clicks),
    var_samp(sessions), covar_samp(clicks, sessions), avg(spend), var_samp(spend), avg(history), var_samp(history),
    covar_samp(spend, history)
from '{path}'
group by variant
"""

PROCESS_BY_HAND = (
    "import duckdb, sys; c = duckdb.connect(); "
    "c.execute('set preserve_insertion_order = false'); c.execute(sys.argv[1]).fetchall()"
)


def make_data(rows: int, seed: int = 7) -> Path:
    """A parquet file of ``rows`` units, made once."""
    path = DATA / f"units_{rows}.parquet"
    if path.exists():
        return path
    DATA.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    partial = path.with_suffix(".part")
    writer = None
    for start in range(0, rows, CHUNK):
        table = _chunk(rng, min(CHUNK, rows - start))
        writer = writer or pq.ParquetWriter(partial, table.schema)
        writer.write_table(table, row_group_size=CHUNK)
    if writer is not None:
        writer.close()
    partial.replace(path)
    return path


def _chunk(rng: np.random.Generator, n: int) -> pa.Table:
    payer = rng.random(n) < 0.05
    history = rng.gamma(2.0, 20.0, n)
    return pa.table(
        {
            "variant": pa.array(np.where(rng.random(n) < 0.5, "A", "B")),
            "revenue": np.where(payer, np.round(rng.lognormal(3.0, 1.0, n), 2), 0.0),
            "converted": payer.astype(np.int32),
            "clicks": rng.poisson(6.0, n),
            "sessions": 1 + rng.poisson(2.0, n),
            "spend": history + rng.gamma(2.0, 10.0, n),
            "history": history,
        }
    )


def time_work(path: Path, runs: int) -> dict[str, list[float]]:
    """Seconds of the work alone, alternating, in this process."""
    study = DATA / "units.toml"
    study.write_text(STUDY.format(path=path.name), encoding="utf-8")

    def abgap() -> None:
        with open_analysis(load_study(study), progress=lambda _: None) as analysis:
            assert len(analysis.moments) == 8

    def by_hand() -> None:
        with duckdb.connect() as connection:
            connection.execute("set preserve_insertion_order = false")
            assert len(connection.execute(BY_HAND.format(path=path)).fetchall()) == 2

    return _alternate({"hand": by_hand, "abgap": abgap}, runs)


def time_processes(path: Path, runs: int) -> dict[str, list[float]]:
    """Seconds of whole processes, alternating. abgap writes its moments to a file."""
    out = DATA / "moments.parquet"
    abgap = [
        sys.executable,
        "-m",
        "abgap",
        "export",
        "moments",
        "--study",
        str(DATA / "units.toml"),
        "--out",
        str(out),
        "--force",
    ]
    by_hand = [sys.executable, "-c", PROCESS_BY_HAND, BY_HAND.format(path=path)]
    run = {"hand": by_hand, "abgap": abgap}
    return _alternate({name: _process(command) for name, command in run.items()}, runs)


def _process(command: list[str]) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, capture_output=True)


def _alternate(work: Mapping[str, Callable[[], object]], runs: int) -> dict[str, list[float]]:
    for task in work.values():  # once to warm the file cache
        task()
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(runs):
        for name, task in work.items():
            began = time.perf_counter()
            task()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def summary(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """Medians and their ratio."""
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        **{f"{name}_seconds": round(value, 3) for name, value in medians.items()},
        "ratio": round(medians["abgap"] / medians["hand"], 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    path = make_data(options.rows)
    result = {
        "workload": "units",
        "rows": options.rows,
        "runs": options.runs,
        "work": summary(time_work(path, options.runs)),
        "process": summary(time_processes(path, options.runs)),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
