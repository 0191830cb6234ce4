"""Study files that cannot be used."""

from __future__ import annotations

from typing import Any


def test_all_problems_are_said_at_once(over_logs: Any) -> None:
    over_logs.study["metrics"]["revenue"] |= {"kind": "average", "window_day": 7}
    over_logs.study["metrics"]["rate"] = {"kind": "ratio"}
    over_logs.study["experiments"]["e"]["split"] = {"A": 0.5}
    over_logs.study["exposures"]["colums"] = {}
    said = over_logs.refused("check", code=2)
    first, *problems = said.splitlines()
    assert first.endswith(f"abgap.toml: {len(problems)} problems")
    assert len(problems) >= 5
    for path in (
        "metrics.revenue.kind",
        "metrics.revenue.window_day",
        "metrics.rate",
        "experiments.e.split",
        "exposures.colums",
    ):
        assert any(line.strip().startswith(f"- {path}") for line in problems), path


def test_an_unknown_key_names_the_nearest(over_logs: Any) -> None:
    over_logs.study["metrics"]["revenue"]["windw_days"] = 7
    said = over_logs.refused("check", code=2)
    assert "metrics.revenue.windw_days" in said
    assert "window_days" in said.replace("windw_days", "")


def test_a_file_that_is_no_toml(over_logs: Any) -> None:
    over_logs.text = "[study\nname = 1"
    assert "is not valid TOML" in over_logs.refused("check", code=2)


def test_an_elasticity_without_a_latency_is_not_ignored(over_logs: Any) -> None:
    over_logs.study["gap"] = {"latency_elasticity_per_100ms": -0.003}
    said = over_logs.refused("check", code=2)
    assert "gap.latency_elasticity_per_100ms: needs a metric of latency" in said
    assert 'latency = "..."' in said


def test_a_source_that_is_no_select(over_logs: Any) -> None:
    over_logs.study["facts"]["events"] = {
        "query": "COPY (SELECT 1) TO 'stolen.csv'",
        "columns": {"unit": "id", "at": "ts"},
    }
    assert over_logs.refused("check", code=2) == (
        "study: facts.events.query: it is a COPY statement, only SELECT is allowed; write one SELECT over files"
    )


def test_an_experiment_file_that_says_two_things(over_logs: Any) -> None:
    over_logs.file("exps.csv", "name,base\ne,A\ne,B\n")
    columns = {"experiment": "name", "control": "base"}
    over_logs.study["experiments"] = {"path": "exps.csv", "columns": columns}
    assert over_logs.refused("check") == (
        "experiments: experiment 'e' stands in more than one row; one row per experiment is needed"
    )
