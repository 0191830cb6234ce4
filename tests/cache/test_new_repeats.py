"""Repeated events of a new day are counted in its files alone, and are as many as in all files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.pipeline import fingerprint
from abgap.pipeline.analysis import open_analysis
from abgap.pipeline.cache import Cache
from abgap.pipeline.results import make_results
from abgap.report.document import to_json
from abgap.study.load import load_study

STUDY = """
[study]
name = "Repeats"
[exposures]
path = "exposures.parquet"
columns = { experiment = "test", unit = "user", variant = "arm", at = "seen" }
[facts.events]
path = "events/**/*.parquet"
columns = { unit = "user", at = "ts" }
[experiments.price]
control = "old"
[metrics.revenue]
kind = "mean"
fact = "events"
value = "amount"
"""
ROWS = 40
ALL = {"01", "02", "03", "04"}


class Shop:
    """A shop whose events come day by day; ``counted`` has the days that each search for repeated events read."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "abgap.toml"
        self.notes: list[str] = []
        self.counted: list[set[str]] = []

    def path(self, day: int) -> Path:
        """The file of one day."""
        return self.folder / "events" / f"day=2026-03-{day:02d}" / "part.parquet"

    def events(self, day: int, *, repeated: int = 0) -> pd.DataFrame:
        """Events of one day; the first of them stand there twice."""
        at = pd.Timestamp(2026, 3, day, 9) + pd.to_timedelta(range(ROWS), unit="min")
        found = pd.DataFrame({"user": range(ROWS), "ts": at, "amount": 2.0})
        return pd.concat([found, found[:repeated]])

    def wrote(self, day: int, events: pd.DataFrame) -> None:
        """Write the file of one day."""
        self.path(day).parent.mkdir(parents=True, exist_ok=True)
        events.to_parquet(self.path(day), index=False)

    def __call__(self, *, cached: bool = True) -> str:
        """results.json."""
        self.counted.clear()
        cache = Cache(self.folder / "kept", note=self.notes.append) if cached else None
        with open_analysis(load_study(self.file), progress=lambda _: None, cache=cache) as analysis:
            return to_json(make_results(analysis))

    def found(self) -> tuple[list[set[str]], float]:
        """The days of each search, and the repeated events of a run that has to give what one over all gives."""
        found = self()
        counted = list(self.counted)
        assert found == self(cached=False)
        (check,) = [c for c in json.loads(found)["checks"] if c["name"] == "repeated_events"]
        return counted, float(check["value"])


