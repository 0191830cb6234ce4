"""The units workload in gbstats, the statistics of GrowthBook, after one hand-written DuckDB statement.

python -m benchmarks.peers.gbstats_units units=FILE

The rows have the names that GrowthBook gives them: main is the value or numerator, denominator and covariate the other.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import duckdb
from gbstats.gbstats import process_single_metric
from gbstats.models.settings import AnalysisSettingsForStatsEngine, MetricSettingsForStatsEngine

from benchmarks.peers.answers import ARMS, show

SQL = Path(__file__).resolve().parents[1] / "sql" / "units_plain.sql"
ANALYSIS = AnalysisSettingsForStatsEngine(
    var_names=list(ARMS),
    var_ids=list(ARMS),
    weights=[0.5, 0.5],
    stats_engine="frequentist",
    difference_type="absolute",
)
# name: kind of statistic, types of main, denominator and covariate
METRICS = {
    "revenue": ("mean", "count", None, None),
    "conversion": ("mean", "binomial", None, None),
    "clicks_per_session": ("ratio", "count", "count", None),
    "spend": ("mean_ra", "count", None, "count"),
}


def read(path: str) -> dict[str, list[dict[str, Any]]]:
    """One row per arm for every metric."""
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    connection.execute("set variable units = $value", {"value": path})
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in METRICS}
    for row in connection.execute(SQL.read_text(encoding="utf-8")).fetchall():
        variant, n, *numbers = row
        r, rr, k, c, s, cc, ss, cs, y, yy, x, xx, yx = map(float, numbers)
        head = {"dimension": "", "variation": variant, "users": n, "count": n}
        rows["revenue"].append(head | {"main_sum": r, "main_sum_squares": rr})
        rows["conversion"].append(head | {"main_sum": k, "main_sum_squares": k})
        ratio = {"denominator_sum": s, "denominator_sum_squares": ss, "main_denominator_sum_product": cs}
        rows["clicks_per_session"].append(head | {"main_sum": c, "main_sum_squares": cc} | ratio)
        before = {"covariate_sum": x, "covariate_sum_squares": xx, "main_covariate_sum_product": yx}
        rows["spend"].append(head | {"main_sum": y, "main_sum_squares": yy} | before)
    return rows


def analyse(name: str, rows: list[dict[str, Any]]) -> dict[str, float]:
    kind, main, denominator, covariate = METRICS[name]
    metric = MetricSettingsForStatsEngine(
        id=name,
        name=name,
        statistic_type=kind,
        main_metric_type=main,
        denominator_metric_type=denominator,
        covariate_metric_type=covariate,
    )
    found = process_single_metric(rows=rows, metric=metric, analyses=[ANALYSIS])
    treatment = found.analyses[0].dimensions[0].variations[1]
    low, high = treatment.ci
    return {"difference": float(treatment.expected), "half_width": float(high - low) / 2}


def main() -> None:
    rows = read(sys.argv[1].removeprefix("units="))
    show({name: analyse(name, of_metric) for name, of_metric in rows.items()})


if __name__ == "__main__":
    main()
