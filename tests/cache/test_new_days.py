"""A new day of partitioned logs is added to what was kept of the days before, and gives what all days give."""

from __future__ import annotations

import json
import os
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
name = "Days"
[exposures]
path = "exposures/*.parquet"
columns = { experiment = "test", unit = "user", variant = "arm", at = "seen" }
slices = ["country"]
[facts.events]
path = "events/**/*.parquet"
columns = { unit = "user", at = "ts" }
[experiments.price]
control = "old"
[metrics.revenue]
kind = "mean"
fact = "events"
where = "kind = 'buy'"
value = "amount"
window_days = 5
[metrics.sessions]
kind = "mean"
fact = "events"
value = "session"
aggregate = "count_distinct"
window_days = 5
[metrics.items]
kind = "mean"
fact = "events"
value = "pieces"
aggregate = "sum"
[metrics.price]
kind = "mean"
fact = "events"
value = "amount"
aggregate = "mean"
[metrics.dearest]
kind = "mean"
fact = "events"
value = "amount"
aggregate = "max"
[metrics.back]
kind = "retention"
fact = "events"
where = "kind = 'look'"
from_day = 1
to_day = 2.5
[metrics.usual]
kind = "quantile"
fact = "events"
value = "amount"
quantile = 0.6
window_days = 4
role = "primary"
"""
COVARIATE = "\ncovariate = { lookback_days = 3 }"


class Days:
    """A shop whose logs come day by day."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "abgap.toml"
        self.notes: list[str] = []
        self.scanned: list[set[str]] = []

    def exposed(self, day: int, rows: list[tuple[int, str]], hour: int = 8) -> Path:
        """Exposures of one day: users with their arm."""
        users, arms = [user for user, _ in rows], [arm for _, arm in rows]
        at = pd.Timestamp(2026, 3, day, hour) + pd.to_timedelta(np.arange(len(rows)), unit="s")
        frame = pd.DataFrame({"test": "price", "user": users, "arm": arms, "seen": at})
        path = self.folder / "exposures" / f"{day:02d}.parquet"
        path.parent.mkdir(exist_ok=True)
        frame.assign(country=[("DE", "FR")[u % 2] for u in users]).to_parquet(path, index=False)
        return path

    def happened(
        self, day: int, *, back_days: int = 0, largest: float = 400.0, seed: int | None = None
    ) -> Path:
        """Events of one day's file, of all users; sessions go on from the day before."""
        rng = np.random.default_rng(day if seed is None else seed)
        rows = 400
        seconds = rng.integers(9 * 3600, 86_400, rows)
        at = pd.Timestamp(2026, 3, day) + pd.to_timedelta(seconds, unit="s")
        at -= pd.to_timedelta(rng.integers(0, back_days + 1, rows), unit="D")
        frame = pd.DataFrame(
            {
                "user": rng.integers(0, 90, rows),
                "ts": at,
                "kind": rng.choice(["buy", "look"], rows),
                "amount": np.append(rng.lognormal(2, 1, rows - 1).clip(0, 390), largest),
                "session": day + rng.integers(-1, 1, rows),
                "pieces": rng.integers(0, 5, rows),
            }
        )
        path = self.folder / "events" / f"day=2026-03-{day:02d}" / "part.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(path, index=False)
        return path

    def day(self, day: int) -> None:
        """One more day as it usually is: new users, some of them seen again."""
        users = range(day * 20 - 20, day * 20)
        self.exposed(day, [(user, ("old", "new")[user % 2]) for user in [*users, day]])
        self.happened(day)

    def __call__(self, *, cached: bool = True) -> str:
        """results.json; ``scanned`` has the days that each scan of the events read."""
        self.scanned.clear()
        cache = Cache(self.folder / "kept", note=self.notes.append) if cached else None
        with open_analysis(load_study(self.file), progress=lambda _: None, cache=cache) as analysis:
            return to_json(make_results(analysis))

    def added(self) -> set[str]:
        """The days that were read by a run that has to give what a run over everything gives."""
        found = self()
        scanned = set[str]().union(*self.scanned)
        assert found == self(cached=False)
        return scanned


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Three days that have been analysed."""
    found = Days(tmp_path)
    found.file.write_text(STUDY)
    monkeypatch.setattr(fingerprint, "_SETTLED_NS", -1)
    monkeypatch.setattr(DuckDBEngine, "run", _watched(DuckDBEngine.run, found))
    for day in (1, 2, 3):
        found.day(day)
    found()
    assert set[str]().union(*found.scanned) == {"01", "02", "03"}
    return found


VIEWS = "SELECT view_name, sql FROM duckdb_views() WHERE view_name IN ('raw facts.events', 'unit partials of events')"


# All but the search for repeated events: test_new_repeats.py.
SCANS = re.compile("-- purpose: (?!Events that stand).*from .?(events|part values of events)", re.DOTALL)


def _watched(run: Callable[..., Any], days: Days) -> Callable[..., Any]:
    """Takes down which files the views name that a scan of events reads."""

    def watched(engine: DuckDBEngine, sql: str, params: Any = None) -> Any:
        of_parts = sql.startswith('CREATE OR REPLACE TEMP TABLE "unit parts of events"')
        if of_parts or sql.startswith("COPY") or SCANS.match(sql):
            texts = dict(engine.connection.execute(VIEWS).fetchall())
            # Unit parts are made of partial aggregates: a view of the events, or of files of the cache.
            if not (of_parts and "base-" in texts["unit partials of events"]):
                days.scanned.append(set(re.findall(r"day=2026-03-(\d\d)", texts["raw facts.events"])))
        return run(engine, sql, params)

    return watched


def test_a_new_day_is_read_alone_and_gives_what_all_days_give(days: Days) -> None:
    days.day(4)
    assert days.added() == {"04"}
    days.day(5)
    days.day(6)
    assert days.added() == {"05", "06"}
    assert days.notes == []


def test_a_file_of_exposures_that_changes_no_first_exposure_leaves_all_events_unread(days: Days) -> None:
    days.exposed(4, [(70, "old"), (71, "new"), (3, "new")])
    assert days.added() == set()


def test_a_unit_that_is_seen_in_a_second_variant_drops_out(days: Days) -> None:
    days.day(4)
    days.exposed(4, [(5, "old"), (7, "old"), (70, "old"), (71, "new")])
    assert days.added() == {"04"}


def test_late_events_of_units_that_are_known_count(days: Days) -> None:
    days.day(4)
    days.happened(4, back_days=3)
    assert days.added() == {"04"}


@pytest.mark.parametrize(
    ("hour", "why"), [(8, "an earlier first exposure"), (20, "a new unit, exposed among old events")]
)
def test_an_exposure_that_lets_old_events_in_makes_all_files_be_read(days: Days, hour: int, why: str) -> None:
    days.day(4)
    user = 45 if why.startswith("an earlier") else 88
    extra = days.exposed(2, [(user, "new")], hour=hour)
    extra.rename(extra.with_name("late.parquet"))
    days.exposed(2, [(u, ("old", "new")[u % 2]) for u in [*range(20, 40), 2]])
    assert days.added() == {"01", "02", "03", "04"}


def test_a_covariate_of_units_that_are_new_makes_all_files_be_read(days: Days) -> None:
    days.file.write_text(STUDY.replace("window_days = 5", "window_days = 5" + COVARIATE, 1))
    days()
    days.day(4)
    assert days.added() == {"01", "02", "03", "04"}


def _appended(path: Path) -> None:
    frame = pd.read_parquet(path)
    pd.concat([frame, frame[:5]]).to_parquet(path, index=False)


def _shortened(path: Path) -> None:
    pd.read_parquet(path)[:-5].to_parquet(path, index=False)


def _rewritten_with_its_old_size_and_time(path: Path) -> None:
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(content.replace(b"ARROW:schema", b"ARROW:scheme"))
    assert path.stat().st_size == before.st_size
    assert path.read_bytes() != content
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change", [_appended, _shortened, _rewritten_with_its_old_size_and_time, Path.unlink]
)
def test_a_file_that_is_not_what_it_was_makes_all_files_be_read(
    days: Days, change: Callable[[Path], None]
) -> None:
    change(days.folder / "events" / "day=2026-03-02" / "part.parquet")
    days.day(4)
    assert days.added() >= {"01", "03", "04"}


def test_values_that_need_another_grid_make_all_files_be_read(days: Days) -> None:
    days.day(4)
    days.happened(4, largest=500.0)
    assert days.added() == {"04"}
    days.day(5)
    days.happened(5, largest=2000.0)
    assert days.added() == {"01", "02", "03", "04", "05"}


def test_a_file_with_other_columns_makes_all_files_be_read(days: Days) -> None:
    days.day(4)
    path = days.happened(4)
    pd.read_parquet(path).assign(more=1).to_parquet(path, index=False)
    assert days.added() == {"01", "02", "03", "04"}


def test_another_window_makes_all_files_be_read(days: Days) -> None:
    days.file.write_text(STUDY.replace("window_days = 5", "window_days = 4", 1))
    days.day(4)
    assert days.added() == {"01", "02", "03", "04"}


def test_what_is_kept_and_damaged_is_said_and_made_again(days: Days) -> None:
    (part,) = (days.folder / "kept").glob("base-*.parquet")
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    days.day(4)
    assert days.added() == {"01", "02", "03", "04"}
    assert days.notes == ["a damaged file in the cache was ignored; its files are read again"]


def test_what_is_kept_and_gone_is_made_again(days: Days) -> None:
    (part,) = (days.folder / "kept").glob("base-*.parquet")
    part.unlink()
    days.day(4)
    assert days.added() == {"01", "02", "03", "04"}


def test_clearing_removes_what_is_kept(days: Days) -> None:
    cache = Cache(days.folder / "kept", note=days.notes.append)
    assert "parts of events" in [head.stage for _, head in cache.heads() if head]
    cache.clear()
    assert not (days.folder / "kept").exists()


def test_text_files_and_different_values_of_several_columns_are_read_as_a_whole(days: Days) -> None:
    more = '\n[metrics.kinds]\nkind = "mean"\nfact = "events"\nvalue = "kind"\naggregate = "count_distinct"\n'
    days.file.write_text(STUDY + more)
    days()
    days.day(4)
    assert days.added() == {"01", "02", "03", "04"}


def test_a_file_that_changes_while_it_is_read_is_not_kept(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = DuckDBEngine.run

    def changing(engine: DuckDBEngine, sql: str, params: Any = None) -> Any:
        found = run(engine, sql, params)
        if sql.startswith("COPY"):
            days.happened(2, seed=99)
        return found

    days.day(4)
    days.happened(2, seed=77)
    monkeypatch.setattr(DuckDBEngine, "run", changing)
    days()
    monkeypatch.setattr(DuckDBEngine, "run", run)
    monkeypatch.setattr(DuckDBEngine, "run", _watched(run, days))
    days.day(5)
    found = days()
    assert found == days(cached=False)
    assert len(list((days.folder / "kept").glob("base-*.parquet"))) == 2  # of three days, and of five


IN_TWO = [(u, ("old", "new")[u % 2]) for u in [*range(40, 60), 3]]


def test_a_unit_that_is_no_longer_in_two_variants_counts_with_its_old_events(days: Days) -> None:
    days.exposed(3, [*IN_TWO, (5, "old"), (7, "old")])
    days()
    days.exposed(3, IN_TWO)
    assert days.added() == set()


def test_a_variant_that_is_declared_later_takes_its_units_with_their_old_events(days: Days) -> None:
    days.exposed(3, [*IN_TWO, (5, "third"), (7, "third")])
    days()
    days.file.write_text(STUDY.replace('control = "old"', 'control = "old"\ntreatments = ["new"]'))
    days.added()
    days.file.write_text(STUDY)
    days.added()


def test_what_is_kept_may_go_while_it_is_used(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    run = DuckDBEngine.run

    def clearing(engine: DuckDBEngine, sql: str, params: Any = None) -> Any:
        if sql.startswith('CREATE OR REPLACE TEMP TABLE "unit parts of events"'):
            for part in (days.folder / "kept").glob("base-*.parquet"):
                part.unlink()
        return run(engine, sql, params)

    days.day(4)
    monkeypatch.setattr(DuckDBEngine, "run", clearing)
    found = days()
    assert found == days(cached=False)


def test_values_that_parquet_would_cut_are_not_kept(days: Days) -> None:
    days.file.write_text(STUDY.replace('value = "session"', "value = \"ts - date_trunc('day', ts)\""))
    days()
    days.day(4)
    assert days.added() == {"01", "02", "03", "04"}


def test_a_metric_may_be_called_like_a_part_of_the_sum_of_another(days: Days) -> None:
    parts = "".join(
        f'[metrics."revenue (part {part})"]\nkind = "mean"\nfact = "events"\nvalue = "pieces"\naggregate = "sum"\n'
        for part in (2, 3)
    )
    days.file.write_text(STUDY + "\n" + parts)
    for cached in (False, True):
        found = json.loads(days(cached=cached))["estimates"]
        values = {
            e["metric"]: (e["value_control"], e["value_treatment"])
            for e in found
            if e["slice_name"] is None and e["period"] is None
        }
        assert values["revenue (part 2)"] == values["revenue (part 3)"] == values["items"]
        assert values["revenue"] != values["items"]


def test_trends_over_days_since_exposure_are_made_of_new_days_only(
    days: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    days.file.write_text(STUDY.replace("window_days = 5", 'window_days = 3\nrole = "primary"', 1))
    days()
    made: list[str] = []
    run = DuckDBEngine.run

    def watched(engine: DuckDBEngine, sql: str, params: Any = None) -> Any:
        if 'VIEW "unit partials of events: trends"' in sql:
            made.append(sql)
        return run(engine, sql, params)

    monkeypatch.setattr(DuckDBEngine, "run", watched)
    days.day(4)
    assert days.added() == {"04"}
    (kept, fresh) = made
    assert kept.count("base-") == 2
    assert "base-" not in fresh
