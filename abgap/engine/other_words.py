"""Statements in the words of engines that abgap does not run: warehouses, where somebody pastes them.

Only what all of them read alike is carried there; the rest is refused by name, because nobody would notice a number
that is a little different. Postgres is run in tests, the others are not.
"""

from __future__ import annotations

import hashlib

import sqlglot
from sqlglot import exp

from abgap.engine.first_rows import flatten_structs, rank_first_rows
from abgap.engine.rewriting import everywhere, hashed, is_hash, is_whole_chain, name_of, rewritten, zones_of
from abgap.errors import QueryError

_HASHES = {
    "postgres": "hashtextextended(cast(row({}) as text), 0)",
    "bigquery": "farm_fingerprint(to_json_string(struct({})))",
    "snowflake": "hash({})",
    "trino": "xxhash64(to_utf8(json_format(cast(row({}) as json))))",
    "clickhouse": "cityHash64(tuple({}))",
}
# A time without a zone, read in the first zone and shown in the second; ClickHouse has no times without a zone.
_ZONES = {
    "postgres": "{0} AT TIME ZONE {1} AT TIME ZONE {2}",
    "bigquery": "DATETIME(TIMESTAMP({0}, {1}), {2})",
    "snowflake": "CONVERT_TIMEZONE({1}, {2}, {0})",
    "trino": "CAST(WITH_TIMEZONE({0}, {1}) AT TIME ZONE {2} AS TIMESTAMP)",
}
# Functions that each warehouse has, and each counts, rounds or matches in its own way.
_REFUSED = (
    exp.IsNan,
    exp.RegexpLike,
    exp.Contains,
    exp.StartsWith,
    exp.EndsWith,
    exp.StrPosition,
    exp.SplitPart,
    exp.Substring,
    exp.Left,
    exp.Right,
    exp.TimestampTrunc,
    exp.DateTrunc,
    exp.UnixToTime,
    exp.Ln,
    exp.Mod,
    exp.Year,
    exp.Month,
    exp.Day,
    exp.Hour,
)
_POSTGRES_BYTES = 63


def elsewhere(tree: exp.Expr, dialect: str, *, where: str) -> exp.Expr:
    """The tree of a portable DuckDB statement as ``dialect`` has to read it. Raises QueryError that names ``where``."""
    tree = rank_first_rows(flatten_structs(rewritten(tree, everywhere)))
    return rewritten(tree, lambda node: _word(node, dialect, where))


def _word(node: exp.Expr, dialect: str, where: str) -> exp.Expr:
    if isinstance(node, _REFUSED):
        piece = name_of(node)
        raise QueryError(
            f"{where}: {piece} is not the same on {dialect}; compute it in the data, as a column"
        )
    if dialect == "postgres" and isinstance(node, exp.Identifier):
        return exp.to_identifier(name_in_postgres(node.name), quoted=node.quoted)
    if is_hash(node):
        return hashed(node, _HASHES[dialect], dialect)
    if is_whole_chain(node):
        return _zoned(node, dialect, where)
    if isinstance(node, exp.PercentileCont):
        return _percentile(node, dialect, where)
    return node


def _percentile(node: exp.Expr, dialect: str, where: str) -> exp.Expr:
    if dialect == "clickhouse":
        name = exp.to_identifier("quantileExactInclusive")
        return exp.ParameterizedAgg(this=name, expressions=[node.expression], params=[node.this])
    if dialect in {"bigquery", "trino"}:
        raise QueryError(f"{where}: {dialect} has no exact percentile of a group; leave cap_percentile away")
    return node


def _zoned(node: exp.Expr, dialect: str, where: str) -> exp.Expr:
    """Chains of AT TIME ZONE, two zones at a time; what begins with a moment is a matter of its type."""
    base, zones = zones_of(node)
    if len(zones) % 2 == 0 and dialect in _ZONES:
        for i in range(0, len(zones), 2):
            parts = (part.sql(dialect=dialect) for part in (base, zones[i], zones[i + 1]))
            base = exp.paren(sqlglot.parse_one(_ZONES[dialect].format(*parts), dialect=dialect))
        return base
    if len(zones) == 1 and zones[0].name == "UTC" and dialect == "postgres":
        return node
    shown = node.sql(dialect="duckdb")
    raise QueryError(
        f"{where}: {shown} has no words in {dialect} that are sure to mean it; bring times in UTC without a zone, "
        'and leave `timezone` of the study at "UTC"'
    )


def name_in_postgres(name: str) -> str:
    """A name as Postgres can hold it: names of more than 63 bytes end in a digest, where it would cut them off."""
    if len(name.encode()) <= _POSTGRES_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: _POSTGRES_BYTES - 9].decode(errors="ignore") + "~" + digest
