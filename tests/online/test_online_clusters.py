"""Clusters: sums over the units of each, variances between them, and what is left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.online.diagnostics import cluster_checks
from abgap.online.resamples import Wanted, resample
from abgap.online.scorecard import compare_arms, make_estimates
from abgap.online.traits import MetricTraits
from abgap.records import Direction, Estimate, Interval, Role, Status
from abgap.records.moments import FloatArray
from abgap.study.procedure import procedure_of

N = 900


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(21)
    cluster = rng.integers(0, 150, N)
    arm = np.where(cluster % 2 == 0, "A", "B")
    household = rng.normal(0.0, 5.0, 150)[cluster]
    spend = np.maximum(20.0 + household + rng.normal(0, 3, N), 0.0)
    return pd.DataFrame(
        {
            "user": [f"u{i}" for i in range(N)],
            "home": [f"h{c}" for c in cluster],
            "arm": arm,
            "device": np.where(
                cluster % 3 == 0,
                "phone",
                np.where((cluster % 3 == 1) | (rng.random(N) < 0.5), "desk", "phone"),
            ),
            "spend": np.where(rng.random(N) < 0.1, np.nan, spend),
            "orders": rng.poisson(2, N),
            "before": np.where(rng.random(N) < 0.2, np.nan, household + rng.normal(0, 1, N)),
        }
    )


def study(**metrics: Any) -> dict[str, Any]:
    return {
        "unit_values": {
            "path": "users.parquet",
            "columns": {"experiment": {"value": "e"}, "unit": "user", "variant": "arm", "cluster": "home"},
            "slices": ["device"],
        },
        "metrics": metrics,
    }


SPEND = {"kind": "mean", "value": "spend"}
BASKET = {"kind": "ratio", "numerator": {"value": "spend"}, "denominator": {"value": "orders"}}


def ratio_moments(top: pd.Series[float], bottom: pd.Series[float]) -> dict[str, float]:
    y, x = top.to_numpy(float), bottom.to_numpy(float)
    ratio = y.sum() / x.sum()
    rest = (y - ratio * x) / x.mean()
    return {"n": len(y), "mean": ratio, "variance": float(np.var(rest, ddof=1)), "numerator_mean": y.mean()}


def by_cluster(frame: pd.DataFrame, arm: str, columns: dict[str, Any]) -> pd.DataFrame:
    part = frame.assign(**columns)
    return part[part["arm"] == arm].groupby("home")[list(columns)].sum()


@pytest.mark.parametrize("arm", ["A", "B"])
def test_a_mean_is_the_ratio_of_sums_of_clusters_to_their_units(
    bench: Any, frame: pd.DataFrame, row_of: Callable[..., Any], arm: str
) -> None:
    bench.parquet("users.parquet", frame)
    found = row_of(bench.moments(study(spend=SPEND)), "spend", arm)
    known = frame["spend"].notna()
    sums = by_cluster(frame, arm, {"y": frame["spend"].fillna(0.0), "x": known.astype(float)})
    for name, value in ratio_moments(sums["y"], sums["x"]).items():
        assert found[name] == pytest.approx(value, rel=1e-12), name
    units = frame[(frame["arm"] == arm) & known]["spend"]
    assert found["mean"] == pytest.approx(units.mean(), rel=1e-12)
    # Homes spend alike: units taken as independent would look far more certain than they are.
    assert found["variance"] / found["n"] > 2.0 * units.var() / len(units)


def test_a_ratio_adds_up_both_sides_of_units_that_have_both(
    bench: Any, frame: pd.DataFrame, row_of: Callable[..., Any]
) -> None:
    bench.parquet("users.parquet", frame)
    found = row_of(bench.moments(study(basket=BASKET)), "basket", "B")
    known = frame["spend"].notna()
    sums = by_cluster(frame, "B", {"y": frame["spend"].fillna(0.0), "x": frame["orders"].where(known, 0)})
    for name, value in ratio_moments(sums["y"], sums["x"]).items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


def test_caps_are_of_units(bench: Any, frame: pd.DataFrame, row_of: Callable[..., Any]) -> None:
    bench.parquet("users.parquet", frame)
    capped = {**SPEND, "cap_percentile": 90}
    found = row_of(bench.moments(study(spend=capped)), "spend", "A")
    cap = float(np.nanquantile(frame["spend"], 0.9))
    known = frame["spend"].notna()
    values = frame["spend"].clip(upper=cap).fillna(0.0)
    sums = by_cluster(frame, "A", {"y": values, "x": known.astype(float)})
    assert found["mean"] == pytest.approx(ratio_moments(sums["y"], sums["x"])["mean"], rel=1e-12)
    in_a = frame["arm"] == "A"
    assert found["capped_units"] == (frame["spend"] > cap)[in_a].sum()
    cut_off = (frame["spend"].fillna(0.0) - values)[in_a].sum()
    assert found["capped_value"] * found["n"] == pytest.approx(cut_off)


def test_a_share_per_unit_has_the_variance_of_clusters(
    bench: Any, frame: pd.DataFrame, row_of: Callable[..., Any]
) -> None:
    bench.parquet("users.parquet", frame)
    found = row_of(bench.moments(study(many={"kind": "proportion", "value": "orders > 2"})), "many", "A")
    sums = by_cluster(frame, "A", {"y": (frame["orders"] > 2).astype(float), "x": 1.0})
    for name, value in ratio_moments(sums["y"], sums["x"]).items():
        assert found[name] == pytest.approx(value, rel=1e-12), name


def test_a_slice_is_what_all_units_of_a_cluster_have(
    bench: Any, frame: pd.DataFrame, row_of: Callable[..., Any]
) -> None:
    bench.parquet("users.parquet", frame)
    moments = bench.moments(study(spend=SPEND))
    in_a = frame[frame["arm"] == "A"].groupby("home")["device"]
    values = in_a.min().where(in_a.min() == in_a.max())
    for value in ("phone", "desk", None):
        expected = values.isna().sum() if value is None else (values == value).sum()
        row = row_of(moments, "spend", "A", slice_name="device", slice_value=value)
        assert row["n"] == expected


def test_clusters_in_two_variants_and_units_without_one_are_left_out_and_counted(
    bench: Any, frame: pd.DataFrame, row_of: Callable[..., Any]
) -> None:
    frame.loc[frame["home"] == "h4", "arm"] = ["B"] + ["A"] * ((frame["home"] == "h4").sum() - 1)
    frame.loc[:9, "home"] = None
    bench.parquet("users.parquet", frame)
    with bench.run(study(spend=SPEND)) as run:
        found = row_of(run.moments, "spend", "A")
        checks = {check.name: check for check in cluster_checks(run.declared.values(), run.wide)}
    homes = frame[frame["home"].notna() & (frame["home"] != "h4") & (frame["arm"] == "A")]["home"]
    assert found["n"] == homes.nunique()
    mixed, without = checks["clusters_in_two_variants"], checks["units_without_cluster"]
    assert mixed.status is Status.WARN
    assert mixed.sentence.startswith(f"1 of {frame['home'].nunique()} clusters")
    assert without.status is Status.WARN
    assert without.value == pytest.approx(10 / N)


def test_many_clusters_in_two_variants_block(bench: Any, frame: pd.DataFrame) -> None:
    bench.parquet("users.parquet", frame.assign(arm=np.where(np.arange(N) % 2 == 0, "A", "B")))
    with bench.run(study(spend=SPEND)) as run:
        (check,) = cluster_checks(run.declared.values(), run.wide)
    assert check.status is Status.FAIL
    assert check.blocking


def estimates(run: Any, **more: Any) -> dict[str, Estimate]:
    traits = {
        name: MetricTraits(
            name=name,
            kind=metric.kind,
            role=Role.PRIMARY,
            direction=Direction.UP,
            smallest_worthwhile_lift=None,
            non_inferiority_margin=None,
            cumulative=False,
        )
        for name, metric in run.study.metrics.items()
    }
    found = make_estimates(compare_arms(run.moments, {"e": "A"}, traits, procedure_of(run.study), **more))
    return {e.metric: e for e in found if e.slice_name is None}


def test_estimates_say_that_n_counts_clusters(bench: Any, frame: pd.DataFrame) -> None:
    bench.parquet("users.parquet", frame)
    many = {"kind": "proportion", "value": "orders > 2"}
    with bench.run(study(spend=SPEND, many=many)) as run:
        found = estimates(run)
    for estimate in found.values():
        assert estimate.n_control + estimate.n_treatment == frame["home"].nunique()
        assert any("n counts clusters" in note for note in estimate.notes)
        assert isinstance(estimate.difference, Interval)
        assert estimate.difference.method == "delta"


def test_a_covariate_of_clusters_removes_what_clusters_differed_in(bench: Any, frame: pd.DataFrame) -> None:
    bench.parquet("users.parquet", frame)
    with bench.run(study(spend={**SPEND, "covariate": {"column": "before"}})) as run:
        found = estimates(run)["spend"]
    assert found.covariate_variance_removed is not None
    assert found.covariate_variance_removed > 0.3
    assert found.share_without_history is None


def test_clusters_are_drawn_as_a_whole(bench: Any, frame: pd.DataFrame) -> None:
    bench.parquet("users.parquet", frame)
    with bench.run(study(spend={**SPEND, "bootstrap": True})) as run:
        wanted = Wanted(metrics=("spend",), funnels=(), draws=1_000, seed=1)
        draws = resample(run.engine, run.sums.plan, run.wide, wanted, progress=lambda _: None)
        plain, found = estimates(run)["spend"].difference, estimates(run, resamples=draws)["spend"].difference
    assert isinstance(plain, Interval)
    assert isinstance(found, Interval)
    assert found.high - found.low == pytest.approx(plain.high - plain.low, rel=0.1)


def test_funnels_are_told_per_unit(bench: Any, frame: pd.DataFrame, row_of: Callable[..., Any]) -> None:
    frame = frame.assign(spend=frame["spend"].fillna(0.0))
    bench.parquet("users.parquet", frame)
    declared = study(
        orders={"kind": "mean", "value": "orders"},
        price={"kind": "ratio", "numerator": {"value": "spend"}, "denominator": {"value": "orders"}},
        total={"kind": "mean", "value": "spend"},
    )
    declared["funnels"] = {"buying": {"total": "total", "stages": ["orders", "price"]}}
    found = row_of(bench.moments(declared), "buying", "B")
    sums = by_cluster(frame, "B", {"y": frame["spend"], "o": frame["orders"], "x": 1.0})
    x = sums["x"].to_numpy()
    rests: list[FloatArray] = []
    for name, mean in zip(("o", "y"), found["stage_means"], strict=True):
        assert mean == pytest.approx(sums[name].sum() / x.sum(), rel=1e-12)
        rests.append((sums[name].to_numpy() - mean * x) / x.mean())
    assert found["n"] == len(sums)
    np.testing.assert_allclose(np.reshape(found["stage_covariances"], (2, 2)), np.cov(rests), rtol=1e-9)


def test_clusters_of_logs_come_from_the_table_of_units(
    bench: Any, frame: pd.DataFrame, row_of: Callable[..., Any]
) -> None:
    seen = pd.to_datetime("2026-03-01") + pd.to_timedelta(np.arange(N) % 48, unit="h")
    bench.parquet("seen.parquet", frame[["user", "arm"]].assign(ts=seen.astype("datetime64[us]")))
    bench.parquet("homes.parquet", frame[["user", "home", "before"]][5:])
    events = frame.loc[frame.index.repeat(frame["orders"]), ["user"]]
    at = np.full(len(events), np.datetime64("2026-03-04", "us"))
    bench.parquet("events.parquet", events.assign(ts=at, amount=0.1))
    declared = {
        "exposures": {
            "path": "seen.parquet",
            "columns": {"experiment": {"value": "e"}, "unit": "user", "variant": "arm", "at": "ts"},
        },
        "facts": {"events": {"path": "events.parquet", "columns": {"unit": "user", "at": "ts"}}},
        "units": {"path": "homes.parquet", "columns": {"unit": "user", "cluster": "home"}},
        "metrics": {"amount": {"kind": "mean", "fact": "events", "value": "amount"}},
    }
    with bench.run(declared) as run:
        found = row_of(run.moments, "amount", "A")
        day = row_of(run.moments, "amount", "A", period="2026-03-01")
        checks = {check.name for check in cluster_checks(run.declared.values(), run.wide)}
    rest = frame[5:]
    sums = by_cluster(rest, "A", {"y": 0.1 * rest["orders"], "x": 1.0})
    for name, value in ratio_moments(sums["y"], sums["x"]).items():
        assert found[name] == pytest.approx(value, rel=1e-9), name
    first = seen[5:].to_series(index=rest.index).groupby(rest["home"]).min()
    homes = rest[rest["arm"] == "A"]["home"].unique()
    assert day["n"] == (first[homes] < pd.Timestamp("2026-03-02")).sum()
    assert checks == {"clusters_in_two_variants", "units_without_cluster"}
