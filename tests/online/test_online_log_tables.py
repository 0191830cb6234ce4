"""Logs as they are written: with times in every shape, without them, over several tables, in one scan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import pandas as pd
import pytest

from abgap.errors import DataError, StudyError
from tests.online.tiny_logs import COUNT, EXPOSED, SUM, events, exposures, study, values


class TestWithoutTime:
    def test_a_fact_without_time_counts_all_events_of_a_unit(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", "2020-01-01", 4.0), ("u", "2030-01-01", 5.0))
        assert values(bench, study(SUM, events={"columns": {"unit": "id"}}), "spend") == {"u": 9.0}

    def test_exposures_without_time_have_no_windows_and_no_days(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", "2020-01-01", 4.0), ("u", "2030-01-01", 5.0))
        untimed = {"columns": {"experiment": "exp", "unit": "id", "variant": "arm"}}
        with bench.run(study(SUM, exposures=untimed)) as run:
            assert run.outcomes()["spend"].tolist() == [9.0]
            assert not any(period is not None for period in run.moments.period)

    def test_events_without_a_time_or_a_unit_are_counted_and_not_used(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        frame = {
            "id": ["u", "u", None, ""],
            "ts": pd.to_datetime(pd.Series([EXPOSED, None, EXPOSED, EXPOSED])),
            "amount": [1.0, 20.0, 300.0, 4000.0],
        }
        bench.parquet("events.parquet", frame)
        with bench.run(study(SUM)) as run:
            assert run.outcomes()["spend"].tolist() == [1.0]
            (intake,) = run.wide.intakes
            assert (intake.row_count, intake.no_unit, intake.no_time) == (4, 2, 1)
            assert intake.last_at == EXPOSED


class TestTimes:
    """Whatever a time is written as, it is compared in UTC."""

    SUMMER = "2026-07-01 00:30:00"

    def exposed_at(
        self, bench: Any, ts: Any, timezone: str = "Europe/Berlin", path: str = "x.parquet"
    ) -> str:
        if path.endswith("parquet"):
            bench.parquet(path, {"exp": ["e"], "id": ["u"], "arm": ["A"], "ts": ts})
        else:
            bench.text(path, f"exp,id,arm,ts\ne,u,A,{ts}\n")
        events(bench)
        declared = study(SUM, exposures={"path": path}, study={"timezone": timezone})
        with bench.run(declared) as run:
            ((at, day),) = run.engine.rows("SELECT exposed_at::VARCHAR, day::VARCHAR FROM first_exposures")
        return f"{at} on {day}"

    def test_a_naive_timestamp_is_local_time(self, bench: Any) -> None:
        ts = pd.to_datetime([self.SUMMER])
        assert self.exposed_at(bench, ts) == "2026-06-30 22:30:00 on 2026-07-01"
        assert self.exposed_at(bench, ts, "UTC") == "2026-07-01 00:30:00 on 2026-07-01"

    def test_winter_and_summer_time_differ(self, bench: Any) -> None:
        before, after = pd.to_datetime(["2026-03-29 01:59:59"]), pd.to_datetime(["2026-03-29 03:00:00"])
        assert self.exposed_at(bench, before) == "2026-03-29 00:59:59 on 2026-03-29"
        assert self.exposed_at(bench, after) == "2026-03-29 01:00:00 on 2026-03-29"

    @pytest.mark.parametrize(
        ("local", "utc"),
        [("2026-03-29 02:30", "2026-03-29 01:30:00"), ("2026-10-25 02:30", "2026-10-25 01:30:00")],
    )
    def test_a_time_that_is_skipped_or_repeated_is_standard_time(
        self, bench: Any, local: str, utc: str
    ) -> None:
        assert self.exposed_at(bench, pd.to_datetime([local])).startswith(utc)

    def test_a_timestamp_with_a_zone_is_what_it_says(self, bench: Any) -> None:
        ts = pd.to_datetime([self.SUMMER]).tz_localize("America/New_York")
        assert self.exposed_at(bench, ts) == "2026-07-01 04:30:00 on 2026-07-01"

    @pytest.mark.parametrize(
        "ts",
        [
            "2026-07-01T00:30:00+02:00",
            "2026-07-01 00:30:00+02",
            "2026-06-30 22:30:00Z",
            "2026-06-30 22:30:00 UTC",
            "2026-07-01 00:30:00 Europe/Berlin",
            "2026-07-01 00:30:00",
            "2026-07-01 00:30",
        ],
    )
    def test_text_is_read_with_its_zone_or_as_local_time(self, bench: Any, ts: str) -> None:
        assert self.exposed_at(bench, [ts]) == "2026-06-30 22:30:00 on 2026-07-01"

    @pytest.mark.parametrize("ts", ["2026-07-01T00:30:00+02:00", "2026-07-01 00:30:00"])
    def test_a_csv_says_the_same(self, bench: Any, ts: str) -> None:
        assert self.exposed_at(bench, ts, path="x.csv") == "2026-06-30 22:30:00 on 2026-07-01"

    def test_a_date_is_its_first_instant(self, bench: Any) -> None:
        assert self.exposed_at(bench, [dt.date(2026, 7, 1)]) == "2026-06-30 22:00:00 on 2026-07-01"
        assert self.exposed_at(bench, "2026-07-01", path="x.csv") == "2026-06-30 22:00:00 on 2026-07-01"

    def test_a_number_is_no_time_until_an_expression_says_which(self, bench: Any) -> None:
        with pytest.raises(
            DataError, match=r"exposures\.columns\.at: a timestamp is needed, the column is BIGINT; \{ expr"
        ):
            self.exposed_at(bench, [1_782_858_600_000])
        bench.parquet("x.parquet", {"exp": ["e"], "id": ["u"], "arm": ["A"], "ms": [1_782_858_600_000]})
        columns = {"experiment": "exp", "unit": "id", "variant": "arm", "at": {"expr": "epoch_ms(ms)"}}
        declared = study(SUM, exposures={"path": "x.parquet", "columns": columns})
        with bench.run(declared) as run:
            assert run.engine.rows("SELECT exposed_at::VARCHAR FROM first_exposures") == [
                ("2026-06-30 22:30:00",)
            ]


WITH_HISTORY = {"spend": SUM["spend"] | {"covariate": {"column": "history"}}}


class TestUnitsTable:
    def declared(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        return study(WITH_HISTORY, units={"path": "units.parquet", "columns": {"unit": "id"} | dict(columns)})

    def prepare(self, bench: Any, **columns: Any) -> None:
        exposures(bench, ("e", "1", "A", EXPOSED), ("e", "2", "A", EXPOSED))
        events(bench, ("1", EXPOSED, 2.0))
        bench.parquet("units.parquet", {"id": [1, 3]} | columns)

    def test_a_column_of_it_is_a_covariate_and_unknown_units_have_none(self, bench: Any, row_of: Any) -> None:
        self.prepare(bench, history=[8, 9])
        row = row_of(bench.moments(self.declared({})), "spend")
        assert (row["n"], row["covariate_mean"], row["without_history"]) == (2, 4.0, 1)

    def test_it_may_be_renamed_or_computed(self, bench: Any, row_of: Any) -> None:
        self.prepare(bench, old=[8, 9])
        assert row_of(bench.moments(self.declared({"history": "old"})), "spend")["covariate_mean"] == 4.0
        computed = self.declared({"history": {"expr": "old * 10"}})
        assert row_of(bench.moments(computed), "spend")["covariate_mean"] == 40.0

    def test_text_is_no_covariate_however_it_is_mapped(self, bench: Any) -> None:
        self.prepare(bench, old=["x", "y"])
        for columns in ({"history": "old"}, {"history": {"expr": "lower(old)"}}):
            with pytest.raises(
                DataError, match=r"covariate\.column: column 'history' of units is VARCHAR, a number"
            ):
                bench.moments(self.declared(columns))

    def test_a_missing_column_is_named_with_its_nearest(self, bench: Any) -> None:
        self.prepare(bench, histroy=[8, 9])
        with pytest.raises(DataError, match=r"column 'history' is not in units .*did you mean 'histroy'\?"):
            bench.moments(self.declared({}))

    def test_a_unit_in_two_rows_is_refused(self, bench: Any) -> None:
        self.prepare(bench, history=[8, 9])
        bench.parquet("units.parquet", {"id": [1, 1, 2], "history": [1, 2, 3]})
        with pytest.raises(DataError, match=r"units: there is more than one row for 1 unit, e\.g\. '1'"):
            bench.moments(self.declared({}))


class TestOneScan:
    def test_a_fact_is_read_once_or_twice_whatever_the_number_of_experiments_and_metrics(
        self, bench: Any
    ) -> None:
        names = [f"exp{i}" for i in range(12)]
        exposures(bench, *((name, f"u{i}", "AB"[i % 2], EXPOSED) for name in names for i in range(4)))
        events(bench, ("u1", EXPOSED, 1.0))
        metrics = {f"m{i}": SUM["spend"] | {"where": f"amount > {i}", "window_days": i + 1} for i in range(9)}
        metrics |= {f"c{i}": COUNT["n"] | {"covariate": {"lookback_days": i + 1}} for i in range(3)}
        experiments = {name: {"control": "A"} for name in names}
        with bench.run(study(metrics, experiments=experiments)) as run:
            ran = [statement.name for statement in run.engine.record.texts]
        assert sorted(ran) == [
            "cells",
            "enrolment_counts",
            "enrolments",
            "exposure_counts",
            "exposures",
            "fact",
            "fact_intake",
            "first_exposures",
            "part_values",
            "rollup",
            "unit_outcomes",
            "unit_partials",
            "unit_parts",
            "unit_ranges",
        ]

    def test_metrics_that_need_the_same_number_share_it(self, bench: Any, row_of: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED), ("e", "v", "A", EXPOSED))
        events(bench, ("u", EXPOSED, 6.0), ("u", EXPOSED, 2.0))
        part = {"fact": "events", "value": "amount"}
        metrics = {
            "spend": {"kind": "mean"} | part,
            "again": {"kind": "mean"} | part | {"aggregate": "sum"},
            "per_event": {"kind": "ratio", "numerator": part, "denominator": {"fact": "events"}},
        }
        with bench.run(study(metrics)) as run:
            assert [p.name for p in run.sums.plan.parts] == ["spend", "per_event: denominator"]
            assert row_of(run.moments, "again")["mean"] == 4.0
            assert row_of(run.moments, "per_event")["mean"] == 4.0


class TestFacts:
    def test_a_user_condition_is_a_condition(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", EXPOSED, 1.0))
        metric = {"n": COUNT["n"] | {"where": "amount"}}
        with pytest.raises(
            DataError, match=r"metrics\.n\.where: a condition is needed, but 'amount' is DOUBLE; compare"
        ):
            bench.moments(study(metric))

    def test_types_that_do_not_go_together_are_said_with_their_place(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", EXPOSED, 1.0))
        metric = {"n": COUNT["n"] | {"where": "ts = 5"}}
        with pytest.raises(DataError, match=r"metrics\.n: Unimplemented type for cast"):
            bench.moments(study(metric))

    def test_text_that_cannot_be_cast_is_said_with_its_place(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        bench.text("events.csv", f"id,ts,amount\nu,{EXPOSED},1.5\nu,{EXPOSED},free\n")
        metrics = COUNT | {"spend": SUM["spend"] | {"value": "cast(amount as double)"}}
        with pytest.raises(DataError, match=r"metrics\.spend: Could not convert string 'free' to DOUBLE"):
            bench.moments(study(metrics, events={"path": "events.csv"}))

    def test_a_subquery_is_refused(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", EXPOSED, 1.0))
        metric = {"n": COUNT["n"] | {"where": "amount > (SELECT 1)"}}
        with pytest.raises(StudyError, match=r"metrics\.n\.where: .* holds a subquery"):
            bench.moments(study(metric))

    def test_units_that_have_events_are_counted(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED), ("e", "v", "A", EXPOSED))
        events(bench, ("u", EXPOSED, 1.0), ("0007", EXPOSED, 1.0))
        with bench.run(study(SUM)) as run:
            (intake,) = run.wide.intakes
            assert (intake.row_count, intake.with_events) == (2, 1)

    def test_extra_columns_can_be_mapped_for_a_fact(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", EXPOSED, 3.0))
        columns = {"unit": "id", "at": "ts", "cents": {"expr": "amount * 100"}}
        metric = {"x": {"kind": "mean", "fact": "events", "value": "cents", "where": "id = 'u'"}}
        assert values(bench, study(metric, events={"columns": columns}), "x") == {"u": 300.0}
