"""Statements carried from DuckDB to other engines: what may be carried, and how it is written there.

A parser that does not know a function passes it on as it is, and functions of one name can mean two things: a
wrong number is then only a matter of time. So every piece of a statement has to stand on a list of what
is tested to give equal results (``tests/spark``), or to have a rewrite here; the rest is refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ErrorLevel, SqlglotError

from abgap.engine.catalogue import Statement
from abgap.engine.other_words import elsewhere
from abgap.engine.rewriting import is_hash, is_hex_number, name_of
from abgap.engine.spark_words import on_spark
from abgap.errors import QueryError
from abgap.sources.sql import literal

DIALECTS = ("spark", "postgres", "bigquery", "snowflake", "trino", "clickhouse")

_KNOWN = {
    "spark": "tested to give the same results as DuckDB",
    "postgres": "its own words are tested to give the results of DuckDB, expressions of a study in it are not",
    "clickhouse": "compiled from DuckDB's dialect, not verified there; SET join_use_nulls = 1 before it",
}
_UNKNOWN = "compiled from DuckDB's dialect, not verified there"

_STATEMENT = """
    Select From Table TableAlias Join Where Group Order Ordered With CTE Subquery Union Having Alias Star Limit
    Column Identifier Placeholder Struct PropertyEQ
    Count Distinct Sum Min Max PercentileCont Window RowNumber Lag Lead
"""
_SCALAR = """
    Literal Boolean Null Paren Tuple Neg Not Cast TryCast DataType DataTypeParam Case If Interval Var
    And Or EQ NEQ GT GTE LT LTE Is In Between Like ILike RegexpLike NullSafeEQ NullSafeNEQ DPipe Concat
    Add Sub Mul Div Mod Pow Abs Round Floor Ceil Ln Exp Sqrt Sign Greatest Least IsNan
    Lower Upper Trim Length MD5 Substring Replace StartsWith EndsWith Left Right StrPosition SplitPart Contains
    Coalesce Nullif AtTimeZone Date TimestampTrunc DateTrunc Extract Year Month Day Hour UnixToTime
"""
SCALAR = frozenset(_SCALAR.split())
NODES = SCALAR.union(_STATEMENT.split())
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
_EXTRACTED = frozenset({"YEAR", "MONTH", "DAY", "HOUR", "MINUTE"})
_TRUNCATED = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE"})
_INTERVALS = frozenset({"SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR"})
# What regular expressions of engines read differently: classes by name, and flags.
_OWN_REGEX = re.compile(r"\[\[?:|\(\?|\\[pPbBAzZ]")
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
    if kind not in NODES and not isinstance(node, exp.Anonymous):
        return f"{name_of(node)} is not in the set that is tested on several engines"
    judge = _JUDGES.get(type(node))
    return None if judge is None else judge(node)


def _of_function(node: exp.Expr) -> str | None:
    if is_hash(node) and not isinstance(node.parent, exp.Distinct):
        return "a hash has another value on each engine, and can only be counted"
    return None


def _of_type(node: exp.Expr) -> str | None:
    if node.this in _TYPES or _is_type_of_count(node) or (node.parent and is_hex_number(node.parent)):
        return None
    shown = node.sql(dialect="duckdb")
    return f"a cast to {shown} is not in the set that is tested on several engines (floor and round give integers)"


def _of_cast(node: exp.Expr) -> str | None:
    if node.args["to"].this == exp.DType.INT128 and not isinstance(node, exp.TryCast):
        return "a cast to HUGEINT rounds on one engine, and cuts on another; take floor or round"
    return None


def _of_date_part(node: exp.Expr) -> str | None:
    if node.name.upper() in _EXTRACTED:
        return None
    return f"{node.name.upper()!r} of a date is counted differently by other engines"


def _of_truncation(node: exp.Expr) -> str | None:
    unit = node.text("unit").upper()
    return None if unit in _TRUNCATED else f"date_trunc to {unit.lower()!r} is not known to every engine"


def _of_interval(node: exp.Expr) -> str | None:
    unit = node.text("unit").upper().removesuffix("S")
    return None if unit in _INTERVALS else f"an interval of {unit.lower()!r} is not known to every engine"


def _of_epoch(node: exp.Expr) -> str | None:
    if str(node.args.get("scale")) == "3":
        return None
    return "of the functions that make times of numbers only epoch_ms is tested on several engines"


def _of_rounding(node: exp.Expr) -> str | None:
    if node.args.get("decimals") is None:
        return None
    return "round to digits goes by the binary number on one engine, and by the written one on another; take round(x)"


def _of_regex(node: exp.Expr) -> str | None:
    pattern = node.expression
    plain = isinstance(pattern, exp.Literal) and pattern.is_string and not _OWN_REGEX.search(pattern.name)
    if plain and node.args.get("flag") is None:
        return None
    return (
        "of regular expressions only plain ones mean the same: a text without flags, (?...), [[:...:]] or \\b"
    )


def _of_pattern(node: exp.Expr) -> str | None:
    if isinstance(node.expression, exp.Literal):
        return None
    return "a pattern of LIKE that is no plain text is read differently by other engines"


def _of_position(node: exp.Expr) -> str | None:
    given = [part for key, part in node.args.items() if key != "this" and isinstance(part, exp.Expr)]
    if all(isinstance(part, exp.Literal) and _is_place(part) for part in given):
        return None
    return f"{name_of(node)} means the same only with whole numbers from 1 on, or a text that is not empty"


def _is_place(part: exp.Literal) -> bool:
    return bool(part.name) if part.is_string else part.name.isdigit() and int(part.name) > 0


_JUDGES: dict[type[exp.Expr], Callable[[exp.Expr], str | None]] = {
    exp.Anonymous: _of_function,
    exp.DataType: _of_type,
    exp.Cast: _of_cast,
    exp.Extract: _of_date_part,
    exp.TimestampTrunc: _of_truncation,
    exp.DateTrunc: _of_truncation,
    exp.Interval: _of_interval,
    exp.UnixToTime: _of_epoch,
    exp.Round: _of_rounding,
    exp.RegexpLike: _of_regex,
    exp.Like: _of_pattern,
    exp.ILike: _of_pattern,
    exp.Substring: _of_position,
    exp.Left: _of_position,
    exp.Right: _of_position,
    exp.SplitPart: _of_position,
}


def _is_type_of_count(node: exp.Expr) -> bool:
    """Whether the type is that of a sum of counts: other casts to it round on one engine, and cut on another."""
    cast_ = node.parent
    return node.this == exp.DType.BIGINT and isinstance(cast_, exp.Cast) and isinstance(cast_.this, exp.Sum)


def transpile(sql: str, dialect: str, *, where: str) -> str:
    """The DuckDB statement ``sql`` as ``dialect`` writes it; bound parameters stay bound.

    Raises QueryError when a piece of it is not portable, or when the dialect has no words for it.
    """
    tree = check_portable(sql, where=where)
    tree = on_spark(tree) if dialect == "spark" else elsewhere(tree, dialect, where=where)
    try:
        # Snowflake folds names to capitals unless they are quoted: all are, so that they stay one name.
        quoted = dialect == "snowflake"
        return tree.sql(dialect=dialect, comments=False, identify=quoted, unsupported_level=ErrorLevel.RAISE)
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
    known = _KNOWN.get(dialect, _UNKNOWN)
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
