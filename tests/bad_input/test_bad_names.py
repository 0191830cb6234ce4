"""Names that would do harm if anything were pasted, steered or rendered without care."""

from __future__ import annotations

import json
from typing import Any

import pytest

HOSTILE = [
    "<script>alert(1)</script>",
    "'; drop table exposures; --",
    'say "hi" \\ there',
    "two\nlines",
    "a | b",
    "\x1b[31mred",
    "ünïcödé 🦆",
    "x" * 200,
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_goes_everywhere_and_comes_back(over_logs: Any, good_logs: Any, name: str) -> None:
    exposures = good_logs()["exposures"]
    exposures |= {
        "exp": [name] * 60,
        "arm": [f"A {name}", f"B {name}"] * 30,
        "device": [name, name, None, None] * 15,
    }
    over_logs.parquet("exposures.parquet", exposures)
    metric = over_logs.study["metrics"]["revenue"]
    over_logs.study["metrics"] = {name: metric}
    over_logs.study["experiments"] = {
        name: {"control": f"A {name}", "split": {f"A {name}": 0.5, f"B {name}": 0.5}}
    }
    found = over_logs.run("analyze", "--json").json["estimates"]
    whole = [e for e in found if e["slice_name"] is None and e["period"] is None]
    assert [(e["experiment"], e["metric"], e["treatment"]) for e in whole] == [(name, name, f"B {name}")]
    assert {e["slice_value"] for e in found if e["slice_name"] == "device"} == {name, None}
    shown = over_logs.run("analyze", "--slices")
    assert shown.code == 0
    assert "\x1b" not in shown.out, "no name steers a terminal"
    assert over_logs.run("check").code == 0


@pytest.mark.parametrize("name", HOSTILE[:4])
def test_a_hostile_column_is_only_a_column(over_logs: Any, good_logs: Any, name: str) -> None:
    events = good_logs()["events"]
    over_logs.parquet("events.parquet", {"id": events["id"], "ts": events["ts"], name: events["amount"]})
    over_logs.study["metrics"]["revenue"]["value"] = name
    assert over_logs.estimates()["revenue"]["value_control"] > 0


def test_an_expression_that_is_more_than_one_is_refused(over_logs: Any) -> None:
    over_logs.study["metrics"]["orders"]["where"] = "amount > (select max(amount) from events)"
    assert over_logs.refused("check", code=2) == (
        "study: metrics.orders.where: 'amount > (select max(amount) from events)' holds a subquery, "
        "which a scalar expression may not; do that with `query` on the source"
    )


def test_a_refused_expression_is_a_document_when_json_is_asked_for(over_logs: Any) -> None:
    over_logs.study["metrics"]["orders"]["where"] = "getenv('HOME') = ''"
    ended = over_logs.run("check", "--json")
    assert (ended.code, ended.out) == (2, "")
    (problem,) = json.loads(ended.err)["error"]["problems"]
    assert problem["path"] == "metrics.orders.where"
    assert "uses the function 'getenv'" in problem["message"]
