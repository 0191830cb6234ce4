"""A user's SELECT: only one, only reading, and what it reads is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.select import files_read_by, select_problem, tables_of


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    with DuckDBEngine(directory=tmp_path) as engine:
        engine.run("CREATE TEMP TABLE t AS SELECT 1 AS a")
        yield engine


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "select * from t;",
        "FROM t",
        "(SELECT 1)",
        "VALUES (1)",
        "WITH x AS (SELECT 1) SELECT * FROM x",
        "SELECT 1 UNION ALL SELECT 2",
        "-- a comment\nSELECT 1 -- and another",
        "SELECT * FROM read_csv('a.csv')",
        "SELECT * FROM 'a.parquet' JOIN read_parquet(['b.parquet']) USING (x)",
        "SELECT * FROM range(3), unnest([1, 2])",
        "SUMMARIZE t",
        "DESCRIBE t",
        "SELECT 'DELETE FROM t; DROP TABLE t'",
    ],
)
def test_reading_is_allowed(engine: DuckDBEngine, sql: str) -> None:
    assert select_problem(engine, sql) is None


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("", "it holds 0 statements"),
        ("-- nothing", "it holds 0 statements"),
        ("SELECT 1; SELECT 2", "it holds 2 statements"),
        ("SELECT 1; DROP TABLE t", "it holds 2 statements"),
        ("DROP TABLE t", "it is a DROP statement, only SELECT is allowed"),
        ("DELETE FROM t", "it is a DELETE statement"),
        ("INSERT INTO t VALUES (1)", "it is an INSERT statement"),
        ("UPDATE t SET a = 1", "it is an UPDATE statement"),
        ("CREATE TABLE x AS SELECT 1", "it is a CREATE statement"),
        ("COPY t TO 'x.csv'", "it is a COPY statement"),
        ("COPY t FROM '/etc/passwd'", "it is a COPY statement"),
        ("EXPORT DATABASE 'x'", "it is an EXPORT statement"),
        ("ATTACH 'x.db'", "it is an ATTACH statement"),
        ("INSTALL httpfs", "it is a LOAD statement"),
        ("LOAD httpfs", "it is a LOAD statement"),
        ("PRAGMA version", "it is a PRAGMA statement"),
        ("SET threads = 1", "it is a SET statement"),
        ("SET VARIABLE x = 1", "it is a SET statement"),
        ("RESET threads", "it is a SET statement"),
        ("CALL pragma_version()", "it is a CALL statement"),
        ("PREPARE p AS SELECT 1", "it is a PREPARE statement"),
        ("EXPLAIN SELECT 1", "it is an EXPLAIN statement"),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "it holds a DELETE"),
        ("WITH x AS (INSERT INTO t VALUES (2) RETURNING *) SELECT * FROM x", "it holds an INSERT"),
        ("WITH x AS (UPDATE t SET a = 2 RETURNING *) SELECT * FROM x", "it holds an UPDATE"),
        ("SELECT * FROM (WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x)", "it holds a DELETE|syntax"),
        ("SELECT * FROM query('DROP TABLE t')", "it reads from the table function 'query'"),
        ("SELECT * FROM duckdb_settings()", "it reads from the table function 'duckdb_settings'"),
        ("SELECT * FROM read_blob('/etc/passwd')", "it reads from the table function 'read_blob'"),
        ("SELECT FROM WHERE", "syntax error"),
        ("SELECT 1 \0; DROP TABLE t", "NUL"),
    ],
)
def test_everything_else_is_named(engine: DuckDBEngine, sql: str, problem: str) -> None:
    found = select_problem(engine, sql)
    assert found is not None
    assert any(text in found for text in problem.split("|")), found
    assert engine.rows("SELECT a FROM t") == [(1,)], "looking at a statement runs nothing"


def test_the_tables_it_names_are_known(engine: DuckDBEngine) -> None:
    sql = "SELECT * FROM Events e JOIN units USING (u) WHERE x IN (SELECT y FROM estimates)"
    assert tables_of(engine, sql) == {"Events", "units", "estimates"}


def test_the_files_it_reads_are_known(engine: DuckDBEngine, tmp_path: Path) -> None:
    names = ["a.csv", "b.parquet", "c.parquet", "logs/x.json", "logs/y.json", "unread.csv", "[z].csv"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    sql = (
        "WITH x AS (FROM 'a.csv') SELECT * FROM x, read_parquet(['b.parquet', 'c.parquet', 'gone.parquet']), "
        "read_json('logs/*.json') WHERE n = 'unread.csv'"
    )
    assert [p.name for p in files_read_by(engine, sql, tmp_path)] == [
        "a.csv",
        "b.parquet",
        "c.parquet",
        "x.json",
        "y.json",
    ]
    assert files_read_by(engine, "SELECT 1", tmp_path) == ()
