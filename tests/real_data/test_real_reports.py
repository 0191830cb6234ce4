"""Every study over real data becomes a report that says what the numbers allow, in files of a readable size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from abgap.cli.main import cli
from abgap.records import Results, words
from abgap.report.schema import results_schema
from abgap.report.write import write_report

pytestmark = pytest.mark.data

STUDIES = {
    "peska_ht2020": {},
    "udacity_logs": {},
    "udacity_clean": {},
    "cookie_cats": {},
    "ab_test_results_users": {},
    "practicum_assignments": {"recommender_a": "0.5", "recommender_b": "0.5"},
    "upworthy_dev": {},
    "asos_dev": {"snapshot": "min"},
    "cdnow": {},
}
TWO_MEGABYTES = 2_000_000


@pytest.fixture(scope="module")
def written(
    results: Callable[..., Results], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], dict[str, str]]:
    """The files of a study's report by name, each study written once."""
    known: dict[str, dict[str, str]] = {}

    def write(name: str) -> dict[str, str]:
        if name not in known:
            files = write_report(results(name, **STUDIES[name]), tmp_path_factory.mktemp(name))
            known[name] = {file.name: file.read_text(encoding="utf-8") for file in files}
        return known[name]

    return write


@pytest.mark.parametrize("name", STUDIES)
def test_a_report_is_one_page_of_readable_size(written: Callable[[str], dict[str, str]], name: str) -> None:
    files = written(name)
    assert files.keys() == {"report.html", "report.md", "results.json"}
    for form in ("report.html", "report.md"):
        assert len(files[form].encode()) < TWO_MEGABYTES
    assert files["report.html"].startswith("<!doctype html>")
    assert "\n| --- |" in files["report.md"], "a table that a forge shows as one"


@pytest.mark.parametrize("name", STUDIES)
def test_the_results_satisfy_their_schema(written: Callable[[str], dict[str, str]], name: str) -> None:
    document = json.loads(written(name)["results.json"])
    for part in ("experiments", "checks", "estimates", "offline", "gaps"):
        # A sample of thousands of rows that all come out of the same records.
        document[part] = document[part][:50]
    assert list(Draft202012Validator(results_schema()).iter_errors(document)) == []


def test_the_report_of_the_travel_agency_says_inconclusive_and_with_what_power(
    written: Callable[[str], dict[str, str]],
) -> None:
    files = written("peska_ht2020")
    document = json.loads(files["results.json"])
    gaps = document["gaps"]
    (spoken_of,) = [
        gap
        for gap in gaps
        if gap["treatment"] == document["experiments"][0]["treatment"]
        and gap["sentence"] == document["experiments"][0]["headline"]
    ]
    assert {gap["verdict"] for gap in gaps} == {"inconclusive"}
    assert all(gap["power_at_smallest_worthwhile"] < 0.08 for gap in gaps)
    for form in ("report.html", "report.md"):
        assert "inconclusive" in files[form]
        assert "power: 7 % to see 10 %" in files[form]
        assert words.count(spoken_of["units_needed"]) in files[form]


def test_the_report_of_an_assignment_names_the_broken_split(written: Callable[[str], dict[str, str]]) -> None:
    for form in ("report.html", "report.md"):
        text = written("practicum_assignments")[form]
        assert "A 74.7 %, B 25.3 % (50.0 % planned in each)" in text


def test_a_missing_variance_stands_in_the_results_with_its_reason(
    written: Callable[[str], dict[str, str]],
) -> None:
    estimates: list[dict[str, Any]] = json.loads(written("asos_dev")["results.json"])["estimates"]
    reasons = [e["lift"]["reason"] for e in estimates if "reason" in e["lift"]]
    assert reasons.count("no_variance_given") == 12


def test_the_same_inputs_give_the_same_bytes(
    study_file: Callable[..., Path], written: Callable[[str], dict[str, str]], tmp_path: Path
) -> None:
    arguments = ["report", "--study", str(study_file("cookie_cats")), "--out", str(tmp_path), "--quiet"]
    CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    assert {file.name: file.read_text(encoding="utf-8") for file in tmp_path.iterdir()} == written(
        "cookie_cats"
    )
