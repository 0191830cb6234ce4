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
from typing import TYPE_CHECKING

from abgap.errors import DataError, Problem, StudyError
from abgap.sources.sql import Sql, identifier

if TYPE_CHECKING:
    from sqlglot import expressions as exp

# A plain column name needs no parser; most studies use nothing else in ``value``.
_PLAIN = re.compile(r"[^\W\d]\w*\Z")
_KEYWORDS = frozenset({"true", "false", "null", "current_date", "current_timestamp", "current_time"})

_ALLOWED = (
    # structure
    "Column", "Identifier", "Literal", "Boolean", "Null", "Paren", "Tuple", "Neg", "Not", "Cast", "TryCast", "DataType",
    "DataTypeParam", "Case", "If", "Alias", "Interval", "Var", "Array", "DPipe", "Concat",
    # logic and comparison
    "And", "Or", "Xor", "EQ", "NEQ", "GT", "GTE", "LT", "LTE", "Is", "In", "Between", "Like", "ILike", "RegexpLike",
    "NullSafeEQ", "NullSafeNEQ", "Escape", "Any", "Bracket", "Dot",
    # arithmetic
    "Add", "Sub", "Mul", "Div", "IntDiv", "Mod", "Pow", "Abs", "Round", "Floor", "Ceil", "Ln", "Log", "Exp", "Sqrt",
    "Sign", "Greatest", "Least", "IsNan", "IsInf",
    # text
    "Lower", "Upper", "Trim", "Length", "Substring", "Replace", "StartsWith", "EndsWith", "Left", "Right",
    "StrPosition", "SplitPart", "Contains", "RegexpExtract", "RegexpReplace", "JSONExtract",
    "JSONExtractScalar", "JSONPath", "JSONPathRoot", "JSONPathKey", "JSONPathSubscript",
    # missing values
    "Coalesce", "Nullif",
    # time
    "Date", "Timestamp", "TsOrDsToDate", "TsOrDsToTimestamp", "TimestampTrunc", "DateTrunc", "Extract", "UnixToTime", "StrToTime", "TimeToStr",
    "Year", "Month", "Day", "DayOfWeek", "Hour", "DateDiff", "DateAdd", "DateSub", "AtTimeZone",
    "TimestampFromParts", "UnixMillis",
)  # fmt: skip
_ALLOWED_FUNCTIONS = frozenset(
    {"epoch_ms", "make_timestamp", "make_timestamp_ms", "isfinite", "len", "strptime"}
)


def scalar(text: str, *, columns: Sequence[str], where: str, table: str) -> Sql:
    """The expression ``text`` over ``columns`` of ``table`` as safe SQL.

    where: the key of the study it stands in, for messages. Raises StudyError when it is not one scalar
    expression or uses what is not allowed, DataError when a column is not in the table.
    """
    known = {name.lower(): name for name in columns}
    stripped = text.strip()
    if stripped.lower() in known and (_PLAIN.match(stripped) is None or stripped.lower() not in _KEYWORDS):
        return identifier(known[stripped.lower()])
    if _PLAIN.match(stripped) and stripped.lower() not in _KEYWORDS:
        raise missing_column(stripped, columns=columns, where=where, table=table)
    return _Checked(text=text, known=known, where=where, table=table).sql()


def missing_column(name: str, *, columns: Sequence[str], where: str, table: str) -> DataError:
    """The error for a column that the table does not have: where it was named, what there is, the nearest."""
    near = difflib.get_close_matches(name.lower(), [c.lower() for c in columns], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "; name one of them, or map it under columns"
    shown = ", ".join(sorted(columns)[:30]) + (", ..." if len(columns) > 30 else "")
    return DataError(f"{where}: column {name!r} is not in {table} (has: {shown}){hint}")


class _Checked:
    """One parsed expression on its way to safe SQL."""

    def __init__(self, *, text: str, known: Mapping[str, str], where: str, table: str) -> None:
        self.text, self.known, self.where, self.table = text, known, where, table

    def refuse(self, why: str, hint: str) -> StudyError:
        return StudyError([Problem(path=self.where, message=f"{self.text!r} {why}", hint=hint)])

    def sql(self) -> Sql:
        tree = self._parsed()
        for node in tree.walk():
            self._check(node)
        return Sql(f"({tree.sql(dialect='duckdb', comments=False)})")

    def _parsed(self) -> exp.Expression:
        import sqlglot  # noqa: PLC0415 - a sixth of a second that a study of plain columns never needs
        from sqlglot import expressions as exp  # noqa: PLC0415
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
        if set(k for k, v in select.args.items() if v) - {"expressions", "kind"}:
            raise self.refuse("is more than an expression", "use `query` on the source for joins and filters")
        tree = select.expressions[0]
        return tree.this if isinstance(tree, exp.Paren) else tree

    def _check(self, node: exp.Expression) -> None:
        kind = type(node).__name__
        if kind == "Anonymous":
            if str(node.this).lower() not in _ALLOWED_FUNCTIONS:
                raise self.refuse(
                    f"uses the function {str(node.this)!r}, which is not in the tested set",
                    "compute it in the data, or with `query` on the source",
                )
        elif kind not in _ALLOWED:
            raise self.refuse(
                f"uses {kind}, which a scalar expression may not",
                "subqueries, aggregates, windows and parameters belong into `query` on the source",
            )
        elif kind == "Column":
            self._quote(node)

    def _quote(self, column: exp.Expression) -> None:
        if column.args.get("table") is not None:
            raise self.refuse("names a table", "write the column's name alone")
        name = column.name
        if name.lower() not in self.known:
            raise missing_column(name, columns=list(self.known.values()), where=self.where, table=self.table)
        column.this.set("this", self.known[name.lower()])
        column.this.set("quoted", True)
