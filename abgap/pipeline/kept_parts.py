"""Keeps what fact tables add up to in the cache's folder, so that new files can be added to it.

A base is a small result of the cache, which names the files it is of, and, for partial aggregates, one parquet file
beside it for each time that files were added. It is used when its files are all there, unchanged, whatever else has
come; each parquet file is checked by its hash.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from abgap.online.increments import Notes, OldParts
from abgap.pipeline.cache import PARTS, Cache, Head, Kept
from abgap.pipeline.fingerprint import FileState, program_sha256, sha256_of, state_of, unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The base that was asked for: its name, what it is, and its files as they were then."""

    name: str
    what: str
    states: tuple[FileState, ...]


class PartsKeeper:
    """The bases of one study."""

    def __init__(self, cache: Cache, study: str) -> None:
        self._cache, self._study = cache, study
        self._asked: _Asked | None = None
        self._watched: dict[Path, FileState] = {}
        self._written: list[Path] = []
        self._pending: list[tuple[_Asked, tuple[Path, ...], Notes]] = []

    def watch(self, files: Sequence[Path]) -> None:
        """Take note of the files as they are, before anything is read of them."""
        with suppress(OSError):
            self._watched |= {path: state_of(path, self._cache.hashes) for path in files}

    def find(self, what: str, files: Sequence[Path], depends_on: object) -> OldParts | None:
        """What is kept of some of these files, unchanged, and made by the same statements; None when nothing is.

        what: the name of what is kept, for whoever looks into the cache.
        """
        sha = hashlib.sha256(json.dumps([program_sha256(), what, depends_on]).encode()).hexdigest()
        try:
            states = tuple(self._watched.get(path) or state_of(path, self._cache.hashes) for path in files)
        except OSError:
            self._asked = None
            return None
        self._asked = _Asked(name=f"base-{sha[:40]}", what=what, states=states)
        kept = self._cache.read(self._asked.name)
        return None if kept is None else self._usable(kept, files, states)

    def _usable(self, kept: Kept, files: Sequence[Path], states: Sequence[FileState]) -> OldParts | None:
        now = {state.path: state for state in states}
        before = [now[old.path] for old in kept.head.files if old.path in now]
        try:
            if not unchanged(kept.head.files, before, self._cache.hashes):
                return None
            parts = {self._cache.folder / str(name): sha for name, sha in kept.body["parts"]}
            if any(sha256_of(path) != sha for path, sha in parts.items()):
                self._cache.note("a damaged file in the cache was ignored; its files are read again")
                return None
        except OSError:
            return None
        for path in parts:
            with suppress(OSError):
                os.utime(path)
        known = {old.path for old in kept.head.files}
        new = tuple(path for path in files if str(path) not in known)
        return OldParts(parts=tuple(parts), new=new, notes=kept.body["notes"])

    def new_part(self) -> Path | None:
        """A place for one more file; None when the folder cannot be written."""
        try:
            self._cache.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self._cache.folder, prefix="base-", suffix=PARTS)
            os.close(handle)
        except OSError as error:
            self._cache.note(
                f"nothing could be kept in the cache {self._cache.folder}: {error.strerror or error}"
            )
            return None
        self._written.append(Path(name))
        return Path(name)

    def keep(self, parts: Sequence[Path], notes: Notes) -> None:
        """Keep these for all files of the last ``find``, if those are still as they were when all is done."""
        if self._asked is not None:
            self._pending.append((self._asked, tuple(parts), notes))

    def finish(self) -> None:
        """Keep what was asked to be kept."""
        for asked, parts, notes in self._pending:
            try:
                after = tuple(state_of(Path(state.path), self._cache.hashes) for state in asked.states)
                if not unchanged(asked.states, after, self._cache.hashes):
                    continue
                body = {"parts": [[path.name, sha256_of(path)] for path in parts], "notes": notes}
            except OSError:
                continue
            for path in parts:
                with suppress(OSError):
                    path.chmod(0o600)  # the engine may have put a file of its own there
            head = Head(stage=asked.what, study=self._study, files=after)
            self._cache.keep(asked.name, Kept(head=head, body=body, arrays={}))
            self._written = [path for path in self._written if path not in parts]

    def remove_rest(self) -> None:
        """Remove what was written and not kept."""
        for path in self._written:
            with suppress(OSError):
                path.unlink()


@contextmanager
def keeping_parts(cache: Cache | None, study: str) -> Iterator[PartsKeeper | None]:
    """The keeper of a study, while something is made of its files; what is to be kept is, when that has succeeded."""
    if cache is None:
        yield None
        return
    keeper = PartsKeeper(cache, study)
    try:
        yield keeper
        keeper.finish()
    finally:
        keeper.remove_rest()
