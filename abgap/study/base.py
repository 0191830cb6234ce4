"""What every part of the study file is made of: the closed base model, column mappings, and sources of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from abgap.study.fields import NonEmpty, Paths, nothing, wrong


class StudyModel(BaseModel):
    """Base of all parts: closed to unknown keys, frozen, strict about types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def _constant(value: object) -> object:
    if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise wrong("must be text, a finite number, true or false")


class ConstantColumn(StudyModel):
    """A column that has the same value in every row: ``{ value = "mail" }``."""

    value: Annotated[str | int | float | bool, BeforeValidator(_constant)]


class ExpressionColumn(StudyModel):
    """A column computed by one scalar SQL expression: ``{ expr = "lower(country)" }``."""

    expr: NonEmpty


def _column(value: object) -> object:
    if isinstance(value, Mapping) and ("value" in value) != ("expr" in value):
        return (ConstantColumn if "value" in value else ExpressionColumn).model_validate(value)
    if isinstance(value, ConstantColumn | ExpressionColumn) or (isinstance(value, str) and value):
        return value
    raise wrong('must be a column name, { value = constant } or { expr = "scalar SQL" }')


ColumnSpec: TypeAlias = Annotated[NonEmpty | ConstantColumn | ExpressionColumn, BeforeValidator(_column)]


class Source(StudyModel):
    """Where rows come from: files, or one SELECT over files."""

    path: Paths | None = None
    query: NonEmpty | None = None
    query_file: NonEmpty | None = None
    format: Literal["parquet", "csv", "json", "trec"] | None = None
    columns: dict[NonEmpty, ColumnSpec] = Field(default_factory=dict)


class SlicedSource(Source):
    """A source with columns by which results are broken down."""

    slices: list[NonEmpty] = Field(default_factory=nothing)
