"""Which keys the study file knows, read off the models themselves.

A place in the file is followed through the annotations of the models, so that messages, the JSON Schema and
the test of the documentation can never know other keys than the models do.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from abgap.study.model import Study, StudyModel

NAME = "NAME"


def _forms(annotation: Any) -> Iterator[Any]:
    """All forms a value may take: the branches of unions, without their constraints."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _forms(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for branch in get_args(annotation):
            yield from _forms(branch)
    else:
        yield annotation


def _is_model(form: Any) -> bool:
    return isinstance(form, type) and issubclass(form, StudyModel)


def _step(form: Any, part: str | int) -> Iterator[Any]:
    """The forms of the value found under ``part`` of a value of this form."""
    origin, arguments = get_origin(form), get_args(form)
    if _is_model(form) and part in form.model_fields:
        yield from _forms(form.model_fields[part].annotation)
    elif origin is dict and isinstance(part, str):
        yield from _forms(arguments[1])
    elif origin is list and isinstance(part, int):
        yield from _forms(arguments[0])


def models_at(loc: Sequence[str | int]) -> tuple[type[StudyModel], ...]:
    """The models a table at this place may be; none when it is no table of fixed keys."""
    forms: list[Any] = [Study]
    for part in loc:
        forms = [found for form in forms for found in _step(form, part)]
    return tuple(form for form in forms if _is_model(form))


def entry_models_at(loc: Sequence[str | int]) -> tuple[type[StudyModel], ...]:
    """The models of the named tables at this place: ``("metrics",)`` holds tables of ``Metric``."""
    return models_at((*loc, NAME))


def known_keys(loc: Sequence[str | int]) -> tuple[str, ...]:
    """The keys a table at this place may have, in the order of the models."""
    return tuple(dict.fromkeys(key for model in models_at(loc) for key in model.model_fields))


def all_tables() -> Iterator[tuple[tuple[str, ...], type[StudyModel]]]:
    """Every table of the file with its model, named tables under ``NAME``, in the order of the models."""
    pending: list[tuple[tuple[str, ...], Any]] = [((), Study)]
    while pending:
        place, form = pending.pop(0)
        if _is_model(form):
            yield place, form
            pending.extend(
                ((*place, key), branch)
                for key, field in form.model_fields.items()
                for branch in _forms(field.annotation)
            )
        elif get_origin(form) is dict:
            pending.extend(((*place, NAME), branch) for branch in _forms(get_args(form)[1]))
        elif get_origin(form) is list:
            pending.extend((place, branch) for branch in _forms(get_args(form)[0]))