def _watched(run: Callable[..., Any], shop: Shop) -> Callable[..., Any]:
    view = "SELECT sql FROM duckdb_views() WHERE view_name = 'raw facts.events'"

    def watched(engine: DuckDBEngine, sql: str, params: Any = None) -> Any:
        if sql.startswith("-- purpose: Events that stand in"):
            ((text,),) = engine.connection.execute(view).fetchall()
            shop.counted.append(set(re.findall(r"day=2026-03-(\d\d)", text)))
        return run(engine, sql, params)

    return watched


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A shop without events."""
    shop = Shop(tmp_path)
    shop.file.write_text(STUDY)
    monkeypatch.setattr(fingerprint, "_SETTLED_NS", -1)
    monkeypatch.setattr(DuckDBEngine, "run", _watched(DuckDBEngine.run, shop))
    users = range(ROWS)
    frame = pd.DataFrame({"test": "price", "user": users, "arm": [("old", "new")[u % 2] for u in users]})
    frame.assign(seen=pd.Timestamp(2026, 3, 1)).to_parquet(tmp_path / "exposures.parquet", index=False)
    return shop


@pytest.fixture
def shop(empty: Shop) -> Shop:
    """Three days that have been analysed, with three repeated events in them."""
    for day, repeated in ((1, 1), (2, 0), (3, 2)):
        empty.wrote(day, empty.events(day, repeated=repeated))
    empty()
    assert empty.counted == [{"01", "02", "03"}]
    return empty


def test_a_new_day_is_counted_alone(shop: Shop) -> None:
    shop.wrote(4, shop.events(4, repeated=5))
    assert shop.found() == ([{"04"}], 8.0)
    shop.wrote(5, shop.events(5))
    shop.wrote(6, shop.events(6, repeated=1))
    assert shop.found() == ([{"05", "06"}], 9.0)
    assert shop.notes == []


def test_days_before_those_that_are_kept_are_counted_alone(empty: Shop) -> None:
    for day in (5, 6):
        empty.wrote(day, empty.events(day, repeated=1))
    empty()
    empty.wrote(4, empty.events(4, repeated=1))
    assert empty.found() == ([{"04"}], 3.0)


def test_days_around_those_that_are_kept_are_counted_with_them(empty: Shop) -> None:
    for day in (2, 3):
        empty.wrote(day, empty.events(day, repeated=1))
    empty()
    for day in (1, 4):
        empty.wrote(day, empty.events(day))
    assert empty.found() == ([ALL], 2.0)


def _drop_the_day(shop: Shop) -> None:
    # Folder names are columns of the table: rows of two days are equal only without them.
    for day in (1, 2, 3):
        (shop.folder / "events" / f"day=2026-03-{day:02d}.parquet").write_bytes(shop.path(day).read_bytes())
        shop.path(day).unlink()
    shop.file.write_text(STUDY.replace("events/**/*.parquet", "events/*.parquet"))


def test_events_that_repeat_those_of_an_earlier_file_are_found(shop: Shop) -> None:
    _drop_the_day(shop)
    assert shop.found() == ([{"01", "02", "03"}], 3.0)
    late = pd.concat([shop.events(4), shop.events(3)[-1:]])
    late.to_parquet(shop.folder / "events" / "day=2026-03-04.parquet", index=False)
    assert shop.found() == ([ALL], 4.0)
    shop.events(5).to_parquet(shop.folder / "events" / "day=2026-03-05.parquet", index=False)
    assert shop.found() == ([{"05"}], 4.0)


def test_one_time_in_both_is_enough_to_count_all(shop: Shop) -> None:
    last = shop.events(3)["ts"].max()
    shop.wrote(4, shop.events(4).assign(ts=last))
    assert shop.found() == ([ALL], 3.0)
    shop.wrote(5, shop.events(5).assign(ts=last + pd.Timedelta(1, "us")))
    assert shop.found() == ([{"05"}], 3.0)


def test_a_file_that_has_changed_makes_all_be_counted(shop: Shop) -> None:
    shop.wrote(2, shop.events(2, repeated=4))
    shop.wrote(4, shop.events(4))
    assert shop.found() == ([ALL], 7.0)


def test_a_file_that_is_gone_makes_all_be_counted(shop: Shop) -> None:
    shop.path(1).unlink()
    shop.wrote(4, shop.events(4))
    assert shop.found() == ([{"02", "03", "04"}], 2.0)


@pytest.mark.parametrize("day", [2, 4])
def test_events_without_a_time_make_all_be_counted(shop: Shop, day: int) -> None:
    _drop_the_day(shop)
    shop()
    lost = shop.events(day).assign(ts=lambda e: e["ts"].where(e.index > 1))
    for name in (f"day=2026-03-{day:02d}", "lost"):
        lost.to_parquet(shop.folder / "events" / f"{name}.parquet", index=False)
    counted, repeated = shop.found()
    assert counted[0] >= {"01", "02", "03"}
    assert repeated == 3.0 + ROWS
    shop.events(5).to_parquet(shop.folder / "events" / "day=2026-03-05.parquet", index=False)
    counted, repeated = shop.found()
    assert counted[0] >= {"01", "02", "03", "05"}
    assert repeated == 3.0 + ROWS


@pytest.mark.parametrize(
    "change",
    [
        lambda study: study.replace(', at = "ts"', ""),
        lambda study: study.replace('at = "ts"', "at = { expr = \"date_trunc('day', ts)\" }"),
        lambda study: study.replace('name = "Repeats"', 'name = "Repeats"\ntimezone = "Europe/Berlin"'),
    ],
    ids=["without", "an expression", "local"],
)
def test_without_times_in_utc_all_is_counted(shop: Shop, change: Callable[[str], str]) -> None:
    shop.file.write_text(change(STUDY))
    shop()
    shop.wrote(4, shop.events(4, repeated=1))
    assert shop.found() == ([ALL], 4.0)


@pytest.mark.parametrize("change", [lambda e: e.assign(more=1), lambda e: e.drop(columns="amount")])
def test_a_file_with_other_columns_makes_all_be_counted(
    shop: Shop, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    shop.wrote(4, change(shop.events(4, repeated=2)))
    assert shop.found() == ([ALL], 5.0)


def test_times_beyond_the_year_9999_make_all_be_counted(shop: Shop) -> None:
    far = np.array(["2026-03-04", "12000-01-01"], dtype="datetime64[us]")
    shop.wrote(4, shop.events(4)[:2].assign(ts=far))
    assert shop.found() == ([ALL], 3.0)
    shop.wrote(5, shop.events(5))
    assert shop.found() == ([ALL | {"05"}], 3.0)


def test_a_file_without_rows_has_no_times_and_makes_all_be_counted_once(shop: Shop) -> None:
    shop.wrote(4, shop.events(4)[:0])
    assert shop.found() == ([ALL], 3.0)
    shop.wrote(5, shop.events(5))
    assert shop.found() == ([{"05"}], 3.0)


def test_other_exposures_leave_the_events_unread(shop: Shop) -> None:
    path = shop.folder / "exposures.parquet"
    pd.read_parquet(path)[:-1].to_parquet(path, index=False)
    assert shop.found() == ([], 3.0)


def test_a_single_file_is_counted_as_a_whole(empty: Shop) -> None:
    empty.wrote(1, empty.events(1, repeated=1))
    empty()
    empty.wrote(2, empty.events(2))
    assert empty.found() == ([{"01", "02"}], 1.0)


def test_a_file_that_changes_while_it_is_counted_is_not_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = DuckDBEngine.run

    def changing(engine: DuckDBEngine, sql: str, params: Any = None) -> Any:
        found = run(engine, sql, params)
        if sql.startswith("-- purpose: Events that stand in"):
            shop.wrote(2, shop.events(2, repeated=6))
        return found

    shop.wrote(4, shop.events(4))
    with monkeypatch.context() as patched:
        patched.setattr(DuckDBEngine, "run", changing)
        shop()
    shop.wrote(5, shop.events(5))
    assert shop.found() == ([ALL | {"05"}], 9.0)


def test_what_is_counted_is_shown_and_cleared(shop: Shop) -> None:
    cache = Cache(shop.folder / "kept", note=shop.notes.append)
    assert "repeated rows of events" in [head.stage for _, head in cache.heads() if head]
    cache.clear()
    assert not (shop.folder / "kept").exists()
