"""Findings as flat tables, for SQL and for files that other tools open: the same fields as results.json."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, get_origin, get_type_hints

import numpy as np

from abgap.records import BudgetBar, Finding, Moments
from abgap.records.moments import FLOAT_COLUMNS, KEYS, LIST_COLUMNS, SCHEMA_VERSION
from abgap.report.document import plain_data

if TYPE_CHECKING:
    import pyarrow as pa

    from abgap.records import Gap

_PAIR = ("experiment", "treatment", "control", "offline_metric", "business_metric")


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


def reasons_table(gaps: Sequence[Gap]) -> pa.Table:
    """The tested reasons of all pairs, a row each, in their order: ``place`` counts from 1 in each pair."""
    return _parts_table([(gap, gap.reasons) for gap in gaps], Finding)


def budget_table(gaps: Sequence[Gap]) -> pa.Table:
    """The bars of all gap budgets, a row each, in their order."""
    return _parts_table([(gap, gap.budget) for gap in gaps], BudgetBar)


def _parts_table(parts: Sequence[tuple[Gap, Sequence[object]]], record: type) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 - only where tables leave the process

    rows = []
    for gap, records in parts:
        pair = {name: getattr(gap, name) for name in _PAIR}
        for place, found in enumerate(records, start=1):
            fields = plain_data(found)
            if isinstance(fields, dict):
                rows.append({**pair, "place": place, **fields})
    if rows:
        return pa.Table.from_pylist(rows)
    # A table without rows has its columns all the same.
    names = (*_PAIR, "place", *get_type_hints(record))
    return pa.table({name: pa.array([], type=pa.string()) for name in names})


def _mappings(record: Any) -> frozenset[str]:
    """The fields of a record that are mappings with free keys, such as the arms of an experiment."""
    return frozenset(name for name, hint in get_type_hints(record).items() if get_origin(hint) is Mapping)


def _with_pairs(row: dict[str, Any], free: Collection[str]) -> dict[str, Any]:
    """Mappings with free keys as lists of pairs: columns must be the same in every row."""
    return {k: [{"key": a, "value": b} for a, b in v.items()] if k in free else v for k, v in row.items()}
