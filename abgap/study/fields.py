"""The values a key of the study file may have, apart from tables.

Where a value may be written in more than one form, a validator chooses the form that is meant before pydantic
looks, so that a mistake gives one problem and not one per form.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter
from pydantic_core import PydanticCustomError

from abgap.records.vocabulary import Aggregate, Direction, Kind, Role

Fraction = Annotated[float, Field(gt=0, lt=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
# A century: what is longer is a mistake of units, and overflows timestamps.
Days = Annotated[float, Field(gt=0, le=36_525)]
NonEmpty = Annotated[str, Field(min_length=1)]

_TEXTS = TypeAdapter(list[NonEmpty])
_SHARES = TypeAdapter(dict[NonEmpty, PositiveFloat])


def nothing() -> list[str]:
    """Make an empty list: of ``list`` itself pydantic wants the signature, and Python takes long to find it."""
    return []


def wrong(message: str) -> PydanticCustomError:
    """Make an error whose text is already meant for the reader of the study file."""
    return PydanticCustomError("study", "{text}", {"text": message})


def _path(value: object) -> object:
    if isinstance(value, list) and value:
        return _TEXTS.validate_python(value, strict=True)
    if value is None or (isinstance(value, str) and value):
        return value
    raise wrong("must be text (a file, glob, directory or URL) or a list of such texts")


def _names(value: object) -> object:
    if isinstance(value, list) and value:
        return _TEXTS.validate_python(value, strict=True)
    if value is None or (isinstance(value, str) and value):
        return value
    raise wrong("must be a name or a list of names")


def _moment(value: object) -> object:
    if value is None or isinstance(value, dt.date):
        return value
    raise wrong("must be a date (2026-03-02) or a timestamp (2026-03-02T09:00:00Z), without quotes")


def _date(value: object) -> object:
    if value is None or (isinstance(value, dt.date) and not isinstance(value, dt.datetime)):
        return value
    raise wrong("must be a date such as 2026-12-31, without quotes and without a time")


def _split(value: object) -> object:
    if isinstance(value, Mapping):
        return _SHARES.validate_python(value, strict=True)
    if value is None or value == "equal":
        return value
    raise wrong('must be "equal" or a table of shares such as { A = 0.5, B = 0.5 }')


Paths: TypeAlias = Annotated[NonEmpty | list[NonEmpty], BeforeValidator(_path)]
Moment: TypeAlias = Annotated[dt.datetime | dt.date, BeforeValidator(_moment)]
Names: TypeAlias = Annotated[NonEmpty | list[NonEmpty], BeforeValidator(_names)]
CalendarDate: TypeAlias = Annotated[dt.date, BeforeValidator(_date)]
Split: TypeAlias = Annotated[dict[NonEmpty, PositiveFloat] | Literal["equal"], BeforeValidator(_split)]
# TOML has no enums: their values are read from text.
MetricKind: TypeAlias = Annotated[Kind, Field(strict=False)]
MetricRole: TypeAlias = Annotated[Role, Field(strict=False)]
BetterDirection: TypeAlias = Annotated[Direction, Field(strict=False)]
PartAggregate: TypeAlias = Annotated[Aggregate, Field(strict=False)]
