"""The moments table brought from elsewhere (a warehouse, a publication): read, completed and checked.

Foreign tables need only experiment, variant, metric, n, and mean with variance, or the sum of a proportion.
What is missing is null, and estimates that would need it say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from abgap.engine.catalogue import compile_query
from abgap.engine.duckdb import Columns, DuckDBEngine
from abgap.engine.loading import Relation, open_source
from abgap.errors import DataError
from abgap.online.moments import make_rows
from abgap.records import Kind, Moments
from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS, FloatArray, ObjectArray
from abgap.sources.columns import Table, as_text, mapped
from abgap.sources.sql import Sql, comma_list, identifier
from abgap.study.model import Source

_NEEDED = ("experiment", "variant", "metric", "n")
_NUMBERS = (*FLOAT_COLUMNS, "sum")


def read_moments(
    engine: DuckDBEngine, source: Source, kinds: Mapping[str, Kind], directory: Path
) -> tuple[Moments, Relation]:
    """Read [moments]. kinds: of the metrics the study declares; rows of other metrics are kept, and unused.

    Raises DataError when a needed column is missing, a row stands twice, or a number cannot be what it
    should be.
    """
    text = [name for role in KEYS if isinstance(name := source.columns.get(role, role), str)]
    relation = open_source(engine, "moments", source, directory, text=text)
    expressions = {
        role: _expression(engine, source, relation, role) for role in (*KEYS, *_NUMBERS, *LIST_COLUMNS)
    }
    columns = [{"name": identifier(role), "value": value} for role, value in expressions.items()]
    keys = comma_list(identifier(key) for key in KEYS)
    found = engine.fetch(compile_query("imported_moments", columns=columns, source=relation.sql, keys=keys))
    _refuse(found)
    return _complete(found, kinds), relation


def _expression(engine: DuckDBEngine, source: Source, relation: Relation, role: str) -> Sql:
    value = _mapped_or_named(source, relation.table, role)
    if role in LIST_COLUMNS:
        return Sql(f"CAST({value} AS DOUBLE[])")
    if role not in _NUMBERS:
        return as_text(value)
    if str(value) != "NULL" and engine.type_of(value, relation.sql) == "VARCHAR":
        raise DataError(
            f"moments.columns.{role}: a number is needed, the column is text; mend the file or map another column"
        )
    return Sql(f"CAST({value} AS DOUBLE)")


def _mapped_or_named(source: Source, table: Table, role: str) -> Sql:
    if role in source.columns:
        return mapped(source.columns[role], table, role=role)
    if role in table.columns:
        return identifier(role)
    if role in _NEEDED:
        table.find(role, where=f"moments.columns.{role}")
    return Sql("NULL")


def _refuse(found: Columns) -> None:
    keys = list(zip(*(_objects(found[key]) for key in KEYS), strict=True))
    for i, key in enumerate(keys):
        if any(part is None for part in key[:3]):
            raise DataError("moments: a row has no experiment, variant or metric; every row needs all three")
        for name in _NUMBERS:
            number = found[name][i]
            if isinstance(number, float) and np.isinf(number):
                raise DataError(f"moments: {name} of {key[:3]} is infinite; mend the file")
        for name in ("n", "variance", "numerator_variance", "denominator_variance", "covariate_variance"):
            number = found[name][i]
            if number is not None and number < 0:
                raise DataError(f"moments: {name} of {key[:3]} is {number:g}; it cannot be below zero")
    repeated = [key for key, times in Counter(keys).items() if times > 1]
    if repeated:
        raise DataError(
            f"moments: {len(repeated)} rows stand more than once, e.g. {repeated[0][:3]}; one row per key is needed"
        )


def _objects(column: ObjectArray | FloatArray) -> list[object]:
    """A key column; one that is null throughout arrives as NaN."""
    return [None if value is None or value != value else value for value in column]  # noqa: PLR0124 - NaN is the only value that differs from itself


def _complete(found: Columns, kinds: Mapping[str, Kind]) -> Moments:
    length = len(found["n"])
    columns: dict[str, FloatArray | ObjectArray] = {name: _floats(found[name]) for name in FLOAT_COLUMNS}
    for key in KEYS:
        columns[key] = np.array([*_objects(found[key]), None], dtype=object)[:-1]
    for name in LIST_COLUMNS:
        columns[name] = np.array(
            [*(None if v is None else tuple(map(float, v)) for v in found[name]), None], dtype=object
        )[:-1]
    n, total = columns["n"], _floats(found["sum"])
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(np.isnan(columns["mean"]), total / n, columns["mean"])
        of_shares = mean * (1.0 - mean) * n / (n - 1.0)
    proportion = np.array([kinds.get(metric) is Kind.PROPORTION for metric in columns["metric"]], dtype=bool)
    _refuse_shares(columns, mean, proportion)
    columns["mean"] = mean
    columns["variance"] = np.where(proportion & (n >= 2), of_shares, columns["variance"])
    return make_rows(length, columns)


def _refuse_shares(
    columns: Mapping[str, FloatArray | ObjectArray], mean: FloatArray, proportion: np.ndarray
) -> None:  # type: ignore[type-arg]
    bad = np.flatnonzero(proportion & ((mean < 0.0) | (mean > 1.0)))
    if bad.size:
        i = int(bad[0])
        key = tuple(columns[name][i] for name in ("experiment", "variant", "metric"))
        raise DataError(f"moments: the share of {key} is {mean[i]:g}; a proportion lies between 0 and 1")


def _floats(column: ObjectArray | FloatArray) -> FloatArray:
    return np.array([np.nan if value is None else float(value) for value in column], dtype=np.float64)
