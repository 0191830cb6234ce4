from __future__ import annotations

import json
import math
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import workloads
from benchmarks.agreement import Answer, compare
from benchmarks.environments import Environment
from benchmarks.generators.logs import EVENTS, EXPOSURES, make_logs
from benchmarks.generators.units import make_units
from benchmarks.imports import import_seconds
from benchmarks.measure import CommandError, Contestant, Run, alternate, measure
from benchmarks.profiling import label, summary
from benchmarks.report.findings import Goal, last_slope, slope
from benchmarks.report.page import page
from benchmarks.report.pictures import draw_all
from benchmarks.results import document_of
from benchmarks.rounds import agreements
from benchmarks.sizes import QUICK
from benchmarks.workloads import PYTHON, Workload, logs, rankings, units

TINY = replace(QUICK, rows=100_000, scale=0.0005, queries=500)
SCALE = 0.0005


def without_peers(workload: Workload) -> Workload:
    """Peers are not installed for tests."""
    return replace(workload, contestants=tuple(c for c in workload.contestants if c.role != "peer"))


def command(name: str, code: str) -> Contestant:
    return Contestant(name=name, title=name, role="peer", command=(PYTHON, "-c", code), leaves="nothing")


@pytest.fixture(autouse=True)
def _no_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = Environment(python=None, versions={}, reason="not in tests")
    monkeypatch.setattr(workloads, "environment", lambda _: absent)


def rows_of(sql: str) -> list[Any]:
    with duckdb.connect() as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("workload", [units, logs])
def test_abgap_and_every_hand_written_statement_find_the_same_numbers(workload: Any, tmp_path: Path) -> None:
    made = without_peers(workload(TINY, tmp_path))
    assert all("--no-cache" in c.command for c in made.contestants if c.role == "abgap")
    runs, missing = alternate(made.contestants, 1, tmp_path, lambda _: None)
    assert missing == {}
    found = agreements(made, runs, tmp_path)
    assert set(found) == {c.name for c in made.contestants if c.role == "limit"}
    rows = 2 * 4 if workload is units else 2 * 4 * (1 + 14 + 4 + 10 + 2)
    assert {(a.estimates, a.moments, a.objections) for a in found.values()} == {(4, rows, ())}
    assert all(
        run.wall > 0 and run.cpu > 0 and run.peak_mb > 10 for of_one in runs.values() for run in of_one
    )


def test_abgap_ranks_as_the_hand_written_script_does(tmp_path: Path) -> None:
    made = without_peers(rankings(TINY, tmp_path))
    runs, missing = alternate(made.contestants, 1, tmp_path, lambda _: None)
    assert missing == {}
    found = agreements(made, runs, tmp_path)
    assert {(a.estimates, a.objections) for a in found.values()} == {(5, ())}


def test_peers_that_are_not_installed_are_named_with_the_reason(tmp_path: Path) -> None:
    made = replace(units(TINY, tmp_path), contestants=units(TINY, tmp_path).contestants[-4:])
    _, missing = alternate(made.contestants, 1, tmp_path, lambda _: None)
    assert missing == dict.fromkeys(("polars", "tea_tasting", "gbstats", "confidence"), "not in tests")


def test_exposures_repeat_and_mix_as_declared(tmp_path: Path) -> None:
    made = make_logs(tmp_path, SCALE)
    (seen,) = rows_of(
        f"""select count(*), count(distinct user_id),
            (select count(*) from (select user_id from '{made.exposures}'
             group by user_id having count(distinct variation) > 1))
            from '{made.exposures}'"""
    )
    rows = round(EXPOSURES * SCALE)
    assert seen == (rows, round(rows * 0.978), round(rows * 0.002))


def test_each_day_of_events_lies_in_its_file_in_the_order_of_time(tmp_path: Path) -> None:
    made = make_logs(tmp_path, SCALE)
    days = rows_of(
        f"""select day, count(*), min(ts) >= day and max(ts) < day + 1, bool_and(ts >= before)
            from (
                select *, lag(ts, 1, ts) over (partition by day order by file_row_number) as before
                from read_parquet('{made.events}/**/*.parquet', file_row_number = true)
            )
            group by day"""
    )
    assert len(days) == 14
    assert sum(rows for _, rows, _, _ in days) == round(EVENTS * SCALE)
    assert {(inside, ordered) for _, _, inside, ordered in days} == {(True, True)}


