"""The catalogue of ``queries/*.sql``: one statement a file, each with a header that says what it takes and gives.

A file is plain SQL, or a Jinja template when its columns depend on the study. A template may insert only
``Sql`` objects, made by our own quoting: the ``finalize`` hook refuses plain text, so pasting a name or a
value into a statement is impossible by construction. Values that do not shape the statement are bound as
``$name``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from abgap.errors import QueryError
from abgap.resources import folder
from abgap.sources.sql import Sql

if TYPE_CHECKING:
    import jinja2

HEADER_FIELDS = ("purpose", "takes", "reads", "gives")
_FIELD = re.compile(rf"-- ({'|'.join(HEADER_FIELDS)}): *(.*)\Z")
_CONTINUED = re.compile(r"-- {3,}(.*)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One file of the catalogue. purpose, takes, reads, gives: its header, one paragraph each."""

    name: str
    purpose: str
    takes: str
    reads: str
    gives: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A compiled statement, ready to run. params: values bound as ``$name``."""

    query: Query
    sql: str
    params: Mapping[str, Any]


def _only_sql(value: object) -> str:
    import jinja2  # noqa: PLC0415 - loaded by now: the environment calls this

    if isinstance(value, Sql):
        return value.text
    if isinstance(value, jinja2.Undefined):
        return str(value)  # raises, and says what is not defined
    raise QueryError(f"a query template may only insert quoted SQL, not {type(value).__name__} {value!r}")


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - not needed to list the catalogue

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder("queries")),
        undefined=jinja2.StrictUndefined,
        finalize=_only_sql,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,  # noqa: S701 - SQL, not HTML; finalize is stricter than escaping
    )


@cache
def query(name: str) -> Query:
    """The header of the query called ``name``. Raises QueryError when there is no such file or field."""
    if name not in query_names():
        raise QueryError(f"there is no query {name!r}; the catalogue has: {', '.join(query_names())}")
    text = (folder("queries") / f"{name}.sql").read_text(encoding="utf-8")
    fields = _header(text)
    missing = [key for key in HEADER_FIELDS if not fields.get(key)]
    if missing:
        raise QueryError(f"query {name!r} does not say in its header: {', '.join(missing)}")
    return Query(name=name, sha256=hashlib.sha256(text.encode()).hexdigest(), **fields)


def query_names() -> list[str]:
    """The names of all queries, sorted."""
    return sorted(path.stem for path in folder("queries").glob("*.sql"))


def _header(text: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    current = None
    for line in text.splitlines():
        if found := _FIELD.match(line):
            current = found.group(1)
            fields[current] = found.group(2).strip()
        elif current and (more := _CONTINUED.match(line)):
            fields[current] += " " + more.group(1).strip()
        else:
            break
    return fields


def compile_query(name: str, *, params: Mapping[str, Any] | None = None, **context: object) -> Statement:
    """The statement of the query ``name`` with ``context`` filled in and ``params`` to be bound."""
    head = query(name)
    sql = _environment().get_template(f"{name}.sql").render(**context).strip()
    return Statement(query=head, sql=sql, params=dict(params or {}))
