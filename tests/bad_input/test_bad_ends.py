"""Every exit code as a process tells it, places that cannot be written, and SQL that would do more than read."""

from __future__ import annotations

import os
from typing import Any

import pytest


def ended(case: Any, as_process: Any, *arguments: str) -> Any:
    """The same study in a process of its own."""
    case.run_here = as_process
    return case.run(*arguments)


class TestExitCodes:
    def test_0_when_all_is_well(self, over_logs: Any, as_process: Any) -> None:
        found = ended(over_logs, as_process, "check")
        assert (found.code, found.err) == (0, "")
        assert "sample_ratio" in found.out

    def test_1_when_a_check_fails(self, over_logs: Any, as_process: Any) -> None:
        over_logs.study["experiments"]["e"]["split"] = {"A": 0.9, "B": 0.1}
        found = ended(over_logs, as_process, "check")
        assert (found.code, found.err) == (1, "abgap: exit code 1 for sample_ratio of e (--fail-on fail)\n")
        assert "Units are not split as planned" in found.out

    def test_2_when_the_study_is_wrong(self, over_logs: Any, as_process: Any) -> None:
        over_logs.study["metrics"]["revenue"]["kind"] = "average"
        found = ended(over_logs, as_process, "check")
        assert (found.code, found.out) == (2, "")
        assert found.err.startswith("abgap: ")
        assert "metrics.revenue.kind" in found.err

    def test_3_when_data_cannot_be_read(self, over_logs: Any, as_process: Any) -> None:
        (over_logs.folder / "events.parquet").unlink()
        found = ended(over_logs, as_process, "check")
        assert (found.code, found.out) == (3, "")
        assert found.err.startswith("abgap: facts.events: there is no file 'events.parquet'")
        assert len(found.err.splitlines()) == 1

    def test_4_when_the_engine_has_too_little(self, over_logs: Any, as_process: Any) -> None:
        over_logs.study["engine"] = {"memory_limit": "1KB"}
        found = ended(over_logs, as_process, "check")
        assert (found.code, found.out) == (4, "")
        assert "memory_limit" in found.err


class TestPlaces:
    @pytest.mark.parametrize(
        "arguments",
        [
            ("report", "--out", "abgap.toml/report"),
            ("export", "moments", "--out", "abgap.toml/moments.parquet"),
            ("export", "database", "--out", "gone/study.duckdb"),
            ("sql", "SELECT 1", "--format", "csv", "--out", "gone/rows.csv"),
        ],
    )
    def test_a_place_that_cannot_be(self, over_logs: Any, arguments: tuple[str, ...]) -> None:
        said = over_logs.refused(*arguments, code=2)
        assert "abgap.toml" in said or "gone" in said

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
    def test_a_folder_that_is_read_only(self, over_logs: Any) -> None:
        locked = over_logs.folder / "locked"
        locked.mkdir()
        locked.chmod(0o555)
        assert "locked" in over_logs.refused("report", "--out", "locked", code=2)

    def test_a_failed_report_leaves_the_old_one_as_it_was(self, over_logs: Any) -> None:
        old = over_logs.file("report/results.json", "the last one")
        over_logs.study["facts"]["events"]["path"] = "gone.parquet"
        over_logs.refused("report", "--out", "report")
        assert old.read_text() == "the last one"
        assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/etc/*')",
        "COPY (SELECT 1) TO 'stolen.csv'",
        "COPY events TO 'stolen.parquet'",
        "ATTACH 'stolen.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "SET enable_external_access = true",
        "RESET allowed_paths",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW events",
        "WITH gone AS (DELETE FROM unit_outcomes RETURNING *) SELECT * FROM gone",
        "SELECT * FROM query('COPY (SELECT 1) TO ''stolen.csv''')",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_sql_that_would_do_more_than_read_the_study(over_logs: Any, statement: str) -> None:
    said = over_logs.refused("sql", statement)
    assert said.startswith("sql: ")
    assert "root:" not in said


def test_sql_that_reads_the_study_is_allowed(over_logs: Any) -> None:
    found = over_logs.run("sql", "SELECT count(*) AS n FROM events", "--format", "csv")
    assert (found.code, found.out) == (0, "n\n20\n")
