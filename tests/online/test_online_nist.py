"""The NIST StRD univariate data sets NumAcc1 to 4, from their published definitions, straight from the engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest


def alternating(base: float, low: float, high: float) -> npt.NDArray[np.float64]:
    """One value, then 500 pairs around it, as the certified data sets are written (as decimals)."""
    return np.array([base, *[low, high] * 500], dtype=np.float64)


# Name: data, certified mean, certified standard deviation, digits asked of both.
NUM_ACC = {
    "NumAcc1": (np.array([10000001.0, 10000003.0, 10000002.0]), 10000002.0, 1.0, 9),
    "NumAcc2": (alternating(1.2, 1.1, 1.3), 1.2, 0.1, 9),
    "NumAcc3": (alternating(1000000.2, 1000000.1, 1000000.3), 1000000.2, 0.1, 9),
    "NumAcc4": (alternating(10000000.2, 10000000.1, 10000000.3), 10000000.2, 0.1, 8),
}
METRICS = {"x": {"kind": "mean", "value": "x"}}


def digits(found: float, certified: float) -> float:
    """Correct significant digits: NIST's log relative error."""
    return 15.0 if found == certified else -math.log10(abs(found - certified) / abs(certified))


def check(row: Any, name: str) -> None:
    data, mean, deviation, wanted = NUM_ACC[name]
    assert row["n"] == len(data)
    assert digits(row["mean"], mean) >= 14, name
    assert digits(math.sqrt(row["variance"]), deviation) >= wanted, name


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
@pytest.mark.parametrize("name", NUM_ACC)
def test_alone_in_a_table(bench: Any, row_of: Any, name: str, suffix: str) -> None:
    data = NUM_ACC[name][0]
    if suffix == "csv":
        bench.text("x.csv", "arm,x\n" + "".join(f"A,{value!r}\n" for value in data.tolist()))
    else:
        bench.parquet("x.parquet", {"arm": ["A"] * len(data), "x": data})
    source = {"path": f"x.{suffix}", "columns": {"experiment": {"value": "e"}, "variant": "arm"}}
    check(row_of(bench.moments({"unit_values": source, "metrics": METRICS}), "x"), name)


@pytest.mark.parametrize("role", ["experiment", "variant"])
def test_all_in_one_table(bench: Any, row_of: Any, role: str) -> None:
    frame = pd.concat(
        pd.DataFrame({"set": name, "arm": "A", "x": data}) for name, (data, *_) in NUM_ACC.items()
    )
    bench.parquet("x.parquet", frame.sample(frac=1, random_state=1))
    declared: dict[str, Any] = {"metrics": METRICS, "experiments": {"e": {"control": "A"}}}
    columns: dict[str, Any] = {"experiment": {"value": "e"}, "variant": "set"}
    if role == "experiment":
        columns = {"experiment": "set", "variant": "arm"}
        declared["experiments"] = {name: {"control": "A"} for name in NUM_ACC}
    moments = bench.moments(declared | {"unit_values": {"path": "x.parquet", "columns": columns}})
    for name in NUM_ACC:
        check(row_of(moments, "x", **{role: name}), name)


@pytest.mark.parametrize("name", NUM_ACC)
def test_summed_from_events(bench: Any, row_of: Any, name: str) -> None:
    data = NUM_ACC[name][0]
    units = [f"u{i}" for i in range(len(data))]
    bench.parquet("seen.parquet", {"id": units, "arm": ["A"] * len(data)})
    bench.parquet("events.parquet", {"id": units, "x": data})
    study = {
        "exposures": {
            "path": "seen.parquet",
            "columns": {"experiment": {"value": "e"}, "unit": "id", "variant": "arm"},
        },
        "facts": {"events": {"path": "events.parquet", "columns": {"unit": "id"}}},
        "metrics": {"x": {"kind": "mean", "fact": "events", "value": "x"}},
    }
    check(row_of(bench.moments(study), "x"), name)
