"""Retention: who came back between two days after first exposure, told only of units that are old enough."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

EXPOSED = pd.Timestamp("2026-03-02 10:00:00")
DAY = pd.Timedelta(days=1)


def study(
    first: float = 7, end: float = 14, *, experiment: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "exposures": {
            "path": "exposures.parquet",
            "columns": {"experiment": {"value": "e"}, "unit": "id", "variant": "arm", "at": "ts"},
        },
        "facts": {"events": {"path": "events.parquet", "columns": {"unit": "id", "at": "ts"}}},
        "experiments": {"e": {"control": "A"} | dict(experiment or {})},
        "metrics": {
            "back": {
                "kind": "retention",
                "fact": "events",
                "where": "event <> 'ping'",
                "from_day": first,
                "to_day": end,
            }
        },
    }


def write(bench: Any, exposed: Mapping[str, Any], events: list[tuple[str, Any, str]]) -> None:
    arms = {"id": list(exposed), "arm": ["A"] * len(exposed), "ts": list(exposed.values())}
    bench.parquet("exposures.parquet", pd.DataFrame(arms).astype({"ts": "datetime64[us]"}))
    frame = pd.DataFrame(events, columns=["id", "ts", "event"])
    bench.parquet("events.parquet", frame.astype({"ts": "datetime64[us]"}))


def values(bench: Any, declared: Mapping[str, Any]) -> dict[str, float | None]:
    with bench.run(declared) as run:
        frame = run.outcomes()
    return {u: None if pd.isna(v) else float(v) for u, v in zip(frame["unit"], frame["back"], strict=True)}


@pytest.mark.parametrize(
    ("after", "came_back"),
    [
        (pd.Timedelta(days=7) - pd.Timedelta(microseconds=1), 0.0),
        (pd.Timedelta(days=7), 1.0),
        (pd.Timedelta(days=14) - pd.Timedelta(microseconds=1), 1.0),
        (pd.Timedelta(days=14), 0.0),
    ],
)
def test_it_counts_from_the_first_day_until_before_the_last(
    bench: Any, after: pd.Timedelta, came_back: float
) -> None:
    write(bench, {"u": EXPOSED}, [("u", EXPOSED + after, "visit"), ("x", EXPOSED + 30 * DAY, "visit")])
    assert values(bench, study()) == {"u": came_back}


def test_from_day_0_counts_the_exposure_itself(bench: Any) -> None:
    write(bench, {"u": EXPOSED, "v": EXPOSED}, [("u", EXPOSED, "visit"), ("x", EXPOSED + DAY, "visit")])
    assert values(bench, study(0, 1)) == {"u": 1.0, "v": 0.0}


def test_events_that_do_not_match_are_no_return_but_tell_how_far_the_data_reach(bench: Any) -> None:
    write(bench, {"u": EXPOSED}, [("u", EXPOSED + 8 * DAY, "ping"), ("u", EXPOSED + 14 * DAY, "ping")])
    assert values(bench, study()) == {"u": 0.0}


def test_a_unit_that_is_too_young_has_no_value_even_if_it_came_back(bench: Any) -> None:
    last = EXPOSED + 20 * DAY
    second = pd.Timedelta(seconds=1)
    exposed = {"old": last - 14 * DAY, "young": last - 14 * DAY + second, "came": EXPOSED + 10 * DAY}
    write(bench, exposed, [("came", EXPOSED + 18 * DAY, "visit"), ("x", last, "visit")])
    assert values(bench, study()) == {"old": 0.0, "young": None, "came": None}


def test_data_that_reach_into_the_last_day_reach_up_to_the_end(bench: Any) -> None:
    end = {"end": dt.date(2026, 3, 20)}
    exposed = {"u": pd.Timestamp("2026-03-06 00:00"), "v": pd.Timestamp("2026-03-06 00:00:01")}
    write(bench, exposed, [("x", pd.Timestamp("2026-03-19 20:00"), "visit")])
    assert values(bench, study(experiment=end)) == {"u": 0.0, "v": None}
    write(bench, exposed, [("x", pd.Timestamp("2026-03-18 23:59"), "visit")])
    assert values(bench, study(experiment=end)) == {"u": None, "v": None}


def test_without_any_event_nobody_is_old_enough(bench: Any, row_of: Any) -> None:
    write(bench, {"u": EXPOSED}, [])
    with bench.run(study()) as run:
        row = row_of(run.moments, "back")
    assert row["n"] == 0
    assert np.isnan(row["mean"])


def simulated(bench: Any, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    n = 600
    exposures = pd.DataFrame(
        {
            "id": [f"u{i}" for i in range(n)],
            "arm": rng.choice(["A", "B"], n),
            "ts": EXPOSED + rng.integers(0, 12 * 86400, n) * pd.Timedelta(seconds=1),
            "device": rng.choice(["phone", "desk"], n),
        }
    ).astype({"ts": "datetime64[us]"})
    events = pd.DataFrame(
        {
            "id": rng.choice(exposures["id"], 1500),
            "ts": EXPOSED + rng.integers(0, 20 * 86400, 1500) * pd.Timedelta(seconds=1),
            "event": rng.choice(["visit", "ping"], 1500),
        }
    ).astype({"ts": "datetime64[us]"})
    bench.parquet("exposures.parquet", exposures)
    bench.parquet("events.parquet", events)
    return exposures, events


def by_hand(exposures: pd.DataFrame, events: pd.DataFrame, first: float, end: float) -> pd.DataFrame:
    joined = exposures.merge(events[events["event"] != "ping"], on="id", suffixes=("", "_event"))
    after = joined["ts_event"] - joined["ts"]
    came = set(joined.loc[(after >= first * DAY) & (after < end * DAY), "id"])
    old = pd.DataFrame(exposures[exposures["ts"] + end * DAY <= events["ts"].max()])
    old["back"] = old["id"].isin(came).astype(float)
    return old


def test_moments_of_slices_and_days_are_those_of_the_units_that_are_old_enough(
    bench: Any, row_of: Any
) -> None:
    exposures, events = simulated(bench)
    expected = by_hand(exposures, events, 1, 5.5)
    declared = study(1, 5.5)
    declared["exposures"]["slices"] = ["device"]
    moments = bench.moments(declared)
    cases: list[tuple[Mapping[str, Any], pd.Series]] = [({}, expected["arm"].notna())]
    cases += [
        ({"slice_name": "device", "slice_value": d}, expected["device"] == d) for d in ("desk", "phone")
    ]
    cases += [
        ({"period": str(day)}, expected["ts"].dt.date == day)
        for day in sorted(set(exposures["ts"].dt.date))[:11]
    ]
    for keys, chosen in cases:
        for arm in "AB":
            share = expected.loc[chosen & (expected["arm"] == arm), "back"]
            row = row_of(moments, "back", arm, **keys)
            assert row["n"] == len(share)
            assert row["mean"] == pytest.approx(share.mean(), rel=1e-12)
            assert row["variance"] == pytest.approx(share.var(), rel=1e-12)


def test_the_order_of_rows_does_not_matter(bench: Any, agree_in_every_bit: Any) -> None:
    exposures, events = simulated(bench)
    first = bench.moments(study(1, 5))
    bench.parquet("exposures.parquet", exposures.sample(frac=1, random_state=1))
    bench.parquet("events.parquet", events.sample(frac=1, random_state=2))
    assert agree_in_every_bit(first, bench.moments(study(1, 5), threads=1))
