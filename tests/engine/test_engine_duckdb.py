"""The engine: what comes back, what is remembered, and what its errors become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from abgap.engine.catalogue import Query, Statement, compile_query
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.protocol import text_or_none
from abgap.errors import DataError, EngineError, QueryError
from abgap.sources.sql import Sql


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[DuckDBEngine]:
    with DuckDBEngine(directory=tmp_path, threads=1) as engine:
        yield engine


def statement(sql: str, **params: object) -> Statement:
    head = Query(name="test", purpose="to test.", takes="", reads="", gives="", sha256="0")
    return Statement(query=head, sql=sql, params=params)


def test_columns_are_floats_with_nan_and_objects_with_none(engine: DuckDBEngine) -> None:
    values = "(1::HUGEINT, 'a', true, 1.5::DECIMAL(5,2), DATE '2026-03-02'), (NULL, NULL, NULL, NULL, NULL)"
    sql = f"SELECT * FROM (VALUES {values})"
    found = list(engine.fetch(statement(sql)).values())
    for column in (found[0], found[2], found[3]):
        assert column.dtype == np.float64
        assert np.isnan(column[1])
    assert found[1].tolist() == ["a", None]
    assert found[4][1] is None


def test_text_that_is_null_throughout_is_still_text(engine: DuckDBEngine) -> None:
    found = engine.fetch(statement("SELECT NULL AS x, 'a' AS y"))
    assert text_or_none(found["x"]).tolist() == [None]
    assert text_or_none(found["y"]).tolist() == ["a"]


def test_one_row_tells_null_from_nan(engine: DuckDBEngine) -> None:
    row = engine.fetch_row(statement("SELECT NULL::DOUBLE AS nothing, 'nan'::DOUBLE AS nan, 2 AS two"))
    assert row["nothing"] is None
    assert row["nan"] != row["nan"]
    assert row["two"] == 2


def test_statements_are_remembered_once_with_their_parameters(engine: DuckDBEngine) -> None:
    engine.run(
        "CREATE TABLE first_exposures AS SELECT 'e' AS experiment, TIMESTAMP '2026-03-02' AS exposed_at"
    )
    covered = compile_query(
        "window_coverage", params={"last_at": "2026-03-09 00:00:00", "window_seconds": 604_800}
    )
    for _ in range(2):
        engine.fetch(covered)
    (found,) = engine.record.texts
    assert found.name == "window_coverage"
    assert found.sql.startswith(
        "SET VARIABLE last_at = '2026-03-09 00:00:00';\nSET VARIABLE window_seconds = 604800;\n"
    )
    assert len(found.template_sha256) == 64


def test_a_remembered_statement_can_be_pasted(engine: DuckDBEngine) -> None:
    engine.run(
        "CREATE TABLE first_exposures AS SELECT 'e' AS experiment, TIMESTAMP '2026-03-02' AS exposed_at"
    )
    covered = compile_query(
        "window_coverage", params={"last_at": "2026-03-09 00:00:00", "window_seconds": 604_800}
    )
    wanted = engine.fetch(covered)
    assert engine.run(engine.record.texts[0].sql).fetchall() == [
        tuple(wanted[name][0] for name in ("experiment", "units", "open_units"))
    ]


def test_the_binder_tells_types_without_reading_rows(engine: DuckDBEngine) -> None:
    engine.run("CREATE VIEW v AS SELECT 1 AS a, error('read') AS b")
    assert engine.describe(Sql("v"))["a"] == "INTEGER"
    assert engine.type_of(Sql("a / 2"), Sql("v"), where="x") == "DOUBLE"
    with pytest.raises(DataError, match=r"^metrics\.m\.value: "):
        engine.type_of(Sql("a || DATE '2026-01-01' + 'x'"), Sql("v"), where="metrics.m.value")


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("SELECT * FROM nowhere", QueryError),
        ("SELEC 1", QueryError),
        ("SELECT * FROM read_parquet('gone.parquet')", DataError),
        ("SELECT CAST('x' AS INTEGER)", DataError),
    ],
)
def test_errors_are_one_sentence_without_the_engines_context(
    engine: DuckDBEngine, sql: str, kind: type[DataError]
) -> None:
    with pytest.raises(kind) as caught:
        engine.run(sql)
    assert "\n" not in caught.value.message
    assert "Error:" not in caught.value.message


def test_settings_it_refuses_are_an_error_of_the_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"DuckDB refused its settings: .*; see \[engine\] in the study"):
        DuckDBEngine(directory=tmp_path, memory_limit="a lot")


def test_too_little_memory_is_an_error_of_the_engine(tmp_path: Path) -> None:
    with DuckDBEngine(directory=tmp_path, memory_limit="20MB", threads=1) as engine:
        engine.run("SET max_temp_directory_size = '0KB'")
        with pytest.raises(EngineError, match=r"ran out of memory: .*; raise \[engine\] memory_limit"):
            engine.run("CREATE TABLE t AS SELECT range AS a, md5(range::VARCHAR) AS b FROM range(3000000)")


def test_times_are_utc_whatever_the_machine_says(engine: DuckDBEngine) -> None:
    assert engine.rows("SELECT current_setting('TimeZone')") == [("UTC",)]


def test_files_are_found_beside_the_study(engine: DuckDBEngine, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n5\n")
    assert engine.rows("SELECT x FROM 'a.csv'") == [(5,)]
