"""Experiments out of a study or out of a file of thousands."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from abgap.errors import DataError
from abgap.online.experiments import is_analysed

EXPERIMENTS = {
    "path": "exps.csv",
    "columns": {"experiment": "name", "control": "base", "split": "split", "start": "begin", "end": "finish"},
}


def study(**more: Any) -> dict[str, Any]:
    source = {"path": "units.parquet", "columns": {"experiment": {"value": "e"}, "variant": "arm"}}
    return {"unit_values": source, "metrics": {}} | more


def declared(bench: Any, text: str, **more: Any) -> Any:
    bench.parquet("units.parquet", {"arm": ["A"]})
    bench.text("exps.csv", "name,base,split,begin,finish\n" + text)
    with bench.run(study(experiments=EXPERIMENTS, **more)) as run:
        return run.declared


def test_a_file_declares_thousands(bench: Any) -> None:
    found = declared(bench, "".join(f"exp{i},00,equal,,\n" for i in range(3000)))
    assert len(found) == 3000
    assert found["exp7"].control == "00", "names stay as they are written"
    assert found["exp7"].weights == "equal"
    assert (found["exp7"].starts_at, found["exp7"].variants) == (None, None)


def test_dates_are_those_of_the_studys_time_zone(bench: Any) -> None:
    found = declared(
        bench, "e,A,,2026-03-02,2026-03-30T12:00:00+00:00\n", study={"timezone": "Europe/Berlin"}
    )
    assert found["e"].starts_at == dt.datetime(2026, 3, 1, 23)
    assert found["e"].ends_at == dt.datetime(2026, 3, 30, 12)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("e,A,,,\ne,B,,,\n", "experiment 'e' stands in more than one row"),
        ("e,,,,\n", "a row has no experiment or no control"),
        (",A,,,\n", "a row has no experiment or no control"),
        ("e,A,half,,\n", "the split of 'e' is 'half'; in a file it can only be 'equal'"),
        ("e,A,,soon,\n", "'soon' of 'e' is no date; write it as 2026-03-02"),
        (
            "e,A,,2026-03-09,2026-03-02\n",
            "'e' ends at 2026-03-02, which is not after its start at 2026-03-09",
        ),
    ],
)
def test_what_cannot_be_is_refused(bench: Any, text: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        declared(bench, text)


def test_a_study_says_which_variants_count(bench: Any) -> None:
    bench.parquet("units.parquet", {"arm": ["A"]})
    experiments = {
        "open": {"control": "A"},
        "named": {"control": "A", "treatments": ["C", "B"]},
        "split": {"control": "A", "split": {"B": 0.5, "A": 0.5}},
    }
    with bench.run(study(experiments=experiments)) as run:
        found = {name: e.variants for name, e in run.declared.items()}
    assert found == {"open": None, "named": ("A", "C", "B"), "split": ("A", "B")}


@pytest.mark.parametrize(
    ("experiment", "variant", "analysed"),
    [
        ("open", "anything", True),
        ("open", None, False),
        ("named", "B", True),
        ("named", "C", False),
        ("x", "A", False),
        (None, "A", False),
    ],
)
def test_an_arm_is_analysed_when_nothing_rules_it_out(
    experiment: object, variant: object, analysed: bool
) -> None:
    assert is_analysed({"open": None, "named": ("A", "B")}, experiment, variant) is analysed
