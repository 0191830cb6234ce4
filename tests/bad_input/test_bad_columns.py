"""Columns that are missing, or that hold something else."""

from __future__ import annotations

import math
from typing import Any

import pytest


def test_a_missing_column_names_the_nearest_there_is(over_logs: Any) -> None:
    over_logs.study["exposures"]["columns"]["variant"] = "amr"
    assert over_logs.refused("check") == (
        "exposures.columns.variant: column 'amr' is not in exposures (has: arm, device, exp, id, ts); "
        "did you mean 'arm'?"
    )


def test_a_missing_column_of_a_metric(over_logs: Any) -> None:
    over_logs.study["metrics"]["revenue"]["value"] = "amuont"
    assert over_logs.refused("check") == (
        "metrics.revenue.value: column 'amuont' is not in facts.events (has: amount, at, id, ts, unit); "
        "did you mean 'amount'?"
    )


def test_a_missing_slice(over_logs: Any) -> None:
    over_logs.study["exposures"]["slices"] = ["country"]
    assert over_logs.refused("check") == (
        "exposures.slices: column 'country' is not in exposures (has: arm, device, exp, id, ts); "
        "name one of them, or map it under columns"
    )


def test_text_where_a_number_is_needed(over_values: Any, good_values: Any) -> None:
    values = good_values()
    over_values.parquet("units.parquet", values | {"spend": [*["1.5"] * 59, "n/a"]})
    assert over_values.refused("check") == (
        "metrics.spend.value: a number is needed, but 'spend' is VARCHAR and holds 'n/a'; mend the data, or write "
        "try_cast(spend as double) to take what is no number as missing"
    )


def test_a_number_where_a_time_is_needed(over_logs: Any, good_logs: Any) -> None:
    columns = good_logs()["exposures"]
    over_logs.parquet("exposures.parquet", columns | {"ts": list(range(60))})
    assert over_logs.refused("check") == (
        "exposures.columns.at: a timestamp is needed, the column is BIGINT; "
        '{ expr = "epoch_ms(...)" } for milliseconds, { expr = "make_timestamp(...)" } for microseconds'
    )


def test_times_that_cannot_be_read_are_counted(over_logs: Any, good_logs: Any) -> None:
    columns = good_logs()["exposures"]
    over_logs.parquet("exposures.parquet", columns | {"ts": ["soon", *["2026-03-02 10:00"] * 59]})
    check = over_logs.checks()["exposures_left_out"]
    assert check["sentence"] == "1 of 60 exposure rows are not used: 1 without a readable time."


def test_a_condition_that_is_none(over_logs: Any) -> None:
    over_logs.study["metrics"]["orders"]["where"] = "amount"
    assert over_logs.refused("check") == (
        "metrics.orders.where: a condition is needed, but 'amount' is DOUBLE; "
        "compare it with something, such as amount > 0"
    )


def test_a_cast_that_fails_on_some_row(over_logs: Any) -> None:
    over_logs.study["metrics"]["orders"]["where"] = "cast(id as integer) > 5"
    said = over_logs.refused("check")
    assert said.startswith("metrics.orders: Could not convert string 'u")
    assert said.endswith("INT32") or "INT32" in said


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
class TestNotFinite:
    def test_in_parquet_values(self, over_values: Any, good_values: Any, bad: float) -> None:
        over_values.parquet("units.parquet", good_values() | {"spend": [bad, *[1.0] * 59]})
        assert over_values.refused("check") == (
            "metrics.spend: 'spend' holds NaN or infinite values, which cannot be added up; "
            "mend the data, or take them as missing with `case when isfinite(column) then column end`"
        )

    def test_in_csv_events(self, over_logs: Any, bad: float) -> None:
        over_logs.file("events.csv", f"id,ts,amount\nu00,2026-03-03,{bad}\nu01,2026-03-03,1.5\n")
        over_logs.study["facts"]["events"]["path"] = "events.csv"
        assert over_logs.refused("check") == (
            "metrics.revenue.value: 'amount' holds NaN or infinite values, which cannot be added up; "
            'mend the data, or leave them out with `where = "isfinite(...)"`'
        )


def test_values_that_are_too_large_to_square(over_values: Any, good_values: Any) -> None:
    over_values.parquet("units.parquet", good_values() | {"spend": [1e300, *[1.0] * 59]})
    assert over_values.refused("check") == (
        "metrics.spend: the largest value of 'spend' is 1e+300, and sums of its square do not fit into a "
        "floating-point number; measure it in another unit"
    )


def test_a_share_that_is_none(over_values: Any) -> None:
    over_values.study["metrics"]["visited"] = {"kind": "proportion", "value": "visits"}
    assert over_values.refused("check") == (
        "metrics.visited.value: a proportion needs 0 or 1 (or true and false) for every unit, 'visits' has values "
        'between 1 and 3; write a condition such as "visits > 0", or use kind = "mean"'
    )


def test_negative_money_is_a_warning_and_counts(over_logs: Any, good_logs: Any) -> None:
    events = good_logs()["events"]
    over_logs.parquet("events.parquet", events | {"amount": [-50.0, *events["amount"][1:]]})
    assert over_logs.run("check").code == 0
    check = over_logs.checks()["negative_values"]
    assert (check["status"], check["value"]) == ("warn", -50)
    assert check["sentence"] == (
        "revenue has values below zero in 1 event (smallest -50). "
        "Refunds are fine; if they are faults, filter them with `where`."
    )
    amounts = [-50.0, *events["amount"][1:]]
    of_control = sum(a for unit, a in zip(events["id"], amounts, strict=True) if int(unit[1:]) % 2 == 0)
    assert over_logs.estimates()["revenue"]["value_control"] == pytest.approx(of_control / 30)
