"""The moments table brought from elsewhere (a warehouse, a publication): read, completed and checked.

Foreign tables need only experiment, variant, metric, n, and mean with variance, or the sum of a proportion.
What is missing is null, and estimates that would need it say so.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import compile_query
from abgap.engine.parquet_notes import parquet_note
from abgap.engine.protocol import Columns, Engine, Relation, reading, text_or_none
from abgap.engine.values import mapped_number
from abgap.errors import DataError
from abgap.online.codes import Coded, coded, grouped, is_null
from abgap.online.moments import make_rows
from abgap.records import Kind, Moments
from abgap.records.moments import (
    FLOAT_COLUMNS,
    KEYS,
    LIST_COLUMNS,
    SCHEMA_VERSION,
    UNTIL,
    FloatArray,
    ObjectArray,
)
from abgap.records.words import plural
from abgap.sources.columns import Table, mapped, mapped_text
from abgap.sources.sql import Named, Sql, identifier
from abgap.study.model import Source

_NEEDED = ("experiment", "variant", "metric", "n")
_NUMBERS = (*FLOAT_COLUMNS, "sum")
# Lists that belong to means of length k: how many times k, or k * k, they may be long.
_BESIDE = {
    "covariate_means": ("covariate_covariances", "covariate_crosses"),
    "stage_means": ("stage_covariances",),
}
_Keys = Mapping[str, ObjectArray]
_NOT_NEGATIVE = ("n", "variance", "numerator_variance", "denominator_variance", "covariate_variance")


def read_moments(
    engine: Engine, source: Source, kinds: Mapping[str, Kind], directory: Path
) -> tuple[Moments, Relation]:
    """Read [moments]. kinds: of the metrics the study declares; rows of other metrics are kept, and unused.

    Raises DataError when a needed column is missing, a row stands twice, or a number cannot be what it
    should be.
    """
    text = [name for role in KEYS if isinstance(name := source.columns.get(role, role), str)]
    relation = engine.open_source("moments", source, directory, text=text)
    _refuse_newer(relation)
    whole = _with_own_names(source, relation.table)
    values: dict[str, Sql] = {role: mapped_text(whole, relation.table, role) for role in KEYS}
    for role in _NUMBERS:
        values[role] = mapped_number(engine, whole, relation.table, relation.sql, role)
    for role in LIST_COLUMNS:
        spec = whole.columns.get(role)
        found = Sql("null") if spec is None else mapped(spec, relation.table, role=role)
        values[role] = Sql(f"cast({found} as double[])")
    columns = [Named(name=identifier(role), value=value) for role, value in values.items()]
    keys = [identifier(key) for key in KEYS]
    with reading("moments"):
        rows = engine.fetch(
            compile_query("imported_moments", columns=columns, source=relation.sql, keys=keys)
        )
    return _checked(rows, kinds), relation


def _refuse_newer(relation: Relation) -> None:
    """Parquet files of abgap say which version of the table they hold; other files say nothing."""
    for path in (path for path in relation.files if path.suffix == ".parquet"):
        version = parquet_note(path, "abgap_moments_version")
        if version is not None and not (version.isdecimal() and int(version) <= int(SCHEMA_VERSION)):
            raise DataError(
                f"moments: {path.name} holds version {version} of the moments table, this abgap reads version "
                f"{SCHEMA_VERSION}; write it again with this abgap, or read it with a newer one"
            )


def noted_until(relation: Relation) -> dt.datetime | None:
    """How far (UTC) the logs reached that abgap made the moments of; None where a file does not say."""
    notes = [parquet_note(p, UNTIL) if p.suffix == ".parquet" else None for p in relation.files]
    try:
        found = [None if note is None else dt.datetime.fromisoformat(note) for note in notes]
    except ValueError:
        return None
    known = [until for until in found if until is not None and until.tzinfo is None]
    return max(known) if known and len(known) == len(found) else None


def _with_own_names(source: Source, table: Table) -> Source:
    """The source with every role mapped that its table has a column for, under the role's own name."""
    present = {column.lower() for column in table.columns}
    roles = (*KEYS, *_NUMBERS, *LIST_COLUMNS)
    own = {role: role for role in roles if role in present or role in _NEEDED}
    return source.model_copy(update={"columns": own | source.columns})


