"""Experiments whose units are not what the study says."""

from __future__ import annotations

from typing import Any

import pytest


def test_an_empty_arm_blocks_the_experiment(over_logs: Any, good_logs: Any) -> None:
    over_logs.parquet("exposures.parquet", good_logs()["exposures"] | {"arm": ["A"] * 60})
    assert over_logs.run("check").code == 1
    check = over_logs.checks()["arms_present"]
    assert (check["status"], check["blocking"]) == ("fail", True)
    assert check["sentence"] == "No units in 'B': check the names of the variants (seen: 'A')."
    assert over_logs.estimates() == {}


def test_a_single_unit_has_values_and_no_test(over_logs: Any, good_logs: Any) -> None:
    first = {name: values[:2] for name, values in good_logs()["exposures"].items()}
    over_logs.parquet("exposures.parquet", first)
    estimate = over_logs.estimates()["revenue"]
    assert (estimate["n_control"], estimate["n_treatment"]) == (1, 1)
    assert estimate["value_control"] == 10
    assert estimate["p_value"] is None
    assert estimate["lift"] == {
        "reason": "too_few_units",
        "detail": "1 units in control, 1 in treatment; at least 8 in each arm are needed",
    }
    assert over_logs.checks()["arm_sizes"]["status"] == "warn"


def test_units_that_are_all_alike_have_no_test(over_values: Any, good_values: Any) -> None:
    over_values.parquet("units.parquet", good_values() | {"spend": [3.5] * 60})
    estimate = over_values.estimates()["spend"]
    assert (estimate["value_control"], estimate["value_treatment"]) == (3.5, 3.5)
    assert estimate["difference"] == {
        "reason": "zero_variance",
        "detail": "every unit has the same value, so nothing can be tested",
    }
    assert (estimate["p_value"], estimate["significant"]) == (None, False)


def test_a_column_without_any_value_has_no_number(over_values: Any, good_values: Any) -> None:
    over_values.parquet("units.parquet", good_values() | {"spend": [None] * 60})
    estimate = over_values.estimates()["spend"]
    assert estimate["value_control"] is None
    assert estimate["difference"]["reason"] == "no_units"
    assert over_values.checks()["missing_values"]["sentence"].startswith(
        "60 of 60 units have no value of spend and are left out of it (A 30, B 30)"
    )


def test_an_unknown_variant_is_left_out_and_named(over_logs: Any, good_logs: Any) -> None:
    over_logs.parquet("exposures.parquet", good_logs()["exposures"] | {"arm": ["A", "B", "C"] * 20})
    check = over_logs.checks()["exposures_left_out"]
    assert check["status"] == "warn"
    assert check["sentence"] == (
        "20 of 60 exposure rows are not used: 20 of variants the experiment does not declare "
        "(unknown variants: 'C')."
    )


def test_an_experiment_without_exposures_names_what_to_look_at(over_logs: Any) -> None:
    over_logs.study["experiments"]["f"] = {"control": "A", "treatments": ["B"]}
    assert over_logs.run("check").code == 1
    found = over_logs.run("check", "--json").json["checks"]
    (check,) = [c for c in found if (c["experiment"], c["name"]) == ("f", "arms_present")]
    assert check["sentence"] == (
        "No unit of 'f' is left to analyse: check its name, variants and dates against the data."
    )
    assert over_logs.estimates()["revenue"]["experiment"] == "e", (
        "the other experiment is analysed all the same"
    )


def test_a_control_that_nobody_saw(over_logs: Any) -> None:
    over_logs.study["experiments"]["e"] = {"control": "control"}
    check = over_logs.checks()["arms_present"]
    assert check["sentence"] == "No units in 'control': check the names of the variants (seen: 'A', 'B')."


def test_units_that_repeat_are_refused_and_counted(over_values: Any, good_values: Any) -> None:
    values = good_values()
    over_values.parquet("units.parquet", values | {"id": ["u01", *values["id"][1:]]})
    assert over_values.refused("check") == (
        "unit_values: there is more than one row for 1 unit, 1 of them in more than one variant, e.g. 'u01'; "
        "one row per unit is needed: use [exposures] and [facts] for rows that repeat, "
        "or leave `unit` out if every row is a unit"
    )


def test_units_of_events_that_are_written_otherwise_are_found(over_logs: Any, good_logs: Any) -> None:
    events = good_logs()["events"]
    over_logs.parquet("events.parquet", events | {"id": [unit.upper() for unit in events["id"]]})
    assert over_logs.run("check").code == 1
    assert over_logs.checks()["unmatched_events"]["sentence"] == (
        "No analysed unit has an event in events in any window, so every metric of it is 0: "
        "are its units those of the exposures, written alike, and does it cover the experiments' dates?"
    )


def test_a_split_that_did_not_run_as_planned_blocks(over_logs: Any) -> None:
    over_logs.study["experiments"]["e"]["split"] = {"A": 0.9, "B": 0.1}
    assert over_logs.run("check").code == 1
    check = over_logs.checks()["sample_ratio"]
    assert (check["status"], check["blocking"]) == ("fail", True)
    assert check["value"] < 0.001


@pytest.mark.parametrize("command", ["analyze", "gap", "report"])
def test_a_failed_check_fails_other_commands_only_when_asked_to(over_logs: Any, command: str) -> None:
    over_logs.study["experiments"]["e"]["split"] = {"A": 0.9, "B": 0.1}
    if command != "report":
        assert over_logs.run(command).code == 0
        assert over_logs.run(command, "--fail-on", "fail").code == 1
