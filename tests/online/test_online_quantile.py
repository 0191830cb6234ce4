"""Quantiles out of the engine: of events and of units, whole, by slice and cumulative by day, against numpy."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abgap.errors import DataError
from abgap.online.intake import fact_source
from abgap.online.plan import make_plan
from abgap.online.quantiles import quantile_moments
from abgap.online.views import open_views
from abgap.records import Moments

Floats = npt.NDArray[np.float64]
START = pd.Timestamp("2026-03-02")
SECOND = pd.Timedelta(seconds=1)
Z = 1.959963984540054


def of_events(**more: Any) -> dict[str, Any]:
    """A study of one quantile metric over logs."""
    metric = {"kind": "quantile", "fact": "events", "value": "ms", "quantile": 0.9} | more
    return {
        "exposures": {
            "path": "exposures.parquet",
            "columns": {"experiment": {"value": "e"}, "unit": "id", "variant": "arm", "at": "ts"},
            "slices": ["device"],
        },
        "facts": {"events": {"path": "events.parquet", "columns": {"unit": "id", "at": "ts"}}},
        "metrics": {"slow": metric},
    }


def of_units(**more: Any) -> dict[str, Any]:
    """The same over one row per unit."""
    metric = {"kind": "quantile", "value": "ms", "quantile": 0.9} | more
    columns = {"experiment": {"value": "e"}, "variant": "arm"}
    values = {"path": "units.parquet", "columns": columns, "slices": ["device"]}
    return {"unit_values": values, "metrics": {"slow": metric}}


def found(bench: Any, declared: Mapping[str, Any], *, threads: int = 2, by_day: bool = True) -> Moments:
    """The moments of the quantile metrics of a study."""
    with bench.run(declared, threads=threads) as run:
        facts = {}
        if run.study.facts:
            views = open_views(run.engine, run.study, bench.directory)
            facts = {
                name: fact_source(run.study, views, name, run.wide.only_experiment)
                for name in run.study.facts
            }
        variants = {name: e.variants for name, e in run.declared.items()}
        followed = set(run.study.metrics) if by_day else set()
        return quantile_moments(
            run.engine, run.sums, run.wide, variants, facts, followed=followed, plan=make_plan(run.study)
        )


def by_hand(frame: pd.DataFrame, fraction: float) -> tuple[int, float, float]:
    """Units, quantile and variance of a frame of values by unit; NaN for a variance that cannot be told."""
    values = np.sort(frame["value"].to_numpy(dtype=np.float64))
    if not len(values):
        return 0, np.nan, np.nan
    lower = np.quantile(values, fraction, method="lower")
    sd = 0.0
    for reached in (frame["value"] < lower, frame["value"] <= lower):
        per_unit = pd.DataFrame({"id": frame["id"], "s": reached, "n": 1.0}).groupby("id").sum()
        left = per_unit["s"] - per_unit["s"].sum() / per_unit["n"].sum() * per_unit["n"]
        sd = max(sd, float(np.sqrt(len(left) * left.var(ddof=1))) / len(values))
    low, high = fraction - Z * sd, fraction + Z * sd
    units = frame["id"].nunique()
    if not (low >= 0 and high <= 1):
        return units, float(np.quantile(values, fraction)), np.nan
    ends = []
    edges = (np.quantile(values, low, method="lower"), np.quantile(values, high, method="higher"))
    for share, edge, side in ((low, edges[0], -1), (high, edges[1], 1)):
        end = np.quantile(values, share)
        beyond = values[side * values > side * edge]
        if (values == edge).sum() > 1 and len(beyond):
            end = (edge + (beyond.max() if side < 0 else beyond.min())) / 2
        ends.append(end)
    value = float(np.quantile(values, fraction))
    halves = sorted([value - ends[0], ends[1] - value])
    # As many values as lie in half of the interval say how much longer one half may be by chance.
    even = np.exp(2 * np.sqrt(2 * sd / (Z * fraction * (1 - fraction))))
    reach = halves[1] if halves[1] > even * halves[0] else sum(halves) / 2
    return units, value, float((reach / Z) ** 2)


def logs(bench: Any, *, seed: int = 1, step: float | None = None) -> pd.DataFrame:
    """Exposures of five days and events of ten; their join, one row per event in the window of three days."""
    rng = np.random.default_rng(seed)
    n = 300
    exposures = pd.DataFrame(
        {
            "id": [f"u{i:03d}" for i in range(n)],
            "arm": rng.choice(["A", "B"], n),
            "ts": START + rng.integers(0, 5 * 86400, n) * SECOND,
            "device": rng.choice(np.array(["phone", "desk", None]), n),
        }
    ).astype({"ts": "datetime64[us]"})
    ms = rng.lognormal(5, 0.7, 4000)
    events = pd.DataFrame(
        {
            "id": rng.choice(exposures["id"][:290], 4000),
            "ts": START + rng.integers(0, 10 * 86400, 4000) * SECOND,
            "ms": np.round(ms / step) * step if step else ms,
            # Columns called like those of units.
            "variant": "x",
            "day": 1,
            "device": "none",
        }
    ).astype({"ts": "datetime64[us]"})
    events.loc[::50, "ms"] = None
    bench.parquet("exposures.parquet", exposures)
    bench.parquet("events.parquet", events)
    joined = exposures.merge(events.drop(columns="device"), on="id", suffixes=("", "_event"))
    after = joined["ts_event"] - joined["ts"]
    chosen = (after >= pd.Timedelta(0)) & (after < pd.Timedelta(days=3)) & joined["ms"].notna()
    return joined[chosen].rename(columns={"ms": "value"})


def assert_row(row: Mapping[str, Any], expected: tuple[int, float, float]) -> None:
    units, value, variance = expected
    assert row["n"] == units
    assert row["mean"] == pytest.approx(value, rel=1e-12, nan_ok=True)
    assert row["variance"] == pytest.approx(units * variance, rel=1e-9, nan_ok=True)


@pytest.mark.parametrize("step", [None, 20.0])
def test_events_whole_by_slice_and_cumulative_by_day(bench: Any, row_of: Any, step: float | None) -> None:
    events = logs(bench, step=step)
    moments = found(bench, of_events(window_days=3))
    assert len(moments) == 2 * (1 + 3 + 5)
    for arm in "AB":
        of_arm = events[events["arm"] == arm]
        assert_row(row_of(moments, "slow", arm), by_hand(of_arm, 0.9))
        for device in ("phone", "desk", None):
            of_slice = of_arm[of_arm["device"].isna() if device is None else of_arm["device"] == device]
            row = row_of(moments, "slow", arm, slice_name="device", slice_value=device)
            assert_row(row, by_hand(of_slice, 0.9))
        for day in sorted(set(events["ts"].dt.date)):
            so_far = of_arm[of_arm["ts"].dt.date <= day]
            assert_row(row_of(moments, "slow", arm, period=str(day)), by_hand(so_far, 0.9))


def test_only_followed_metrics_have_rows_by_day(bench: Any) -> None:
    logs(bench)
    assert set(found(bench, of_events(), by_day=False).period) == {None}


def test_a_filter_and_an_expression_are_applied_to_events(bench: Any, row_of: Any) -> None:
    events = logs(bench)
    chosen = events[events["value"] > 100].assign(value=lambda f: np.log(f["value"]))
    moments = found(bench, of_events(window_days=3, where="ms > 100", value="ln(ms)", quantile=0.5))
    for arm in "AB":
        assert_row(row_of(moments, "slow", arm), by_hand(chosen[chosen["arm"] == arm], 0.5))


def test_with_an_aggregate_it_is_the_quantile_of_units_with_their_zeros(bench: Any, row_of: Any) -> None:
    events = logs(bench)
    exposures = pd.read_parquet(bench.directory / "exposures.parquet")
    sums = events.groupby("id")["value"].sum().reindex(exposures["id"]).fillna(0.0)
    frame = exposures.assign(value=sums.to_numpy())
    moments = found(bench, of_events(window_days=3, aggregate="sum", quantile=0.75))
    for arm in "AB":
        assert_row(row_of(moments, "slow", arm), by_hand(frame[frame["arm"] == arm], 0.75))


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.9, 0.999])
def test_units_of_a_ready_made_table(bench: Any, row_of: Any, fraction: float) -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {
            "id": range(400),
            "arm": rng.choice(["A", "B"], 400),
            "device": rng.choice(np.array(["phone", None]), 400),
            "ms": np.where(rng.random(400) < 0.1, np.nan, rng.poisson(30, 400)),
        }
    )
    bench.parquet("units.parquet", frame)
    moments = found(bench, of_units(quantile=fraction))
    known = frame.dropna(subset="ms").rename(columns={"ms": "value"})
    for arm in "AB":
        of_arm = known[known["arm"] == arm]
        assert_row(row_of(moments, "slow", arm), by_hand(of_arm, fraction))
        of_slice = of_arm[of_arm["device"].isna()]
        row = row_of(moments, "slow", arm, slice_name="device", slice_value=None)
        assert_row(row, by_hand(of_slice, fraction))


def test_an_arm_without_values_has_a_row_without_units(bench: Any, row_of: Any) -> None:
    logs(bench)
    moments = found(bench, of_events(where="ms < 0"))
    for arm in "AB":
        row = row_of(moments, "slow", arm)
        assert row["n"] == 0
        assert np.isnan([row["mean"], row["variance"]]).all()


def test_equal_values_have_a_quantile_that_does_not_vary(bench: Any, row_of: Any) -> None:
    logs(bench)
    row = row_of(found(bench, of_events(value="7")), "slow")
    assert (row["mean"], row["variance"]) == (7.0, 0.0)


@pytest.mark.parametrize("bad", ["cast('nan' as double)", "cast('-inf' as double)"])
def test_values_that_are_not_finite_are_refused_where_they_count(bench: Any, bad: str) -> None:
    logs(bench)
    value = f"case when ms > 500 then {bad} else ms end"
    with pytest.raises(DataError, match=r"metrics\.slow\.value: .*NaN or infinit"):
        found(bench, of_events(value=value))
    assert len(found(bench, of_events(value=value, where="ms < 500"))) > 0


def test_neither_the_order_of_rows_nor_threads_matter(bench: Any, agree_in_every_bit: Any) -> None:
    logs(bench, step=10.0)
    declared = of_events(window_days=3)
    first = found(bench, declared)
    for name in ("exposures.parquet", "events.parquet"):
        frame = pd.read_parquet(bench.directory / name)
        bench.parquet(name, frame.sample(frac=1, random_state=3))
    assert agree_in_every_bit(first, found(bench, declared, threads=1))


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    values=st.lists(st.integers(-6, 6) | st.floats(-1e6, 1e6), min_size=1, max_size=60),
    owners=st.integers(1, 12),
    fraction=st.floats(0.01, 0.99),
)
def test_any_values_at_all(
    bench: Any, row_of: Any, values: list[float], owners: int, fraction: float
) -> None:
    ids = [f"u{i % owners}" for i in range(len(values))]
    at = pd.Series([START] * len(values)).astype("datetime64[us]")
    events = pd.DataFrame({"id": ids, "ts": at, "ms": np.asarray(values, dtype=np.float64)})
    exposures = events[["id", "ts"]].drop_duplicates().assign(arm="A", device="d")
    bench.parquet("events.parquet", events)
    bench.parquet("exposures.parquet", exposures)
    row = row_of(found(bench, of_events(quantile=fraction), by_day=False), "slow")
    units, value, variance = by_hand(events.rename(columns={"ms": "value"}), fraction)
    assert row["n"] == units
    assert row["mean"] == pytest.approx(value, rel=1e-9, abs=1e-9)
    if units > 1:
        assert row["variance"] == pytest.approx(units * variance, rel=1e-6, abs=1e-9, nan_ok=True)


class TestClusters:
    """Where households were randomised, a quantile is one over households that have several values."""

    N = 600

    def tables(self, bench: Any) -> None:
        rng = np.random.default_rng(31)
        home = rng.integers(0, 120, self.N)
        users = pd.DataFrame(
            {
                "user": [f"u{i}" for i in range(self.N)],
                "home": [f"h{h}" for h in home],
                "arm": np.where(home % 2 == 0, "A", "B"),
                "device": np.where(home % 3 == 0, "phone", "desk"),
                "at": pd.Timestamp("2026-03-02") + pd.to_timedelta(home % 4, "D"),
                "wait": rng.lognormal(0.0, 0.3, self.N) * (1.0 + (home % 7) / 5.0),
            }
        )
        bench.parquet("users.parquet", users)
        own = rng.integers(0, self.N, 3_000)
        events = {
            "user": users["user"].to_numpy()[own],
            "home": users["home"].to_numpy()[own],
            "at": users["at"].to_numpy()[own] + pd.to_timedelta(rng.integers(1, 40, 3_000), "h"),
            "ms": rng.lognormal(5.0, 0.5, 3_000) * (1.0 + (home[own] % 7) / 5.0),
        }
        bench.parquet("events.parquet", events)

    def logs(self, unit: str) -> dict[str, Any]:
        experiment = {"control": "A", "start": dt.date(2026, 3, 2), "end": dt.date(2026, 3, 20)}
        columns = {"experiment": {"value": "e"}, "unit": unit, "variant": "arm", "at": "at"}
        metric = {"kind": "quantile", "fact": "events", "value": "ms", "quantile": 0.8}
        found: dict[str, Any] = {
            "experiments": {"e": experiment},
            "exposures": {"path": "users.parquet", "columns": columns, "slices": ["device"]},
            "facts": {"events": {"path": "events.parquet", "columns": {"unit": unit, "at": "at"}}},
            "metrics": {"slow": metric | {"window_days": 30}},
        }
        if unit == "user":
            found["units"] = {"path": "users.parquet", "columns": {"unit": "user", "cluster": "home"}}
        return found

    def test_events_of_a_cluster_count_as_those_of_one_unit(
        self, bench: Any, agree_in_every_bit: Callable[[Moments, Moments], bool]
    ) -> None:
        self.tables(bench)
        by_home, by_user = found(bench, self.logs("home")), found(bench, self.logs("user"))
        assert agree_in_every_bit(by_home, by_user), (
            "the household as the unit, and as the cluster of its users"
        )
        assert by_user.n[0] == 60.0

    def test_units_of_a_cluster_count_together(self, bench: Any) -> None:
        self.tables(bench)
        columns = {"experiment": {"value": "e"}, "unit": "user", "variant": "arm", "cluster": "home"}
        metric = {"kind": "quantile", "value": "wait", "quantile": 0.5}
        declared = {
            "unit_values": {"path": "users.parquet", "columns": columns},
            "metrics": {"slow": metric},
        }
        clustered = found(bench, declared)
        alone = found(
            bench, declared | {"unit_values": {"path": "users.parquet", "columns": columns_of(columns)}}
        )
        assert clustered.n.tolist() == [60.0, 60.0]
        assert clustered.mean.tolist() == alone.mean.tolist()
        of_mean = [m.variance / m.n for m in (clustered, alone)]
        assert (of_mean[0] > 1.5 * of_mean[1]).all(), "users of one household wait alike"


def columns_of(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: column for name, column in columns.items() if name != "cluster"}
