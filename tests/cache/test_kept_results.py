"""Results are kept between runs, are the same with and without, and are given up when anything has changed."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pytest

import abgap
from abgap.online.sums import sum_units
from abgap.pipeline import fingerprint, plain
from abgap.pipeline.plain import from_plain, to_plain
from abgap.resources import folder

if TYPE_CHECKING:
    from tests.cache.conftest import Run


def _changed_numbers(run: Run, change: Callable[[], object]) -> None:
    """After the change the engine works again, and says what it says without a cache."""
    before = run()
    assert run() == before
    assert run.ran == []
    change()
    after = run()
    assert run.ran != []
    assert after == run(cached=False)
    assert after != before


def test_a_second_run_asks_the_engine_nothing_and_gives_the_same_bytes(run: Run) -> None:
    plain = run(cached=False)
    first = run()
    assert "cells" in json.dumps(json.loads(first)["provenance"]["queries"])
    second = run()
    assert run.ran == []
    assert plain == first == second
    assert run.notes == []


def test_results_are_the_same_when_stages_were_kept_by_another_command(run: Run) -> None:
    from abgap.pipeline.analysis import open_analysis  # noqa: PLC0415
    from abgap.study.load import load_study  # noqa: PLC0415

    with open_analysis(load_study(run.file), progress=lambda _: None, cache=run.cache()) as analysis:
        assert analysis.checks
    assert run() == run(cached=False)


def test_an_appended_file_is_noticed(run: Run) -> None:
    orders = run.file.parent / "logs" / "orders.csv"
    _changed_numbers(run, lambda: orders.write_text(orders.read_text() + "u1001,2026-01-01 13:00:00,99.50\n"))


def test_a_shortened_file_is_noticed(run: Run) -> None:
    orders = run.file.parent / "logs" / "orders.csv"
    _changed_numbers(run, lambda: orders.write_text("\n".join(orders.read_text().splitlines()[:-3]) + "\n"))


def test_a_rewritten_file_of_equal_size_with_its_old_time_is_noticed(run: Run) -> None:
    orders = run.file.parent / "logs" / "orders.csv"

    def rewrite() -> None:
        before = orders.stat()
        orders.write_text(orders.read_text().replace(",1.50", ",9.50"))
        os.utime(orders, ns=(before.st_atime_ns, before.st_mtime_ns))
        after = orders.stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)

    _changed_numbers(run, rewrite)


def test_a_file_rewritten_within_the_clock_s_grain_is_noticed_by_its_content(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The marks are made equal before and after: only reading can tell."""
    orders = run.file.parent / "logs" / "orders.csv"
    monkeypatch.setattr(fingerprint, "_SETTLED_NS", 10**12)
    real = fingerprint.marks_of
    monkeypatch.setattr(fingerprint, "marks_of", lambda path: (real(path)[0], 1, 1, 1, 1))
    monkeypatch.setattr(fingerprint, "is_settled", lambda _marks, *, now_ns: now_ns < 0)
    _changed_numbers(run, lambda: orders.write_text(orders.read_text().replace(",1.50", ",9.50")))


def test_a_replaced_file_is_noticed(run: Run) -> None:
    scores = run.file.parent / "scores.csv"

    def replace() -> None:
        before, other = scores.stat(), scores.with_name("other")
        other.write_text(scores.read_text().replace("0.5,", "0.9,").replace(",0.51", ",0.57"))
        os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
        other.replace(scores)

    _changed_numbers(run, replace)


def test_a_new_file_of_a_pattern_is_noticed(run: Run) -> None:
    logs = run.file.parent / "logs" / "exposures"

    def add() -> None:
        rows = (
            "SELECT 'price' AS test, 'v' || i AS user, CASE i % 2 WHEN 0 THEN 'old' ELSE 'new' END AS arm, "
            "'DE' AS country, TIMESTAMP '2026-01-03 10:00:00' AS seen FROM range(30) t(i)"
        )
        duckdb.sql(f"COPY ({rows}) TO '{logs / 'day-03.parquet'}' (FORMAT parquet)")

    _changed_numbers(run, add)


def test_a_removed_file_of_a_pattern_is_noticed(run: Run) -> None:
    _changed_numbers(run, (run.file.parent / "logs" / "exposures" / "day-02.parquet").unlink)


