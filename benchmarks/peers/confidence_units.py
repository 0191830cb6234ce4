"""The units workload in Spotify confidence, after one hand-written DuckDB statement.

python -m benchmarks.peers.confidence_units units=FILE

It has no ratio of two random sums, so it answers three of the four metrics.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
import pandas as pd
import spotify_confidence

from benchmarks.peers.answers import ARMS, show

SQL = Path(__file__).resolve().parents[1] / "sql" / "units_plain.sql"


def read(path: str) -> pd.DataFrame:
    """One row per metric and arm: sums and sums of squares, and those of the covariate."""
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set variable units = $value", {"value": path})
    rows: list[tuple[object, ...]] = []
    for variant, n, *numbers in connection.execute(SQL.read_text(encoding="utf-8")).fetchall():
        r, rr, k, *_, y, yy, x, xx, yx = map(float, numbers)
        rows.append(("revenue", "t-test", variant, n, r, rr, None, None, None))
        rows.append(("conversion", "z-test", variant, n, k, k, None, None, None))
        rows.append(("spend", "z-test-linreg", variant, n, y, yy, x, xx, yx))
    names = ("metric", "method", "arm", "n", "total", "squares", "before", "before_squares", "products")
    return pd.DataFrame(rows, columns=names)


def compare(data: pd.DataFrame) -> dict[str, float]:
    """The difference of the arms of one metric, with its own interval (no correction)."""
    adjusted = data["before"].notna().all()
    test = spotify_confidence.Experiment(
        data_frame=data,
        numerator_column="total",
        numerator_sum_squares_column="squares",
        denominator_column="n",
        categorical_group_columns="arm",
        treatment_column="arm",
        method_column="method",
        feature_column="before" if adjusted else None,
        feature_sum_squares_column="before_squares" if adjusted else None,
        feature_cross_sum_column="products" if adjusted else None,
    )
    found = test.difference(level_1=ARMS[0], level_2=ARMS[1], absolute=True).iloc[0]
    width = found["ci_upper"] - found["ci_lower"]
    return {"difference": float(found["difference"]), "half_width": float(width) / 2}


def main() -> None:
    data = read(sys.argv[1].removeprefix("units="))
    show({str(name): compare(rows.reset_index(drop=True)) for name, rows in data.groupby("metric")})


if __name__ == "__main__":
    main()
