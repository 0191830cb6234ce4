"""Gives what a stage finds: kept from an earlier run when nothing it depends on has changed, else computed and kept.

A stage depends on the files of its sources, on the parts of the study that it reads, and on the program. What is kept
of it is its result, the statements that ran and the rows of its sources, so that a report made from it has the same
bytes. Studies that read a URL or a SELECT are computed every time: nobody can tell whether those have changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from abgap.engine.protocol import Engine, Relation
from abgap.pipeline.cache import Cache, Head, Kept
from abgap.pipeline.fingerprint import (
    FileHashes,
    FileState,
    input_files,
    named_sources,
    program_sha256,
    state_of,
    study_parts,
    unchanged,
)
from abgap.pipeline.plain import Arrays, from_plain, to_plain
from abgap.pipeline.stages import Found, Stage, Stages, relation_rows
from abgap.records import InputSource
from abgap.study.load import LoadedStudy


def whole_study(loaded: LoadedStudy) -> Stage:
    """The last stage: what is made of everything, down to the words of the study file."""
    return Stage(
        name="report",
        sources=tuple(key for key, _ in named_sources(loaded.study)),
        parts=(),
        more=[loaded.file.name, loaded.text_sha256],
    )


class KeptStages(Stages):
    """The results of a study's stages, kept in a cache."""

    def __init__(self, loaded: LoadedStudy, engine: Engine, cache: Cache) -> None:
        super().__init__()
        self._loaded = loaded
        self._engine = engine
        self._cache = cache
        self._first: dict[str, FileState] = {}

    @property
    def hashes(self) -> FileHashes:
        """What the cache knows of files."""
        return self._cache.hashes

    def result(
        self,
        stage: Stage,
        compute: Callable[[], Found],
        relations: Callable[[Found], Mapping[str, Relation]] = lambda _: {},
    ) -> Found:
        """What ``compute`` gives, or gave when all was as it is now."""
        cache, files = self._cache, self._files(stage)
        if files is None:
            return compute()
        before = self._states(cache, files)
        if before is None or not self._as_first_read(before):
            return compute()
        name = f"{stage.name}-{self._sha256(stage, before)}"
        kept = cache.find(name, before)
        if kept is not None:
            try:
                found: Found = self._restored(kept)
            except (ValueError, KeyError, TypeError, AttributeError):
                cache.discard(name)
            else:
                return found
        with self._engine.record.apart() as ran:
            found = compute()
        after = self._states(cache, files)
        if after is not None and unchanged(before, after, cache.hashes):
            rows = self._counted(relations(found))
            self._keep(cache, name, stage, after, [found, tuple(ran.values()), rows])
            self.rows.update(rows)
        return found

    def _files(self, stage: Stage) -> list[Path] | None:
        """The files that the stage reads; None when it reads none, or when nobody can tell."""
        sources = {key: source for key, source in named_sources(self._loaded.study) if key in stage.sources}
        found = input_files(sources, self._loaded.directory)
        return [path for files in found.values() for path in files] if found else None

    def _states(self, cache: Cache, files: Sequence[Path]) -> tuple[FileState, ...] | None:
        try:
            return tuple(state_of(path, cache.hashes) for path in files)
        except OSError:
            return None

    def _as_first_read(self, states: Sequence[FileState]) -> bool:
        """Whether the files are what they were when this run first met them: stages share tables made of them."""
        return all(
            state.is_of(self._first.setdefault(state.path, state), self._cache.hashes) for state in states
        )

    def _sha256(self, stage: Stage, states: Sequence[FileState]) -> str:
        depends_on = [
            program_sha256(),
            str(self._loaded.directory),
            stage.parts,
            study_parts(self._loaded.study, stage.parts),
            self._loaded.study.study.timezone,
            self._loaded.study.engine.name,
            stage.more,
            [(state.path, state.size) for state in states],
        ]
        return hashlib.sha256(json.dumps(depends_on, default=str).encode()).hexdigest()[:40]

    def _restored(self, kept: Kept) -> Found:  # type: ignore[type-var]
        found, statements, rows = (from_plain(part, kept.arrays) for part in kept.body)
        self._engine.record.remember(statements)
        self.rows.update(rows)
        return found  # type: ignore[no-any-return]

    def _counted(self, relations: Mapping[str, Relation]) -> dict[str, InputSource]:
        return {key: relation_rows(self._engine, key, relation) for key, relation in relations.items()}

    def _keep(
        self, cache: Cache, name: str, stage: Stage, states: tuple[FileState, ...], parts: Sequence[object]
    ) -> None:
        arrays: Arrays = {}
        try:
            body = [to_plain(part, arrays) for part in parts]
        except TypeError as error:
            cache.note(f"the stage {stage.name!r} could not be kept: {error}")
            return
        head = Head(stage=stage.name, study=self._loaded.study.study.name, files=states)
        cache.keep(name, Kept(head=head, body=body, arrays=arrays))
