"""A user's expression (``where``, ``value``, ``{ expr = ... }``) made into safe SQL.

It has to be one scalar expression over the columns of one table: it is parsed, every node is checked, every
column is looked up and quoted, and the text is written again from the tree. Subqueries, aggregates, windows,
parameters and functions outside a short list are refused, so an expression can not read a file, another
table, a setting or the environment, and means the same on every engine.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abgap.errors import DataError, Problem, StudyError
from abgap.sources.sql import Sql, identifier, without_nul

if TYPE_CHECKING:
    from sqlglot import exp

# A plain column name needs no parser; most studies use nothing else in ``value``.
_PLAIN = re.compile(r"[^\W\d]\w*\Z")
_CONSTANTS = frozenset({"true", "false", "null"})
_SHOWN_COLUMNS = 30

_NODES = """
    Column Identifier Literal Boolean Null Paren Tuple Neg Not Cast TryCast DataType DataTypeParam Case If
    Interval Var Array Bracket DPipe Concat
    And Or Xor EQ NEQ GT GTE LT LTE Is In Between Like ILike Escape Any RegexpLike NullSafeEQ NullSafeNEQ
    Add Sub Mul Div IntDiv Mod Pow Abs Round Floor Ceil Ln Log Exp Sqrt Sign Greatest Least IsNan IsInf
    Lower Upper Trim Length Substring Replace StartsWith EndsWith Left Right StrPosition SplitPart Contains
    RegexpExtract RegexpReplace JSONExtract JSONExtractScalar JSONPath JSONPathRoot JSONPathKey
    JSONPathSubscript ArrayContains
    Coalesce Nullif
    Date Timestamp TsOrDsToDate TsOrDsToTimestamp TimestampTrunc DateTrunc Extract UnixToTime TimeToUnix
    StrToTime TimeToStr Year Month Day DayOfWeek Hour DateDiff DateAdd DateSub AtTimeZone TimestampFromParts
    UnixMillis
"""
_ALLOWED = frozenset(_NODES.split())
# Functions that the parser has no node of its own for.
_ALLOWED_FUNCTIONS = frozenset({"isfinite", "make_timestamp_ms"})


def scalar(text: str, *, columns: Sequence[str], where: str, table: str) -> Sql:
    """The expression ``text`` over ``columns`` of ``table`` as safe SQL.

    where: the key of the study it stands in, for messages. Raises StudyError when it is not one scalar
    expression or uses what is not allowed, DataError when a column is not in the table.
    """
    known = {name.lower(): name for name in columns}
    # A name is a column before it is anything else, blanks included, unless SQL has a constant of that name.
    for name in (without_nul(text), text.strip()):
        if name.lower() in known and name.lower() not in _CONSTANTS:
            return identifier(known[name.lower()])
    if _PLAIN.match(text.strip()) and text.strip().lower() not in _CONSTANTS:
        raise missing_column(text.strip(), columns=columns, where=where, table=table)
    return _Checked(text=text, known=known, where=where, table=table).sql()


def missing_column(name: str, *, columns: Sequence[str], where: str, table: str) -> DataError:
    """The error for a column that the table does not have: where it was named, what there is, the nearest."""
    near = difflib.get_close_matches(name.lower(), [c.lower() for c in columns], n=1)
    meant = next((c for c in columns if near and c.lower() == near[0]), None)
    hint = f"did you mean {meant!r}?" if meant is not None else "name one of them, or map it under columns"
    shown = ", ".join(_printable(column) for column in sorted(columns)[:_SHOWN_COLUMNS])
    more = ", ..." if len(columns) > _SHOWN_COLUMNS else ""
    return DataError(f"{where}: column {name!r} is not in {table} (has: {shown}{more}); {hint}")


def _printable(name: str) -> str:
    return name if name.isprintable() else repr(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """One expression on its way to safe SQL."""

    text: str
    known: Mapping[str, str]
    where: str
    table: str

    def refuse(self, why: str, hint: str) -> StudyError:
        return StudyError([Problem(path=self.where, message=f"{self.text!r} {why}", hint=hint)])

    def sql(self) -> Sql:
        try:
            tree = self._parsed()
            for node in tree.walk():
                self._check(node)
            return Sql(f"({tree.sql(dialect='duckdb', comments=False)})")
        except RecursionError as error:
            raise self.refuse("is nested too deeply", "compute it in the data") from error

    def _parsed(self) -> exp.Expr:
        import sqlglot  # noqa: PLC0415 - a sixth of a second that a study of plain columns never needs
        from sqlglot import exp  # noqa: PLC0415
        from sqlglot.errors import SqlglotError  # noqa: PLC0415

        try:
            # Inside a SELECT, so that a second statement or a trailing clause shows as what it is.
            statements = sqlglot.parse(f"SELECT ({self.text}\n)", dialect="duckdb")
        except SqlglotError as error:
            first = str(error).splitlines()[0]
            raise self.refuse(f"is not a SQL expression ({first})", "write one scalar expression") from error
        select = statements[0] if len(statements) == 1 else None
        if not isinstance(select, exp.Select) or len(select.expressions) != 1:
            raise self.refuse("is not one scalar expression", "write one expression over the table's columns")
        if any(value for key, value in select.args.items() if key not in {"expressions", "kind"}):
            raise self.refuse("is more than an expression", "use `query` on the source for joins and filters")
        tree: exp.Expr = select.expressions[0].unnest()
        if isinstance(tree, exp.Tuple):
            raise self.refuse("is not one scalar expression", "write one expression over the table's columns")
        return tree

    def _check(self, node: exp.Expr) -> None:
        kind = type(node).__name__
        if kind == "Column":
            self._quote(node)
        elif kind not in _ALLOWED and not (
            kind == "Anonymous" and str(node.this).lower() in _ALLOWED_FUNCTIONS
        ):
            raise self.refuse(*_refusal(node))

    def _quote(self, column: exp.Expr) -> None:
        if column.args.get("table") is not None:
            raise self.refuse(
                "names a table or a field with a dot", "write the column alone, or column['field']"
            )
        name = column.name
        if name.lower() not in self.known:
            raise missing_column(name, columns=list(self.known.values()), where=self.where, table=self.table)
        column.this.set("this", self.known[name.lower()])
        column.this.set("quoted", True)  # noqa: FBT003 - sqlglot's signature


def _refusal(node: exp.Expr) -> tuple[str, str]:
    """What is wrong with a node that an expression may not have, and what to do instead."""
    from sqlglot import exp  # noqa: PLC0415 - the parser is loaded by now

    in_query = "do that with `query` on the source"
    if isinstance(node, exp.Subquery | exp.Select | exp.Exists | exp.SetOperation):
        return "holds a subquery, which a scalar expression may not", in_query
    if isinstance(node, exp.Window | exp.Filter):
        return "holds a window function, which a scalar expression may not", in_query
    if isinstance(node, exp.AggFunc):
        return (
            f"adds up rows with {node.sql_name()}, which a scalar expression may not",
            "name the column in `value` and say how it is added up with `aggregate`",
        )
    if isinstance(node, exp.Placeholder | exp.Parameter):
        return "holds a parameter, which nothing would fill", "write the value itself"
    if isinstance(node, exp.Star | exp.Columns):
        return "stands for several columns", "name one column"
    if isinstance(node, exp.Func):
        name = str(node.this) if isinstance(node, exp.Anonymous) else node.sql_name()
        return (
            f"uses the function {name.lower()!r}, which is not in the tested set",
            f"compute it in the data, or {in_query}",
        )
    return f"holds {node.sql(dialect='duckdb')!r}, which a scalar expression may not", in_query
