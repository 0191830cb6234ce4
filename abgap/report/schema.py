"""The JSON Schema of results.json, read off the records, so that it cannot lag behind them."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

from abgap.records import Results
from abgap.report.document import SCHEMA_VERSION

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_PLAIN: dict[object, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    type(None): {"type": "null"},
    object: {},
}


def results_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every results.json of this version satisfies."""
    definitions: dict[str, Any] = {}
    whole = _record_schema(Results, definitions)
    whole["properties"] = {"schema_version": {"const": SCHEMA_VERSION}, **whole["properties"]}
    whole["required"] = ["schema_version", *whole["required"]]
    return {
        "$schema": _DIALECT,
        "title": "abgap results",
        **whole,
        "$defs": dict(sorted(definitions.items())),
    }


def _record_schema(record: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(record)
    names = [field.name for field in fields(record)]
    return {
        "description": inspect.cleandoc(record.__doc__ or ""),
        "type": "object",
        "properties": {name: _schema_of(hints[name], definitions) for name in names},
        "required": names,
        "additionalProperties": False,
    }


def _schema_of(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema_of(argument, definitions) for argument in arguments]}
    if origin is tuple:
        return _array_schema(arguments, definitions)
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema_of(arguments[1], definitions)}
    return _named_schema(hint, definitions)


def _array_schema(arguments: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    if arguments[-1] is Ellipsis:
        return {"type": "array", "items": _schema_of(arguments[0], definitions)}
    items = [_schema_of(argument, definitions) for argument in arguments]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _named_schema(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    """A record or a closed set of words, defined once under its name."""
    if not isinstance(hint, type):
        raise TypeError(f"{hint!r} has no place in the schema of the results")
    if hint.__name__ not in definitions:
        if issubclass(hint, StrEnum):
            definitions[hint.__name__] = {
                "description": inspect.cleandoc(hint.__doc__ or ""),
                "enum": [word.value for word in hint],
            }
        elif is_dataclass(hint):
            definitions[hint.__name__] = {}
            definitions[hint.__name__] = _record_schema(hint, definitions)
        else:
            raise TypeError(f"{hint!r} has no place in the schema of the results")
    return {"$ref": f"#/$defs/{hint.__name__}"}
