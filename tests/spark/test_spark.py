"""Every query of the catalogue, and whole results, on Spark as on DuckDB."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abgap.engine.catalogue import query_names
from abgap.engine.duckdb import DuckDBEngine
from abgap.engine.portable import SCALAR, check_portable
from abgap.engine.portable_catalogue import ONLY_ON_DUCKDB
from abgap.engine.protocol import Engine
from abgap.errors import AbgapError
from abgap.sources.sql import Sql
from abgap.study.model import Source
from tests.spark.portfolio_on_spark import portfolio_compared
from tests.spark.tasks_on_spark import tasks_compared

pytestmark = [pytest.mark.spark, pytest.mark.filterwarnings("ignore")]

STUDIES = ("ready_made", "logs_with_units", "numbered_logs", "clustered", "brought")
# What these are read by is made of so many views that their rows would take longer than all answers.
ONLY_ANSWERS = {"logs_with_units", "brought"}

# Everything the allow-list has, over columns that hold what engines see differently.
COLUMNS = r"""
CREATE TABLE odd AS SELECT * FROM (VALUES
    (1, 2.5::DOUBLE, 'a_b', 1.21::DECIMAL(9, 2), TIMESTAMP '2026-10-25 02:30:00', true),
    (2, -2.5, 'a\_b', 0.10, TIMESTAMP '2026-03-29 02:30:00', false),
    (3, 'nan', '12d', 0.30, TIMESTAMP '2026-03-29 01:59:59', true),
    (4, 0.0, '2026-03', NULL, TIMESTAMP '2026-10-25 01:59:59', NULL),
    (5, NULL, '  -1.5e3 ', 9.99, NULL, false),
    (6, 'inf', 'nan', 1.00, TIMESTAMP '2026-10-25 03:00:00', true),
    (7, 1152921504606846976, 'now', 0.20, TIMESTAMP '2026-03-29 03:00:00', true),
    (8, 1e20, '2026-03-01 10:20', -0.20, TIMESTAMP '2026-06-15 12:34:56.789', NULL),
    (9, 4503599627370495.5, NULL, 7.00, TIMESTAMP '2026-01-04 23:59:59', true)
) AS rows_of(i, d, s, m, t, b)
"""
EXPRESSIONS = r"""
1.5 * 3 | 10.0 / 3 | 7 / 2 | i / 2 | i / (i - 5) | d / (i - 5) | i % 3 | -i % 3 | abs(d) | abs(-i) | i - 3
round(d) | floor(d) | ceil(d) | floor(i / 2) | round(m) | ln(d) | ln(i) | exp(i) | sqrt(abs(d)) | sign(d) | power(i, 2)
greatest(d, 1) | least(d, 1) | greatest(i, 3) | least(m, 1) | isnan(d) | not isnan(d) | isfinite(d)
0.1 + 0.2 = 0.3 | m * 1.1 = 1.331 | i * 0.1 <= 0.3 | m + 0.2 | m = 0.3
d = 2.5 | m > d | d > 0 | d >= 0 | d < 0 | d <= 0
i <> 3 | i > 3 or d > 0 | i > 3 and b | not b | b | -d | (i, i) = (3, 3)
lower(s) | upper(s) | trim(s) | length(s) | substring(s, 2, 3) | replace(s, 'a', 'c') | concat(s, null, 'b') | s || 'b'
md5(s) | starts_with(s, 'a') | ends_with(s, 'b') | left(s, 2) | right(s, 2) | strpos(s, '_')
split_part(s, '-', 2) | contains(s, 'b')
s like 'a_b' | s like 'a\_b' | s like '%-%' | s ilike 'A_B' | s like 'a\%' | regexp_matches(s, '[0-9]')
regexp_matches(s, '^a.*b$') | s = 'nan' | s > '2' | s in ('12d', 'now') | s not in ('12d', 'now') | s is null
coalesce(d, 2) | nullif(i, 2) | case when b then 1 else 2 end | case when b then 1 end | b = true
case i when 1 then 'x' else s end
i between 2 and 4 | d between -1 and 3 | i in (1, 2) | d is distinct from 2.5 | d is not distinct from null
try_cast(s as double) | try_cast(s as timestamp) | try_cast(s as date) | cast('1.25' as double) | cast(i as varchar)
cast(cast(t as date) as varchar) | cast(b as varchar) | cast(i as double) | cast(m as decimal(9, 1)) | cast(m as double)
case when d = floor(d) then cast(try_cast(d as hugeint) as varchar) end
cast(t as date) = date '2026-03-29' | date_trunc('week', t) | date_trunc('quarter', t) | date_trunc('hour', t)
date_trunc('month', cast(t as date)) | date(t)
year(t) | month(t) | day(t) | hour(t) | extract(hour from t) | extract(minute from t) | epoch_ms(1772617230000 + i)
t + interval '36' hour | t - interval '1' day | t + interval '1' month | t > timestamp '2026-03-29 02:00:00'
t at time zone 'Europe/Berlin' at time zone 'UTC' | t at time zone 'UTC' at time zone 'Europe/Berlin'
t at time zone 'America/New_York' at time zone 'UTC' | t at time zone 'UTC' at time zone 'Asia/Kolkata'
try_cast(s as timestamptz) at time zone 'UTC' | try_cast('2026-03-01 10:00+02:00' as timestamptz) at time zone 'UTC'
"""


@pytest.mark.parametrize("on_spark", ["local[2]"], indirect=True)
def test_every_statement_and_every_result_is_that_of_duckdb(
    on_spark: Callable[[], Engine],
    compared: Callable[..., set[str]],
    different: Callable[[object, object], list[str]],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    ran = set[str]()
    for study in STUDIES:
        ran |= compared(request.getfixturevalue(study), on_spark, rows=study not in ONLY_ANSWERS)
    ran |= tasks_compared(tmp_path, on_spark, different)
    ran |= portfolio_compared(tmp_path, on_spark, different)
    assert ran == set(query_names()) - ONLY_ON_DUCKDB


# On a cluster of processes driver and executors share no memory; the statements are the same,
# and so is what each of them makes, when their answers are.
@pytest.mark.parametrize("on_spark", ["local-cluster[2,1,1024]"], indirect=True)
@pytest.mark.parametrize("study", ["clustered"])
def test_processes_that_share_no_memory_give_the_same(
    on_spark: Callable[[], Engine],
    compared: Callable[..., set[str]],
    request: pytest.FixtureRequest,
    study: str,
) -> None:
    assert compared(request.getfixturevalue(study), on_spark, rows=False)


def test_every_allowed_expression_means_the_same(
    on_spark: Callable[[], Engine], different: Callable[[object, object], list[str]], tmp_path: Path
) -> None:
    expressions = [e for line in EXPRESSIONS.strip().splitlines() for e in line.split(" | ")]
    with DuckDBEngine(directory=tmp_path) as duckdb, on_spark() as other:
        duckdb.run(COLUMNS)
        duckdb.run(f"COPY odd TO '{tmp_path / 'odd.parquet'}' (FORMAT parquet)")
        raw = other.open_source("unit_values", Source(path="odd.parquet"), tmp_path).sql
        selected = ", ".join(f'{expression} AS "{i}"' for i, expression in enumerate(expressions))
        here, there = (
            zip(*e.rows(f"SELECT {selected} FROM {table} AS odd ORDER BY i"), strict=True)
            for e, table in ((duckdb, "odd"), (other, raw))
        )
    apart = [
        f"{expression} {found[:3]}"
        for expression, *values in zip(expressions, here, there, strict=True)
        if (found := different(*values))
    ]
    assert not apart, "\n".join(apart)


def test_every_piece_that_is_allowed_is_among_the_expressions() -> None:
    expressions = [e for line in EXPRESSIONS.strip().splitlines() for e in line.split(" | ")]
    trees = (check_portable(f"SELECT {expression}", where=expression) for expression in expressions)
    seen = {type(node).__name__ for tree in trees for node in tree.walk()}
    assert sorted(SCALAR - seen) == []


@pytest.mark.parametrize(
    ("files", "source", "types", "rows"),
    [
        (
            {"a.csv": "id;n;at\n007;1;2026-03-01 10:00:00\n008;;2026-03-02 11:00:00\n"},
            {"path": "a.csv"},
            {"id": "VARCHAR", "n": "BIGINT", "at": "TIMESTAMP"},
            [("007", 1), ("008", None)],
        ),
        (
            {"a.csv": 'id,n\n"x ""y""\nz",1\nu,2,3\n'},
            {"path": "a.csv"},
            {"id": "VARCHAR", "n": "BIGINT"},
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
        (
            {"id=007/a.json": '{"n": 1}\n', "id=__HIVE_DEFAULT_PARTITION__/a.json": '{"n": 2}\n'},
            {"path": "**/*.json"},
            {"n": "BIGINT", "id": "VARCHAR"},
            [("007", 1), (None, 2)],
        ),
        (
            {"a/d=1/x.json": '{"id": "u", "n": 1}\n', "b/d=2/x.json": '{"id": "v", "n": 2}\n'},
            {"path": ["a/**/*.json", "b/**/*.json"]},
            {"id": "VARCHAR", "n": "BIGINT", "d": "BIGINT"},
            [("u", 1), ("v", 2)],
        ),
        (
            {"a.csv": "id,n\nu,1\n", "b.csv": "n,id\n2,v\n"},
            {"path": "*.csv"},
            {"id": "VARCHAR", "n": "BIGINT"},
            [("u", 1), ("v", 2)],
        ),
        (
            {"a.csv": 'id,n,"a;b;c;d"\nu,1,x\n'},
            {"path": "a.csv"},
            {"id": "VARCHAR", "n": "BIGINT", "a;b;c;d": "VARCHAR"},
            [("u", 1)],
        ),
        (
            {"a.csv": "id,n,at\nu,1,2026-03-01T10:00:00Z\n"},
            {"path": "a.csv"},
            {"id": "VARCHAR", "n": "BIGINT", "at": "VARCHAR"},
            [("u", 1)],
        ),
    ],
    ids=[
        "csv",
        "quotes and refused lines",
        "folders as columns",
        "array",
        "query",
        "folders as ids",
        "folders apart",
        "columns in another order",
        "separators in quotes",
        "times with zones",
    ],
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
        assert sorted(engine.rows(f"SELECT id, n FROM {relation.sql}"), key=lambda row: row[1] or 9) == rows
        if relation.counted is not None:
            assert (relation.counted.rows, relation.counted.rejected) == (
                len(rows),
                any("u,2,3" in text for text in files.values()),
            )


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"path": "a.parquet"}, "unit_values: cannot read a.parquet as parquet: .*; the file may be damaged"),
        ({"path": "b.csv"}, "unit_values: there is no file 'b.csv'"),
        ({"query": "SELECT 1; SELECT 2"}, "unit_values.query: it holds 2 statements, one is needed"),
        ({"query": "DROP TABLE x"}, "unit_values.query: it is no SELECT"),
        (
            {"query": "SELECT TRANSFORM(a) USING 'cat' AS (b) FROM VALUES ('x') t(a)"},
            "unit_values.query: it (runs a program|is no)",
        ),
        ({"path": "c.json"}, "unit_values: cannot read c.json as json"),
        ({"path": "d*.parquet"}, "files of one source differ in the type of a column"),
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
    (tmp_path / "c.json").write_text('{"id": "u", "n": 1}\n{"id": "v", \n')
    pd.DataFrame({"n": [1]}).to_parquet(tmp_path / "d1.parquet")
    pd.DataFrame({"n": ["x"]}).to_parquet(tmp_path / "d2.parquet")
    with on_spark() as engine, pytest.raises(AbgapError, match=message) as raised:
        engine.open_source("unit_values", Source.model_validate(source), tmp_path)
    assert "\n" not in raised.value.message
    assert "SQLSTATE" not in raised.value.message


def test_a_text_that_looks_like_a_variable_stays_as_it_is(on_spark: Callable[[], Engine]) -> None:
    with on_spark() as engine:
        found = engine.rows("SELECT '${spark.app.name}' AS a, '${env:HOME}' AS b")
    assert found == [("${spark.app.name}", "${env:HOME}")]


def test_a_moment_made_of_a_local_time_is_refused(on_spark: Callable[[], Engine], tmp_path: Path) -> None:
    pd.DataFrame({"t": pd.to_datetime(["2026-03-01 10:00"]).as_unit("us")}).to_parquet(tmp_path / "a.parquet")
    with on_spark() as engine:
        relation = engine.open_source("exposures", Source(path="a.parquet"), tmp_path)
        with pytest.raises(
            AbgapError, match=r"exposures.columns.at: t has no zone, .*leave AT TIME ZONE away"
        ):
            engine.type_of(Sql("t at time zone 'UTC'"), relation.sql, where="exposures.columns.at")


def test_times_of_96_bits_have_no_zone_as_on_duckdb(on_spark: Callable[[], Engine], tmp_path: Path) -> None:
    ten = dt.datetime(2026, 3, 1, 10)
    table = pa.table({"t": pa.array([ten], pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    with on_spark() as spark, DuckDBEngine(directory=tmp_path) as duckdb:
        for engine in (spark, duckdb):
            relation = engine.open_source("exposures", Source(path="a.parquet"), tmp_path)
            assert "ZONE" not in relation.table.columns["t"]
            assert engine.rows(f"SELECT cast(t as timestamp) AS t FROM {relation.sql}") == [(ten,)]
