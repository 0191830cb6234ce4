"""Logs become one row per experiment and unit: first exposures, windows, filters, aggregates."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abgap.errors import DataError
from tests.online.tiny_logs import COUNT, EXPOSED, SUM, events, exposures, study, values


class TestEnrolment:
    def test_the_first_exposure_wins_and_carries_the_slices(self, bench: Any) -> None:
        exposures(
            bench,
            ("e", "u", "A", "2026-03-03 09:00"),
            ("e", "u", "A", "2026-03-02 08:00"),
            ("e", "u", "A", "2026-03-04 08:00"),
            device=["phone", "desk", "tv"],
        )
        events(bench, ("u", "2026-03-02 08:00", 5.0), ("u", "2026-03-02 07:59:59", 70.0))
        with bench.run(study(SUM, exposures={"slices": ["device"]})) as run:
            (row,) = run.outcomes().to_dict("records")
            assert (row["device"], row["spend"], str(row["day"])) == ("desk", 5.0, "2026-03-02")
            assert run.wide.enrolment_counts["repeated_rows"].tolist() == [2.0]

    def test_ties_in_time_do_not_depend_on_the_order_of_rows(self, bench: Any) -> None:
        rows = [("e", "u", "A", EXPOSED)] * 3
        for devices in (["tv", "desk", "phone"], ["phone", "tv", "desk"]):
            exposures(bench, *rows, device=devices)
            events(bench)
            with bench.run(study(SUM, exposures={"slices": ["device"]})) as run:
                assert run.outcomes()["device"].tolist() == ["desk"]

    def test_a_unit_in_two_variants_is_left_out_and_counted_where_it_was_first(self, bench: Any) -> None:
        exposures(
            bench,
            ("e", "u", "B", "2026-03-02"),
            ("e", "u", "A", "2026-03-03"),
            ("e", "v", "A", "2026-03-02"),
        )
        events(bench, ("u", "2026-03-05", 5.0))
        with bench.run(study(SUM)) as run:
            assert run.outcomes()["unit"].tolist() == ["v"]
            counts = run.wide.enrolment_counts
            found = dict(zip(counts["variant"], counts["mixed_units"], strict=True))
            assert found == {"A": 0.0, "B": 1.0}

    def test_a_variant_that_is_not_declared_does_not_mix_a_unit(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "X", "2026-03-01"), ("e", "u", "A", "2026-03-02"))
        events(bench)
        declared = study(SUM, experiments={"e": {"control": "A", "treatments": ["B"]}})
        with bench.run(declared) as run:
            assert run.outcomes()["variant"].tolist() == ["A"]
            assert "unknown variant" in run.wide.exposure_counts["outcome"]

    def test_a_unit_may_be_in_several_experiments_each_with_its_own_window(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", "2026-03-02"), ("f", "u", "B", "2026-03-10"))
        events(bench, ("u", "2026-03-03", 1.0), ("u", "2026-03-11", 10.0), ("u", "2026-03-20", 100.0))
        experiments = {"e": {"control": "A", "end": dt.date(2026, 3, 15)}, "f": {"control": "A"}}
        with bench.run(study(SUM, experiments=experiments)) as run:
            frame = run.outcomes().set_index("experiment")
            assert frame["spend"].to_dict() == {"e": 11.0, "f": 110.0}

    def test_exposures_outside_of_the_experiments_dates_do_not_count(self, bench: Any) -> None:
        exposures(
            bench,
            ("e", "before", "A", "2026-03-01 23:59:59"),
            ("e", "first", "A", "2026-03-02 00:00:00"),
            ("e", "last", "A", "2026-03-08 23:59:59"),
            ("e", "after", "A", "2026-03-09 00:00:00"),
        )
        events(bench)
        dates = {"start": dt.date(2026, 3, 2), "end": dt.date(2026, 3, 9)}
        with bench.run(study(SUM, experiments={"e": {"control": "A"} | dates})) as run:
            assert run.outcomes()["unit"].tolist() == ["first", "last"]
            counts = run.wide.exposure_counts
            outcomes = dict(zip(counts["outcome"], counts["row_count"], strict=True))
            assert outcomes == {"kept": 2.0, "before start": 1.0, "after end": 1.0}

    def test_rows_that_cannot_be_used_are_counted_by_cause(self, bench: Any) -> None:
        frame = pd.DataFrame(
            {
                "exp": ["e", None, "x", "e", "e", "e", "e"],
                "id": ["u", "u", "u", None, "", "v", "w"],
                "arm": ["A", "A", "A", "A", "A", None, "A"],
                "ts": pd.to_datetime(pd.Series([*[EXPOSED] * 6, None])),
            }
        )
        bench.parquet("exposures.parquet", frame)
        events(bench)
        with bench.run(study(SUM)) as run:
            counts = run.wide.exposure_counts
            outcomes: dict[str, float] = {}
            for outcome, n in zip(counts["outcome"], counts["row_count"], strict=True):
                outcomes[outcome] = outcomes.get(outcome, 0) + n
            assert outcomes == {
                "kept": 1,
                "no experiment": 1,
                "unknown experiment": 1,
                "no unit": 2,
                "no variant": 1,
                "no time": 1,
            }
            assert run.outcomes()["unit"].tolist() == ["u"]

    def test_no_exposures_at_all_give_no_units(self, bench: Any) -> None:
        bench.text("exposures.csv", "exp,id,arm,ts\n")
        events(bench, ("u", EXPOSED, 1.0))
        with bench.run(study(SUM, exposures={"path": "exposures.csv"})) as run:
            assert len(run.outcomes()) == 0
            assert len(run.moments) == 0


WINDOW = {"spend": SUM["spend"] | {"window_days": 7}}


class TestWindows:
    @pytest.mark.parametrize(
        ("at", "counts"),
        [
            ("2026-03-02 09:59:59.999999", False),
            ("2026-03-02 10:00:00", True),
            ("2026-03-09 09:59:59.999999", True),
            ("2026-03-09 10:00:00", False),
        ],
    )
    def test_it_begins_with_the_exposure_and_its_end_is_outside(
        self, bench: Any, at: str, counts: bool
    ) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", at, 3.0))
        assert values(bench, study(WINDOW), "spend") == {"u": 3.0 if counts else 0.0}

    def test_without_days_it_ends_with_the_experiment(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(
            bench, ("u", "2026-03-08 23:59:59", 1.0), ("u", "2026-03-09", 10.0), ("u", "2027-03-09", 100.0)
        )
        end = {"e": {"control": "A", "end": dt.date(2026, 3, 9)}}
        assert values(bench, study(SUM, experiments=end), "spend") == {"u": 1.0}
        assert values(bench, study(SUM), "spend") == {"u": 111.0}, "an experiment without an end has no end"

    def test_a_window_may_reach_beyond_the_experiments_end(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", "2026-03-05", 1.0))
        end = {"e": {"control": "A", "end": dt.date(2026, 3, 3)}}
        metrics = WINDOW | {"all": SUM["spend"]}
        with bench.run(study(metrics, experiments=end)) as run:
            (row,) = run.outcomes().to_dict("records")
        assert (row["spend"], row["all"]) == (1.0, 0.0)

    def test_half_days_are_hours(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", "2026-03-02 21:59:59", 1.0), ("u", "2026-03-02 22:00", 10.0))
        half = {"spend": SUM["spend"] | {"window_days": 0.5}}
        assert values(bench, study(half), "spend") == {"u": 1.0}

    def test_a_look_back_takes_only_what_lies_strictly_before_exposure(self, bench: Any, row_of: Any) -> None:
        exposures(bench, *(("e", u, "A", EXPOSED) for u in ("early", "late", "none", "after")))
        events(
            bench,
            ("early", "2026-02-28 09:59:59", 1.0),
            ("early", "2026-02-28 10:00:00", 10.0),
            ("late", "2026-03-02 09:59:59.999999", 20.0),
            ("late", "2026-03-02 10:00:00", 300.0),
            ("after", "2026-03-03", 400.0),
        )
        metric = {"spend": SUM["spend"] | {"covariate": {"lookback_days": 2}}}
        with bench.run(study(metric)) as run:
            frame = run.outcomes().set_index("unit")
            before = frame["spend: before exposure"]
            assert before[["early", "late"]].to_dict() == {"early": 10.0, "late": 20.0}
            assert before[["none", "after"]].isna().all()
            assert frame["spend"].to_dict() == {"early": 0.0, "late": 300.0, "none": 0.0, "after": 400.0}
            row = row_of(run.moments, "spend")
            assert row["without_history"] == 2
            assert row["covariate_mean"] == 7.5

    def test_a_counted_look_back_without_events_is_no_history_either(self, bench: Any, row_of: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED), ("e", "v", "A", EXPOSED))
        events(bench, ("u", "2026-03-03", 1.0), ("v", "2026-03-01", 1.0))
        metric = {"n": COUNT["n"] | {"covariate": {"lookback_days": 7}}}
        row = row_of(bench.moments(study(metric)), "n")
        assert (row["without_history"], row["covariate_mean"]) == (1, 0.5)

    def test_events_that_are_only_for_a_look_back_are_read_too(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        events(bench, ("u", "2026-02-01", 8.0))
        metric = {"spend": WINDOW["spend"] | {"covariate": {"lookback_days": 60}}}
        assert values(bench, study(metric), "spend: before exposure") == {"u": 8.0}


class TestAggregates:
    ROWS = (("u", EXPOSED, 2.0), ("u", EXPOSED, 7.0), ("u", EXPOSED, 7.0), ("v", EXPOSED, -3.0))

    @pytest.mark.parametrize(
        ("aggregate", "u", "v"),
        [("sum", 16, -3), ("max", 7, -3), ("min", 2, -3), ("mean", 16 / 3, -3), ("count_distinct", 2, 1)],
    )
    def test_every_aggregate_of_a_value(self, bench: Any, aggregate: str, u: float, v: float) -> None:
        exposures(bench, *(("e", unit, "A", EXPOSED) for unit in ("u", "v", "w")))
        events(bench, *self.ROWS)
        metric = {"x": {"kind": "mean", "fact": "events", "value": "amount", "aggregate": aggregate}}
        assert values(bench, study(metric), "x") == {"u": u, "v": v, "w": 0.0}

    def test_a_count_counts_rows_that_pass_the_filter(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED), ("e", "v", "A", EXPOSED))
        events(bench, *self.ROWS)
        metric = {"n": {"kind": "mean", "fact": "events", "where": "amount > 2"}}
        assert values(bench, study(metric), "n") == {"u": 2.0, "v": 0.0}

    def test_a_proportion_asks_whether_there_is_any(self, bench: Any, row_of: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED), ("e", "v", "A", EXPOSED), ("e", "w", "A", EXPOSED))
        events(bench, *self.ROWS)
        metric = {"any": {"kind": "proportion", "fact": "events", "where": "amount > 2"}}
        row = row_of(bench.moments(study(metric)), "any")
        assert (row["n"], row["mean"]) == (3, pytest.approx(1 / 3))

    def test_text_can_be_counted_but_not_summed(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        frame = {"id": ["u"] * 3, "ts": pd.to_datetime([EXPOSED] * 3), "page": ["/a", "/b", "/a"]}
        bench.parquet("events.parquet", frame)
        pages = {"kind": "mean", "fact": "events", "value": "page", "aggregate": "count_distinct"}
        assert values(bench, study({"pages": pages}), "pages") == {"u": 2.0}
        with pytest.raises(
            DataError,
            match=r"metrics\.pages\.value: a number is needed, but 'page' is VARCHAR and holds '/a'",
        ):
            bench.moments(study({"pages": pages | {"aggregate": "sum"}}))

    def test_a_decimal_and_a_huge_integer_are_summed_exactly(self, bench: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        source = {
            "query": f"SELECT 'u' AS id, TIMESTAMP '{EXPOSED}' AS ts, amount, big FROM (VALUES "
            "(0.10::DECIMAL(18,2), 9007199254740993::HUGEINT), (0.20, -9007199254740992), (19.99, 5)"
            ") AS t(amount, big)",
            "columns": {"unit": "id", "at": "ts"},
        }
        events_of = {"facts": {"events": source}}
        metrics = SUM | {"big": {"kind": "mean", "fact": "events", "value": "big"}}
        with bench.run(study(metrics) | events_of) as run:
            (row,) = run.outcomes().to_dict("records")
        assert float(row["spend"]) == pytest.approx(20.29, rel=1e-15)
        assert float(row["big"]) == 6.0

    def test_sums_of_fractions_keep_small_ones_beside_large_ones(self, bench: Any) -> None:
        n = 3_000
        units = [f"u{i}" for i in range(n)]
        exposures(bench, *(("e", unit, "A", EXPOSED) for unit in units))
        amounts = np.round(np.random.default_rng(4).lognormal(0, 1, (n, 3)), 2)
        amounts[0, 0] = 1e11
        rows = [(u, EXPOSED, a) for u, mine in zip(units, amounts, strict=True) for a in mine]
        events(bench, *rows)
        found = values(bench, study(SUM), "spend")
        for unit, mine in zip(units, amounts, strict=True):
            assert found[unit] == pytest.approx(float(np.sum(mine)), rel=1e-14)

    def test_negative_amounts_are_amounts(self, bench: Any, row_of: Any) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED), ("e", "v", "A", EXPOSED))
        events(bench, ("u", EXPOSED, -5.5), ("v", EXPOSED, 2.25))
        with bench.run(study(SUM)) as run:
            assert row_of(run.moments, "spend")["mean"] == -1.625
            assert run.sums.smallest["spend"] == -5.5

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_a_value_that_is_no_finite_number_is_refused_unless_it_is_filtered_out(
        self, bench: Any, bad: float
    ) -> None:
        exposures(bench, ("e", "u", "A", EXPOSED))
        at = pa.array(pd.to_datetime([EXPOSED] * 2))
        table = pa.table({"id": ["u", "u"], "ts": at, "amount": pa.array([1.0, bad], from_pandas=False)})
        pq.write_table(table, bench.directory / "events.parquet")
        with pytest.raises(DataError, match=r"metrics\.spend\.value: 'amount' holds NaN or infinite values"):
            bench.moments(study(SUM))
        kept = {"spend": SUM["spend"] | {"where": "isfinite(amount)"}}
        assert values(bench, study(kept), "spend") == {"u": 1.0}
