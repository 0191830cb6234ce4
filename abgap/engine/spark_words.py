"""Statements in Spark's words, where Spark means something else by DuckDB's.

Spark reads text more generously, has no infinity where a logarithm or a division ends, and takes the first of two times
that a clock shows twice. Each rewrite here is held against DuckDB in ``tests/spark``.
"""

from __future__ import annotations

from collections.abc import Callable

import sqlglot
from sqlglot import exp

from abgap.engine.rewriting import (
    everywhere,
    hashed,
    is_hash,
    is_hex_number,
    is_whole_chain,
    rewritten,
    zones_of,
)
from abgap.errors import QueryError

_NUMBER = (
    r"^\s*[+-]?((\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[nN][aA][nN]|[iI][nN][fF]([iI][nN][iI][tT][yY])?)\s*$"
)
_ZONE = r"\s*(Z|UTC|GMT|[A-Z]{3,4}|[+-]\d{1,2}(:?\d{2})?|[A-Za-z]+/[A-Za-z_/]+)?"
_TIME = rf"^\s*\d{{4}}-\d{{1,2}}-\d{{1,2}}([ T]\d{{1,2}}:\d{{2}}(:\d{{2}}(\.\d+)?)?{_ZONE})?\s*$"
_NO_SECONDS = r"^(\s*[0-9-]+[ T]\d{1,2}:\d{2})(\s*([A-Za-z+-].*)?)$"
_MOMENTS = frozenset(
    {exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPLTZ}
)
# What text has to look like before it is tried as a value of a type: the forms that DuckDB takes.
_FORMS = {exp.DType.DOUBLE: _NUMBER, exp.DType.DATE: _TIME} | dict.fromkeys(_MOMENTS, _TIME)


def on_spark(tree: exp.Expr) -> exp.Expr:
    """The tree of a portable DuckDB statement as Spark has to read it."""
    return rewritten(_with_null_flags(rewritten(tree, everywhere)), _word)


def _word(node: exp.Expr) -> exp.Expr:
    if is_hash(node):
        return hashed(node, "xxhash64({})", "spark")
    if is_hex_number(node):
        return _made("CAST(CONV(:x, 16, 10) AS BIGINT)", x=node.this.expression)
    if is_whole_chain(node):
        return _zoned(node)
    if isinstance(node, exp.DataType):
        return exp.DataType(this=exp.DType.TIMESTAMPLTZ) if node.this == exp.DType.TIMESTAMPTZ else node
    rewrite = _REWRITES.get(type(node))
    return node if rewrite is None else rewrite(node)


def _made(form: str, **parts: exp.Expr) -> exp.Expr:
    """An expression of Spark in which ``:name`` stands for a part."""
    tree = sqlglot.parse_one(form, dialect="spark")
    return tree.transform(lambda n: parts[n.name].copy() if isinstance(n, exp.Placeholder) else n)


def _percentile(node: exp.Expr) -> exp.Expr:
    # The parser's own translation is approximate.
    return exp.Anonymous(this="PERCENTILE", expressions=[node.this, node.expression])


def _epoch(node: exp.Expr) -> exp.Expr:
    return exp.cast(exp.Anonymous(this="TIMESTAMP_MILLIS", expressions=[node.this]), exp.DType.TIMESTAMPNTZ)


def _division(node: exp.Expr) -> exp.Expr:
    """Division of doubles, infinite or NaN by zero as on DuckDB, where Spark stops."""
    left, right = exp.paren(exp.cast(node.this, "DOUBLE")), exp.paren(node.expression)
    quotient = exp.Div(this=left, expression=right, typed=True, safe=False)
    if isinstance(node.expression, exp.Literal) and float(node.expression.name):
        return quotient
    return _made(
        "CASE WHEN :b = 0 THEN :a * CAST('Infinity' AS DOUBLE) ELSE :q END", a=left, b=right, q=quotient
    )


def _logarithm(node: exp.Expr) -> exp.Expr:
    below = "WHEN :x = 0 THEN CAST('-Infinity' AS DOUBLE) WHEN :x < 0 THEN CAST('NaN' AS DOUBLE)"
    return _made(f"CASE WHEN :x > 0 THEN LN(:x) {below} END", x=exp.paren(node.this))


def _whole(node: exp.Expr) -> exp.Expr:
    """Floor and ceiling as doubles: Spark's are integers, which neither NaN nor large numbers fit into."""
    inner = exp.paren(exp.cast(node.this, "DOUBLE"))
    rounded = exp.cast(type(node)(this=inner), "DOUBLE")
    # From 2^53 on every double is whole.
    return _made(
        "CASE WHEN :x BETWEEN -9007199254740992 AND 9007199254740992 THEN :r ELSE :x END", x=inner, r=rounded
    )


