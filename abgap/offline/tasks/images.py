"""Rows about images read into Python: boxes, masks or counted pixels, which no other source can be joined with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from abgap.engine.catalogue import compile_query
from abgap.engine.protocol import Columns, Engine, Relation, reading, text_or_none
from abgap.engine.values import mapped_number
from abgap.errors import DataError
from abgap.records.moments import FloatArray
from abgap.records.words import plural
from abgap.sources.columns import mapped_text, plain_names, text_of
from abgap.sources.sql import Named, identifier
from abgap.study.model import Annotations, Predictions

BOX = ("x_min", "y_min", "x_max", "y_max")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRows:
    """Rows about images, in an order that does not depend on the files.

    key: of the source. texts, numbers: the columns that were asked for; None and NaN where they are empty. slices: the
    values of each slice by row.
    """

    key: str
    relation: Relation
    models: npt.NDArray[np.object_]
    images: npt.NDArray[np.object_]
    classes: npt.NDArray[np.object_]
    texts: dict[str, npt.NDArray[np.object_]]
    numbers: dict[str, FloatArray]
    slices: tuple[npt.NDArray[np.object_], ...]

    def __len__(self) -> int:
        return len(self.images)

    def slices_of(self, row: int) -> tuple[str | None, ...]:
        """The value of every slice in a row."""
        return tuple(values[row] for values in self.slices)


def read_images(
    engine: Engine,
    key: str,
    source: Predictions | Annotations,
    directory: Path,
    *,
    texts: Sequence[str] = (),
    numbers: Sequence[str] = (),
) -> ImageRows:
    """Read the rows of a source. Raises DataError when one lacks its image, or holds NaN or infinity."""
    named = plain_names(source, "model", "example", "class", *texts)
    relation = engine.open_source(key, source, directory, text=[*named, *source.slices])
    table = relation.table
    columns = [Named(name=identifier(role), value=mapped_text(source, table, role)) for role in texts]
    columns += [
        Named(name=identifier(role), value=mapped_number(engine, source, table, relation.sql, role))
        for role in numbers
    ]
    found_names = [table.find(name, where=f"{key}.slices") for name in source.slices]
    columns += [
        Named(name=identifier(f"slice {i}"), value=text_of(name, table))
        for i, name in enumerate(found_names, start=1)
    ]
    model, example, kind = (mapped_text(source, table, role) for role in ("model", "example", "class"))
    statement = compile_query(
        "image_rows", source=relation.sql, model=model, example=example, columns=columns, kind=kind
    )
    with reading(key):
        rows = engine.fetch(statement)
    _refuse_gaps(key, rows, numbers, with_model="model" in source.columns)
    return ImageRows(
        key=key,
        relation=relation,
        models=text_or_none(rows["model"]),
        images=text_or_none(rows["example"]),
        classes=text_or_none(rows["class"]),
        texts={role: text_or_none(rows[role]) for role in texts},
        numbers={role: rows[role].astype(np.float64) for role in numbers},
        slices=tuple(text_or_none(rows[f"slice {i + 1}"]) for i in range(len(source.slices))),
    )


def _refuse_gaps(key: str, rows: Columns, numbers: Sequence[str], *, with_model: bool) -> None:
    for role, name in (("example", "image"), *((("model", "model"),) if with_model else ())):
        missing = sum(value is None for value in text_or_none(rows[role]))
        if missing:
            raise DataError(f"{key}: {plural(missing, 'row')} without {name}; every row needs one")
    for role in numbers:
        wrong = int(np.isinf(rows[role].astype(np.float64)).sum())
        if wrong:
            raise DataError(f"{key}.columns.{role}: {plural(wrong, 'row')} with infinity; mend them")
