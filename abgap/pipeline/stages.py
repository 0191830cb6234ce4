"""The stages of a study by name: what each depends on, and its result, computed each time.

``kept.py`` is the same with results of earlier runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from abgap.engine.protocol import Engine, Relation
from abgap.records import InputSource

if TYPE_CHECKING:
    from abgap.pipeline.fingerprint import FileHashes

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage. sources: keys of the sources it reads. parts: of the study. more: what else it depends on."""

    name: str
    sources: tuple[str, ...]
    parts: tuple[str, ...]
    more: object = None


class Stages:
    """The results of a study's stages. rows: of every source that a kept stage has read, by key."""

    def __init__(self) -> None:
        self.rows: dict[str, InputSource] = {}

    @cached_property
    def hashes(self) -> FileHashes:
        """What is known of files."""
        from abgap.pipeline.fingerprint import FileHashes  # noqa: PLC0415 - for reports only

        return FileHashes()

    def result(
        self,
        stage: Stage,  # noqa: ARG002 - it matters where results are kept
        compute: Callable[[], Found],
        relations: Callable[[Found], Mapping[str, Relation]] = lambda _: {},  # noqa: ARG002 - the same
    ) -> Found:
        """What ``compute`` gives. relations: the sources that are opened in it."""
        return compute()


def relation_rows(engine: Engine, key: str, relation: Relation) -> InputSource:
    """The rows of an opened source, and those that were refused."""
    if relation.counted is not None:
        return relation.counted
    ((rows,),) = engine.rows(f"SELECT count(*) AS n FROM {relation.sql}")
    return InputSource(source=key, rows=int(rows), rejected=0)