def _checked(rows: Columns, kinds: Mapping[str, Kind]) -> Moments:
    names: dict[str, Coded[Any]] = {key: coded(text_or_none(rows[key])) for key in KEYS}
    names["fold"] = names["fold"].each(_fold)
    # One object per name, whatever the number of its rows: it is then found sooner.
    keys = {name: found.column() for name, found in names.items()}
    columns: dict[str, FloatArray | ObjectArray] = {**keys}
    columns |= {name: np.asarray(rows[name], dtype=np.float64) for name in FLOAT_COLUMNS}
    columns |= {name: _lists(rows[name]) for name in LIST_COLUMNS}
    _refuse_keys(keys, names)
    _refuse_lists(columns, keys)
    for name in _NUMBERS:
        numbers = np.asarray(rows[name], dtype=np.float64)
        _refuse(np.isinf(numbers), keys, numbers, f"{name} of {{}} is infinite; mend the file")
    for name in _NOT_NEGATIVE:
        numbers = np.asarray(rows[name], dtype=np.float64)
        _refuse(numbers < 0, keys, numbers, f"{name} of {{}} is {{:g}}; it cannot be below zero")
    n, total = np.asarray(rows["n"], dtype=np.float64), np.asarray(rows["sum"], dtype=np.float64)
    _refuse(np.isnan(n), keys, n, "n of {} is missing; every row needs its number of units")
    _refuse(n != np.floor(n), keys, n, "n of {} is {:g}; it counts units, and has to be a whole number")
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(np.isnan(rows["mean"]), total / n, rows["mean"])
        of_shares = mean * (1.0 - mean) * n / (n - 1.0)
    shares = {name for name, kind in kinds.items() if kind.is_share}
    share = names["metric"].where(lambda metric: metric in shares)
    # Shares over clusters are ratios, and bring their variance.
    in_units = np.isnan(np.asarray(rows["denominator_mean"], dtype=np.float64))
    no_share = share & ((mean < 0.0) | (mean > 1.0))
    _refuse(no_share, keys, mean, "the share of {} is {:g}; a proportion lies between 0 and 1")
    variance = np.where(share & (n >= 2) & in_units, of_shares, rows["variance"])
    ratio = names["metric"].where(lambda metric: kinds.get(metric) is Kind.RATIO)
    of_parts, variance_of_parts = _ratio_of_parts(rows)
    columns["variance"] = np.where(ratio & np.isnan(mean) & np.isnan(variance), variance_of_parts, variance)
    columns["mean"] = np.where(ratio & np.isnan(mean), of_parts, mean)
    return make_rows(len(n), columns)


def _fold(fold: str | None) -> int | None:
    """The number of a fold, None for all units."""
    if fold is not None and not fold.removesuffix(".0").isdecimal():
        raise DataError(
            f"moments: a fold is {fold!r}; folds are numbered from 0 on, and rows of all units have none"
        )
    return None if fold is None else int(fold.removesuffix(".0"))


def _ratio_of_parts(rows: Columns) -> tuple[FloatArray, FloatArray]:
    """Ratio and its variance per unit by the delta method, of numerator and denominator; NaN without them."""
    names = ("numerator_mean", "denominator_mean", "numerator_variance", "denominator_variance", "covariance")
    y, x, var_y, var_x, covariance = (np.asarray(rows[name], dtype=np.float64) for name in names)
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(x == 0.0, np.nan, x)
        ratio = y / x
        variance = (var_y - 2.0 * ratio * covariance + ratio**2 * var_x) / x**2
    return ratio, np.maximum(variance, 0.0)


def _refuse_keys(keys: _Keys, names: Mapping[str, Coded[Any]]) -> None:
    if any(None in names[key].values for key in KEYS[:3]):
        raise DataError(
            "moments: a row has no experiment, variant or metric; every row needs all three: "
            "name them, or take the row out"
        )
    groups = grouped(*names.values())
    repeated = groups.first[groups.rows > 1]
    if repeated.size:
        first = _shown(keys, repeated[0])
        raise DataError(
            f"moments: there is more than one row for {plural(repeated.size, 'key')}, e.g. {first}; "
            "one row is needed per experiment, variant, metric, slice, period and fold"
        )


def _refuse_lists(columns: Mapping[str, Any], keys: _Keys) -> None:
    """Lists that belong together have lengths that fit; a list beside the means may be missing."""
    for means, others in _BESIDE.items():
        none_given = np.logical_and.reduce([is_null(columns[name]) for name in (means, *others)])
        for row in np.flatnonzero(~none_given).tolist():
            k = len(columns[means][row] or ())
            for name in others:
                found = columns[name][row]
                allowed = (k, 2 * k) if name == "covariate_crosses" else (k * k,)
                if found is not None and len(found) not in allowed:
                    raise DataError(
                        f"moments: {name} of {_shown(keys, row)} has {plural(len(found), 'number')}; beside "
                        f"{plural(k, 'number')} in {means} it should have {' or '.join(map(str, allowed))}; "
                        "mend the file"
                    )


def _refuse(where: npt.NDArray[np.bool_], keys: _Keys, numbers: FloatArray, sentence: str) -> None:
    """Raise DataError about the first row where there is something wrong."""
    bad = np.flatnonzero(where)
    if bad.size:
        raise DataError("moments: " + sentence.format(_shown(keys, bad[0]), numbers[bad[0]]))


def _shown(keys: _Keys, row: int | np.intp) -> str:
    named = ((name, column[row]) for name, column in keys.items())
    return ", ".join(f"{name} {value!r}" for name, value in named if value is not None)


def _lists(column: npt.NDArray[Any]) -> ObjectArray:
    found = np.full(len(column), None, dtype=object)
    for row in np.flatnonzero(~is_null(column)) if column.dtype == object else ():
        if isinstance(value := column[row], list | np.ndarray):
            found[row] = tuple(math.nan if x is None else float(x) for x in value)
    return found
