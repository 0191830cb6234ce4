"""Results as the JSON contract: keys in the order of the records, numbers with 12 significant digits.

A record becomes an object with its fields as keys, so the records are the contract and nothing is listed
twice. A number that could not be computed is ``{"reason", "detail"}``; a field that may be missing is null. JSON
has no NaN and no infinity: where one slips into an optional field it is null, elsewhere it is an error.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeAlias, get_args, get_type_hints

import numpy as np

from abgap.records import Results

SCHEMA_VERSION = "1"
PARTS = tuple(field.name for field in fields(Results))
_SIGNIFICANT_DIGITS = 12
_Json: TypeAlias = "bool | int | float | str | list[_Json] | dict[str, _Json] | None"


def results_document(results: Results) -> dict[str, _Json]:
    """The whole of results.json as plain data."""
    return {"schema_version": SCHEMA_VERSION, **_record(results)}


def part(name: str, found: object) -> dict[str, _Json]:
    """One part of it, for ``--json`` of a single command: ``{"schema_version": ..., name: ...}``.

    found: the records of the part. Raises ValueError when ``name`` is not one of ``PARTS``.
    """
    if name not in PARTS:
        raise ValueError(f"results have no part {name!r}; they have: {', '.join(PARTS)}")
    return {"schema_version": SCHEMA_VERSION, name: plain_data(found)}


def to_json(results: Results) -> str:
    """The text of results.json, ending in a newline; the same results give the same text."""
    return dumped(results_document(results))


def dumped(document: Mapping[str, _Json]) -> str:
    """Write a document as JSON, one record a line: quick for thousands of experiments, and easy to compare."""
    parts = (f"{_compact(key)}: {_lines(value)}" for key, value in document.items())
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    # A file name that is not UTF-8 carries lone surrogates; as \uXXXX they are still JSON.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _lines(value: _Json) -> str:
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(map(_compact, value)) + "\n]"
    return _compact(value)


def _compact(value: _Json) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def plain_data(value: object) -> _Json:
    """Records as dictionaries and lists, the way they stand in results.json."""
    convert = _CONVERTERS.get(type(value))
    return convert(value) if convert else _other(value)


def _record(record: Any) -> dict[str, _Json]:
    document: dict[str, _Json] = {}
    kind: Any = type(record)
    for name, optional in _plan(kind):
        value = getattr(record, name)
        if optional and isinstance(value, (float, np.floating)) and not math.isfinite(value):
            document[name] = None
            continue
        try:
            document[name] = plain_data(value)
        except ValueError as error:
            raise ValueError(f"{type(record).__name__}.{name}: {error}") from None
    return document


@cache
def _plan(record: type) -> tuple[tuple[str, bool], ...]:
    """The fields of a record class, and whether each may be missing."""
    hints = get_type_hints(record)
    return tuple((name, type(None) in get_args(hint)) for name, hint in hints.items())


def _number(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a number that JSON can hold")
    return float(f"{number:.{_SIGNIFICANT_DIGITS}g}") + 0.0


def _object(value: Mapping[object, object]) -> dict[str, _Json]:
    return {str(key): plain_data(item) for key, item in value.items()}


def _list(value: Iterable[object]) -> list[_Json]:
    return [plain_data(item) for item in value]


def _same(value: _Json) -> _Json:
    return value


# By exact type, because a report of thousands of experiments is millions of values.
_CONVERTERS: dict[type, Callable[[Any], _Json]] = {
    type(None): _same,
    bool: _same,
    int: _same,
    str: _same,
    float: _number,
    dict: _object,
    list: _list,
    tuple: _list,
}


def _other(value: object) -> _Json:
    """What is not one of the plain types: records, enums, numpy scalars, read-only mappings."""
    if is_dataclass(value):
        return _record(value)
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.generic):
        return plain_data(value.item())
    if isinstance(value, Mapping):
        return _object(value)
    raise TypeError(f"{type(value).__name__} has no place in results.json")
