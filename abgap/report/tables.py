"""Findings as flat tables, for SQL and for files that other tools open: the same fields as results.json."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_origin, get_type_hints

import numpy as np

from abgap.records import Moments
from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS, SCHEMA_VERSION
from abgap.report.document import plain_data

if TYPE_CHECKING:
    import pyarrow as pa


def moments_table(moments: Moments) -> pa.Table:
    """The moments table as Arrow, with its schema version in the metadata; undefined numbers are null."""
    import pyarrow as pa  # noqa: PLC0415 - only where tables leave the process

    columns: dict[str, Any] = {}
    for name in KEYS:
        kind = pa.int64() if name == "fold" else pa.string()
        columns[name] = pa.array(list(getattr(moments, name)), type=kind)
    for name in FLOAT_COLUMNS:
        values = getattr(moments, name)
        columns[name] = pa.array(values, mask=np.isnan(values), type=pa.float64())
    for name in LIST_COLUMNS:
        lists = [None if row is None or np.isnan(row).any() else row for row in getattr(moments, name)]
        columns[name] = pa.array(lists, type=pa.list_(pa.float64()))
    return pa.table(columns, metadata={"abgap_moments_version": SCHEMA_VERSION})


def records_table(records: object) -> pa.Table:
    """A sequence of result records as Arrow.

    Intervals are structs: ``lift.estimate``, or ``lift.reason`` where there is no number.
    """
    import pyarrow as pa  # noqa: PLC0415 - only where tables leave the process

    rows = plain_data(records)
    if not isinstance(rows, list):
        raise TypeError("a table is made of a sequence of records")
    kinds: set[Any] = {type(record) for record in records} if isinstance(records, Sequence) else set()
    free = {name for kind in kinds for name in _mappings(kind)}
    return pa.Table.from_pylist([_with_pairs(row, free) for row in rows if isinstance(row, dict)])


def _mappings(record: Any) -> frozenset[str]:
    """The fields of a record that are mappings with free keys, such as the arms of an experiment."""
    return frozenset(name for name, hint in get_type_hints(record).items() if get_origin(hint) is Mapping)


def _with_pairs(row: dict[str, Any], free: Collection[str]) -> dict[str, Any]:
    """Mappings with free keys as lists of pairs: columns must be the same in every row."""
    return {k: [{"key": a, "value": b} for a, b in v.items()] if k in free else v for k, v in row.items()}