def test_a_file_that_was_only_touched_is_hashed_and_not_read_again(run: Run) -> None:
    first = run()
    (run.file.parent / "logs" / "orders.csv").touch()
    assert run() == first
    assert run.ran == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("window_days = 5", "window_days = 1"),
        ("end = 2026-01-15", "end = 2026-01-02"),
        ('value = "amount"', 'value = "amount * 2"'),
        ('name = "Small"', 'name = "Small"\ntimezone = "Asia/Tokyo"'),
        ('slices = ["country"]', ""),
    ],
)
def test_a_changed_study_is_noticed(run: Run, old: str, new: str) -> None:
    _changed_numbers(run, lambda: run.edit(old, new))


def test_words_and_levels_of_the_study_need_no_new_scan(run: Run) -> None:
    first = run()
    run.edit("pays the bills", "pays all bills")
    run.edit('name = "Small"', 'name = "Small"\nalpha = 0.1')
    second = run()
    assert run.ran == []
    assert second == run(cached=False)
    assert second != first


def test_another_arm_s_model_sums_up_the_scores_of_another_pair(run: Run) -> None:
    run()
    run.edit('new = "bert"', 'new = "bm25"')
    assert run() == run(cached=False)


def test_a_changed_query_or_version_is_noticed(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run()
    queries = shutil.copytree(folder("queries"), tmp_path / "queries")
    places = {"queries": queries, "templates": folder("templates")}
    monkeypatch.setattr("abgap.pipeline.fingerprint.folder", places.__getitem__)
    fingerprint.program_sha256.cache_clear()
    run()
    assert run.ran == []
    cells = queries / "cells.sql"
    cells.write_text(cells.read_text() + "\n-- changed\n")
    fingerprint.program_sha256.cache_clear()
    run()
    assert run.ran != []
    monkeypatch.setattr(abgap, "__version__", "99.0")
    fingerprint.program_sha256.cache_clear()
    run()
    assert run.ran != []
    monkeypatch.undo()
    fingerprint.program_sha256.cache_clear()


def test_a_study_that_reads_a_select_is_computed_every_time(run: Run) -> None:
    run.edit(
        'path = "logs/orders.csv"\ncolumns',
        """query = "SELECT * FROM read_csv('logs/orders.csv')"\ncolumns""",
    )
    first = run()
    run.ran.clear()
    assert run() == first
    assert run.ran != []


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_a_damaged_file_is_said_removed_and_computed_again(run: Run, damage: str) -> None:
    first = run()
    for path in run.folder.glob("*.npz"):
        content = path.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]
        path.write_bytes({"cut": content[:middle], "flip": flipped, "empty": b"", "text": b"hello"}[damage])
    assert run() == first
    assert any("damaged" in note for note in run.notes)
    run.notes.clear()
    assert run() == first
    assert run.ran == []
    assert run.notes == []


def test_a_file_that_asks_for_an_unknown_class_is_refused() -> None:
    with pytest.raises(KeyError):
        from_plain({"record": ["os.system", {"command": "true"}]}, {})
    with pytest.raises(TypeError, match="cannot be kept"):
        to_plain(object(), {})


def test_numbers_come_back_bit_for_bit() -> None:
    arrays: dict[str, Any] = {}
    values = (np.float64(0.1) + 0.2, float("nan"), -0.0, 1e-310, 2**60, True, None, "ü\n", ("a", (1.5,)))
    column = np.array([0.1, np.nan, -0.0])
    found = from_plain(json.loads(json.dumps(to_plain([values, column], arrays))), arrays)
    assert repr(found[0]) == repr((0.30000000000000004, *values[1:]))
    assert found[1].tobytes() == column.tobytes()


def test_a_folder_that_cannot_be_written_is_said_and_costs_nothing_else(run: Run) -> None:
    run.folder.write_text("a file stands where the folder should be")
    assert run() == run(cached=False)
    assert any("could be kept" in note for note in run.notes)


def test_a_damaged_list_of_hashes_is_said_and_made_again(run: Run) -> None:
    first = run()
    (run.folder / "files.json").write_text("[1, 2")
    assert run() == first
    assert run.notes == ["the cache's list of files is damaged and was ignored; files are hashed again"]


