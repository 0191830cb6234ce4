"""Statements carried from DuckDB to other engines: what may be carried, and how it is written there.

A parser that does not know a function passes it on as it is, and functions of one name can mean two things: a
wrong number is then only a matter of time. So every piece of a statement has to stand on a list of what
is tested to give equal results (``tests/spark``), or to have a rewrite here; the rest is refused by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from abgap.engine.catalogue import Statement
from abgap.engine.first_rows import flatten_structs, rank_first_rows
from abgap.errors import QueryError
from abgap.sources.sql import literal

# What each dialect is to abgap: run and compared in tests, or written without being run.
VERIFIED = ("spark", "postgres")
DIALECTS = (*VERIFIED, "bigquery", "snowflake", "trino", "clickhouse")

_STATEMENT = """
    Select From Table TableAlias Join Where Group Order Ordered With CTE Subquery Union Having Alias Star Limit
    Column Identifier Placeholder Struct PropertyEQ
    Count Distinct Sum Min Max PercentileCont
"""
_SCALAR = """
    Literal Boolean Null Paren Tuple Neg Not Cast TryCast DataType DataTypeParam Case If Interval Var
    And Or Xor EQ NEQ GT GTE LT LTE Is In Between Like ILike Escape RegexpLike NullSafeEQ NullSafeNEQ DPipe Concat
    Add Sub Mul Div Mod Pow Abs Round Floor Ceil Ln Exp Sqrt Sign Greatest Least IsNan
    Lower Upper Trim Length Substring Replace StartsWith EndsWith Left Right StrPosition SplitPart Contains
    Coalesce Nullif AtTimeZone Date TimestampTrunc DateTrunc Extract Year Month Day Hour UnixToTime
