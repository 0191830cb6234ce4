"""Every command on its happy path, and what all of them have in common."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import click
import duckdb
import jsonschema
import pytest

from abgap.cli.main import COMMANDS, cli
from abgap.cli.options import ExampleCommand

Abgap: TypeAlias = Callable[..., Any]
PRINTING = ("check", "analyze", "offline", "gap", "portfolio")
PARTS = {
    "check": "checks",
    "analyze": "estimates heterogeneity trends",
    "offline": "offline offline_history offline_sweeps counterfactual positions curves confusions live_quality",
    "gap": "gaps",
    "portfolio": "portfolio",
}


def command_named(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_ends_with_examples_of_itself(
    name: str, abgap_in: Abgap, tmp_path: Path
) -> None:
    shown = abgap_in(tmp_path, name, "--help")
    assert shown.code == 0
    _, _, examples = shown.out.partition("Examples:\n")
    lines = examples.splitlines()
    assert lines
    assert all(line.startswith(f"  abgap {name}") for line in lines)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_in_the_help_is_understood(name: str) -> None:
    command = command_named(name)
    assert isinstance(command, ExampleCommand)
    for example in command.examples:
        words = shlex.split(example.split(" > ", maxsplit=1)[0])[2:]
        context = command.make_context(name, words, resilient_parsing=False)
        assert context.params


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_is_for(name: str) -> None:
    options = [p for p in command_named(name).params if isinstance(p, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_every_command_but_schema_prints_json_when_asked() -> None:
    without = [n for n in COMMANDS if "--json" not in {o for p in command_named(n).params for o in p.opts}]
    assert without == ["schema"]  # what it prints is JSON in any case


@pytest.mark.parametrize("name", PRINTING)
def test_findings_as_json_are_that_part_of_the_results(
    name: str, abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    report = abgap_in(parquet_study, "report", "--json", "--out", tmp_path / "report")
    assert report.code == 0
    shown = abgap_in(parquet_study, name, "--json", "--fail-on", "never") if name == "check" else abgap_in(
        parquet_study, name, "--json"
    )  # fmt: skip
    assert shown.code == 0
    assert shown.err == ""
    parts = PARTS[name].split()
    assert shown.json == {"schema_version": "1", **{part: report.json[part] for part in parts}}


@pytest.mark.parametrize("kind", ["parquet_study", "csv_study", "moments_study"])
@pytest.mark.parametrize("name", PRINTING)
def test_findings_in_words_name_what_was_found(
    name: str, kind: str, abgap_in: Abgap, request: pytest.FixtureRequest
) -> None:
    shown = abgap_in(request.getfixturevalue(kind), name)
    assert shown.code == 0
    assert shown.err == ""
    expected = {
        "check": ("layout", "✓ sample_ratio: Units are split as planned", "passed"),
        "analyze": ("ranker   units: A 300, B 300", "revenue_per_user", "95% interval", "Next: "),
        "offline": ("new", "old", "ndcg", "+0.0"),
        "gap": ("ranker · B · ndcg × revenue_per_user", "✓ translated"),
        "portfolio": ("2 experiments", "1  translated", "NDCG against revenue per user"),
    }
    for words in expected[name]:
        assert words in shown.out


def test_csv_and_parquet_logs_give_the_same_findings(
    abgap_in: Abgap, parquet_study: Path, csv_study: Path
) -> None:
    parquet, csv = (abgap_in(study, "gap", "--json").json for study in (parquet_study, csv_study))
    assert parquet == csv


def test_one_experiment_is_shown_when_it_is_named(abgap_in: Abgap, parquet_study: Path) -> None:
    shown = abgap_in(parquet_study, "analyze", "layout")
    assert "layout   units" in shown.out
    assert "ranker" not in shown.out
    estimates = abgap_in(parquet_study, "analyze", "layout", "--json").json["estimates"]
    assert {e["experiment"] for e in estimates} == {"layout"}


def test_slices_are_shown_when_they_are_asked_for(abgap_in: Abgap, parquet_study: Path) -> None:
    plain, sliced = (abgap_in(parquet_study, "analyze", *more).out for more in ((), ("--slices",)))
    assert "device = phone" not in plain
    assert "conversion · device = phone" in sliced


def test_a_funnel_that_is_the_same_for_two_pairs_is_shown_once(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    text = (parquet_study / "abgap.toml").read_text(encoding="utf-8")
    scores = (parquet_study / "scores.csv").read_text(encoding="utf-8")
    both = scores + scores.replace(",ndcg,", ",mrr,").partition("\n")[2]
    (tmp_path / "both.csv").write_text(both, encoding="utf-8")
    text = text.replace('offline = ["ndcg"]', 'offline = ["ndcg", "mrr"]').replace("scores.csv", "both.csv")
    for name in ("exposures", "events"):
        text = text.replace(f"{name}.parquet", f"{parquet_study.as_posix()}/{name}.parquet")
    (tmp_path / "abgap.toml").write_text(text, encoding="utf-8")
    shown = abgap_in(tmp_path, "gap", "ranker").out
    assert shown.count("✓ translated") == 2
    assert shown.count("orders_per_click") == 1


def test_a_report_is_written_from_another_folder_and_its_paths_are_printed(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    shown = abgap_in(tmp_path, "report", "--study", parquet_study / "abgap.toml")
    assert shown.code == 0
    names = ["report.html", "report.md", "results.json"]
    assert shown.out.splitlines() == [f"abgap-report/{name}" for name in names]
    assert sorted(p.name for p in (tmp_path / "abgap-report").iterdir()) == names


def test_a_report_is_replaced_by_the_next_one_byte_by_byte(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path, files_in: Callable[[Path], dict[str, bytes]]
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    abgap_in(parquet_study, "report", "--out", tmp_path)
    first = files_in(tmp_path)
    (tmp_path / "report.md").write_text("old")
    assert abgap_in(parquet_study, "report", "--out", tmp_path, "--no-cache").code == 0
    assert files_in(tmp_path) == first
    assert set(first) == {"notes.txt", "report.html", "report.md", "results.json"}


def test_the_report_as_json_is_the_file_it_writes_and_follows_its_schema(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    shown = abgap_in(parquet_study, "report", "--out", tmp_path, "--json")
    assert shown.out == (tmp_path / "results.json").read_text(encoding="utf-8")
    schema = abgap_in(tmp_path, "schema", "results").json
    jsonschema.validate(shown.json, schema)


def test_the_nearest_study_is_found_from_a_folder_below(abgap_in: Abgap, parquet_study: Path) -> None:
    assert abgap_in(parquet_study / "sub", "portfolio").code == 0


def test_both_schemas_are_schemas(abgap_in: Abgap, tmp_path: Path) -> None:
    for what in ("study", "results"):
        schema = abgap_in(tmp_path, "schema", what).json
        jsonschema.Draft202012Validator.check_schema(schema)


def test_a_first_study_is_guessed_from_several_files_and_runs(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    files = [parquet_study / name for name in ("exposures.parquet", "events.parquet", "scores.csv")]
    shown = abgap_in(tmp_path, "init", *files, "--control", "A")
    assert (shown.code, shown.out) == (0, "abgap.toml\n")
    assert "abgap check --study abgap.toml" in shown.err
    assert abgap_in(tmp_path, "check").code == 0
    estimates = abgap_in(tmp_path, "analyze", "--json").json["estimates"]
    assert {e["experiment"] for e in estimates} == {"ranker", "layout"}


def test_a_first_study_names_files_relative_to_itself(abgap_in: Abgap, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "users.csv").write_text("user,variant,spend\n1,A,2\n2,B,3\n3,A,4\n4,B,5\n")
    shown = abgap_in(
        tmp_path / "logs", "init", "users.csv", "--control", "A", "--out", "../abgap.toml", "--json"
    )
    assert shown.json == {"schema_version": "1", "files": ["../abgap.toml"]}
    assert 'path = "logs/users.csv"' in (tmp_path / "abgap.toml").read_text()
    assert abgap_in(tmp_path, "check").code == 0


def test_a_first_study_is_guessed_whatever_the_columns_are_called(abgap_in: Abgap, tmp_path: Path) -> None:
    rows = "".join(f"{model},{i},2,{i % 2},{(i + (model == 'b')) % 2}\n" for model in "ab" for i in range(10))
    (tmp_path / "p.csv").write_text(f"model,example,times,y_true,y_pred\n{rows}")
    assert abgap_in(tmp_path, "init", "p.csv").code == 0
    assert 'example = "example"' in (tmp_path / "abgap.toml").read_text()
    assert abgap_in(tmp_path, "offline").code == 0


def test_the_exported_database_holds_the_data_and_the_findings(
    abgap_in: Abgap, parquet_study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "study.duckdb"
    shown = abgap_in(parquet_study, "export", "database", "--out", out, "--json")
    assert shown.json["files"] == [str(out)]
    assert [p.name for p in tmp_path.iterdir()] == ["study.duckdb"]
    with duckdb.connect(str(out), read_only=True) as database:
        found = dict(database.sql("SELECT table_name, estimated_size FROM duckdb_tables()").fetchall())
        (users,) = database.sql("SELECT count(*) FROM unit_outcomes").fetchall()[0]
        (lift,) = database.sql(
            "SELECT lift.estimate FROM estimates WHERE experiment = 'ranker' AND metric = 'conversion' "
            "AND slice_name IS NULL AND period IS NULL"
        ).fetchall()[0]
    assert set(found) == {
        "exposures", "events", "offline_scores", "enrolments", "first_exposures", "unit_outcomes", "cells",
        "moments", "estimates", "offline", "checks", "gaps", "reasons", "budget",
    }  # fmt: skip
    assert users == found["exposures"] == 1200
    estimates = abgap_in(parquet_study, "analyze", "ranker", "--json").json["estimates"]
    whole = [e for e in estimates if e["metric"] == "conversion" and not e["slice_name"] and not e["period"]]
    assert lift == whole[0]["lift"]["estimate"]


@pytest.mark.parametrize("kind", ["csv_study", "moments_study"])
def test_a_database_is_exported_whatever_the_study_brings(
    kind: str, abgap_in: Abgap, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    out = tmp_path / "study.duckdb"
    assert abgap_in(request.getfixturevalue(kind), "export", "database", "--out", out).code == 0
    with duckdb.connect(str(out), read_only=True) as database:
        assert database.sql("SELECT count(*) > 0 FROM moments").fetchall() == [(True,)]


@pytest.mark.parametrize("name", ["moments.parquet", "moments.csv"])
def test_exported_moments_brought_back_give_the_same_estimates(
    name: str, abgap_in: Abgap, parquet_study: Path, over_moments: Callable[[str], Path]
) -> None:
    # Among the metrics are one with a covariate and three with parts.
    logs = abgap_in(parquet_study, "analyze", "--json")
    moments = abgap_in(over_moments(name).parent, "analyze", "--json")
    assert moments.json["estimates"] == logs.json["estimates"]
    assert any(e["covariate_variance_removed"] for e in moments.json["estimates"])


def test_what_csv_cannot_hold_is_said(abgap_in: Abgap, parquet_study: Path, tmp_path: Path) -> None:
    told = abgap_in(
        parquet_study, "export", "moments", "--no-folds", "--quiet", "--out", tmp_path / "m.csv"
    ).err
    assert (
        "funnels and what metrics have in common are left out (stage_means, stage_covariances); parquet keeps them"
        in told
    )
    assert "covariates" not in told, "one covariate has columns of its own"
    told = abgap_in(parquet_study, "export", "moments", "--no-folds", "--out", tmp_path / "m.parquet").err
    assert "left out" not in told


def test_funnels_come_back_with_the_moments(
    abgap_in: Abgap, parquet_study: Path, moments_study: Path
) -> None:
    logs, moments = (
        abgap_in(study, "gap", "--json").json["gaps"] for study in (parquet_study, moments_study)
    )
    assert [gap["funnel"] for gap in moments] == [gap["funnel"] for gap in logs]
    assert [gap["sentence"] for gap in moments] == [gap["sentence"] for gap in logs]


def test_results_are_one_record_a_line(abgap_in: Abgap, parquet_study: Path) -> None:
    lines = abgap_in(parquet_study, "check", "--json").out.splitlines()
    records = [line.rstrip(",") for line in lines if line.startswith('{"')]
    assert len(records) > 5
    assert all("name" in json.loads(record) for record in records)
