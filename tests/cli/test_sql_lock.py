"""The lock of ``abgap sql``: whatever reaches beyond reading the study fails in one sentence and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import pytest

from abgap.cli.shell import Shell
from abgap.errors import ExitCode, QueryError
from abgap.pipeline.analysis import open_analysis
from abgap.study.load import load_study

Abgap: TypeAlias = Callable[..., Any]
Files: TypeAlias = Callable[[Path], dict[str, bytes]]

# {here}: the folder of the study. {own}: a file of the study. {other}: a file beside it that is none of the study's.
READING = [
    "FROM read_text('/etc/passwd')",
    "FROM read_text('{other}')",
    "FROM read_text('secret.csv')",
    "SELECT content FROM read_text(['{other}'])",
    "FROM read_blob('{other}')",
    "FROM read_csv('/etc/passwd')",
    "FROM read_csv_auto('secret.csv')",
    "FROM read_csv(['{own}', '{other}'], union_by_name = true)",
    "FROM sniff_csv('{other}')",
    "FROM read_json('{other}')",
    "FROM read_ndjson_objects('{other}')",
    "FROM read_parquet('{here}/*.parquet')",
    "FROM read_parquet('{here}/other.parquet')",
    "FROM read_parquet('other.parquet')",
    "FROM parquet_scan('{here}/sub/../other.parquet')",
    "FROM parquet_metadata('{here}/other.parquet')",
    "FROM parquet_schema('other.parquet')",
    "FROM parquet_kv_metadata('other.parquet')",
    "FROM 'other.parquet'",
    "FROM '{here}/other.parquet'",
    'FROM "other.parquet"',
    "FROM 'secret.csv'",
    "FROM './secret.csv'",
    "FROM '../parquet study0/secret.csv'",
    "FROM 'sub/deeper.csv'",
    "FROM 'link.csv'",
    "FROM '{own}/../secret.csv'",
    "FROM 'file://{other}'",
    "FROM '/proc/self/environ'",
    "FROM read_text('/proc/self/cmdline')",
    "FROM glob('{here}/*')",
    "FROM glob('/etc/*')",
    "FROM glob('**')",
    "FROM read_duckdb('x.duckdb')",
    "FROM query('FROM read_text(''{other}'')')",
    "FROM query_table('secret.csv')",
    "SELECT * FROM moments WHERE metric IN (SELECT content FROM read_text('{other}'))",
    "WITH a AS (FROM read_text('{other}')) FROM a",
    "SELECT (SELECT max(content) FROM read_text('{other}'))",
    "SELECT 1 UNION ALL SELECT content FROM read_text('{other}')",
    "FROM (DESCRIBE FROM 'secret.csv')",
    "SUMMARIZE FROM 'secret.csv'",
    "DESCRIBE TABLE 'secret.csv'",
    "FROM (FROM (FROM 'secret.csv'))",
    "FROM moments, LATERAL (FROM read_text('{other}'))",
    "FROM 'https://example.com/x.parquet'",
    "FROM read_csv('http://127.0.0.1:9/x.csv')",
    "FROM 's3://bucket/x.parquet'",
    "FROM 'hf://datasets/a/b/c.csv'",
    "SELECT getenv('HOME')",
    "SELECT * FROM frame",
    "SELECT * FROM globals",
    "FROM duckdb_settings()",
    "FROM duckdb_secrets()",
    "FROM duckdb_logs()",
    "FROM duckdb_temporary_files()",
    "FROM which_secret('x', 's3')",
    "FROM arrow_scan(1, 2, 3)",
    "FROM pandas_scan(1)",
]
WRITING = [
    "COPY moments TO '{here}/out.csv'",
    "COPY moments TO '/tmp/abgap-lock-out.csv'",
    "COPY (SELECT 1) TO '{own}'",
    "COPY (SELECT 1) TO '{own}' (USE_TMP_FILE false)",
    "WITH a AS (COPY (SELECT 1) TO '{own}' (USE_TMP_FILE false)) SELECT 1",
    "WITH a AS (COPY (SELECT 1) TO '{here}/out.csv') SELECT 1",
    "SELECT * FROM (WITH a AS (COPY (SELECT 1) TO '{own}' (USE_TMP_FILE false)) SELECT 1)",
    "SELECT (WITH a AS (COPY (SELECT 1) TO '{own}' (USE_TMP_FILE false)) SELECT 1)",
    "SELECT 1 WHERE 1 IN (WITH a AS (COPY (SELECT 1) TO '{own}' (USE_TMP_FILE false)) SELECT 1)",
    "WITH a AS (INSERT INTO moments SELECT * FROM moments RETURNING 1) FROM a",
    "WITH a AS (DELETE FROM unit_outcomes RETURNING 1) FROM a",
    "WITH a AS (UPDATE unit_outcomes SET unit = 'x' RETURNING 1) FROM a",
    "WITH a AS (DELETE FROM unit_outcomes RETURNING 1) FROM (PIVOT a ON 1 IN (1) USING count(*))",
    "WITH a AS (MERGE INTO unit_outcomes USING moments ON true WHEN MATCHED THEN DELETE RETURNING 1) FROM a",
    "INSERT INTO moments SELECT * FROM moments",
    "DELETE FROM unit_outcomes",
    "UPDATE unit_outcomes SET unit = 'x'",
    "CREATE TABLE t AS SELECT 1",
    "CREATE VIEW moments AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "CREATE SECRET (TYPE s3)",
    "ALTER TABLE moments ADD COLUMN x INTEGER",
    "DROP VIEW moments",
    "EXPORT DATABASE '{here}/dump'",
    "IMPORT DATABASE '{here}/dump'",
    "ATTACH '{here}/x.duckdb'",
    "ATTACH '{here}/x.duckdb' AS x (READ_ONLY)",
    "DETACH memory",
    "USE memory",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{own}' (USE_TMP_FILE false)",
    "EXPLAIN ANALYZE DELETE FROM unit_outcomes",
    "EXPLAIN SELECT 1",
    "PREPARE p AS COPY (SELECT 1) TO '{here}/out.csv'",
    "EXECUTE p",
    "PIVOT moments ON variant",
    "CALL force_checkpoint()",
    "FROM checkpoint()",
    "FROM enable_logging('QueryLog', storage := 'file', storage_path := '{here}/log')",
    "CALL enable_logging(storage := 'file', storage_path := '{here}/log')",
    "FROM enable_profiling()",
    "PRAGMA enable_profiling = 'json'",
    "FROM query('COPY moments TO ''{here}/out.csv''')",
    "BEGIN TRANSACTION",
    "CHECKPOINT",
    "VACUUM",
]
SETTINGS = [
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET lock_configuration = false",
    "SET GLOBAL allowed_paths = ['/etc/passwd']",
    "RESET enable_external_access",
    "SET temp_directory = '{here}'",
    "SET profiling_output = '{here}/x'",
    "SET python_enable_replacements = true",
    "SET VARIABLE x = 1",
    "PRAGMA threads = 1",
    "PRAGMA database_list",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{here}/x.so'",
]
SEVERAL = [
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY moments TO '{here}/out.csv'",
    "SELECT 1; -- harmless\nCOPY moments TO '{here}/out.csv'",
    "SELECT 1 /* ; */ ; DELETE FROM moments",
    "SET lock_configuration = false; SELECT 1",
    "/* SELECT 1 */ COPY moments TO '{here}/out.csv'",
    "-- SELECT 1\nDROP VIEW moments",
    "SELECT 1;\0COPY moments TO '{here}/out.csv'",
    "",
    "-- nothing",
    ";",
]
ALLOWED = [
    "SELECT 1",
    "FROM moments",
    "WITH a AS (FROM moments) SELECT count(*) FROM a",
    "SELECT * FROM range(3)",
    "SELECT unnest([1, 2])",
    "VALUES (1), (2)",
    "DESCRIBE moments",
    "SUMMARIZE moments",
    "SHOW TABLES",
    "FROM '{own}'",
    "SELECT 'COPY x TO y; DROP TABLE z' AS words -- ; DELETE",
    "PIVOT (FROM moments) ON variant IN ('A', 'B') USING count(*) GROUP BY metric",
    "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a WHERE n < 4) FROM a",
]
KINDS = ("parquet_study", "csv_study", "moments_study")
OWN = {"parquet_study": "events.parquet", "csv_study": "events.csv", "moments_study": "moments.parquet"}


@pytest.fixture(scope="module")
def shells(request: pytest.FixtureRequest) -> Iterator[Callable[[str], tuple[Shell, Path]]]:
    """A locked session over each study, opened when it is first asked for."""
    opened: dict[str, tuple[Shell, Path]] = {}
    with ExitStack() as stack:

        def shell(kind: str) -> tuple[Shell, Path]:
            if kind not in opened:
                folder: Path = request.getfixturevalue(kind)
                loaded = load_study(folder / "abgap.toml")
                analysis = stack.enter_context(open_analysis(loaded, progress=lambda _: None))
                opened[kind] = (Shell(analysis), folder)
            return opened[kind]

        yield shell


def filled(statement: str, folder: Path, kind: str) -> str:
    own, other = folder / OWN[kind], folder / "secret.csv"
    return statement.replace("{here}", str(folder)).replace("{own}", str(own)).replace("{other}", str(other))


def refusal(shell: Shell, statement: str) -> QueryError | None:
    """Run a statement to its end; why it was refused, or None."""
    try:
        for _ in shell.run(statement).batches:
            pass
    except QueryError as error:
        return error
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_refuses_everything_but_reading_the_study(
    kind: str, shells: Callable[[str], tuple[Shell, Path]], files_in: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell, folder = shells(kind)
    monkeypatch.chdir(folder)
    before = files_in(folder)
    frame = pd.DataFrame({"password": ["hunter2"]})  # the engine could find it in the frames of its callers
    for statement in [*READING, *WRITING, *SETTINGS, *SEVERAL]:
        error = refusal(shell, filled(statement, folder, kind))
        assert error is not None, f"went through: {statement}"
        assert error.exit_code == ExitCode.DATA
        assert error.message.startswith("sql: ")
        assert "\n" not in error.message
        assert "hunter2" not in error.message
    assert files_in(folder) == before
    assert len(frame) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_session_still_reads_the_study_after_all_that(
    kind: str, shells: Callable[[str], tuple[Shell, Path]]
) -> None:
    shell, folder = shells(kind)
    for statement in ALLOWED:
        rows = [row for block in shell.run(filled(statement, folder, kind)).blocks() for row in block]
        assert rows, statement
    ((estimates,),) = next(shell.run("SELECT count(*) FROM estimates").blocks())
    assert estimates > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("FROM read_text('/etc/passwd')", "'/etc/passwd' is not a file of the study; only those can be read"),
        ("COPY (SELECT 1) TO '{here}/out.csv'", "it is a COPY statement, only SELECT is allowed"),
        ("EXPLAIN SELECT 1", "it is an EXPLAIN statement, only SELECT is allowed"),
        (
            "WITH a AS (COPY (SELECT 1) TO '{own}' (USE_TMP_FILE false)) FROM a",
            "it holds a COPY, only SELECT is allowed",
        ),
        ("SELECT 1; SELECT 2", "it holds 2 statements, one is needed"),
        (
            "FROM duckdb_settings()",
            "it reads from the table function 'duckdb_settings', which is not allowed",
        ),
    ],
)
def test_the_command_says_why_in_one_sentence_and_ends_with_3(
    statement: str, said: str, kind: str, abgap_in: Abgap, request: pytest.FixtureRequest, files_in: Files
) -> None:
    folder = request.getfixturevalue(kind)
    before = files_in(folder)
    shown = abgap_in(folder, "sql", filled(statement, folder, kind))
    assert (shown.code, shown.out) == (3, "")
    assert shown.err.startswith(f"abgap: sql: {said}")
    assert shown.err.count("\n") == 1
    assert files_in(folder) == before


def test_no_statement_changes_what_the_next_one_sees(shells: Callable[[str], tuple[Shell, Path]]) -> None:
    shell, _ = shells("parquet_study")
    count = "SELECT count(*) FROM unit_outcomes"
    ((before,),) = next(shell.run(count).blocks())
    with pytest.raises(QueryError):
        shell.run("WITH a AS (DELETE FROM unit_outcomes RETURNING 1) FROM a")
    assert next(shell.run(count).blocks()) == [(before,)]


def test_a_file_that_is_put_in_the_place_of_a_link_is_not_followed(
    shells: Callable[[str], tuple[Shell, Path]], tmp_path: Path
) -> None:
    shell, folder = shells("csv_study")
    (tmp_path / "events.csv").symlink_to(folder / "secret.csv")
    for text in (f"FROM '{tmp_path}/events.csv'", f"FROM '{os.path.relpath(tmp_path, folder)}/events.csv'"):
        with pytest.raises(QueryError, match="is not a file of the study"):
            shell.run(text)
