"""Rows of a query as a table, CSV, JSON or parquet, batch by batch: a log of millions of rows is not held in memory."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa

from abgap.cli.output import atomic_write, put, tell
from abgap.errors import QueryError

Converter: TypeAlias = Callable[[pa.DataType], Callable[[Any], Any] | None]

MOST_ROWS_ON_SCREEN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A query's result: its columns' names, and its rows as Arrow batches, to be read once."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]

    @property
    def names(self) -> list[str]:
        """The columns' names, as the query gives them: one may stand twice."""
        return list(self.schema.names)

    def blocks(self, converted: Converter | None = None) -> Iterator[list[tuple[Any, ...]]]:
        """The rows as Python values, a batch at a time; column by column ``converted``, which is quick."""
        for batch in self.batches:
            columns = []
            for name, column in zip(self.names, batch.columns, strict=True):
                values = _values(name, column)
                convert = converted(column.type) if converted is not None else None
                columns.append(values if convert is None else [convert(value) for value in values])
            yield list(zip(*columns, strict=True))


def write_rows(found: Rows, output: str, out: Path | None) -> None:
    """Print the rows on stdout, or write them to ``out``."""
    if out is None:
        for text in _texts(found, output):
            if not put(text):
                return
        return
    with atomic_write(out) as temporary:
        if output == "parquet":
            _write_parquet(found, temporary)
        else:
            with temporary.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
                file.writelines(_texts(found, output))


def _texts(found: Rows, output: str) -> Iterator[str]:
    return {"csv": _csv, "json": _json, "table": _table}[output](found)


def _csv(found: Rows) -> Iterator[str]:
    yield _csv_lines([found.names])
    for block in found.blocks(_for_csv):
        yield _csv_lines(block)


def _for_csv(kind: pa.DataType) -> Callable[[Any], Any] | None:
    """How to write a column; None where the CSV writer's own way is ours."""
    types = pa.types
    if types.is_string(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_temporal(kind):
        return None if not types.is_interval(kind) else _cell
    return _cell


def _csv_lines(rows: Sequence[Sequence[Any]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def _json(found: Rows) -> Iterator[str]:
    """One list of objects, one row a line."""
    names = _distinct(found.names)
    mark = "["
    write = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    for block in found.blocks(_for_json):
        lines = []
        for row in block:
            lines.append(f"{mark}\n{write(dict(zip(names, row, strict=True)))}")
            mark = ","
        yield "".join(lines)
    yield "[]\n" if mark == "[" else "\n]\n"


def _for_json(kind: pa.DataType) -> Callable[[Any], Any] | None:
    return None if pa.types.is_string(kind) or pa.types.is_integer(kind) else _plain


def _table(found: Rows) -> Iterator[str]:
    from abgap.cli.terminal import Column, Terminal  # noqa: PLC0415 - not needed for data formats

    rows = list(itertools.islice(itertools.chain.from_iterable(found.blocks()), MOST_ROWS_ON_SCREEN + 1))
    numeric = [_is_number(kind) for kind in found.schema.types]
    # On a narrow terminal the last columns go first.
    head = [
        Column(title=name, number=right, spare=position)
        for position, (name, right) in enumerate(zip(found.names, numeric, strict=True))
    ]
    shown = [
        ["NULL" if value is None else _cell(value) for value in row] for row in rows[:MOST_ROWS_ON_SCREEN]
    ]
    out = Terminal()
    out.table(head, shown)
    yield out.text()
    if len(rows) > MOST_ROWS_ON_SCREEN:
        tell(f"only the first {MOST_ROWS_ON_SCREEN} rows are shown; use --format csv for all")


def _write_parquet(found: Rows, path: Path) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - only for parquet

    names = _distinct(found.names)
    intervals = [pa.types.is_interval(kind) for kind in found.schema.types]
    fields = [
        pa.field(name, pa.string() if as_text else kind)
        for name, kind, as_text in zip(names, found.schema.types, intervals, strict=True)
    ]
    schema = pa.schema(fields)
    with pq.ParquetWriter(path, schema) as writer:
        for batch in found.batches:
            columns = [
                pa.array([_cell(v) for v in column.to_pylist()], pa.string()) if as_text else column
                for column, as_text in zip(batch.columns, intervals, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _values(name: str, column: pa.Array) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError) as error:
        raise QueryError(
            f"sql: column {name!r} holds a time that cannot be shown ({error}); cast it to VARCHAR"
        ) from error
    return values


def _is_number(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def _distinct(names: Sequence[str]) -> list[str]:
    """Names that stand twice get a number: the keys of an object have to differ."""
    found: list[str] = []
    for name in names:
        candidates = itertools.chain([name], (f"{name}_{i}" for i in itertools.count(1)))
        found.append(next(candidate for candidate in candidates if candidate not in found))
    return found


def _cell(value: Any) -> Any:
    """A value as text; None where there is none."""
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case dict() | list():
            return json.dumps(_plain(value), ensure_ascii=False)
        case bytes():
            return value.hex()
        case Decimal():
            return format(value, "f")
        case pa.MonthDayNano():
            return _interval(value)
    return str(value)


def _plain(value: Any) -> Any:
    """A value as JSON has it; NaN and infinity, which it has not, are null."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return (
                int(value)
                if value == value.to_integral_value() and value.as_tuple().exponent == 0
                else float(value)
            )
        case dict():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() if value and all(isinstance(item, tuple) for item in value):
            return {str(_cell(key)): _plain(item) for key, item in value}
        case list():
            return [_plain(item) for item in value]
    return _cell(value)


def _interval(value: Any) -> str:
    """A span of time as the engine writes it: ``1 month 2 days 03:04:05``."""
    parts = [
        f"{n} {word}{'' if abs(n) == 1 else 's'}"
        for n, word in ((value.months, "month"), (value.days, "day"))
        if n
    ]
    seconds, rest = divmod(abs(value.nanoseconds) // 1000, 1_000_000)
    if seconds or rest or not parts:
        sign = "-" if value.nanoseconds < 0 else ""
        fraction = f".{rest:06d}".rstrip("0") if rest else ""
        parts.append(f"{sign}{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{fraction}")
    return " ".join(parts)