def test_the_least_recently_used_goes_when_the_folder_is_full(run: Run) -> None:
    run()
    cache = run.cache()
    names = [entry.path.stem for entry in cache.entries()]
    assert len(names) > 2
    for age, name in enumerate(names):
        os.utime(run.folder / f"{name}.npz", ns=(0, 10**18 - age))
    room = sum(entry.size for entry in cache.entries()[:2])
    small = type(cache)(run.folder, note=run.notes.append, limit_bytes=room)
    small._shrink()
    assert [entry.path.stem for entry in cache.entries()] == names[:2]


def test_two_runs_at_once_give_the_same(run: Run) -> None:
    expected = run(cached=False)
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(run())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected, expected]
    assert run.notes == []
    assert not list(run.folder.glob(".new-*"))


def test_a_file_that_changes_while_it_is_read_keeps_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = run.file.parent / "logs" / "orders.csv"

    def meanwhile(*given: Any, **named: Any) -> Any:
        found = sum_units(*given, **named)
        orders.write_text(orders.read_text().replace(",1.50", ",9.50"))
        return found

    monkeypatch.setattr("abgap.online.sums.sum_units", meanwhile)
    run()
    monkeypatch.setattr("abgap.online.sums.sum_units", sum_units)
    assert not list(run.folder.glob("sums-*"))
    assert run() == run(cached=False)


def test_files_of_others_in_the_folder_are_left_alone(run: Run) -> None:
    run()
    folder = run.cache().folder
    others = [folder / name for name in ("mine.parquet", "base-1.parquet", "mine.npz")]
    for path in others:
        path.write_bytes(bytes(2000))
    small = type(run.cache())(folder, note=run.notes.append, limit_bytes=1000)
    small._shrink()
    small.clear()
    assert [path for path in others if not path.exists()] == []


def test_clearing_removes_all_and_nothing_else(run: Run) -> None:
    run()
    stranger = run.folder / "notes.txt"
    stranger.write_text("mine")
    kept = len(list(run.folder.glob("*.npz")))
    assert run.cache().clear() == kept > 0
    assert list(run.folder.iterdir()) == [stranger]


UNITS = """
[unit_values]
path = "units.parquet"
columns = { experiment = "test", unit = "user", variant = "arm" }
slices = ["country"]

[experiments]
path = "experiments.csv"
columns = { experiment = "name", control = "control" }

[metrics.orders]
kind = "mean"
value = "orders"
role = "primary"

[metrics.rate]
kind = "ratio"
numerator = { value = "clicks" }
denominator = { value = "views" }
"""

MOMENTS = """
[moments]
path = "moments.csv"

[experiments.price]
control = "old"

[metrics.orders]
kind = "mean"
role = "primary"
"""


def test_ready_made_units_and_a_file_of_experiments_are_kept(run: Run) -> None:
    place = run.file.parent
    rows = (
        "SELECT 'price' AS test, i AS user, CASE i % 2 WHEN 0 THEN 'old' ELSE 'new' END AS arm, "
        "CASE i % 3 WHEN 0 THEN 'DE' END AS country, (i * 7) % 5 AS orders, i % 4 AS clicks, 3 + i % 3 AS views "
        "FROM range(300) t(i)"
    )
    duckdb.sql(f"COPY ({rows}) TO '{place / 'units.parquet'}' (FORMAT parquet)")
    (place / "experiments.csv").write_text("name,control\nprice,old\n")
    run.file.write_text(UNITS)
    first = run()
    assert first == run() == run(cached=False)
    run()
    assert run.ran == []
    (place / "experiments.csv").write_text("name,control\nprice,new\n")
    assert run() == run(cached=False) != first


def test_moments_of_a_warehouse_are_kept(run: Run) -> None:
    moments = run.file.parent / "moments.csv"
    moments.write_text(
        "experiment,variant,metric,n,mean,variance\nprice,old,orders,100,2.5,1.5\nprice,new,orders,110,2.9,1.25\n"
    )
    run.file.write_text(MOMENTS)
    _changed_numbers(run, lambda: moments.write_text(moments.read_text().replace("2.9", "2.1")))
    assert run.notes == []


def test_every_class_that_can_come_back_is_where_it_is_said_to_be() -> None:
    for classes in (plain._RECORDS, plain._VALUES):
        for module, names in classes.items():
            for name in names:
                assert getattr(import_module(module), name).__module__ == module
