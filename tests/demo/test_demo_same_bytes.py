"""The same inputs give the same bytes: on one thread or many, however rows are ordered and files are split."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from abgap import resources
from abgap.lab.sample import small

pytestmark = pytest.mark.demo

Command = Callable[..., str]
LOGS = ("exposures", "events", "requests")


def test_the_report_has_the_same_bytes_on_one_thread(demo: Any, command: Command, tmp_path: Path) -> None:
    command("report", "--study", demo.data / "abgap.toml", "--out", tmp_path, "--threads", "1", "--no-cache")
    for name in ("results.json", "report.md", "report.html"):
        assert (tmp_path / name).read_bytes() == (demo.out / name).read_bytes(), name


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small year: what is tested here is arithmetic, and holds at every size."""
    folder = tmp_path_factory.mktemp("year")
    small(folder)
    shutil.copy(resources.folder("sample_data") / "abgap.toml", folder)
    return folder


@pytest.fixture(scope="module")
def moments(year: Path, command: Command) -> pa.Table:
    """Its moments, from the files as they were made."""
    return moments_of(year, command)


def moments_of(folder: Path, command: Command, *, threads: int = 2) -> pa.Table:
    """The moments of a study, computed anew."""
    out = folder / "moments.parquet"
    more = ("--threads", threads, "--no-cache", "--force")
    command("export", "moments", "--study", folder / "abgap.toml", "--out", out, *more)
    return pq.read_table(out)


def copy_of(year: Path, folder: Path, write: Callable[[pa.Table, Path], None]) -> Path:
    """The study with every log written anew, in one folder each."""
    shutil.copy(year / "abgap.toml", folder)
    shutil.copytree(year / "offline", folder / "offline")
    for name in LOGS:
        (folder / "logs" / name).mkdir(parents=True)
        write(pq.read_table(year / "logs" / name), folder / "logs" / name)
    return folder


def test_shuffled_rows_give_the_same_moments_bit_by_bit(
    year: Path, moments: pa.Table, command: Command, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)

    def shuffled(table: pa.Table, folder: Path) -> None:
        pq.write_table(
            table.take(rng.permutation(table.num_rows)), folder / "all.parquet", row_group_size=5_000
        )

    assert moments_of(copy_of(year, tmp_path, shuffled), command, threads=5).equals(moments)


def test_split_files_give_the_same_moments_bit_by_bit(
    year: Path, moments: pa.Table, command: Command, tmp_path: Path
) -> None:
    def split(table: pa.Table, folder: Path) -> None:
        pieces = np.array_split(np.arange(table.num_rows)[::-1], 17)
        for i, piece in enumerate(pieces):
            pq.write_table(table.take(piece), folder / f"{i}.parquet")

    assert moments_of(copy_of(year, tmp_path, split), command).equals(moments)


def test_csv_gives_the_same_moments_bit_by_bit(
    year: Path, moments: pa.Table, command: Command, tmp_path: Path
) -> None:
    def csv(table: pa.Table, folder: Path) -> None:
        pa_csv.write_csv(table, folder / "all.csv")

    folder = copy_of(year, tmp_path, csv)
    text = (folder / "abgap.toml").read_text(encoding="utf-8")
    for name in LOGS:
        text = text.replace(f"logs/{name}/**/*.parquet", f"logs/{name}/*.csv")
    (folder / "abgap.toml").write_text(text, encoding="utf-8")
    assert moments_of(folder, command).equals(moments)


def test_rows_delivered_twice_are_seen(
    year: Path, moments: pa.Table, command: Command, tmp_path: Path
) -> None:
    def twice(table: pa.Table, folder: Path) -> None:
        for name in ("first", "again"):
            pq.write_table(table, folder / f"{name}.parquet")

    doubled = moments_of(copy_of(year, tmp_path, twice), command)
    whole = [table.filter(_whole(table)) for table in (moments, doubled)]
    units, more = (_by_arm(table, "n") for table in whole)
    assert units == more  # the first exposure counts, however often it is told
    visits, twice_as_many = (_by_arm(table, "mean") for table in whole)
    assert {
        k: 2 * v for k, v in visits.items()
    } == twice_as_many  # events do not: nothing says that they repeat


def _by_arm(table: pa.Table, column: str) -> dict[tuple[str, str], float]:
    arms = zip(table["experiment"].to_pylist(), table["variant"].to_pylist(), strict=True)
    return dict(zip(arms, table[column].to_pylist(), strict=True))


def _whole(table: pa.Table) -> pa.Array:
    is_whole = [
        metric == "sessions_per_user" and name is None and period is None
        for metric, name, period in zip(
            *(table[column].to_pylist() for column in ("metric", "slice_name", "period")), strict=True
        )
    ]
    return pa.array(is_whole)
