"""The catalogue as a whole, held against the subset that is tested on several engines before any of it runs.

Templates are no SQL yet: names are filled in and branches are chosen later, and each statement is checked in full when
it is compiled (``portable.check_portable``). What a file spells out itself can be judged at once: its words and its
functions. So a query that only DuckDB understands is refused when another engine is opened, not in the middle of a run.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import zip_longest

import sqlglot
from sqlglot import TokenType, exp

from abgap.engine.catalogue import query_names
from abgap.engine.portable import FUNCTIONS, NODES
from abgap.errors import QueryError
from abgap.resources import folder

# Looks at files for `abgap init`, with DuckDB whatever the engine.
ONLY_ON_DUCKDB = frozenset({"profile_column"})
_INSERTED, _CONTROL = re.compile(r"\{\{.*?\}\}", re.DOTALL), re.compile(r"\{%.*?%\}", re.DOTALL)
# What the parser calls by other names than its own classes.
_BY_OTHER_NAMES = frozenset({"struct_pack", "quantile_cont"})
_SPELLED_OUT = """
    ALIAS ALL AND BETWEEN CASE COLON_EQ COMMA CROSS DASH DESC ASC DISTINCT DOT ELSE END EQ EXISTS FALSE FIRST FROM
    GROUP_BY GT GTE HAVING IDENTIFIER IN INNER INTERVAL IS JOIN LEFT LIMIT LIKE LT LTE L_PAREN NEQ NOT NULL
    NUMBER ON OR ORDER_BY OVER PARAMETER PARTITION_BY PLUS R_PAREN SELECT SLASH STAR STRING THEN TRUE UNION VAR
    WHEN WHERE WITH
    BIGINT BOOLEAN DATE DECIMAL DOUBLE INT128 TEXT TIMESTAMP TIMESTAMPNTZ TIMESTAMPTZ VARCHAR VARIANT
"""
_WORDS = frozenset(TokenType[name] for name in _SPELLED_OUT.split())


@cache
def _functions() -> frozenset[str]:
    named = (kind for kind in exp.ALL_FUNCTIONS if kind.__name__ in NODES)
    return (
        frozenset(name.lower() for kind in named for name in kind.sql_names()) | FUNCTIONS | _BY_OTHER_NAMES
    )


@cache
def check_catalogue() -> None:
    """Raise QueryError when a file of the catalogue spells out what is not tested on several engines."""
    for name in query_names():
        if name not in ONLY_ON_DUCKDB:
            check_template(
                (folder("queries") / f"{name}.sql").read_text(encoding="utf-8"), where=f"queries/{name}.sql"
            )


def check_template(text: str, *, where: str) -> None:
    """Raise QueryError that names the first word or function of a template that other engines may not share."""
    tokens = sqlglot.tokenize(_CONTROL.sub("", _INSERTED.sub("inserted", text)), read="duckdb")
    for token, following in zip_longest(tokens, tokens[1:]):
        word = token.text.lower()
        called = following is not None and following.token_type is TokenType.L_PAREN
        is_function = called and token.token_type is TokenType.VAR
        if token.token_type not in _WORDS or (is_function and word not in _functions()):
            raise QueryError(f"{where}: {word!r} is not in the set that is tested on several engines")
