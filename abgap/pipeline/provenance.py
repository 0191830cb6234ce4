"""Where the numbers come from: files with their hashes, sources with their rows, queries, versions."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable
from pathlib import Path

from abgap import __version__
from abgap.errors import DataError
from abgap.records import InputFile

_CHUNK = 1 << 20
_PACKAGES = ("duckdb", "numpy", "scipy", "sqlglot")


def hash_files(source: str, files: Iterable[Path], directory: Path) -> list[InputFile]:
    """Size and sha256 of every input file, with its path relative to the study where it lies below it."""
    return [_hash_file(source, path, directory) for path in files]


def _hash_file(source: str, path: Path, directory: Path) -> InputFile:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
            size = stream.tell()
    except OSError as error:
        raise DataError(f"{source}: cannot read {path.name}: {error.strerror}") from error
    return InputFile(
        source=source, path=shown_path(path, directory), size_bytes=size, sha256=digest.hexdigest()
    )


def shown_path(path: Path, directory: Path) -> str:
    """The path as a reader of the report can use it: relative to the study, else the file's name alone."""
    try:
        return path.resolve().relative_to(directory.resolve()).as_posix()
    except ValueError:
        return path.name


def versions() -> dict[str, str]:
    """Versions of Python, abgap and the packages that compute."""
    found = {"python": platform.python_version(), "abgap": __version__}
    return found | {name: importlib.metadata.version(name) for name in _PACKAGES}
