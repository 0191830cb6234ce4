"""Which files a source means."""

from __future__ import annotations

from pathlib import Path

import pytest

from abgap.errors import DataError
from abgap.sources.files import SourceFiles, resolve_files
from abgap.study.model import Source


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def resolve(folder: Path, path: str | list[str], **more: str) -> SourceFiles:
    return resolve_files("exposures", Source.model_validate({"path": path} | more), folder)


def names(found: SourceFiles, folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in found.files]


def test_a_file_a_glob_a_folder_and_a_list(tmp_path: Path) -> None:
    make(tmp_path, "b.parquet", "a.parquet", "x/c.parquet", "x/y/d.parquet")
    assert names(resolve(tmp_path, "a.parquet"), tmp_path) == ["a.parquet"]
    assert names(resolve(tmp_path, "*.parquet"), tmp_path) == ["a.parquet", "b.parquet"]
    assert names(resolve(tmp_path, "**/*.parquet"), tmp_path) == [
        "a.parquet",
        "b.parquet",
        "x/c.parquet",
        "x/y/d.parquet",
    ]
    assert names(resolve(tmp_path, "x"), tmp_path) == ["x/c.parquet", "x/y/d.parquet"]
    assert names(resolve(tmp_path, ["x/c.parquet", "b.parquet"]), tmp_path) == ["b.parquet", "x/c.parquet"]
    assert names(resolve(tmp_path, str(tmp_path / "*.parquet")), tmp_path) == ["a.parquet", "b.parquet"]


def test_a_file_that_two_patterns_match_is_read_once(tmp_path: Path) -> None:
    make(tmp_path, "a.parquet", "b.parquet")
    assert names(resolve(tmp_path, ["a.parquet", "*.parquet"]), tmp_path) == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize(
    "name", ["a[1].csv", "a*b.csv", "a?b.csv", "it's.csv", 'a"b.csv', "a\nb.csv", "ü.csv", "a;b.csv"]
)
def test_a_name_may_hold_anything(tmp_path: Path, name: str) -> None:
    make(tmp_path, name, "a1.csv", "axb.csv")
    assert names(resolve(tmp_path, name), tmp_path) == [name]


def test_a_folder_with_brackets_above_the_study_is_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "run [3]"
    make(folder, "a.csv", "b.csv")
    assert names(resolve(folder, "*.csv"), folder) == ["a.csv", "b.csv"]


def test_what_writers_of_tables_leave_beside_the_data_is_no_data(tmp_path: Path) -> None:
    make(
        tmp_path,
        "t/_SUCCESS",
        "t/_delta_log/0.json",
        "t/_temporary/x.parquet",
        "t/.hidden.parquet",
        "t/.cache/y.parquet",
        "t/readme.md",
        "t/_day=1/a.parquet",
        "t/b.parquet",
    )
    assert names(resolve(tmp_path, "t"), tmp_path) == ["t/_day=1/a.parquet", "t/b.parquet"]


@pytest.mark.parametrize(
    ("name", "file_format"),
    [
        ("a.parquet", "parquet"),
        ("a.PARQUET", "parquet"),
        ("a.pq", "parquet"),
        ("a.csv", "csv"),
        ("a.tsv", "csv"),
        ("a.csv.gz", "csv"),
        ("a.CSV.GZ", "csv"),
        ("a.csv.zst", "csv"),
        ("a.json", "json"),
        ("a.jsonl", "json"),
        ("a.ndjson.gz", "json"),
    ],
)
def test_the_name_tells_the_format(tmp_path: Path, name: str, file_format: str) -> None:
    make(tmp_path, name)
    assert resolve(tmp_path, name).file_format == file_format


def test_a_declared_format_goes_before_the_name(tmp_path: Path) -> None:
    make(tmp_path, "export.dat")
    assert resolve(tmp_path, "export.dat", format="csv").file_format == "csv"
    with pytest.raises(
        DataError, match=r"cannot tell the format of 'export\.dat' from its name; set `format`"
    ):
        resolve(tmp_path, "export.dat")


def test_formats_do_not_mix(tmp_path: Path) -> None:
    make(tmp_path, "a.csv", "b.parquet")
    with pytest.raises(DataError, match=r"the files have different formats \(csv, parquet\)"):
        resolve(tmp_path, "*")


@pytest.mark.parametrize("path", ["https://example.com/a.parquet?x=1", "s3://bucket/a.csv"])
def test_a_url_is_handed_on(tmp_path: Path, path: str) -> None:
    found = resolve(tmp_path, path)
    assert (found.files, found.locations) == ((), (path,))


def test_keys_of_partitions_are_those_below_the_study(tmp_path: Path) -> None:
    folder = tmp_path / "run=3" / "study"
    make(folder, "logs/day=1/hour=2/a.csv", "logs/day=2/hour=0/b.csv", "plain.csv")
    assert resolve(folder, "logs").partition_keys == ("day", "hour")
    assert resolve(folder, "plain.csv").partition_keys == ()


class TestNothingFound:
    def test_a_missing_file_is_named_with_the_nearest_there_is(self, tmp_path: Path) -> None:
        make(tmp_path, "logs/exposures.parquet")
        with pytest.raises(DataError) as caught:
            resolve(tmp_path, "logs/exposure.parquet")
        assert caught.value.message == (
            f"exposures: there is no file 'logs/exposure.parquet' (looked in {tmp_path}; "
            "paths are relative to the study file); did you mean 'logs/exposures.parquet'?"
        )

    def test_an_empty_glob_and_an_empty_folder_say_so(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for path in ("*.parquet", "empty"):
            with pytest.raises(
                DataError, match=rf"exposures: no file with data matches '{path.replace('*', '.')}"
            ):
                resolve(tmp_path, path)

    def test_a_path_that_is_none_is_an_error_in_words(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="is no usable path: File name too long"):
            resolve(tmp_path, "x" * 5000)
        with pytest.raises(DataError, match="there is no file"):
            resolve(tmp_path, "a\0b.csv")
