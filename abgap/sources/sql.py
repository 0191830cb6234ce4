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


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A select-list entry: an expression and the quoted name its column gets."""

    name: Sql
    value: Sql


def identifier(name: str) -> Sql:
    """A quoted identifier; any text but the NUL character can be a name."""
    return Sql('"' + without_nul(name).replace('"', '""') + '"')


def literal(value: str | float | bool | dt.date | None) -> Sql:  # noqa: FBT001 - a literal can be a boolean
    """A literal of the value's own type; floats keep every bit, dates and times are naive UTC."""
    match value:
        case None:
            return Sql("null")
        case bool():
            return Sql("true" if value else "false")
        case int():
            return Sql(str(value))
        case float():
            return _float_literal(value)
        case str():
            return Sql("'" + without_nul(value).replace("'", "''") + "'")
        case dt.datetime():
            moment = value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
            return Sql(f"timestamp '{moment.isoformat(sep=' ')}'")
        case _:
            return Sql(f"date '{value.isoformat()}'")


def _float_literal(value: float) -> Sql:
    if not math.isfinite(value):
        raise QueryError(f"{value} cannot stand in a query")
    # repr carries every bit; the exponent makes it a DOUBLE in every dialect.
    text = repr(value)
    return Sql(text if "e" in text else f"{text}e0")


def without_nul(text: str) -> str:
    """The text itself; raises QueryError when it holds a NUL, at which engines would silently stop reading."""
    if "\0" in text:
        raise QueryError(f"{text!r} holds a NUL character, which cannot stand in a query; take it out")
    return text


def comma_list(items: Iterable[Sql]) -> Sql:
    """The items with commas between them."""
    return Sql(", ".join(item.text for item in items))