"""
NODES = frozenset([*_STATEMENT.split(), *_SCALAR.split()])
# Functions that the parser has no node of its own for; each has a rewrite.
FUNCTIONS = frozenset({"isfinite", "hash"})
_TYPES = frozenset(
    {
        exp.DType.ARRAY,
        exp.DType.BOOLEAN,
        exp.DType.DATE,
        exp.DType.DECIMAL,
        exp.DType.DOUBLE,
        exp.DType.INT128,
        exp.DType.TEXT,
        exp.DType.TIMESTAMP,
        exp.DType.TIMESTAMPNTZ,
        exp.DType.TIMESTAMPTZ,
        exp.DType.VARCHAR,
    }
)
_HASHES = {
    "spark": "xxhash64({})",
    "postgres": "hashtextextended(cast(row({}) as text), 0)",
    "bigquery": "farm_fingerprint(to_json_string(struct({})))",
    "snowflake": "hash({})",
    "trino": "xxhash64(to_utf8(json_format(cast(row({}) as json))))",
    "clickhouse": "cityHash64(tuple({}))",
}
_EXTRACTED = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE"})
_POSTGRES_BYTES = 63
_LARGEST = "1.7976931348623157e+308"
_HINT = "compute it in the data, or with `query` on the source"


def check_portable(sql: str, *, where: str) -> exp.Expr:
    """The syntax tree of a DuckDB statement, when all of it means the same elsewhere.

    where: what the statement is, for messages. Raises QueryError that names the first piece that does not.
    """
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except SqlglotError as error:
        raise QueryError(f"{where}: it cannot be parsed: {str(error).splitlines()[0]}") from error
    for node in tree.walk():
        problem = _problem(node)
        if problem is not None:
            raise QueryError(f"{where}: {problem}; {_HINT}")
    return tree


def _problem(node: exp.Expr) -> str | None:
    """Why a piece of a statement cannot be carried to another engine, None when it can."""
    kind = type(node).__name__
    if isinstance(node, exp.Anonymous) and str(node.this).lower() not in FUNCTIONS:
        return f"the function {str(node.this).lower()!r} is not in the set that is tested on several engines"
    if _is_hash(node) and not isinstance(node.parent, exp.Distinct):
        return "a hash has another value on each engine, and can only be counted"
    if isinstance(node, exp.DataType) and node.this not in _TYPES and not _is_type_of_count(node):
        shown = node.sql(dialect="duckdb")
        return f"a cast to {shown} is not in the set that is tested on several engines (floor and round give integers)"
    if isinstance(node, exp.Extract) and node.name.upper() not in _EXTRACTED:
        return f"{node.name.upper()!r} of a date is counted differently by other engines"
    if isinstance(node, exp.UnixToTime) and str(node.args.get("scale")) != "3":
        return "of the functions that make times of numbers only epoch_ms is tested on several engines"
    if kind not in NODES and not isinstance(node, exp.Anonymous):
        name = node.sql_name().lower() if isinstance(node, exp.Func) else node.sql(dialect="duckdb")
        return f"{name!r} is not in the set that is tested on several engines"
    return None


def _is_type_of_count(node: exp.DataType) -> bool:
    """Whether the type is that of a sum of counts: other casts to it round on one engine, and cut on another."""
    cast_ = node.parent
    return node.this == exp.DType.BIGINT and isinstance(cast_, exp.Cast) and isinstance(cast_.this, exp.Sum)


def transpile(sql: str, dialect: str, *, where: str) -> str:
    """The DuckDB statement ``sql`` as ``dialect`` writes it; bound parameters stay bound.

    Raises QueryError when a piece of it is not portable, or when the dialect has no words for it.
    """
    tree = check_portable(sql, where=where)
    tree = _rewritten(tree, _everywhere)
    if dialect == "spark":
        tree = _rewritten(flatten_ties(tree), _on_spark)
    else:
        tree = rank_first_rows(flatten_structs(tree))
        tree = _rewritten(tree, lambda node: _elsewhere(node, dialect, where))
    try:
        return tree.sql(dialect=dialect, comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise QueryError(f"{where}: {dialect} has no words for it: {str(error).splitlines()[0]}") from error


def compiled(statement: Statement, dialect: str) -> str:
    """The statement with its parameters filled in, over several lines, as ``dialect`` writes it."""
    name = f"the statement {statement.query.name!r}"
    text = transpile(with_values(statement.sql, statement.params), dialect, where=name)
    tree = sqlglot.parse_one(text, dialect=dialect)
    return str(tree.sql(dialect=dialect, pretty=True, comments=False))


def carried(statement: Statement, dialect: str) -> str:
    """The statement ready to paste, below a comment that says what is known of it in ``dialect``."""
    known = (
        "tested to give the same results as DuckDB"
        if dialect in VERIFIED
        else "compiled from DuckDB's dialect, not verified there"
    )
    return f"-- {statement.query.name}, in {dialect}: {known}\n{compiled(statement, dialect)};"


def with_values(sql: str, params: Mapping[str, Any]) -> str:
    """The statement with literals in place of its bound parameters."""
    if not params:
        return sql

    def filled(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Placeholder):
            return sqlglot.parse_one(literal(params[node.name]).text, dialect="duckdb")
        return node

    return str(sqlglot.parse_one(sql, dialect="duckdb").transform(filled).sql(dialect="duckdb"))


# --- rewrites ---------------------------------------------------------------------------------------------------------


def _rewritten(tree: exp.Expr, rewrite: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """The tree with every node rewritten, those below first: what is replaced may hold what has to be."""
    for node in reversed(list(tree.walk())):
        new = rewrite(node)
        if new is not node and node is tree:
            tree = new
        elif new is not node:
            node.replace(new)
    return tree


def _everywhere(node: exp.Expr) -> exp.Expr:
    """What DuckDB alone has, in words that all engines have."""
    if isinstance(node, exp.Anonymous) and node.name.lower() == "isfinite":
        # NaN is larger than every number, or equal to none: either way it is not between two of them.
        value = exp.cast(node.expressions[0], "DOUBLE")
        low, high = exp.Neg(this=exp.Literal.number(_LARGEST)), exp.Literal.number(_LARGEST)
        return exp.paren(exp.Between(this=value, low=low, high=high), copy=False)
    if isinstance(node, exp.DataType) and node.this == exp.DType.INT128:
        return exp.DataType.build("DECIMAL(38, 0)")
    return node


def _hashed(node: exp.Anonymous, dialect: str) -> exp.Expr:
    """64 bits that tell rows apart: each engine has its own hash, here of all columns and of where they are null."""
    columns = node.expressions
    flags = [exp.Is(this=column.copy(), expression=exp.Null()) for column in columns]
    listed = ", ".join(part.sql(dialect=dialect) for part in (*columns, *flags))
    return sqlglot.parse_one(_HASHES[dialect].format(listed), dialect=dialect)


def _is_hash(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() == "hash"


def _on_spark(node: exp.Expr) -> exp.Expr:
    if _is_hash(node):
        return _hashed(cast("exp.Anonymous", node), "spark")
    if isinstance(node, exp.PercentileCont):
        # The parser's own translation is approximate.
        return exp.Anonymous(this="PERCENTILE", expressions=[node.this, node.expression])
    if isinstance(node, exp.AtTimeZone) and not isinstance(node.parent, exp.AtTimeZone):
        return _zoned(node)
    if isinstance(node, exp.DataType) and node.this == exp.DType.TIMESTAMPTZ:
        return exp.DataType(this=exp.DType.TIMESTAMPLTZ)
    if isinstance(node, exp.UnixToTime):
        moment = exp.Anonymous(this="TIMESTAMP_MILLIS", expressions=[node.this])
        return exp.cast(moment, exp.DType.TIMESTAMPNTZ)
    if (
        isinstance(node, exp.Literal)
        and not node.is_string
        and "." in node.name
        and "e" not in node.name.lower()
    ):
        # A number with a point is a DOUBLE in an expression of DuckDB, and a DECIMAL in one of Spark.
        return exp.Literal.number(f"{node.name}e0")
    if isinstance(node, exp.Div):
        return exp.Div(this=exp.cast(node.this, "DOUBLE"), expression=node.expression, typed=True, safe=False)
    return node


def _zoned(node: exp.AtTimeZone) -> exp.Expr:
    """Chains of AT TIME ZONE: from a moment to UTC, then from zone to zone, two at a time."""
    zones: list[exp.Expr] = []
    base: exp.Expr = node
    while isinstance(base, exp.AtTimeZone):
        zones.insert(0, base.args["zone"])
        base = base.this
    if len(zones) % 2:
        if zones[0].name != "UTC":
            shown = node.sql(dialect="duckdb")
            raise QueryError(
                f"{shown} depends on the type of its argument, which engines see differently; {_HINT}"
            )
        zones.pop(0)
    local: exp.Expr = exp.cast(base, exp.DType.TIMESTAMPNTZ)
    for i in range(0, len(zones), 2):
        local = exp.Anonymous(this="CONVERT_TIMEZONE", expressions=[zones[i], zones[i + 1], local])
    return local


def flatten_ties(tree: exp.Expr) -> exp.Expr:
    """Structs that are compared, with nulls last: Spark puts them first.

    All structs get the fields that tell where they are null, so that compared and other ones have one type.
    """

    def with_flags(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.Struct):
            return node
        fields: list[exp.Expr] = []
        for field in node.expressions:
            flag = exp.Is(this=field.expression.copy(), expression=exp.Null())
            name = exp.to_identifier(f"{field.name}: is null", quoted=True)
            fields += [exp.PropertyEQ(this=name, expression=flag), field.copy()]
        return exp.Struct(expressions=fields)

    return tree.transform(with_flags)


def name_in_postgres(name: str) -> str:
    """A name as Postgres can hold it: names of more than 63 bytes end in a digest, where it would cut them off."""
    if len(name.encode()) <= _POSTGRES_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: _POSTGRES_BYTES - 9].decode(errors="ignore") + "~" + digest


def _elsewhere(node: exp.Expr, dialect: str, where: str) -> exp.Expr:
    if dialect == "postgres" and isinstance(node, exp.Identifier):
        return exp.to_identifier(name_in_postgres(node.name), quoted=node.quoted)
    if _is_hash(node):
        return _hashed(cast("exp.Anonymous", node), dialect)
    if isinstance(node, exp.PercentileCont):
        if dialect == "clickhouse":
            return exp.ParameterizedAgg(
                this=exp.to_identifier("quantileExactInclusive"),
                expressions=[node.expression],
                params=[node.this],
            )
        if dialect in {"bigquery", "trino"}:
            raise QueryError(
                f"{where}: {dialect} has no exact percentile of a group; leave cap_percentile away"
            )
    return node
