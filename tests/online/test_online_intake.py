"""What is known of a fact table before it is read, ids that are numbers, and different values that are counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.errors import DataError
from abgap.records import Moments

START = pd.Timestamp("2026-03-02")
UNITS = 60
BUY = "kind = 'buy'"


def write(path: Path, frame: pd.DataFrame, **options: Any) -> None:
    """NaN stays NaN in a list of floats, None is null."""
    columns = {
        name: pa.array(list(frame[name]), from_pandas=False) if frame[name].dtype == object else frame[name]
        for name in frame
    }
    pq.write_table(pa.table(columns), path, **options)


def logs(seed: int = 5) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Exposures, some of them repeated or mixed, and events with sessions; ids are whole numbers."""
    rng = np.random.default_rng(seed)
    unit = np.concatenate([np.arange(UNITS), rng.integers(0, UNITS, 12)]) * 1_000_003
    arm = np.array(["A", "B"])[unit // 1_000_003 % 2]
    arm[-3:] = ["A", "B", "A"]
    at = START + pd.to_timedelta(rng.integers(0, 5 * 86_400, len(unit)), unit="s")
    exposures = pd.DataFrame({"exp": "e", "id": unit, "arm": arm, "ts": at})
    rows = 2_000
    kind = rng.choice(["see", "click", "buy"], rows)
    events = pd.DataFrame(
        {
            "id": rng.integers(0, UNITS + 9, rows) * 1_000_003,
            "ts": START + pd.to_timedelta(rng.integers(0, 9 * 86_400, rows), unit="s"),
            "kind": kind,
            "session": rng.integers(0, 150, rows),
            "amount": np.where(kind == "buy", rng.lognormal(3, 2, rows), 0.0),
        }
    )
    return exposures, events


def declared(metrics: Mapping[str, Any]) -> dict[str, Any]:
    columns = {"experiment": "exp", "unit": "id", "variant": "arm", "at": "ts"}
    events = {"path": "events.parquet", "columns": {"unit": "id", "at": "ts"}}
    exposures = {"path": "exposures.parquet", "columns": columns}
    return {"exposures": exposures, "facts": {"events": events}, "metrics": dict(metrics)}


def mean(**more: Any) -> dict[str, Any]:
    return {"kind": "mean", "fact": "events"} | more


SPEND = {"spend": mean(value="amount", where=BUY, window_days=3)}
SESSIONS = mean(value="session", aggregate="count_distinct", window_days=3)
METRICS = SPEND | {
    "orders": mean(where=BUY, window_days=3),
    "sessions": SESSIONS,
    "dearest": mean(value="amount", aggregate="max", where=BUY, window_days=3),
    "bought": {"kind": "proportion", "fact": "events", "where": BUY, "window_days": 3},
}


def put(bench: Any, exposures: pd.DataFrame, events: pd.DataFrame, **options: Any) -> None:
    write(bench.directory / "exposures.parquet", exposures, **options)
    write(bench.directory / "events.parquet", events, **options)


def same(left: Moments, right: Moments) -> bool:
    """Whether two moments tables are the same, to the last bit."""
    return all(
        repr(getattr(left, f.name).tolist()) == repr(getattr(right, f.name).tolist()) for f in fields(left)
    )


class TestIds:
    def test_that_are_numbers_in_all_logs_give_the_bits_of_those_that_are_text(self, bench: Any) -> None:
        exposures, events = logs()
        found = []
        for of_exposures, of_events in (
            (np.int64, np.int64),
            (np.int32, np.int64),
            (str, str),
            (np.int64, str),
        ):
            put(bench, exposures.astype({"id": of_exposures}), events.astype({"id": of_events}))
            with bench.run(declared(METRICS)) as run:
                frame = run.outcomes()
                kinds = run.engine.describe("enrolments")
                found.append((run.moments, frame.to_csv(), "unit: number" in kinds))
        assert [numbers for _, _, numbers in found] == [True, True, False, False]
        moments, csv, _ = found[0]
        assert all(same(moments, other) for other, _, _ in found)
        assert {other for _, other, _ in found} == {csv}

    def test_that_are_missing_are_counted_whatever_their_type(self, bench: Any) -> None:
        exposures, events = logs()
        exposures["id"] = exposures["id"].astype("Int64").mask(exposures.index == UNITS)
        events["id"] = events["id"].astype("Int64").mask(events.index < 7)
        put(bench, exposures, events)
        texts = tuple(
            f.assign(id=f["id"].astype(object).map(str, na_action="ignore")) for f in (exposures, events)
        )
        texts[1].loc[3, "id"] = ""
        seen = []
        for of_both in ((exposures, events), texts):
            put(bench, *of_both)
            with bench.run(declared(METRICS)) as run:
                counts = run.wide.exposure_counts
                left_out = {
                    o: n for o, n in zip(counts["outcome"], counts["row_count"], strict=True) if o != "kept"
                }
                seen.append((run.wide.intakes[0].no_unit, left_out, run.outcomes().to_csv()))
        assert seen[0] == seen[1]
        assert seen[0][:2] == (7, {"no unit": 1.0})

    def test_a_column_of_the_data_may_have_any_name(self, bench: Any) -> None:
        exposures, events = logs()
        put(bench, exposures, events.assign(**{"unit: number": 1.0}))
        with bench.run(declared(METRICS)) as run:
            assert len(run.outcomes()) > 0

    def test_a_filter_sees_the_text(self, bench: Any) -> None:
        exposures, events = logs()
        put(bench, exposures, events)
        with bench.run(declared({"n": mean(where="unit like '1%'")})) as run:
            frame = run.outcomes()
        assert (frame.loc[~frame["unit"].str.startswith("1"), "n"] == 0).all()
        assert (frame.loc[frame["unit"].str.startswith("1"), "n"] > 0).any()


class TestStatistics:
    def statements(self, bench: Any, monkeypatch: pytest.MonkeyPatch, metrics: Mapping[str, Any]) -> Any:
        ran: list[str] = []
        run = DuckDBEngine.run

        def watched(engine: DuckDBEngine, sql: str, params: Any = None) -> Any:
            ran.append(sql)
            return run(engine, sql, params)

        monkeypatch.setattr(DuckDBEngine, "run", watched)
        with bench.run(declared(metrics)) as done:
            monkeypatch.undo()
            names = [text.name for text in done.engine.record.texts]
            read = [sql for sql in ran if sql.startswith("-- purpose: What a fact table holds")]
            return done.moments, done.wide.intakes, names, len(read)

    def test_of_the_files_answer_what_a_scan_answers(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        exposures, events = logs()
        events.loc[5:9, "ts"] = pd.NaT
        put(bench, exposures, events, row_group_size=300)
        stated = self.statements(bench, monkeypatch, METRICS)
        put(bench, exposures, events, row_group_size=300, write_statistics=False)
        read = self.statements(bench, monkeypatch, METRICS)
        assert (stated[3], read[3]) == (0, 1)
        assert stated[1] == read[1]
        assert stated[1][0].no_time == 5
        assert same(stated[0], read[0])
        assert stated[2] == read[2]  # whoever reads the report can run the statement
        assert "fact_intake" in stated[2]

    def test_are_not_asked_for_expressions(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        put(bench, *logs())
        metrics = {"spend": mean(value="amount * 2", where=BUY)}
        assert self.statements(bench, monkeypatch, metrics)[3] == 1

    def test_that_one_file_lacks_are_not_used(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        exposures, events = logs()
        put(bench, exposures, events)
        folder = bench.directory / "events"
        folder.mkdir()
        write(folder / "a.parquet", events[:900])
        write(folder / "b.parquet", events[900:], write_statistics=False)
        study = declared(METRICS)
        study["facts"]["events"]["path"] = "events/*.parquet"
        monkeypatch.setitem(globals(), "declared", lambda _: study)
        assert self.statements(bench, monkeypatch, METRICS)[3] == 1


class TestValues:
    def test_below_zero_count_only_where_the_filter_lets_them(self, bench: Any) -> None:
        exposures, events = logs()
        events.loc[events["kind"] == "see", "amount"] = -7.0
        put(bench, exposures, events)
        with bench.run(declared(SPEND)) as run:
            assert run.wide.intakes[0].below_zero == {}
        bought = events.index[events["kind"] == "buy"][:4]
        events.loc[bought, "amount"] = [-1.5, -2.5, -0.5, 3.0]
        put(bench, exposures, events)
        with bench.run(declared(SPEND)) as run:
            (found,) = run.wide.intakes[0].below_zero.values()
        assert (found.events, found.smallest) == (3, -2.5)

    def test_that_do_not_count_may_be_huge_without_costing_a_digit(self, bench: Any) -> None:
        exposures, events = logs()
        put(bench, exposures, events)
        with bench.run(declared(SPEND)) as run:
            before = run.outcomes().to_csv()
        for huge in (1e300, np.inf, -1e300, np.nan):
            changed = events.copy()
            changed.loc[changed.index[changed["kind"] == "see"][0], "amount"] = huge
            put(bench, exposures, changed)
            with bench.run(declared(SPEND)) as run:
                assert run.outcomes().to_csv() == before

    def test_that_do_not_count_may_be_larger_than_those_that_do(self, bench: Any) -> None:
        exposures, events = logs()
        rows = pd.concat([events] * 40, ignore_index=True)
        rows.loc[rows.index[rows["kind"] == "see"], "amount"] = 1e25
        put(bench, exposures, rows)
        metrics = {"spend": mean(value="amount", where=BUY)}
        with bench.run(declared(metrics)) as run:
            found = run.outcomes().set_index("unit")["spend"]
        first = exposures.groupby("id")["ts"].min()
        for unit, total in found.items():
            mine = rows[
                (rows["id"] == int(unit)) & (rows["kind"] == "buy") & (rows["ts"] >= first[int(unit)])
            ]
            assert total == pytest.approx(math.fsum(mine["amount"]), rel=1e-15)

    @pytest.mark.parametrize("aggregate", ["sum", "mean", "max", "min"])
    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("statistics", [True, False])
    def test_that_are_no_numbers_are_refused_where_they_count(
        self, bench: Any, aggregate: str, bad: float, statistics: bool
    ) -> None:
        exposures, events = logs()
        known = set(exposures["id"][~exposures["id"].isin(exposures["id"][UNITS:])])
        first = dict(zip(exposures["id"], exposures["ts"], strict=True))
        counts = [
            row.kind == "buy"
            and row.id in known
            and first[row.id] <= row.ts < first[row.id] + pd.Timedelta(days=3)
            for row in events.itertuples()
        ]
        metrics = {"m": mean(value="amount", aggregate=aggregate, where=BUY, window_days=3)}
        events["amount"] = events["amount"].astype(object)
        outside = events.index[(events["kind"] == "buy") & ~np.array(counts)]
        strangers = outside[~events.loc[outside, "id"].isin(known)]
        events.loc[strangers[0], "amount"] = bad
        put(bench, exposures, events, write_statistics=statistics)
        bench.moments(declared(metrics))
        events.loc[np.flatnonzero(counts)[3], "amount"] = bad
        put(bench, exposures, events, write_statistics=statistics)
        with pytest.raises(DataError, match=r"metrics\.m\.value: 'amount' holds NaN or infinite values"):
            bench.moments(declared(metrics))


class TestDifferentValues:
    def counted(self, exposures: pd.DataFrame, events: pd.DataFrame, days: int, value: str) -> dict[str, int]:
        """By pandas: per analysed unit the different values in the window."""
        by_unit = exposures.sort_values("ts").groupby("id")
        kept = by_unit["ts"].first()[by_unit["arm"].nunique() < 2]
        joined = events.merge(kept.rename("first"), left_on="id", right_index=True)
        inside = (joined["ts"] >= joined["first"]) & (
            joined["ts"] < joined["first"] + pd.Timedelta(days=days)
        )
        found = joined[inside].groupby("id")[value].nunique().reindex(kept.index, fill_value=0)
        return {str(unit): int(n) for unit, n in found.items()}

    @pytest.mark.parametrize("other", ["session", "kind"])
    def test_are_counted_per_filter_and_window(self, bench: Any, other: str) -> None:
        exposures, events = logs()
        events["session"] = events["session"].astype("Int64").mask(events["session"] % 10 == 0)
        put(bench, exposures, events)
        metrics = METRICS | {
            "buying": mean(value="session", aggregate="count_distinct", where=BUY, window_days=3),
            "early": mean(value=other, aggregate="count_distinct", window_days=1),
        }
        with bench.run(declared(metrics)) as run:
            frame = run.outcomes().set_index("unit")
            assert run.engine.rows("SELECT count(*) FROM unit_outcomes")[0][0] == len(frame)
        bought = events[events["kind"] == "buy"]
        assert frame["sessions"].astype(int).to_dict() == self.counted(exposures, events, 3, "session")
        assert frame["buying"].astype(int).to_dict() == self.counted(exposures, bought, 3, "session")
        assert frame["early"].astype(int).to_dict() == self.counted(exposures, events, 1, other)

    def test_beside_other_metrics_change_none_of_their_bits(self, bench: Any) -> None:
        put(bench, *logs())
        without = {name: metric for name, metric in METRICS.items() if name != "sessions"}
        with bench.run(declared(METRICS)) as run:
            together = run.outcomes()[list(without)]
        with bench.run(declared(without)) as run:
            assert together.to_csv() == run.outcomes()[list(without)].to_csv()
