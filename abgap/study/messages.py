"""Errors of pydantic in plain words: what was seen, what is expected, and the nearest key.

The texts are ours, because a reader of the study file should not have to know what a validator is.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from abgap.study.flaws import Flaw, nearest, suggestion
from abgap.study.toml import Loc, quoted
from abgap.study.walk import entry_models_at, known_keys

# Above this likeness an unknown key is taken for the misspelt one when the rest of the file is checked.
SURE_LIKENESS = 0.75

_LARGEST_SHOWN = 10**18

_REQUIRED_HINTS = {
    "control": "declare the variant that is compared against; it is never guessed",
    "kind": "say how its values are made: mean, proportion, ratio, quantile or retention",
    "total": "name the metric that the stages multiply to",
    "stages": "list the metrics that multiply to the total, first to last",
}


_SEEN: tuple[tuple[type, str], ...] = (
    (Mapping, "a table"),
    (list, "a list"),
    (dt.datetime, "a timestamp"),
    (dt.date, "a date"),
    (dt.time, "a time of day"),
)


def seen(value: object) -> str:
    """A value of the file in words, for ``but is ...``."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f"the text {quoted(value)}"
    if isinstance(value, int | float):
        return "a number too large to write" if abs(value) > _LARGEST_SHOWN else f"the number {value}"
    return next((words for kind, words in _SEEN if isinstance(value, kind)), "something else")


def _must_be(what: str) -> Callable[[Loc, ErrorDetails], Flaw]:
    def flaw(loc: Loc, error: ErrorDetails) -> Flaw:
        return Flaw(loc, f"must be {what}, but is {seen(error['input'])}")

    return flaw


def _bound(words: str, key: str) -> Callable[[Loc, ErrorDetails], Flaw]:
    def flaw(loc: Loc, error: ErrorDetails) -> Flaw:
        return Flaw(loc, f"must be {words} {_context(error)[key]:g}, but is {seen(error['input'])}")

    return flaw


def _context(error: ErrorDetails) -> dict[str, Any]:
    return error.get("ctx", {})


def _required(loc: Loc, _error: ErrorDetails) -> Flaw:
    return Flaw(loc, "is required", _REQUIRED_HINTS.get(str(loc[-1])))


def _unknown_key(loc: Loc, _error: ErrorDetails) -> Flaw:
    return Flaw(loc, "unknown key", suggestion(str(loc[-1]), known_keys(loc[:-1])))


def _not_one_of(loc: Loc, error: ErrorDetails) -> Flaw:
    expected = _context(error)["expected"]
    value = error["input"]
    close = nearest(value, re.findall(r"'([^']*)'", expected)) if isinstance(value, str) else None
    hint = f"did you mean {quoted(close)}?" if close is not None else None
    return Flaw(loc, f"must be {expected}, but is {seen(value)}", hint)


def _empty_text(loc: Loc, _error: ErrorDetails) -> Flaw:
    if loc[-2:] == ("", "[key]"):
        return Flaw(loc[:-1], "has an empty name", "give it a name")
    return Flaw(loc, "must not be empty")


def _not_a_table(loc: Loc, error: ErrorDetails) -> Flaw:
    fits_entry = any(loc[-1] in model.model_fields for model in entry_models_at(loc[:-1]))
    hint = f"write it under a name: [{loc[0]}.NAME]" if fits_entry else None
    return Flaw(loc, f"must be a table, but is {seen(error['input'])}", hint)


def _too_short(loc: Loc, error: ErrorDetails) -> Flaw:
    context = _context(error)
    return Flaw(loc, f"needs at least {context['min_length']} entries, but has {context['actual_length']}")


def _own_words(loc: Loc, error: ErrorDetails) -> Flaw:
    return Flaw(loc, f"{_context(error)['text']}, but is {seen(error['input'])}")


_WORDS: Mapping[str, Callable[[Loc, ErrorDetails], Flaw]] = {
    "missing": _required,
    "extra_forbidden": _unknown_key,
    "enum": _not_one_of,
    "literal_error": _not_one_of,
    "string_type": _must_be("text"),
    "string_unicode": _must_be("valid text"),
    "string_too_short": _empty_text,
    "int_type": _must_be("a whole number"),
    "float_type": _must_be("a number"),
    "finite_number": _must_be("a finite number"),
    "bool_type": _must_be("true or false"),
    "list_type": _must_be("a list"),
    "dict_type": _not_a_table,
    "model_type": _not_a_table,
    "too_short": _too_short,
    "greater_than": _bound("greater than", "gt"),
    "greater_than_equal": _bound("at least", "ge"),
    "less_than": _bound("less than", "lt"),
    "less_than_equal": _bound("at most", "le"),
    "study": _own_words,
}


def flaw_of(error: ErrorDetails) -> Flaw:
    """One error of pydantic as a flaw in plain words."""
    words = _WORDS.get(error["type"], _must_be("something else"))
    return words(error["loc"], error)
