"""Whether anything has changed that a result depends on: files, study, queries, abgap itself.

A file that has its size, times of change, inode and device has its content, for nothing that writes to it can keep
the time of change of its status (ctime). That is not trusted of a file changed within the last two seconds, whose
next change might get the same time: there the content is hashed, as it is for a file whose marks differ. Hashes are
remembered with the marks, so that no file is hashed twice.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import abgap
from abgap.errors import AbgapError
from abgap.resources import folder
from abgap.sources.files import resolve_files
from abgap.study.model import ExperimentsFile, Source, Study

# Size, mtime and ctime in ns, inode, device.
Marks: TypeAlias = tuple[int, int, int, int, int]

_SETTLED_NS = 2_000_000_000
_CHUNK = 1 << 20
_PACKAGES = ("duckdb", "jinja2", "matplotlib", "numpy", "scipy", "sqlglot")
_REMEMBERED_PER_FILE = 3


def marks_of(path: Path) -> Marks:
    """What tells a changed file from an unchanged one without reading it. Raises OSError."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def is_settled(marks: Marks, *, now_ns: int) -> bool:
    """Whether the next change of the file is sure to change its marks."""
    return max(marks[1], marks[2]) + _SETTLED_NS < now_ns


def sha256_of(path: Path) -> str:
    """The hash of a file's content. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


@dataclass(slots=True)
class FileHashes:
    """Hashes of files, remembered with the marks that the files had.

    remembered: by absolute path, the newest last.
    """

    remembered: dict[str, list[tuple[Marks, str]]] = field(default_factory=dict)
    changed: bool = False

    def known(self, path: Path, marks: Marks) -> str | None:
        """The hash of the file when it had these marks, if it was ever read then."""
        return next((sha for seen, sha in self.remembered.get(str(path), ()) if seen == marks), None)

    def of(self, path: Path) -> str:
        """The hash of the file as it is now; it is read only when it must be. Raises OSError."""
        now_ns, before = time.time_ns(), marks_of(path)
        found = self.known(path, before)
        if found is not None:
            return found
        found = sha256_of(path)
        if is_settled(before, now_ns=now_ns) and marks_of(path) == before:
            kept = self.remembered.get(str(path), [])[1 - _REMEMBERED_PER_FILE :]
            self.remembered[str(path)] = [*kept, (before, found)]
            self.changed = True
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    """A file as it was at one moment.

    marks: None when they could not be trusted, then there is sha256; which is None when nobody had to know it.
    """

    path: str
    size: int
    marks: Marks | None
    sha256: str | None

    def is_of(self, other: FileState, hashes: FileHashes) -> bool:
        """Whether this file, as it is now, has the content that it had at the time of ``other``."""
        if self.path != other.path or self.size != other.size:
            return False
        if other.marks is not None and self.marks == other.marks:
            return True
        content = other.sha256 or (other.marks and hashes.known(Path(self.path), other.marks))
        return bool(content) and (self.sha256 or hashes.of(Path(self.path))) == content


def state_of(path: Path, hashes: FileHashes) -> FileState:
    """The state of a file now. Raises OSError."""
    now_ns, marks = time.time_ns(), marks_of(path)
    if is_settled(marks, now_ns=now_ns):
        return FileState(path=str(path), size=marks[0], marks=marks, sha256=hashes.known(path, marks))
    return FileState(path=str(path), size=marks[0], marks=None, sha256=hashes.of(path))


def unchanged(then: Sequence[FileState], now: Sequence[FileState], hashes: FileHashes) -> bool:
    """Whether the same files have the same content as they had. Raises OSError when one cannot be read."""
    return len(then) == len(now) and all(new.is_of(old, hashes) for new, old in zip(now, then, strict=True))


def named_sources(study: Study) -> Iterator[tuple[str, Source]]:
    """Every source of the study that is read, with its key."""
    given = {
        "exposures": study.exposures,
        **{f"facts.{name}": fact for name, fact in study.facts.items()},
        "units": study.units,
        "unit_values": study.unit_values,
        "moments": study.moments,
        **_model_sources(study),
        "portfolio.effects": study.portfolio.effects,
        "experiments": study.experiments if isinstance(study.experiments, ExperimentsFile) else None,
    }
    return ((key, source) for key, source in given.items() if source is not None)


def _model_sources(study: Study) -> dict[str, Source]:
    found = {f"offline.{key}": getattr(study.offline, key) for key in type(study.offline).model_fields}
    found |= {f"live.{key}": getattr(study.live, key) for key in type(study.live).model_fields}
    return {key: source for key, source in found.items() if isinstance(source, Source)}


def input_files(sources: Mapping[str, Source], directory: Path) -> dict[str, tuple[Path, ...]] | None:
    """The files of each source; None when they do not tell what will be read.

    A SELECT can read anything, and what stands behind a URL can change unseen. A source whose files cannot be found
    is left to the engine, which says so.
    """
    found = {}
    for key, source in sources.items():
        if source.path is None:
            return None
        try:
            resolved = resolve_files(key, source, directory)
        except AbgapError:
            return None
        if len(resolved.files) != len(resolved.locations):
            return None
        found[key] = resolved.files
    return found


@cache
def program_sha256() -> str:
    """The hash of what computes and writes: abgap's modules, queries and templates, and the packages it works with."""
    digest = hashlib.sha256(f"abgap {abgap.__version__}\npython {platform.python_version()}\n".encode())
    for name in _PACKAGES:
        digest.update(f"{name} {version(name)}\n".encode())
    own = Path(abgap.__file__).parent
    for root, pattern in ((own, "**/*.py"), (folder("queries"), "*.sql"), (folder("templates"), "*")):
        for path in sorted(path for path in root.glob(pattern) if path.is_file()):
            digest.update(f"{path.relative_to(root).as_posix()} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


# Words for readers, which no number depends on.
_ONLY_WORDS = (
    "why",
    "owner",
    "business",
    "business_if_worse",
    "review_by",
    "description",
    "hypothesis",
    "tags",
)


def study_parts(study: Study, names: Sequence[str]) -> dict[str, Any]:
    """The parts of the study of these names as JSON, without what is only said to readers."""
    found = study.model_dump(mode="json", include=set(names))
    for part in (found.get("metrics"), found.get("experiments")):
        for declared in (part or {}).values():
            if isinstance(declared, dict):
                for word in _ONLY_WORDS:
                    declared.pop(word, None)
    return found