def test_twenty_experiments_have_a_tenth_of_the_units_each(tmp_path: Path) -> None:
    made = make_logs(tmp_path, SCALE)
    found = dict(rows_of(f"select experiment_id, count(distinct user_id) from '{made.shared}' group by 1"))
    expected = EXPOSURES * SCALE * 0.978 * 0.1
    assert len(found) == 20
    assert all(abs(n - expected) < 5 * math.sqrt(expected) for n in found.values())


def test_generated_data_are_the_same_every_time(tmp_path: Path) -> None:
    first, second = (make_units(tmp_path / name, 1000, wide=True) for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    one, other = (make_logs(tmp_path / name, 0.0001) for name in ("a", "b"))
    assert one.exposures.read_bytes() == other.exposures.read_bytes()
    files = [sorted(made.events.rglob("*.parquet")) for made in (one, other)]
    assert [f.read_bytes() for f in files[0]] == [f.read_bytes() for f in files[1]]


def test_answers_that_differ_are_objected_to() -> None:
    key = ("A", "revenue", None, None, None)
    reference = Answer(estimates={"revenue": (1.0, 1.96)}, moments={key: (10.0, 2.0, 1.0)})
    assert compare(reference, reference).objections == ()
    shifted = compare(reference, Answer(estimates={"revenue": (1.002, 1.96)}))
    assert shifted.objections == ("differences differ by 0.002",)
    wider = compare(reference, Answer(estimates={"revenue": (1.0, 1.99)}))
    assert wider.objections == ("intervals differ by 0.015",)
    assert compare(reference, Answer(estimates={"clicks": (1.0, 1.0)})).objections == (
        "unknown metric clicks",
    )
    for row in ((11.0, 2.0, 1.0), (10.0, 2.00001, 1.0), (10.0, 2.0, 1.1), (10.0, math.nan, 1.0)):
        assert len(compare(reference, Answer(moments={key: row})).objections) == 1
    fewer = compare(replace(reference, moments={}), Answer(moments=reference.moments))
    assert fewer.objections == ("other rows of moments",)


def test_a_run_is_measured_and_a_failure_has_its_last_words(tmp_path: Path) -> None:
    run = measure(command("busy", "x = bytearray(200_000_000); sum(range(2_000_000))"), tmp_path)
    assert run.wall > 0.02
    assert run.cpu > 0.02
    assert 190 < run.peak_mb < 300
    assert measure(command("idle", "import time; time.sleep(0.3)"), tmp_path).peak_mb < 100
    with pytest.raises(CommandError, match="bad: ValueError: no such thing"):
        measure(command("bad", "raise ValueError('no such thing')"), tmp_path)


def test_contestants_take_turns_and_failing_peers_are_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    writes = f"open({str(log)!r}, 'a').write"
    contestants = [command(name, f"{writes}({name!r})") for name in "ab"]
    bad = command("c", f"{writes}('c'); raise SystemExit('broken')")
    once = replace(command("o", f"{writes}('o')"), once=True)
    runs, missing = alternate([*contestants, bad, once], 3, tmp_path, lambda _: None)
    assert log.read_text() == "abcoabab"
    assert {name: len(found) for name, found in runs.items()} == {"a": 3, "b": 3, "o": 0}
    assert missing == {"c": "c: broken"}


def test_a_failure_of_anybody_but_a_peer_ends_the_measurement(tmp_path: Path) -> None:
    bad = replace(command("ours", "raise SystemExit('broken')"), role="abgap")
    with pytest.raises(CommandError, match="ours: broken"):
        alternate([bad], 2, tmp_path, lambda _: None)


def test_statements_are_named_by_what_they_make_or_read() -> None:
    assert label('CREATE OR REPLACE TEMP TABLE "unit parts of events" AS select 1') == "unit parts of events"
    assert label("create temp table cells as\nselect 1 from x") == "cells"
    assert label("select a\nfrom unit_outcomes as o") == "select from unit_outcomes"
    assert label("SET threads = 2") == "set"


def test_operators_are_added_up_over_the_whole_tree() -> None:
    scan = {"type": "TABLE_SCAN", "timing": 0.25}
    join = {"type": "HASH_JOIN", "timing": 0.5, "children": [scan, scan]}
    profile = {"query": {"sql": "create table t as select 1", "total_time": 0.75}, "operator": [join]}
    found = summary([profile, {"no": "query"}, profile], 2.0)
    assert found["statements"] == {"t": 1.5}
    assert found["operators"] == {"HASH_JOIN": 1.0, "TABLE_SCAN": 1.0}
    assert (found["wall"], found["in_duckdb"]) == (2.0, 1.5)


def test_imports_are_added_up_by_package() -> None:
    lines = [
        "import time: self [us] | cumulative | imported package",
        "import time:       100 |        300 | numpy",
        "import time:       200 |        200 |   numpy.linalg",
        "import time:        50 |         50 | json",
        "a warning",
    ]
    assert import_seconds(lines) == {"numpy": pytest.approx(3e-4), "json": pytest.approx(5e-5)}


def test_the_slope_of_a_power_law_is_its_exponent() -> None:
    assert slope({n: 3.0 * n**1.25 for n in (1000, 10_000, 50_000)}) == pytest.approx(1.25)
    assert last_slope({1: 100.0, 10: 1.0, 100: 100.0}) == pytest.approx(2.0)
    assert slope({1000: 1.0}) is None


def test_a_goal_that_is_missed_or_unknown_is_said_to_be_so() -> None:
    verdicts = [
        Goal(workload="units", words="", limit=1.3, measured=measured, why="no wheel").verdict
        for measured in (1.3, 1.31, None)
    ]
    assert verdicts == ["reached", "not reached", "not measured: no wheel"]


def results_of_a_fast_machine(tmp_path: Path) -> dict[str, Any]:
    """Results of the units workload as if everybody had taken a known time."""
    made = units(TINY, tmp_path)
    seconds = {
        "abgap_moments": 3.0,
        "abgap_analyze": 4.0,
        "by_hand_stable": 2.0,
        "by_hand_plain": 1.0,
        "polars": 2.0,
    }
    runs = {name: [Run(wall=s, cpu=s, peak_mb=100.0)] * 5 for name, s in seconds.items()}
    profile = {"wall": 1.0, "in_duckdb": 0.5, "statements": {"cells": 0.5}}
    profile |= {"operators": {"HASH_GROUP_BY": 0.5}, "imports": {"numpy": 0.1}}
    document = document_of(
        made,
        TINY,
        runs=runs,
        missing=dict.fromkeys(("tea_tasting", "gbstats", "confidence"), "not in tests"),
        agreements={},
        profiles=dict.fromkeys(made.profiled, profile),
        other_work=1.5,
    )
    return {"units": json.loads(json.dumps(document))}


def test_the_page_says_what_is_not_reached_and_on_what_class_of_machine(tmp_path: Path) -> None:
    results = results_of_a_fast_machine(tmp_path)
    pictures = draw_all(results, tmp_path)
    text = page(results, pictures)
    assert "| 1.3x | 1.50x | not reached |" in text
    assert "| no slower than polars + scipy | 1x | 2.00x | not reached |" in text
    assert "not measured: not in tests" in text
    assert "2 of 5 goals are not reached" in text
    assert "of which 1.5 were busy with other work" in text
    assert set(pictures) == {"performance_units.svg", "performance_peers.svg"}
    assert all(f"](images/{name})" in text for name in pictures)


def test_pictures_are_the_same_for_the_same_results(tmp_path: Path) -> None:
    results = results_of_a_fast_machine(tmp_path)
    drawn = [draw_all(results, tmp_path / name) for name in ("a", "b")]
    assert drawn[0] == drawn[1]
    for name in drawn[0]:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
        assert "<title>" in (tmp_path / "a" / name).read_text(encoding="utf-8")


def test_the_published_metrics_are_as_many_as_the_files_say() -> None:
    folder = Path(sys.modules["benchmarks.workloads"].__file__ or "").parent / "studies"
    for file in sorted(folder.glob("*_metrics.toml")):
        counted = Counter(line.split(".")[0] for line in file.read_text(encoding="utf-8").splitlines())
        assert counted["[metrics"] == int(file.stem.split("_")[1]), file.name
