"""The units workload in tea-tasting, which sends one statement to DuckDB through Ibis.

python -m benchmarks.peers.tea_tasting_units units=FILE
"""

from __future__ import annotations

import sys

import ibis
import tea_tasting as tt

from benchmarks.peers.answers import ARMS, show


def main() -> None:
    data = ibis.duckdb.connect().read_parquet(sys.argv[1].removeprefix("units="))
    experiment = tt.Experiment(
        revenue=tt.Mean("revenue"),
        conversion=tt.Proportion("converted", method="norm", correction=False),
        clicks_per_session=tt.RatioOfMeans("clicks", "sessions"),
        spend=tt.Mean("spend", "history"),
    )
    found = experiment.analyze(data, control=ARMS[0]).to_dicts()
    estimates = {}
    for row in found:
        width = row["effect_size_ci_upper"] - row["effect_size_ci_lower"]
        estimates[row["metric"]] = {"difference": float(row["effect_size"]), "half_width": float(width) / 2}
    show(estimates)


if __name__ == "__main__":
    main()
