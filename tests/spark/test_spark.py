"""Every query of the catalogue, and whole results, on Spark as on DuckDB."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from abgap.engine.catalogue import query_names
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.portable_catalogue import ONLY_ON_DUCKDB
from abgap.engine.protocol import Engine
from abgap.errors import AbgapError
from abgap.study.model import Source

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]

STUDIES = ("sample", "ready_made", "logs_with_units", "numbered_logs", "brought")

# Everything the allow-list has, as expressions over one row, with the same answer on both engines.
EXPRESSIONS = """
1.5 * 3 | 10.0 / 3 | 7 / 2 | 7 % 3 | -7 % 3 | abs(-2) | round(2.5) | round(-2.567, 2) | floor(-1.5) | ceil(1.2)
ln(2.0) | exp(1.5) | sqrt(2.0) | sign(-3) | power(2, 10) | greatest(1, 3) | least(2, null)
lower('ÄB') | upper('äb') | trim('  x ') | length('äöü') | substring('abcdef', 2, 3) | replace('abab', 'a', 'c')
starts_with('abc', 'ab') | ends_with('abc', 'bc') | left('abc', 2) | right('abc', 2) | strpos('abc', 'c')
split_part('a-b-c', '-', 2) | contains('abc', 'b') | concat('a', null, 'b')
'a' || 'b' | regexp_matches('ab1', '[0-9]')
coalesce(null, 2) | nullif(2, 2) | case when null = 1 then 1 else 2 end | 'abc' like 'a%' | 'ABC' ilike 'a_c'
3 between 1 and 4 | 2 in (1, 2) | null is null | 1 is distinct from null | not (1 = 2)
isfinite(cast('nan' as double)) | isfinite(cast('inf' as double)) | isfinite(1.5) | isnan(cast('nan' as double))
try_cast('x' as double) | cast('1.25' as double) | cast(date '2026-03-01' as varchar) | cast(true as varchar)
cast(timestamp '2026-03-01 10:20:30' as date) = date '2026-03-01'
date_trunc('week', timestamp '2026-03-04 10:20:30') = timestamp '2026-03-02 00:00:00'
year(date '2026-03-04') | month(date '2026-03-04')
day(date '2026-03-04') | extract(hour from timestamp '2026-03-04 10:20:30')
epoch_ms(1772617230000) = timestamp '2026-03-04 09:40:30'
timestamp '2026-03-01 00:00:00' + interval '36' hour = timestamp '2026-03-02 12:00:00'
cast(timestamp '2026-03-29 00:30:00' at time zone 'Europe/Berlin' at time zone 'UTC' as varchar)
"""


# On a cluster of processes driver and executors share no memory.
@pytest.mark.parametrize("on_spark", ["local[2]", "local-cluster[2,1,1024]"], indirect=True)
def test_every_statement_and_every_result_is_that_of_duckdb(
    on_spark: Callable[[], Engine],
    compared: Callable[[Path, Callable[[], Engine]], set[str]],
    request: pytest.FixtureRequest,
) -> None:
    ran = set[str]()
    for study in STUDIES:
        ran |= compared(request.getfixturevalue(study), on_spark)
    assert ran == set(query_names()) - ONLY_ON_DUCKDB


def test_every_allowed_expression_means_the_same(
    on_spark: Callable[[], Engine], different: Callable[[object, object], list[str]]
) -> None:
    expressions = [e for line in EXPRESSIONS.strip().splitlines() for e in line.split(" | ")]
    listed = ", ".join(f"{e} AS c{i}" for i, e in enumerate(expressions))
    with DuckDBEngine(directory=Path()) as duckdb, on_spark() as other:
        (here,), (there,) = (engine.rows(f"SELECT {listed}") for engine in (duckdb, other))
    assert {e: d for e, *pair in zip(expressions, here, there, strict=True) if (d := different(*pair))} == {}


@pytest.mark.parametrize(
    ("files", "source", "types", "rows"),
    [
        (
            {"a.csv": "id;n;at\n007;1;2026-03-01 10:00:00\n008;;2026-03-02 11:00:00\n"},
            {"path": "a.csv"},
            {"id": "VARCHAR", "n": "INTEGER", "at": "TIMESTAMP"},
            [("007", 1), ("008", None)],
        ),
        (
            {"a.csv": 'id,n\n"x ""y""\nz",1\nu,2,3\n'},
            {"path": "a.csv"},
            {"id": "VARCHAR", "n": "INTEGER"},
            [('x "y"\nz', 1)],
        ),
        (
            {
                "d=2026-03-01/k=007/a.json": '{"id": 7, "n": 1}\n',
                "d=2026-03-02/k=008/b.json": '{"id": 8, "n": 2}\n',
            },
            {"path": "**/*.json"},
            {"id": "VARCHAR", "n": "BIGINT", "d": "DATE", "k": "BIGINT"},
            [("7", 1), ("8", 2)],
        ),
        (
            {"a.json": '[{"id": "7", "n": 1}]'},
            {"path": "a.json"},
            {"id": "VARCHAR", "n": "BIGINT"},
            [("7", 1)],
        ),
        ({}, {"query": "SELECT 'a' AS id, 1 AS n"}, {"id": "VARCHAR", "n": "INTEGER"}, [("a", 1)]),
    ],
    ids=["csv", "quotes and refused lines", "folders as columns", "array", "query"],
)
def test_sources_are_read_by_spark(
    on_spark: Callable[[], Engine],
    tmp_path: Path,
    files: dict[str, str],
    source: dict[str, str],
    types: dict[str, str],
    rows: list[tuple[object, ...]],
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    with on_spark() as engine:
        relation = engine.open_source("unit_values", Source.model_validate(source), tmp_path, text=["id"])
        assert relation.table.columns == types
        assert sorted(engine.rows(f"SELECT id, n FROM {relation.sql}"), key=str) == rows
        if relation.counted is not None:
            assert (relation.counted.rows, relation.counted.rejected) == (
                len(rows),
                "u,2,3" in files["a.csv"],
            )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"path": "a.parquet"}, "unit_values: cannot read a.parquet as parquet: .*; the file may be damaged"),
        ({"path": "b.csv"}, "unit_values: there is no file 'b.csv'"),
        ({"query": "SELECT 1; SELECT 2"}, "unit_values.query: it holds 2 statements, one is needed"),
        ({"query": "DROP TABLE x"}, "unit_values.query: it is no SELECT"),
        ({"query": "SELECT java_method('a.B', 'c')"}, "it calls 'java_method', which is not allowed"),
        (
            {"query": "SELECT * FROM nowhere"},
            "unit_values.query: The table or view `nowhere` cannot be found",
        ),
    ],
)
def test_a_source_that_cannot_be_read_is_told_in_one_sentence(
    on_spark: Callable[[], Engine], tmp_path: Path, source: dict[str, str], message: str
) -> None:
    (tmp_path / "a.parquet").write_text("no parquet")
    with on_spark() as engine, pytest.raises(AbgapError, match=message) as raised:
        engine.open_source("unit_values", Source.model_validate(source), tmp_path)
    assert "\n" not in raised.value.message
    assert "SQLSTATE" not in raised.value.message
