"""The JSON Schema of the study file, for editors and other tools.

It is made from the models, so it cannot lag behind them; its texts are those of ``keys.py``. It knows every
key and its type, not the rules that tie keys together.
"""

from __future__ import annotations

from typing import Any

from abgap.study import model
from abgap.study.keys import KEYS
from abgap.study.model import Study, StudyModel

SCHEMA_ID = "urn:abgap:schema:study:1"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def study_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a parsed study file; dates and timestamps are ISO 8601 text."""
    made = Study.model_json_schema()
    definitions = {name: _clean(name, schema) for name, schema in sorted(made.pop("$defs").items())}
    root = _clean("Study", made)
    return {
        "$schema": _DIALECT,
        "$id": SCHEMA_ID,
        "title": "abgap study",
        "description": "A study file of abgap, abgap.toml.",
        **{key: value for key, value in root.items() if key not in {"title", "description"}},
        "$defs": definitions,
    }


def _clean(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """One definition with our sentences instead of class names and docstrings."""
    known = getattr(model, name, None)
    sentences = KEYS[known] if isinstance(known, type) and issubclass(known, StudyModel) else {}
    cleaned = {key: _plain(value, names=key == "properties") for key, value in schema.items()}
    for unwanted in ("title", "description"):
        cleaned.pop(unwanted, None)
    for key, sentence in sentences.items():
        cleaned["properties"][key] = {"description": sentence, **cleaned["properties"][key]}
    return cleaned


def _plain(schema: Any, *, names: bool = False) -> Any:
    """A copy without pydantic's titles and without null, which TOML does not have.

    names: the keys of this table are the study's own, and none of them is an annotation.
    """
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        key: _plain(value)
        for key, value in schema.items()
        if names or (key != "title" and (key, value) != ("default", None))
    }
    if {"type": "null"} in plain.get("anyOf", ()):
        branches = [branch for branch in plain.pop("anyOf") if branch != {"type": "null"}]
        plain |= branches[0] if len(branches) == 1 else {"anyOf": branches}
    return plain