def _is_nan(node: exp.Expr) -> exp.Expr:
    return _made("CASE WHEN NOT :x IS NULL THEN :n END", x=exp.paren(node.this), n=node)


def _pattern(node: exp.Expr) -> exp.Expr:
    """LIKE without an escape character: on DuckDB a backslash is a letter."""
    pattern = exp.Literal.string(node.expression.name.replace("\\", "\\\\"))
    return type(node)(this=node.this, expression=pattern)


def _tried(node: exp.Expr) -> exp.Expr:
    kind = node.args["to"]
    if kind.this in _FORMS:
        tried = exp.TryCast(this=_with_seconds(node.this), to=kind) if kind.this in _MOMENTS else node
        form = "CASE WHEN CAST(:x AS STRING) RLIKE :f THEN :t END"
        return _made(form, x=exp.paren(node.this), f=exp.Literal.string(_FORMS[kind.this]), t=tried)
    if kind.this == exp.DType.DECIMAL:
        # A double becomes a decimal by way of its text, which drops digits; whole numbers of 64 bits keep theirs.
        long = exp.cast(exp.TryCast(this=node.this.copy(), to=exp.DataType.build("BIGINT")), kind.copy())
        form = "CASE WHEN :x BETWEEN -9223372036854774784 AND 9223372036854774784 THEN :l ELSE :t END"
        return _made(form, x=exp.paren(node.this), l=long, t=node)
    return node


def _with_seconds(text: exp.Expr) -> exp.Expr:
    """The text of a time with its seconds: before a zone Spark does not do without."""
    pattern, replacement = exp.Literal.string(_NO_SECONDS), exp.Literal.string("$1:00$2")
    return _made("REGEXP_REPLACE(CAST(:x AS STRING), :p, :r)", x=exp.paren(text), p=pattern, r=replacement)


def _sign(node: exp.Expr) -> exp.Expr:
    return _made("CASE WHEN ISNAN(:x) THEN 0 ELSE :s END", x=exp.cast(node.this, "DOUBLE"), s=node)


def _truncated(node: exp.Expr) -> exp.Expr:
    return exp.cast(node.copy(), exp.DType.TIMESTAMPNTZ)


_REWRITES: dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]] = {
    exp.PercentileCont: _percentile,
    exp.UnixToTime: _epoch,
    exp.Div: _division,
    exp.Ln: _logarithm,
    exp.Floor: _whole,
    exp.Ceil: _whole,
    exp.IsNan: _is_nan,
    exp.Like: _pattern,
    exp.ILike: _pattern,
    exp.TryCast: _tried,
    exp.Sign: _sign,
    exp.TimestampTrunc: _truncated,
    exp.DateTrunc: _truncated,
}


def _zoned(node: exp.Expr) -> exp.Expr:
    """Chains of AT TIME ZONE: from a moment to UTC, then from zone to zone, two at a time."""
    base, zones = zones_of(node)
    if len(zones) % 2:
        if zones[0].name != "UTC":
            shown = node.sql(dialect="duckdb")
            raise QueryError(
                f"{shown} depends on the type of its argument, which engines see differently; "
                "compute it in the data, or with `query` on the source"
            )
        zones.pop(0)
    local: exp.Expr = exp.cast(base, exp.DType.TIMESTAMPNTZ)
    for i in range(0, len(zones), 2):
        local = _converted(zones[i], zones[i + 1], local)
    return local


def bases_of_moments(expression: str) -> list[str]:
    """What AT TIME ZONE makes a moment of, or takes a moment for: the beginnings of chains of odd length."""
    tree = sqlglot.parse_one(f"SELECT {expression}", dialect="duckdb")
    chains = [zones_of(node) for node in tree.walk() if is_whole_chain(node)]
    return [base.sql(dialect="duckdb") for base, zones in chains if len(zones) % 2]


def _converted(source: exp.Expr, target: exp.Expr, local: exp.Expr) -> exp.Expr:
    there = exp.Anonymous(this="CONVERT_TIMEZONE", expressions=[source, target, local])
    if source.name == "UTC":
        return there
    # A time that the clock shows twice is standard time, the later moment: Spark takes the earlier one.
    form = "GREATEST(:t, CONVERT_TIMEZONE(:s, :z, :x + INTERVAL '1' HOUR) - INTERVAL '1' HOUR)"
    return _made(form, t=there, s=source, z=target, x=local)


def _with_null_flags(tree: exp.Expr) -> exp.Expr:
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
