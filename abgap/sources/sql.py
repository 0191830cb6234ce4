"""SQL text that is safe by construction.

``Sql`` marks text made by this package: identifiers and literals quoted here, and expressions that the
parser in ``expressions.py`` took apart and wrote again. The template engine refuses everything else, so a
name or a value out of a file can never become SQL by accident.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass

from abgap.errors import QueryError


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL made by our own quoting; the only thing a query template may insert."""

    text: str

    def __str__(self) -> str:
        return self.text


def identifier(name: str) -> Sql:
    """A quoted identifier; any text but the NUL character can be a name."""
    if "\0" in name:
        raise QueryError(f"the name {name!r} holds a NUL character, which no engine accepts; rename it")
    return Sql('"' + name.replace('"', '""') + '"')


def literal(value: str | float | bool | dt.date | None) -> Sql:  # noqa: FBT001 - a literal can be a boolean
    """A literal of the value's own type; floats keep every bit, dates and times are naive UTC."""
    match value:
        case None:
            return Sql("NULL")
        case bool():
            return Sql("TRUE" if value else "FALSE")
        case int():
            return Sql(str(value))
        case float():
            return _float_literal(value)
        case str():
            return _text_literal(value)
        case dt.datetime():
            moment = value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
            return Sql(f"TIMESTAMP '{moment.isoformat(sep=' ')}'")
        case _:
            return Sql(f"DATE '{value.isoformat()}'")


def _float_literal(value: float) -> Sql:
    if not math.isfinite(value):
        raise QueryError(f"{value} cannot stand in a query")
    # The exponent makes it a DOUBLE in every dialect; 17 digits carry every bit.
    return Sql(f"{value:.17e}")


def _text_literal(value: str) -> Sql:
    if "\0" in value:
        raise QueryError(f"the text {value!r} holds a NUL character, which no engine accepts")
    return Sql("'" + value.replace("'", "''") + "'")


def comma_list(items: Iterable[Sql]) -> Sql:
    """The items with commas between them."""
    return Sql(", ".join(item.text for item in items))
