"""The moments are those that exact arithmetic gives, and not a bit depends on how the rows come."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

# Every example writes its own table into the same folder.
FEW = settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])

METRICS = {
    "spend": {"kind": "mean", "value": "spend", "covariate": {"column": "history"}},
    "rate": {"kind": "ratio", "numerator": {"value": "spend"}, "denominator": {"value": "visits"}},
    "paid": {"kind": "proportion", "value": "paid"},
}
STUDY = {
    "unit_values": {
        "path": "units.parquet",
        "columns": {"experiment": {"value": "e"}, "variant": "arm"},
        "slices": ["plan"],
    },
    "metrics": METRICS,
}

amounts = st.floats(-1e6, 1e6, allow_nan=False).map(lambda x: round(x, 6))


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    n = draw(st.integers(1, 40))
    centre = draw(st.sampled_from([0.0, 1.0, -250.0, 1e5, 1e8, 1e-3]))
    scale = draw(st.sampled_from([1.0, 1e-3, 1e-6, 1e3]))
    column = st.lists(amounts, min_size=n, max_size=n)
    return pd.DataFrame(
        {
            "arm": draw(st.lists(st.sampled_from(["A", "B", "C"]), min_size=n, max_size=n)),
            "plan": draw(st.lists(st.sampled_from(["x", "y", None]), min_size=n, max_size=n)),
            "spend": [centre + scale * x for x in draw(column)],
            "history": draw(column),
            "visits": draw(st.lists(st.integers(0, 50), min_size=n, max_size=n)),
            "paid": draw(st.lists(st.booleans(), min_size=n, max_size=n)),
        }
    )


def close(found: float, wanted: float, *, scale: float = 0.0) -> bool:
    if math.isnan(wanted):
        return math.isnan(found)
    return abs(found - wanted) <= 1e-12 * max(abs(wanted), scale)


@FEW
@given(frame=frames())
def test_moments_are_those_of_exact_arithmetic(
    bench: Any, row_of: Any, exact: Any, frame: pd.DataFrame
) -> None:
    bench.parquet("units.parquet", frame)
    moments = bench.moments(STUDY)
    for arm, units in frame.groupby("arm"):
        mean, variance = exact(units["spend"])
        history_mean, history_variance = exact(units["history"])
        _, covariance = exact(units["spend"], units["history"])
        row = row_of(moments, "spend", arm)
        assert row["n"] == len(units)
        assert close(row["mean"], mean)
        assert close(row["variance"], variance)
        assert close(row["covariate_mean"], history_mean, scale=math.sqrt(history_variance or 0.0))
        assert close(row["covariate_variance"], history_variance)
        together = math.sqrt(variance * history_variance)
        assert close(row["covariate_covariance"], covariance, scale=together)
        visits_mean, visits_variance = exact(units["visits"])
        row = row_of(moments, "rate", arm)
        assert close(row["denominator_mean"], visits_mean)
        assert close(row["denominator_variance"], visits_variance)
        assert close(row["numerator_variance"], variance)
        paid, paid_variance = exact(units["paid"])
        row = row_of(moments, "paid", arm)
        assert close(row["mean"], paid)
        assert close(row["variance"], paid_variance)


@FEW
@given(frame=frames())
def test_slices_add_up_to_the_whole(bench: Any, row_of: Any, exact: Any, frame: pd.DataFrame) -> None:
    bench.parquet("units.parquet", frame)
    moments = bench.moments(STUDY)
    filled = frame.assign(plan=frame["plan"].fillna("missing"))
    for (arm, plan), units in filled.groupby(["arm", "plan"]):
        value = None if plan == "missing" else plan
        row = row_of(moments, "spend", arm, slice_name="plan", slice_value=value)
        mean, variance = exact(units["spend"])
        spread = exact(frame.loc[frame["arm"] == arm, "spend"])[1]
        assert row["n"] == len(units)
        # A slice is added up around the centre of its arm: a spread of the arm costs the slice's mean its last digits.
        distance = 0.0 if math.isnan(spread) else math.sqrt(spread)
        assert close(row["mean"], mean, scale=max(abs(mean), distance))
        assert close(row["variance"], variance, scale=0.0 if math.isnan(spread) else spread)


@settings(FEW, max_examples=8)
@given(frame=frames(), seed=st.integers(0, 2**32 - 1), files=st.integers(2, 6))
def test_no_bit_depends_on_order_files_or_threads(
    bench: Any, agree_in_every_bit: Any, tmp_path: Path, frame: pd.DataFrame, seed: int, files: int
) -> None:
    bench.parquet("units.parquet", frame)
    first = bench.moments(STUDY, threads=1)
    shuffled = frame.sample(frac=1, random_state=seed)
    for old in tmp_path.glob("parts/*"):
        old.unlink()
    for i, rows in enumerate(np.array_split(np.arange(len(frame)), files)):
        if len(rows):
            bench.parquet(f"parts/{i}.parquet", shuffled.iloc[rows])
    parts = STUDY | {"unit_values": STUDY["unit_values"] | {"path": "parts/*.parquet"}}  # type: ignore[operator]
    for threads, order in ((1, "true"), (2, "true"), (2, "false")):
        setting = (f"SET preserve_insertion_order = {order}",)
        assert agree_in_every_bit(first, bench.moments(parts, threads=threads, settings=setting))


def test_many_rows_on_two_threads_give_the_same_bits_each_time(bench: Any, agree_in_every_bit: Any) -> None:
    rng = np.random.default_rng(3)
    n = 400_000
    frame = pd.DataFrame(
        {
            "arm": rng.choice(["A", "B"], n),
            "plan": rng.choice(["x", "y"], n),
            "spend": np.where(rng.random(n) < 0.1, rng.lognormal(3, 2, n), 0),
            "history": rng.lognormal(3, 2, n),
            "visits": rng.poisson(3, n),
            "paid": rng.random(n) < 0.1,
        }
    )
    bench.parquet("units.parquet", frame)
    runs = [bench.moments(STUDY, threads=threads) for threads in (2, 1, 2, 2)]
    assert all(agree_in_every_bit(runs[0], run) for run in runs[1:])


def test_an_outlier_in_one_arm_does_not_blur_the_other(bench: Any, row_of: Any, exact: Any) -> None:
    rng = np.random.default_rng(8)
    n = 20_000
    frame = pd.DataFrame({"arm": rng.choice(["A", "B"], n), "spend": rng.choice([9.99, 19.99, 0.01], n)})
    frame.loc[frame.index[frame["arm"] == "B"][0], "spend"] = 1e12
    bench.parquet("units.parquet", frame)
    study = STUDY | {
        "metrics": {"spend": {"kind": "mean", "value": "spend"}},
        "unit_values": {"path": "units.parquet", "columns": {"experiment": {"value": "e"}, "variant": "arm"}},
    }
    row = row_of(bench.moments(study), "spend")
    mean, variance = exact(frame.loc[frame["arm"] == "A", "spend"])
    assert close(row["mean"], mean)
    assert close(row["variance"], variance)


def test_a_constant_arm_has_no_variance_whatever_the_other_one_has(bench: Any, row_of: Any) -> None:
    frame = {"arm": ["A"] * 7 + ["B"] * 3, "spend": [0.1] * 7 + [5.0, 6.5, 9.0]}
    bench.parquet("units.parquet", frame)
    study = STUDY | {
        "metrics": {"spend": {"kind": "mean", "value": "spend"}},
        "unit_values": {"path": "units.parquet", "columns": {"experiment": {"value": "e"}, "variant": "arm"}},
    }
    row = row_of(bench.moments(study), "spend")
    assert row["mean"] == pytest.approx(0.1, rel=1e-16)
    assert row["variance"] == 0.0


def test_a_study_without_metrics_has_no_moments(bench: Any) -> None:
    bench.parquet("units.parquet", {"arm": ["A", "B"], "plan": ["x", "y"]})
    with bench.run(STUDY | {"metrics": {}}) as run:
        assert len(run.moments) == 0
        assert run.sums.rows["units"].sum() == 4, "units are counted all the same, whole and by slice"
