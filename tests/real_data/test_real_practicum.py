"""Two tests that ran at once, of which only the assignment is known: a study without metrics."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from abgap.cli.main import cli
from abgap.errors import ExitCode
from abgap.records import Decision, Results, Status

pytestmark = pytest.mark.data

TESTS = ("interface_eu_test", "recommender_system_test")
PLANNED = {"recommender_a": "0.5", "recommender_b": "0.5"}
Sql = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def found(results: Callable[..., Results]) -> Results:
    return results("practicum_assignments", **PLANNED)


@pytest.fixture(scope="module")
def published(reference: Callable[[str], Any]) -> Any:
    return reference("practicum_assignments")


@pytest.mark.parametrize("name", TESTS)
def test_units_per_arm_agree_with_the_reference(
    found: Results, published: Any, one: Callable[..., Any], name: str
) -> None:
    arms = one(found.experiments, name=name).arms
    assert {f"{name}|{arm}": units for arm, units in arms.items()} == {
        key: units for key, units in published["counts"].items() if key.startswith(name)
    }


@pytest.mark.parametrize(("name", "status"), [(TESTS[0], Status.PASS), (TESTS[1], Status.FAIL)])
def test_the_split_agrees_with_the_reference(
    found: Results, published: Any, one: Callable[..., Any], name: str, status: Status
) -> None:
    check = one(found.checks, name="sample_ratio", experiment=name)
    assert check.value == pytest.approx(published["srm_50_50"][name]["p"], rel=1e-9, abs=0)
    assert check.status is status
    assert check.blocking == (status is Status.FAIL)


def test_a_split_of_three_to_one_where_halves_were_planned_cannot_be_judged(
    found: Results, one: Callable[..., Any]
) -> None:
    experiment = one(found.experiments, name="recommender_system_test")
    assert experiment.decision is Decision.CANNOT_BE_JUDGED
    assert "A 74.7 %, B 25.3 % (50.0 % planned in each)" in experiment.headline
    assert "the declared split is not the one that ran" in experiment.next_action


def test_the_same_units_pass_when_three_to_one_was_planned(
    results: Callable[..., Results], one: Callable[..., Any]
) -> None:
    checks = results("practicum_assignments", recommender_a="0.75", recommender_b="0.25").checks
    check = one(checks, name="sample_ratio", experiment="recommender_system_test")
    assert check.status is Status.PASS
    assert "A 74.7 % (75.0 % planned), B 25.3 % (25.0 % planned)" in check.sentence


def test_a_broken_split_fails_the_gate_of_a_pipeline(study_file: Callable[..., Path]) -> None:
    arguments = ["check", "--study", str(study_file("practicum_assignments", **PLANNED)), "--quiet"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    assert done.return_value == ExitCode.GATE_FAILED
    assert "Units are not split as planned: A 74.7 %, B 25.3 %" in done.stdout


@pytest.mark.parametrize("name", TESTS)
def test_nobody_is_in_both_groups_of_one_test(found: Results, one: Callable[..., Any], name: str) -> None:
    check = one(found.checks, name="units_in_two_variants", experiment=name)
    assert (check.value, check.status) == (0.0, Status.PASS)


def test_users_in_both_tests_can_be_found_by_sql(sql: Sql, published: Any) -> None:
    rows = sql(
        "practicum_assignments",
        """
        SELECT i.variant || '|' || r.variant AS groups, count(*) AS users
        FROM exposures AS i JOIN exposures AS r USING (unit)
        WHERE i.experiment = 'interface_eu_test' AND r.experiment = 'recommender_system_test'
        GROUP BY ALL ORDER BY ALL
        """,
        **PLANNED,
    )
    (aa, ab), (ba, bb) = published["overlap_crosstab"]["table"]
    assert {row["groups"]: row["users"] for row in rows} == {"A|A": aa, "A|B": ab, "B|A": ba, "B|B": bb}
    assert sum(row["users"] for row in rows) == published["users_in_both_tests"]


def test_regions_come_from_the_table_of_units_by_sql(sql: Sql, published: Any) -> None:
    rows = sql(
        "practicum_assignments",
        "SELECT region, count(*) AS users FROM exposures JOIN units USING (unit) "
        "WHERE experiment = 'recommender_system_test' GROUP BY region",
        **PLANNED,
    )
    assert {row["region"]: row["users"] for row in rows} == published["region_counts_recsys"]
