"""Files that are missing, empty or damaged."""

from __future__ import annotations

import gzip
from typing import Any

import pytest


def test_the_study_itself_is_right(over_logs: Any, over_values: Any) -> None:
    for case in (over_logs, over_values):
        assert case.run("check").code == 0
        assert case.estimates()


def test_a_missing_file_names_the_nearest_there_is(over_logs: Any) -> None:
    over_logs.study["exposures"]["path"] = "exposure.parquet"
    assert over_logs.refused("check") == (
        f"exposures: there is no file 'exposure.parquet' (looked in {over_logs.folder}; "
        "paths are relative to the study file); did you mean 'exposures.parquet'?"
    )


def test_an_empty_glob(over_logs: Any) -> None:
    over_logs.study["facts"]["events"]["path"] = "logs/*.parquet"
    assert over_logs.refused("check") == (
        f"facts.events: no file with data matches 'logs/*.parquet' (looked in {over_logs.folder}; "
        "paths are relative to the study file)"
    )


def test_a_half_written_parquet_file(over_logs: Any) -> None:
    path = over_logs.folder / "events.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    said = over_logs.refused("check")
    assert said.startswith("facts.events: cannot read events.parquet as parquet: ")
    assert said.endswith("; the file may be damaged or half-written: write it again, or set `format`")


def test_a_parquet_file_whose_pages_are_damaged(over_logs: Any) -> None:
    path = over_logs.folder / "events.parquet"
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    assert over_logs.refused("check").startswith("facts.events: TProtocolException")


def test_text_that_calls_itself_parquet(over_logs: Any) -> None:
    over_logs.file("events.parquet", "id,ts,amount\n" * 5)
    assert over_logs.refused("check").startswith("facts.events: cannot read events.parquet as parquet: ")


def test_a_truncated_gzip_file(over_logs: Any) -> None:
    text = "id,ts,amount\n" + "".join(f"u{i % 60:02},2026-03-03 10:00:00,{i}.25\n" for i in range(20_000))
    over_logs.file("events.csv.gz", gzip.compress(text.encode())[:-2_000])
    over_logs.study["facts"]["events"]["path"] = "events.csv.gz"
    said = over_logs.refused("check")
    assert said.startswith("facts.events: cannot read events.csv.gz as csv: Unexpected end of GZIP stream")
    assert "half-written" in said


def test_broken_json_lines(over_logs: Any) -> None:
    over_logs.file("events.jsonl", '{"id": "u00", "ts": "2026-03-03", "amount": 5}\n{"id": "u01", "amou')
    over_logs.study["facts"]["events"]["path"] = "events.jsonl"
    said = over_logs.refused("check")
    assert said.startswith("facts.events: cannot read events.jsonl as json: Malformed JSON")


@pytest.mark.parametrize("content", ["", "\n"])
def test_an_empty_csv_file(over_logs: Any, content: str) -> None:
    over_logs.file("events.csv", content)
    over_logs.study["facts"]["events"]["path"] = "events.csv"
    said = over_logs.refused("check")
    assert said.startswith(
        (
            "facts.events: cannot read events.csv as csv",
            "facts.events.columns.unit: column 'id' is not in facts.events",
        )
    )


def test_a_table_without_rows_is_no_units(over_logs: Any) -> None:
    over_logs.file("exposures.csv", "exp,id,arm,ts,device\n")
    over_logs.study["exposures"]["path"] = "exposures.csv"
    assert over_logs.run("check").code == 1
    check = over_logs.checks()["arms_present"]
    assert check["sentence"] == (
        "No unit of 'e' is left to analyse: check its name, variants and dates against the data."
    )


def test_events_without_rows_are_zeros(over_logs: Any) -> None:
    over_logs.file("events.csv", "id,ts,amount\n")
    over_logs.study["facts"]["events"]["path"] = "events.csv"
    estimate = over_logs.estimates()["orders"]
    assert (estimate["value_control"], estimate["difference"]["reason"]) == (0, "zero_variance")


def test_lines_that_do_not_fit_are_left_out_and_counted(over_logs: Any) -> None:
    over_logs.file("events.csv", "id,ts,amount\nu00,2026-03-03,5\nu01,2026-03-03\nu02,2026-03-03,5,6\n")
    over_logs.study["facts"]["events"]["path"] = "events.csv"
    check = over_logs.checks()["rejected_rows"]
    assert (check["status"], check["value"]) == ("warn", 2)
    assert check["sentence"] == (
        "2 of 3 rows of facts.events could not be read and are left out; "
        "first: line 3: Expected Number of Columns: 3 Found: 2."
    )


def test_a_format_that_nobody_knows(over_logs: Any) -> None:
    over_logs.file("events.xlsx", "x")
    over_logs.study["facts"]["events"]["path"] = "events.xlsx"
    assert over_logs.refused("check") == (
        "facts.events: cannot tell the format of 'events.xlsx' from its name; set `format` to parquet, csv or json"
    )


def test_a_file_that_cannot_be_opened(over_logs: Any) -> None:
    (over_logs.folder / "loop.parquet").symlink_to("loop.parquet")
    over_logs.study["facts"]["events"]["path"] = "loop.parquet"
    assert "facts.events" in over_logs.refused("check")
