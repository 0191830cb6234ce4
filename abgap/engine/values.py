"""A value that is added up, or a condition that chooses rows: its expression, its type, and when it is unfit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from abgap.engine.exact import has_usable_size
from abgap.engine.protocol import Engine, Relation
from abgap.errors import DataError
from abgap.sources.columns import Table, as_utc, is_integer, is_number, mapped
from abgap.sources.expressions import scalar
from abgap.sources.sql import Sql
from abgap.study.model import Source

_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A number per row as SQL. whole: whether it is a whole number by its type."""

    sql: Sql
    whole: bool


def number_of(engine: Engine, text: str, table: Table, relation: Sql, *, where: str) -> Value:
    """The user's expression ``text`` as a number; booleans count as 0 and 1.

    where: the key of the study it stands in. Raises DataError when it is no number.
    """
    value = scalar(text, columns=table.column_names(), where=where, table=table.key)
    return _number(engine, value, text, table, relation, where=where)


def mapped_number(engine: Engine, source: Source, table: Table, relation: Sql, role: str) -> Sql:
    """The number that the source maps to ``role`` as a DOUBLE; null when nothing is mapped.

    Raises DataError when it is no number.
    """
    spec = source.columns.get(role)
    if spec is None:
        return Sql("cast(null as double)")
    shown = spec if isinstance(spec, str) else role
    where = f"{table.key}.columns.{role}"
    value = _number(engine, mapped(spec, table, role=role), shown, table, relation, where=where)
    return Sql(f"cast({value.sql} as double)")


def mapped_time(engine: Engine, source: Source, relation: Relation, timezone: str) -> Sql:
    """The time that the source maps to ``at``, as naive UTC; null when none is mapped."""
    if "at" not in source.columns:
        return Sql("cast(null as timestamp)")
    where = f"{relation.table.key}.columns.at"
    at = mapped(source.columns["at"], relation.table, role="at")
    return as_utc(at, engine.type_of(at, relation.sql, where=where), where=where, timezone=timezone)


def _number(engine: Engine, value: Sql, text: str, table: Table, relation: Sql, *, where: str) -> Value:
    found = table.type_of(value) or engine.type_of(value, relation, where=where)
    if found == "BOOLEAN":
        return Value(sql=Sql(f"case when {value} then 1 when not {value} then 0 end"), whole=True)
    if is_number(found):
        return Value(sql=value, whole=is_integer(found))
    wrong = _no_number(engine, value, relation)
    if wrong is None:
        # A text file's column without any value has no type of its own, and some writers keep numbers as text.
        return Value(sql=Sql(f"try_cast({value} as double)"), whole=False)
    raise DataError(
        f"{where}: a number is needed, but {text!r} is {found} and holds {wrong[:_SHOWN]!r}; mend the data, or write "
        f"try_cast({text} as double) to take what is no number as missing"
    )


def _no_number(engine: Engine, value: Sql, relation: Sql) -> str | None:
    """A value that is no number however it is read; None when there is none."""
    ((wrong,),) = engine.rows(
        f"SELECT min(seen) FROM (SELECT CAST({value} AS VARCHAR) AS seen FROM {relation}) AS texts "
        "WHERE TRY_CAST(seen AS DOUBLE) IS NULL"
    )
    return None if wrong is None else str(wrong)


def condition_of(engine: Engine, text: str, table: Table, relation: Sql, *, where: str) -> Sql:
    """The user's expression ``text`` as a condition. Raises DataError when it is none."""
    condition = scalar(text, columns=table.column_names(), where=where, table=table.key)
    found = engine.type_of(condition, relation, where=where)
    if found != "BOOLEAN":
        raise DataError(
            f"{where}: a condition is needed, but {text!r} is {found}; compare it with something, such as {text} > 0"
        )
    return condition


def blamed(engine: Engine, expressions: Iterable[tuple[str, Sql]], relation: Sql) -> DataError | None:
    """Of a statement over many expressions that failed: the error of the first that fails alone, with its key.

    expressions: the key of each in the study, and its SQL over ``relation``. None when each runs alone.
    """
    for key, expression in expressions:
        try:
            engine.rows(f"SELECT count({expression}) AS n FROM {relation}")
        except DataError as found:
            return DataError(f"{key}: {found.message}")
    return None


def not_finite(where: str, text: str | None, *, remedy: str) -> DataError:
    """The error for NaN or infinity among values that are added up."""
    return DataError(f"{where}: {text!r} holds NaN or infinite values, which cannot be added up; {remedy}")


def refuse_size(where: str, text: str | None, largest: float) -> None:
    """Raise DataError when the squares of values as large (or small) as ``largest`` do not fit into a double."""
    if not has_usable_size(largest):
        raise DataError(
            f"{where}: the largest value of {text!r} is {largest:.3g}, and sums of its square do not fit into a "
            "floating-point number; measure it in another unit"
        )
