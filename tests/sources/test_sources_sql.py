"""Quoting: any text is a name or a value, and never anything else."""

from __future__ import annotations

import datetime as dt
import math

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abgap.errors import QueryError
from abgap.sources.sql import Sql, comma_list, identifier, literal

without_nul = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60
)


@given(name=without_nul, value=without_nul)
def test_a_name_and_a_value_come_back_from_the_engine_as_they_were(name: str, value: str) -> None:
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT {literal(value)} AS {identifier(name)}")
        assert [column[0] for column in found.description or []] == [name]
        assert found.fetchall() == [(value,)]


@given(value=st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_keeps_every_bit_and_its_type(value: float) -> None:
    with duckdb.connect() as connection:
        ((found, kind),) = connection.execute(f"SELECT {literal(value)}, typeof({literal(value)})").fetchall()
    assert kind == "DOUBLE"
    assert found == value
    assert math.copysign(1, found) == math.copysign(1, value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (7, "7"),
        (-7, "-7"),
        (0.1, "0.1e0"),
        (1e300, "1e+300"),
        ("it's", "'it''s'"),
        (dt.date(2026, 3, 2), "date '2026-03-02'"),
        (dt.datetime(2026, 3, 2, 10, 15), "timestamp '2026-03-02 10:15:00'"),
        (dt.datetime(2026, 3, 2, 10, 15, tzinfo=dt.timezone(dt.timedelta(hours=2))), "timestamp '2026-03-02 08:15:00'"),
    ],
)  # fmt: skip
def test_a_literal_has_the_type_of_its_value(value: str | float | dt.date | None, text: str) -> None:
    assert str(literal(value)) == text


def test_a_nul_character_is_refused_in_names_and_values() -> None:
    for quote in (identifier, literal):
        with pytest.raises(QueryError, match="NUL"):
            quote("a\0b")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(QueryError, match="cannot stand in a query"):
        literal(value)


def test_a_list_has_commas() -> None:
    assert comma_list([Sql("a"), identifier("b")]) == Sql('a, "b"')
