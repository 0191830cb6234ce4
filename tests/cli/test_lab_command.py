"""``abgap lab``: the list of scenarios, one made, and one diagnosed beside its truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abgap.lab.scenarios.registry import SCENARIOS

Abgap = Callable[..., Any]


def test_the_list_names_every_scenario_with_what_it_plants(tmp_path: Path, abgap_in: Abgap) -> None:
    found = abgap_in(tmp_path, "lab", "--json")
    assert found.code == 0
    listed = json.loads(found.out)["scenarios"]
    assert [each["name"] for each in listed] == list(SCENARIOS)
    assert listed[0].keys() == {"name", "world", "reasons", "story"}
    shown = abgap_in(tmp_path, "lab").out
    assert all(name in shown for name in SCENARIOS)


def test_a_scenario_that_was_made_is_diagnosed_like_any_study(tmp_path: Path, abgap_in: Abgap) -> None:
    made = abgap_in(tmp_path, "lab", "make", "latency", "--out", "slow", "--seed", "3")
    assert made.code == 0
    assert made.out.splitlines() == ["slow/abgap.toml", "slow/truth.json"]
    gaps = abgap_in(tmp_path, "gap", "--study", "slow/abgap.toml", "--json").json["gaps"]
    run = abgap_in(tmp_path, "lab", "run", "latency", "--seed", "3", "--json").json["lab"]
    [experiment] = run["experiments"]
    assert experiment["gap"] == gaps[0]
    assert experiment["planted"] == json.loads((tmp_path / "slow/truth.json").read_text())["experiments"][0]
    assert (experiment["supported"], experiment["missed"], experiment["false_alarms"]) == (
        ["latency"],
        [],
        [],
    )


def test_one_experiment_is_shown_reason_by_reason_and_several_are_counted(
    tmp_path: Path, abgap_in: Abgap
) -> None:
    one = abgap_in(tmp_path, "lab", "run", "latency", "--quiet")
    assert "Planted: latency (+5.5 %)" in one.out
    assert "Agreement: what was planted was found, and nothing else." in one.out
    several = abgap_in(tmp_path, "lab", "run", "latency", "--replicates", "4", "--quiet")
    assert "4 experiments" in several.out
    *_, row = (line for line in several.out.splitlines() if line.startswith("latency "))
    assert row.split()[:5] == ["latency", "4", "4", "0", "0"]


def test_a_run_with_a_folder_keeps_the_study_and_writes_its_report(tmp_path: Path, abgap_in: Abgap) -> None:
    found = abgap_in(tmp_path, "lab", "run", "honest_win", "--out", "kept", "--quiet")
    assert found.code == 0
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == [
        "report.html", "report.md", "results.json", "study",
    ]  # fmt: skip
    assert (tmp_path / "kept/study/truth.json").is_file()
    assert "kept/report.html" in found.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "latencyy"), "did you mean 'latency'?"),
        (("make", "latency"), "--out"),
        (("make", "latency", "--out", "mine"), "did not make"),
        (("run", "latency", "--replicates", "0"), "--replicates"),
        (("run", "latency", "--strength", "huge"), "--strength"),
    ],
)
def test_what_cannot_be_is_a_mistake_of_usage(
    tmp_path: Path, abgap_in: Abgap, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()
    found = abgap_in(tmp_path, "lab", *arguments)
    assert found.code == 2
    assert said in found.err


def test_the_list_has_a_name_and_a_word_that_is_none_is_answered_with_those_there_are(
    tmp_path: Path, abgap_in: Abgap
) -> None:
    assert abgap_in(tmp_path, "lab", "list").out == abgap_in(tmp_path, "lab").out
    assert abgap_in(tmp_path, "lab", "list", "--json").json == abgap_in(tmp_path, "lab", "--json").json
    wrong = abgap_in(tmp_path, "lab", "latency")
    assert wrong.code == 2
    assert "There is no command 'lab latency'" in wrong.err
    assert "'lab run'" in wrong.err


def test_the_kpi_trap_replaces_nothing_that_it_did_not_make(tmp_path: Path, abgap_in: Abgap) -> None:
    study = tmp_path / "abgap.toml"
    study.write_text("# mine", encoding="utf-8")
    refused = abgap_in(tmp_path, "lab", "kpi-trap", "--out", ".")
    assert refused.code == 2
    assert "holds files that abgap lab kpi-trap did not make" in refused.err
    assert [path.name for path in tmp_path.iterdir()] == ["abgap.toml"]
    assert study.read_text(encoding="utf-8") == "# mine"
    made = abgap_in(tmp_path, "lab", "make", "latency", "--out", "slow")
    assert made.code == 0
    assert abgap_in(tmp_path, "lab", "kpi-trap", "--out", "slow").code == 2
