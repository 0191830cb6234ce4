"""Tables as ``abgap init`` sees them: names, types and counts of columns, whatever engine counted them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

ColumnType = Literal["text", "number", "integer", "boolean", "timestamp"]


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text, letters and digits of any script, without regard to case."""
    return tuple(re.findall(r"[^\W_]+", text.casefold()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnProfile:
    """One column as ``abgap init`` sees it.

    distinct: number of different values that are not null, None when not counted. examples: different values,
    as the engine casts them to text, most frequent first; all of them when there are ``distinct`` many.
    minimum, maximum: of numbers; as text of timestamps.
    """

    name: str
    type: ColumnType
    distinct: int | None = None
    examples: tuple[str, ...] = ()
    minimum: str | float | None = None
    maximum: str | float | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The name in lower-case words: ``userId`` and ``USER_ID`` are ``("user", "id")``."""
        spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", self.name)
        return words_of(spaced)

    @property
    def is_number(self) -> bool:
        """Whether it can be added up."""
        return self.type in {"number", "integer"}

    @property
    def is_binary(self) -> bool:
        """Whether it says yes or no: boolean, or only 0 and 1."""
        bounds = (self.minimum, self.maximum)
        return self.type == "boolean" or (self.is_number and self.distinct == 2 and bounds == (0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableProfile:
    """One file, glob or folder given to ``abgap init``. path: as it shall stand in the study file."""

    path: str
    columns: tuple[ColumnProfile, ...]
    rows: int

    @property
    def title(self) -> str:
        """What the table is called: the name of the file, or of the folder of a glob, without endings."""
        parts = [part for part in PurePosixPath(self.path.replace("\\", "/")).parts if "*" not in part]
        name = parts[-1] if parts else ""
        return name.split(".")[0] or name


def find(
    columns: Sequence[ColumnProfile], names: Sequence[str], accept: Callable[[ColumnProfile], bool]
) -> ColumnProfile | None:
    """The acceptable column whose name comes first in ``names``."""
    by_name: dict[str, ColumnProfile] = {}
    for column in columns:
        if accept(column):
            by_name.setdefault("".join(column.words), column)
    return next((by_name[name] for name in names if name in by_name), None)
