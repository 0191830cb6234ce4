"""A folder of results of earlier runs, each kept for as long as nothing it depends on has changed.

One file per result: an ``.npz`` (zip with checksums) of arrays and JSON, written beside its place and renamed, so that
two processes can work at once and nobody reads half a file. What cannot be read is said, removed and computed again;
a folder that cannot be written costs time and nothing else. The least recently used files go when the folder is full.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from abgap.pipeline.fingerprint import FileHashes, FileState, unchanged

LIMIT_BYTES = 512 << 20
_HASHES = "files.json"
_HASHED_FILES = 20_000
# Beside some results lie tables that DuckDB reads itself.
PARTS = ".parquet"
# What stands in the folder under other names belongs to somebody else.
_OWN_NAME = re.compile(r".+-[0-9a-f]{40}\.npz|base-[a-z0-9_]{8}\.parquet")
_HEAD, _BODY = "head", "body"
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a kept result is of. files: the inputs as they were when it was computed."""

    stage: str
    study: str
    files: tuple[FileState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One result: JSON and the columns it refers to."""

    head: Head
    body: Any
    arrays: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of the folder. used_ns: when it was last read or written."""

    path: Path
    size: int
    used_ns: int


def cache_folder() -> Path:
    """Where results are kept: ``$ABGAP_CACHE_DIR``, else the platform's place for what can be made again."""
    if named := os.environ.get("ABGAP_CACHE_DIR"):
        return Path(named)
    home = Path.home()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "abgap" / "Cache"
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "abgap"
    return Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "abgap"


class Cache:
    """The folder. note: told, in one sentence, when something in it cannot be used."""

    def __init__(self, folder: Path, *, note: Callable[[str], None], limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.hashes = FileHashes()
        self.note = note
        self._limit_bytes = limit_bytes
        self._read_hashes()

    def find(self, name: str, states: Sequence[FileState]) -> Kept | None:
        """The result kept under ``name``, when its inputs are as they were; None when there is none."""
        kept = self.read(name)
        return kept if kept is not None and unchanged(kept.head.files, states, self.hashes) else None

    def read(self, name: str) -> Kept | None:
        """The result kept under ``name``, whatever has become of its inputs; None when there is none."""
        path = self._path(name)
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
                head = _head(_text(held[_HEAD]))
                body = json.loads(_text(held[_BODY]))
                arrays = {key: held[key] for key in held.files if key not in {_HEAD, _BODY}}
        except FileNotFoundError:
            return None
        except _UNREADABLE:
            self.discard(name)
            return None
        with suppress(OSError):
            os.utime(path)
        return Kept(head=head, body=body, arrays=arrays)

    def discard(self, name: str) -> None:
        """Remove a result that turned out to be unusable, and say so."""
        self.note("a damaged file in the cache was ignored and removed; its result is computed again")
        with suppress(OSError):
            self._path(name).unlink()

    def keep(self, name: str, kept: Kept) -> None:
        """Keep a result under ``name`` in place of what was there."""
        texts = {
            _HEAD: {
                "stage": kept.head.stage,
                "study": kept.head.study,
                "files": [_fields(f) for f in kept.head.files],
            },
            _BODY: kept.body,
        }
        members = {
            key: np.frombuffer(json.dumps(text).encode(), dtype=np.uint8) for key, text in texts.items()
        }

        def write(temporary: Path) -> None:
            with temporary.open("wb") as stream:
                np.savez(stream, allow_pickle=False, **members, **kept.arrays)

        self._replace(self._path(name), write)
        self._shrink()

    def save_hashes(self) -> None:
        """Write what is known of files. Of two processes the later one wins; the other's files are hashed again."""
        if not self.hashes.changed:
            return
        newest = dict(list(self.hashes.remembered.items())[-_HASHED_FILES:])
        self._replace(self.folder / _HASHES, lambda temporary: temporary.write_text(json.dumps(newest)))
        self.hashes.changed = False

    def _read_hashes(self) -> None:
        try:
            found = json.loads((self.folder / _HASHES).read_bytes())
            self.hashes.remembered = {
                path: [(_marks(marks), str(sha)) for marks, sha in pairs] for path, pairs in found.items()
            }
        except FileNotFoundError:
            return
        except (*_UNREADABLE, AttributeError):
            self.note("the cache's list of files is damaged and was ignored; files are hashed again")

    def _replace(self, path: Path, write: Callable[[Path], object]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(dir=self.folder, prefix=".new-")
            os.close(handle)
            temporary = Path(name)
            try:
                write(temporary)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            self.note(f"nothing could be kept in the cache {self.folder}: {error.strerror or error}")

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def entries(self) -> list[Entry]:
        """All kept results, the most recently used first."""
        found: list[Entry] = []
        mine: list[Path] = []
        with suppress(OSError):
            mine = [path for path in self.folder.iterdir() if _OWN_NAME.fullmatch(path.name)]
        for path in mine:
            with suppress(OSError):
                status = path.stat()
                found.append(Entry(path=path, size=status.st_size, used_ns=status.st_mtime_ns))
        return sorted(found, key=lambda entry: (-entry.used_ns, entry.path.name))

    def heads(self) -> Iterator[tuple[Entry, Head | None]]:
        """All kept results with what they are of; None for one that cannot be read."""
        for entry in self.entries():
            if entry.path.suffix == PARTS:
                continue
            try:
                with entry.path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
                    yield entry, _head(_text(held[_HEAD]))
            except _UNREADABLE:
                yield entry, None

    def _shrink(self) -> None:
        """Remove what was not used for longest until the folder is within its limit."""
        total = 0
        for entry in self.entries():
            total += entry.size
            if total > self._limit_bytes:
                with suppress(OSError):
                    entry.path.unlink()

    def clear(self) -> int:
        """Remove everything abgap put into the folder; how many results that were."""
        entries = self.entries()
        places = [*(entry.path for entry in entries), self.folder / _HASHES, *self.folder.glob(".new-*")]
        for path in places:
            with suppress(OSError):
                path.unlink()
        with suppress(OSError):
            self.folder.rmdir()
        return len([entry for entry in entries if entry.path.suffix != PARTS])


def _text(member: npt.NDArray[Any]) -> bytes:
    return bytes(member.tobytes())


def _fields(state: FileState) -> list[Any]:
    return [state.path, state.size, state.marks, state.sha256]


def _head(text: bytes) -> Head:
    found = json.loads(text)
    files = tuple(
        FileState(path=path, size=size, marks=None if marks is None else _marks(marks), sha256=sha)
        for path, size, marks, sha in found["files"]
    )
    return Head(stage=found["stage"], study=found["study"], files=files)


def _marks(found: Sequence[int]) -> tuple[int, int, int, int, int]:
    size, modified, changed, inode, device = found
    return size, modified, changed, inode, device
