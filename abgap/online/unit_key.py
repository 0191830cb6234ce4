"""What units are told apart by: their id as text, or as the whole number it is in every source.

Ids are text to whoever reads them, so that 7 and '7' are one unit. Where exposures and all fact tables hold them as
whole numbers, equal numbers are equal texts, and tables are joined and grouped by the numbers, which costs half.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from abgap.engine.protocol import Relation
from abgap.sources.sql import Sql, identifier
from abgap.study.model import Source

# Larger ones, and those without a sign, are not the same type on every engine.
_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
UNIT, NUMBER = "unit", "unit: number"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitKey:
    """The column that tells units apart in exposures, fact tables and what is made of them."""

    is_number: bool = False

    @property
    def column(self) -> Sql:
        """Its name, quoted."""
        return identifier(NUMBER if self.is_number else UNIT)

    @property
    def is_missing(self) -> Sql:
        """The condition that a row has no unit."""
        return Sql(f"{self.column} is null" + ("" if self.is_number else f" or {self.column} = ''"))

    def number_in(self, source: Source, relation: Relation) -> Sql | None:
        """The number that the view of a source gives beside the text; None when there is only text."""
        return _number(source, relation) if self.is_number else None


def common_key(sources: Iterable[tuple[Source, Relation]]) -> UnitKey:
    """The key over these opened sources."""
    return UnitKey(is_number=all(_number(source, relation) is not None for source, relation in sources))


def _number(source: Source, relation: Relation) -> Sql | None:
    """The unit's id as the whole number that a column holds; None when it is anything else."""
    name = source.columns.get("unit")
    folded = {column.lower(): column for column in relation.table.columns}
    column = folded.get(name.lower()) if isinstance(name, str) else None
    if column is None or relation.table.columns[column] not in _WHOLE:
        return None
    return identifier(column)
