"""Column mapping: types, ids as text, times as UTC."""

from __future__ import annotations

import duckdb
import pytest

from abgap.errors import DataError
from abgap.sources.columns import (
    Table,
    as_utc,
    is_integer,
    is_number,
    local_day,
    mapped,
    mapped_text,
    plain_names,
)
from abgap.sources.sql import Sql
from abgap.study.model import ConstantColumn, ExpressionColumn, Source

TABLE = Table(key="exposures", columns={"Id": "BIGINT", "f": "DOUBLE", "d": "DECIMAL(10,2)", "t": "VARCHAR"})


@pytest.mark.parametrize(
    ("column_type", "number", "integer"),
    [
        ("BIGINT", True, True),
        ("UHUGEINT", True, True),
        ("DECIMAL(18,3)", True, False),
        ("DOUBLE", True, False),
        ("FLOAT", True, False),
        ("BOOLEAN", False, True),
        ("VARCHAR", False, False),
        ("DATE", False, False),
        ("INTEGER[]", False, False),
    ],
)
def test_types_are_told_by_their_name(column_type: str, number: bool, integer: bool) -> None:
    assert (is_number(column_type), is_integer(column_type)) == (number, integer)


def test_a_column_is_a_name_a_constant_or_an_expression() -> None:
    assert mapped("ID", TABLE, role="unit") == Sql('"Id"')
    assert mapped(ConstantColumn(value="it's"), TABLE, role="unit") == Sql("'it''s'")
    assert mapped(ExpressionColumn(expr="lower(t)"), TABLE, role="unit") == Sql('(LOWER("t"))')
    with pytest.raises(DataError, match=r"exposures\.columns\.unit: column 'idd' is not in exposures"):
        mapped("idd", TABLE, role="unit")


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("f", "7.0::DOUBLE", "7"),
        ("f", "7.5::DOUBLE", "7.5"),
        ("f", "'nan'::DOUBLE", None),
        ("f", "NULL::DOUBLE", None),
        ("f", "-0.0::DOUBLE", "0"),
        ("f", "9007199254740993::DOUBLE", "9007199254740992"),
        ("d", "7.00::DECIMAL(10,2)", "7"),
        ("d", "7.10::DECIMAL(10,2)", "7.10"),
        ("Id", "7::BIGINT", "7"),
        ("t", "'007'", "007"),
    ],
)
def test_an_id_is_text_however_it_is_stored(column: str, value: str, text: str | None) -> None:
    source = Source(columns={"unit": column})
    with duckdb.connect() as connection:
        connection.execute(f'CREATE TABLE x AS SELECT {value} AS "{column}"')
        assert connection.execute(f"SELECT {mapped_text(source, TABLE, 'unit')} FROM x").fetchall() == [
            (text,)
        ]


def test_a_role_that_is_not_mapped_is_null() -> None:
    assert mapped_text(Source(), TABLE, "query") == Sql("cast(null as varchar)")


def test_ids_are_the_plain_names_of_their_roles() -> None:
    source = Source(columns={"unit": "id", "variant": ConstantColumn(value="A"), "at": "ts"})
    assert plain_names(source, "unit", "variant", "experiment") == ["id"]


@pytest.mark.parametrize("column_type", ["BOOLEAN", "VARCHAR[]", "TIME", "INTERVAL"])
def test_what_is_no_time_is_refused(column_type: str) -> None:
    with pytest.raises(
        DataError,
        match=rf"x: a timestamp is needed, the column is {column_type.replace('[', '.').replace(']', '.')}; write it",
    ):
        as_utc(Sql("c"), column_type, where="x", timezone="UTC")


def test_text_that_is_no_time_is_null() -> None:
    with duckdb.connect() as connection:
        for timezone in ("UTC", "Europe/Berlin"):
            at = as_utc(Sql("c"), "VARCHAR", where="x", timezone=timezone)
            sql = f"SELECT {at} FROM (VALUES ('soon'), (NULL), ('12:30'), ('99:99 Z')) AS t(c)"
            assert connection.execute(sql).fetchall() == [(None,)] * 4


def test_a_day_is_that_of_the_time_zone() -> None:
    with duckdb.connect() as connection:
        for timezone, day in (
            ("UTC", "2026-03-01"),
            ("Asia/Tokyo", "2026-03-02"),
            ("America/New_York", "2026-03-01"),
        ):
            found = local_day(Sql("TIMESTAMP '2026-03-01 23:00:00'"), timezone)
            assert connection.execute(f"SELECT {found}::VARCHAR").fetchall() == [(day,)]
