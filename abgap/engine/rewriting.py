"""What the dialects share: trees rewritten node by node, and the pieces that DuckDB alone has."""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

_LARGEST = "1.7976931348623157e+308"


def rewritten(tree: exp.Expr, rewrite: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """The tree with every node rewritten, those below first: what is replaced may hold what has to be."""
    for node in reversed(list(tree.walk())):
        new = rewrite(node)
        if new is not node and node is tree:
            tree = new
        elif new is not node:
            node.replace(new)
    return tree


def everywhere(node: exp.Expr) -> exp.Expr:
    """What DuckDB alone has, in words that all engines have."""
    if isinstance(node, exp.Anonymous) and node.name.lower() == "isfinite":
        # NaN is larger than every number, or equal to none: either way it is not between two of them.
        value = exp.cast(node.expressions[0], "DOUBLE")
        low, high = exp.Neg(this=exp.Literal.number(_LARGEST)), exp.Literal.number(_LARGEST)
        return exp.paren(exp.Between(this=value, low=low, high=high), copy=False)
    if isinstance(node, exp.DataType) and node.this == exp.DType.INT128:
        return exp.DataType.build("DECIMAL(38, 0)")
    return node


def name_of(node: exp.Expr) -> str:
    """What a piece is called in messages: a function by its name, anything else as it is written."""
    return repr(node.sql_name().lower() if isinstance(node, exp.Func) else node.sql(dialect="duckdb"))


def is_hash(node: exp.Expr) -> bool:
    """Whether it is DuckDB's hash of several values."""
    return isinstance(node, exp.Anonymous) and node.name.lower() == "hash"


def is_hex_number(node: exp.Expr) -> bool:
    """Whether it is a number written in hexadecimal digits: cast('0x' || digits as bigint)."""
    return (
        isinstance(node, exp.Cast)
        and node.args["to"].this == exp.DType.BIGINT
        and isinstance(node.this, exp.DPipe)
        and isinstance(node.this.this, exp.Literal)
        and node.this.this.name == "0x"
    )


def hashed(node: exp.Expr, form: str, dialect: str) -> exp.Expr:
    """64 bits that tell rows apart, of all columns and of where they are null. form: the dialect's own, with {}."""
    columns = node.expressions
    flags = [exp.Is(this=column.copy(), expression=exp.Null()) for column in columns]
    listed = ", ".join(part.sql(dialect=dialect) for part in (*columns, *flags))
    return sqlglot.parse_one(form.format(listed), dialect=dialect)


def zones_of(node: exp.Expr) -> tuple[exp.Expr, list[exp.Expr]]:
    """A chain of AT TIME ZONE: what it begins with, and its zones in order."""
    zones: list[exp.Expr] = []
    base = node
    while isinstance(base, exp.AtTimeZone):
        zones.insert(0, base.args["zone"])
        base = base.this
    return base, zones


def is_whole_chain(node: exp.Expr) -> bool:
    """Whether it is AT TIME ZONE, and not within a longer chain."""
    return isinstance(node, exp.AtTimeZone) and not isinstance(node.parent, exp.AtTimeZone)
